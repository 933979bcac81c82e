from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0003_accounts")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP TABLE outbox, feed_items, feeds, exchanges, limit_counters, decisions, payments, hold_events, holds, entries, postings;
            DROP FUNCTION refuse_change, feed;
            """,
        )
    ]
