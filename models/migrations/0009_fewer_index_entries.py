from tortoise.migrations.migration import Migration as Base

from models.scripts import script


class Migration(Base):
    dependencies = [("models", "0008_statements")]
    operations = [
        script(
            __file__,
            reverse="""
            DROP FUNCTION tidy_words;
            DROP INDEX entries_by_word, postings_reversed_once;
            CREATE INDEX entries_by_word ON entries USING gin (words);
            ALTER TABLE postings ADD UNIQUE (reverses_id);
            """,
        )
    ]
