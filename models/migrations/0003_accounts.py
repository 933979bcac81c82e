from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0002_tariffs")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP TABLE payees, balances, accounts, customers;
            """,
        )
    ]
