-- Every posting pays for every index: these hold only what somebody looks for in them.
ALTER TABLE postings DROP CONSTRAINT postings_reverses_id_key;
CREATE UNIQUE INDEX postings_reversed_once ON postings (reverses_id) WHERE reverses_id IS NOT NULL;
DROP INDEX entries_by_word;
CREATE INDEX entries_by_word ON entries USING gin (words) WITH (gin_pending_list_limit = 65536) WHERE words <> '';

-- Take the words that postings left at the side into their index. A job does so every few seconds, before there are so many that a
-- posting would have to.
CREATE FUNCTION tidy_words() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp
    RETURN gin_clean_pending_list('entries_by_word');
REVOKE EXECUTE ON FUNCTION tidy_words FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tidy_words TO tallystick_app;
