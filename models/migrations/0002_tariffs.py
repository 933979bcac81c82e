from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0001_clock")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP TABLE exchange_rates, limit_rules, tax_rules, fee_rules, products, jurisdictions, currencies;
            """,
        )
    ]
