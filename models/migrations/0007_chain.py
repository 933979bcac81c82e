from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0006_accounts_and_keys")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP FUNCTION take_feed_heads, chain, posting_digest;
            DROP TABLE chain_links, chain_blocks;
            """,
        )
    ]
