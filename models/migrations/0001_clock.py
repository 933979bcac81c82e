from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    operations = [
        script(
            __file__,
            reverse="""
            DROP FUNCTION bank_now();
            DROP TABLE bank_clock;
            """,
        )
    ]
