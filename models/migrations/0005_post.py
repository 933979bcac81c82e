from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0004_ledger")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP FUNCTION post, write_orders, is_new, entry_id, posting_of;
            DROP TYPE post_order, post_payment, post_exchange, post_hold, post_posting, post_leg, post_cap, post_verdict;
            """,
        )
    ]
