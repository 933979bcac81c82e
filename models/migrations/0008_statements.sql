-- History as of a time, and statements as they were issued.

-- The newest version of an account before a time; 0 where there is none. An account's times follow its versions, so a binary
-- search over the primary key finds it: twenty steps for a million entries, and no index that every posting would have to pay for.
CREATE FUNCTION version_at(p_account uuid, p_time timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    low bigint := 0; -- All up to here is before the time.
    high bigint; -- Nothing behind this is before it.
    middle bigint;
    found record;
BEGIN
    SELECT max(version) INTO high FROM entries WHERE account_id = p_account AND shard = 0;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT version, booked_at INTO found FROM entries
         WHERE account_id = p_account AND shard = 0 AND version <= middle ORDER BY version DESC LIMIT 1;
        IF found.version IS NULL OR found.booked_at < p_time THEN
            low := middle;
        ELSE
            high := found.version - 1;
        END IF;
    END LOOP;
    RETURN coalesce((SELECT version FROM entries WHERE account_id = p_account AND shard = 0 AND version <= low ORDER BY version DESC LIMIT 1), 0);
END $$;

-- What was booked on an account when it had this version.
CREATE FUNCTION booked_at_version(p_account uuid, p_version bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((SELECT booked_after_minor FROM entries WHERE account_id = p_account AND shard = 0 AND version <= p_version
                      ORDER BY version DESC LIMIT 1), 0);

CREATE TABLE statements (
    id uuid PRIMARY KEY,
    number text NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    from_date date NOT NULL,
    to_date date NOT NULL CHECK (to_date >= from_date),
    after_version bigint NOT NULL, -- Its entries: behind this version,
    to_version bigint NOT NULL, -- up to this one.
    hash bytea NOT NULL CHECK (length(hash) = 32), -- sha256 of its content
    issued_at timestamptz NOT NULL,
    UNIQUE (account_id, from_date, to_date, to_version)
);
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The statement of this content: as it was issued before, else now under the account's next number.
CREATE FUNCTION issue_statement(p_id uuid, p_account uuid, p_from date, p_to date, p_after bigint, p_to_version bigint, p_hash bytea)
RETURNS statements LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
DECLARE issued statements;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('statement' || p_account::text, 0));
    SELECT * INTO issued FROM statements s
     WHERE s.account_id = p_account AND s.from_date = p_from AND s.to_date = p_to AND s.to_version = p_to_version;
    IF NOT FOUND THEN
        INSERT INTO statements
        SELECT p_id, a.number || '-' || lpad((1 + (SELECT count(*) FROM statements WHERE account_id = p_account))::text, 4, '0'),
               p_account, p_from, p_to, p_after, p_to_version, p_hash, bank_now()
          FROM accounts a WHERE a.id = p_account
        RETURNING * INTO issued;
    END IF;
    RETURN issued;
END $$;

REVOKE EXECUTE ON FUNCTION issue_statement FROM PUBLIC;
GRANT EXECUTE ON FUNCTION issue_statement TO tallystick_app;
GRANT SELECT ON statements TO tallystick_app;
