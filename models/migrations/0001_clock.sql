-- The application's role, and the bank's clock.
--
-- The role owns nothing: it may run functions, read, and write the few tables that a later migration grants. Who logs in
-- is made a member of it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tallystick_app') THEN
        CREATE ROLE tallystick_app NOLOGIN;
    END IF;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO tallystick_app;

-- One row. Test mode moves the offset, so that days pass without sleeping; production never does.
CREATE TABLE bank_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead interval NOT NULL DEFAULT '0'
);
INSERT INTO bank_clock DEFAULT VALUES;
GRANT SELECT ON bank_clock TO tallystick_app;

-- The bank's time. Everything that a time decides asks here, never now(): in a transaction that waited for a lock, now() is
-- older than what the others did meanwhile.
CREATE FUNCTION bank_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN clock_timestamp() + (SELECT ahead FROM bank_clock);
