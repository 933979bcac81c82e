from pathlib import Path

from tortoise.migrations.migration import Migration as Base

from models.scripts import script

# The way back makes the function of 0005 again, from its own script.
BEFORE = Path(__file__).with_name("0005_post.sql").read_text(encoding="utf-8").split("-- A posting's id ends in a zero byte")[0]


class Migration(Base):
    dependencies = [("models", "0009_fewer_index_entries")]
    operations = [
        script(
            __file__,
            reverse=f"""
            DROP FUNCTION post;
            DROP TYPE post_orders, post_accounts, post_legs, post_holds, post_payments, post_exchanges, post_counters, post_caps;
            {BEFORE}
            REVOKE EXECUTE ON FUNCTION post, write_orders FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION post TO tallystick_app;
            """,
        )
    ]
