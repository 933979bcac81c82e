-- Customers, their accounts, and who they pay.

CREATE TABLE customers (
    id uuid PRIMARY KEY,
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 140),
    phone text NOT NULL UNIQUE CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    tier text NOT NULL,
    language text NOT NULL CHECK (language IN ('en', 'fr')),
    created_at timestamptz NOT NULL DEFAULT bank_now()
);
CREATE INDEX customers_by_age ON customers (created_at, id);

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    holder_id uuid REFERENCES customers ON DELETE RESTRICT, -- Null: the bank itself.
    purpose text, -- What the bank's own account is for; null for a customer's.
    number text UNIQUE CHECK (number ~ '^[0-9]{10}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 140),
    kind text NOT NULL CHECK (kind IN ('CURRENT', 'SAVINGS', 'LOAN', 'INTERNAL')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DEBIT_BLOCKED', 'FROZEN', 'CLOSED')),
    product_code text,
    shards smallint NOT NULL DEFAULT 1 CHECK (shards BETWEEN 1 AND 32),
    created_at timestamptz NOT NULL DEFAULT bank_now(),
    CHECK ((holder_id IS NULL) = (purpose IS NOT NULL)),
    CHECK ((holder_id IS NULL) = (kind = 'INTERNAL')),
    CHECK (holder_id IS NULL OR (number IS NOT NULL AND product_code IS NOT NULL)),
    CHECK (holder_id IS NULL OR shards = 1) -- A customer's version must be gapless.
);
CREATE INDEX accounts_of_a_holder ON accounts (holder_id, id);
CREATE UNIQUE INDEX accounts_of_the_bank ON accounts (purpose, currency) WHERE holder_id IS NULL;

-- Each account's counters; an account of the bank has one row a shard. holder_id and currency are the account's and never
-- change; what the account's status allows is repeated here, so that posting reads this row only.
CREATE TABLE balances (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    shard smallint NOT NULL DEFAULT 0,
    holder_id uuid,
    currency text NOT NULL,
    lock_rank smallint NOT NULL DEFAULT 0, -- Locked in this order: the bank's own accounts last, for the shortest time.
    takes_debits boolean NOT NULL DEFAULT true,
    takes_credits boolean NOT NULL DEFAULT true,
    booked_minor bigint NOT NULL DEFAULT 0,
    held_minor bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
    overdraft_minor bigint DEFAULT 0 CHECK (overdraft_minor >= 0), -- Null: an account of the bank, which has no floor.
    version bigint NOT NULL DEFAULT 0 CHECK (version >= 0),
    changed_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (account_id, shard),
    CONSTRAINT no_overdraft CHECK (overdraft_minor IS NULL OR booked_minor - held_minor + overdraft_minor >= 0),
    CHECK ((holder_id IS NULL) = (overdraft_minor IS NULL))
) WITH (fillfactor = 70);

CREATE TABLE payees (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers ON DELETE RESTRICT,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 140),
    account_id uuid NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT bank_now(),
    removed_at timestamptz
);
CREATE INDEX payees_of_a_customer ON payees (customer_id, id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX payees_once ON payees (customer_id, account_id) WHERE removed_at IS NULL;

GRANT SELECT ON customers, accounts, balances, payees TO tallystick_app;
GRANT INSERT, UPDATE (removed_at) ON payees TO tallystick_app;
