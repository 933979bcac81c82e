-- The ledger: postings of entries that sum to zero, holds, and what each change leaves behind for phones and for the outbox.
--
-- The tables have no foreign keys to each other and no row triggers: the functions of the next migrations are their only
-- writers, each reference is checked by `verify`, and a trigger a row would cost more than the posting itself.
-- What is written is never changed; triggers on statements refuse it, also to the owner.

CREATE TABLE postings (
    id uuid PRIMARY KEY, -- Its last byte is zero: its entries' ids count on from it.
    kind text NOT NULL,
    entry_count smallint NOT NULL CHECK (entry_count BETWEEN 2 AND 255),
    value_date date NOT NULL,
    booked_at timestamptz NOT NULL,
    payment_id uuid,
    reverses_id uuid UNIQUE, -- Reversed once.
    holder_id uuid NOT NULL, -- With key: the decision that it came from.
    key uuid NOT NULL
);

CREATE TABLE entries (
    account_id uuid NOT NULL,
    shard smallint NOT NULL,
    version bigint NOT NULL, -- Gapless for each account and shard, entries and hold events together.
    id uuid NOT NULL UNIQUE,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0), -- + credit, - debit.
    currency text NOT NULL,
    booked_after_minor bigint NOT NULL,
    kind text NOT NULL,
    description text NOT NULL,
    counterparty_name text,
    counterparty_number text,
    payment_id uuid, -- On its payer's entries only.
    value_date date NOT NULL,
    booked_at timestamptz NOT NULL,
    words tsvector, -- The words of description and counterparty, each behind its account's number. Null: not a customer's.
    PRIMARY KEY (account_id, shard, version)
);
CREATE INDEX entries_by_word ON entries USING gin (words);

CREATE INDEX entries_credits ON entries (account_id, version) WHERE words IS NOT NULL AND amount_minor > 0; -- For a filter by
CREATE INDEX entries_debits ON entries (account_id, version) WHERE words IS NOT NULL AND amount_minor < 0; -- direction.

CREATE TABLE holds (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    released_minor bigint NOT NULL DEFAULT 0 CHECK (released_minor >= 0),
    state text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'CAPTURED', 'RELEASED', 'EXPIRED')),
    reason text NOT NULL,
    expires_at timestamptz, -- Null: handed to a third party; only a known outcome ends it.
    payment_id uuid,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (captured_minor + released_minor = CASE state WHEN 'ACTIVE' THEN 0 ELSE amount_minor END),
    CHECK ((state = 'CAPTURED') = (captured_minor > 0)),
    CHECK ((state = 'ACTIVE') = (ended_at IS NULL))
);
CREATE INDEX holds_active ON holds (account_id, id) WHERE state = 'ACTIVE';
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE state = 'ACTIVE' AND expires_at IS NOT NULL;

CREATE TABLE hold_events (
    account_id uuid NOT NULL,
    version bigint NOT NULL,
    hold_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('hold', 'capture', 'release', 'expire')),
    held_minor bigint NOT NULL CHECK (held_minor <> 0), -- What it added to the account's held.
    held_after_minor bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
CREATE INDEX hold_events_of_a_hold ON hold_events (hold_id);

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    account_id uuid NOT NULL,
    to_account_id uuid,
    payee_id uuid,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    receives_minor bigint NOT NULL CHECK (receives_minor > 0),
    receives_currency text NOT NULL,
    fees jsonb NOT NULL, -- [{code, minor}], in the paying currency; each is an entry of its own.
    counterparty_name text NOT NULL,
    counterparty_number text,
    reference text NOT NULL CHECK (length(reference) <= 140),
    status text NOT NULL CHECK (
        status IN ('AWAITING_APPROVAL', 'SCHEDULED', 'PROCESSING', 'UNKNOWN', 'COMPLETED', 'FAILED', 'CANCELLED', 'REVERSED')
    ),
    fingerprint bigint NOT NULL, -- Of payer, payee, amount and reference: two alike in 10 minutes may be one tap too many.
    posting_id uuid,
    failure_code text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    next_check_at timestamptz,
    CHECK ((status = 'FAILED') = (failure_code IS NOT NULL)),
    CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'REVERSED')) = (finished_at IS NOT NULL)),
    CHECK (next_check_at IS NULL OR status IN ('PROCESSING', 'UNKNOWN'))
);
CREATE INDEX payments_of_a_customer ON payments (customer_id, status, id);
CREATE INDEX payments_alike ON payments (fingerprint, created_at);

-- What was decided under a key, for good: the same key always gets the same answer.
CREATE TABLE decisions (
    holder_id uuid NOT NULL,
    key uuid NOT NULL,
    operation text NOT NULL,
    request_hash bytea NOT NULL,
    status text NOT NULL,
    facts jsonb,
    subject_id uuid, -- What came of it: a payment, a payee, an account.
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (holder_id, key)
);

-- What a limit's window has used up; written under the holder's feed lock.
CREATE TABLE limit_counters (
    subject_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    window_start timestamptz NOT NULL,
    used_minor bigint NOT NULL CHECK (used_minor >= 0),
    used_count integer NOT NULL CHECK (used_count >= 0),
    PRIMARY KEY (subject_id, rule_id, window_start)
) WITH (fillfactor = 70);

-- The rate of a posting between two currencies, with the spread and what rounding left, in the open.
CREATE TABLE exchanges (
    posting_id uuid PRIMARY KEY,
    paid_minor bigint NOT NULL,
    paid_currency text NOT NULL,
    received_minor bigint NOT NULL,
    received_currency text NOT NULL,
    spread_minor bigint NOT NULL CHECK (spread_minor >= 0),
    mid_rate numeric(24, 12) NOT NULL CHECK (mid_rate > 0),
    rounding numeric NOT NULL CHECK (rounding >= 0 AND rounding < 1) -- Of a minor unit received; the bank's position keeps it.
);

-- Each holder's feed: a change to anything they can see takes the next number, under the row lock, held to commit.
CREATE TABLE feeds (
    holder_id uuid PRIMARY KEY,
    head bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE feed_items (
    holder_id uuid NOT NULL,
    number bigint NOT NULL,
    type text NOT NULL,
    object_id uuid NOT NULL,
    PRIMARY KEY (holder_id, number)
);

-- What the relay and the chainer still have to see. In order of commit only by (transaction, id), and only below the oldest
-- transaction that is still running.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic text NOT NULL CHECK (topic IN ('posted', 'fed')),
    subjects uuid[] NOT NULL, -- Postings, or holders: all of one transaction in one row.
    numbers bigint[], -- The heads of the holders' feeds.
    PRIMARY KEY (transaction, id)
);

-- Number changes in their holders' feeds, in the order given, and leave the new heads to the outbox. Whoever calls holds no
-- lock that comes after feeds.
CREATE FUNCTION feed(p_holders uuid[], p_types text[], p_objects uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
    WITH changed AS (
        SELECT c.holder_id, c.type, c.object_id, row_number() OVER (PARTITION BY c.holder_id ORDER BY c.ordinality) AS n
          FROM unnest(p_holders, p_types, p_objects) WITH ORDINALITY AS c(holder_id, type, object_id, ordinality)
    ), heads AS (
        UPDATE feeds f SET head = f.head + c.n FROM (SELECT holder_id, max(n) AS n FROM changed GROUP BY holder_id) c
         WHERE f.holder_id = c.holder_id RETURNING f.holder_id, f.head, f.head - c.n AS before
    ), items AS (
        INSERT INTO feed_items SELECT c.holder_id, h.before + c.n, c.type, c.object_id FROM changed c JOIN heads h USING (holder_id)
    )
    INSERT INTO outbox (topic, subjects, numbers) SELECT 'fed', array_agg(holder_id), array_agg(head) FROM heads HAVING count(*) > 0;
$$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed: a correction is another posting', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['postings', 'entries', 'hold_events', 'decisions', 'exchanges'] LOOP
        EXECUTE format(
            'CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END $$;

GRANT SELECT ON postings, entries, holds, hold_events, payments, decisions, limit_counters, exchanges, feeds, feed_items, outbox
    TO tallystick_app;
REVOKE EXECUTE ON FUNCTION feed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed TO tallystick_app;
