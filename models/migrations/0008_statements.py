from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0007_chain")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP FUNCTION issue_statement, booked_at_version, version_at;
            DROP TABLE statements;
            """,
        )
    ]
