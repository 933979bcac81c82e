from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0005_post")]
    operations = [
        script(
            __file__,
            reverse="DROP FUNCTION register_customer, open_account, open_bank_accounts, set_account_status, claim, decide;",
        )
    ]
