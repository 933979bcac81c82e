-- What the bank charges, allows and offers, as dated rows: a change of law or price is a new row, never new code.
--
-- A row holds from effective_from up to, but not on, effective_to (null: until further notice); both are days in the time zone of
-- the row's country. That no two versions of one rule hold on one day is checked where rows are written (models/tariffs.py): a
-- constraint would need an extension. Percentages are per hundred: 7.5 is 7.5 %. Every row says where its figure comes from.

CREATE TABLE currencies (
    code text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
    minor_units smallint NOT NULL CHECK (minor_units BETWEEN 0 AND 4) -- Digits after the decimal point, by ISO 4217.
);
INSERT INTO currencies VALUES
    ('EUR', 2), ('GHS', 2), ('KES', 2), ('NGN', 2), ('RWF', 0), ('TND', 3), ('UGX', 0), ('USD', 2), ('XAF', 0), ('XOF', 0), ('ZAR', 2);

-- Where the bank's customers live: their money, and whose midnight ends their day.
CREATE TABLE jurisdictions (
    country text PRIMARY KEY CHECK (country ~ '^[A-Z]{2}$'),
    name text NOT NULL CHECK (name <> ''),
    currency text NOT NULL REFERENCES currencies,
    time_zone text NOT NULL CHECK (time_zone ~ '^[A-Za-z_]+/[A-Za-z_/-]+$') -- By the IANA database.
);

-- What can be opened. The code is kept with each account.
CREATE TABLE products (
    code text NOT NULL CHECK (code ~ '^[A-Z]{2}-[A-Z]+-[A-Z]{3}$'),
    kind text NOT NULL CHECK (kind IN ('CURRENT', 'SAVINGS')),
    country text NOT NULL REFERENCES jurisdictions,
    currency text NOT NULL REFERENCES currencies,
    name text NOT NULL CHECK (name <> ''),
    overdraft_minor bigint NOT NULL CHECK (overdraft_minor >= 0), -- How far below zero a new account may go.
    per_customer smallint NOT NULL CHECK (per_customer > 0), -- How many one customer may have open.
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to > effective_from),
    source text NOT NULL CHECK (source <> ''),
    PRIMARY KEY (country, kind, currency, effective_from),
    CHECK (code = country || '-' || kind || '-' || currency)
);

-- What a payment costs, one row a band: it is for amounts up to and including up_to_minor (null: all above the other bands).
-- The fee is the flat part and the percentage of the amount together, within minimum and maximum.
CREATE TABLE fee_rules (
    country text NOT NULL REFERENCES jurisdictions,
    currency text NOT NULL REFERENCES currencies, -- Of the payment, and of the fee.
    code text NOT NULL CHECK (code ~ '^[a-z_]+$'),
    up_to_minor bigint CHECK (up_to_minor > 0),
    flat_minor bigint NOT NULL CHECK (flat_minor >= 0),
    percent numeric(9, 6) NOT NULL CHECK (percent BETWEEN 0 AND 100),
    minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
    maximum_minor bigint CHECK (maximum_minor >= minimum_minor),
    own_accounts boolean NOT NULL, -- Whether it is also charged between accounts of one customer.
    collects text NOT NULL CHECK (collects IN ('fee_income')), -- The purpose of the bank's account that receives it.
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to > effective_from),
    source text NOT NULL CHECK (source <> ''),
    UNIQUE NULLS NOT DISTINCT (country, currency, code, effective_from, up_to_minor)
);

-- What the state takes from the payer: of the fee (on top of it, or contained in it), or for the payment itself.
CREATE TABLE tax_rules (
    country text NOT NULL REFERENCES jurisdictions,
    currency text NOT NULL REFERENCES currencies,
    code text NOT NULL CHECK (code ~ '^[a-z_]+$'),
    taxes text NOT NULL CHECK (taxes IN ('FEE', 'AMOUNT')),
    percent numeric(9, 6) NOT NULL CHECK (percent BETWEEN 0 AND 100),
    flat_minor bigint NOT NULL CHECK (flat_minor >= 0),
    included boolean NOT NULL, -- The fee's price contains it: the customer pays no more, the bank keeps less.
    from_minor bigint NOT NULL CHECK (from_minor >= 0), -- Due on payments of this amount or more.
    own_accounts boolean NOT NULL, -- Whether it is also due between accounts of one customer; a tax of the fee follows the fee.
    collects text NOT NULL CHECK (collects IN ('vat_payable', 'stamp_duty_payable', 'excise_payable')),
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to > effective_from),
    source text NOT NULL CHECK (source <> ''),
    PRIMARY KEY (country, currency, code, effective_from),
    CHECK ((percent > 0) <> (flat_minor > 0)),
    CHECK (NOT included OR (taxes = 'FEE' AND percent > 0)),
    CHECK (taxes = 'AMOUNT' OR (flat_minor = 0 AND from_minor = 0 AND NOT own_accounts))
);

-- What a customer of a tier, or each of their accounts, may pay: in one payment, in a day, in a month; amount, count or both.
CREATE TABLE limit_rules (
    country text NOT NULL REFERENCES jurisdictions,
    tier text NOT NULL CHECK (tier IN ('TIER_1', 'TIER_2', 'TIER_3', 'BUSINESS')),
    currency text NOT NULL REFERENCES currencies,
    subject text NOT NULL CHECK (subject IN ('CUSTOMER', 'ACCOUNT')),
    per text NOT NULL CHECK (per IN ('PAYMENT', 'DAY', 'MONTH')),
    direction text NOT NULL CHECK (direction IN ('DEBIT')),
    amount_minor bigint CHECK (amount_minor > 0), -- Null: no limit of amount.
    count integer CHECK (count > 0), -- Null: no limit of count.
    effective_from date NOT NULL,
    effective_to date CHECK (effective_to > effective_from),
    source text NOT NULL CHECK (source <> ''),
    PRIMARY KEY (country, tier, currency, subject, per, direction, effective_from),
    CHECK (amount_minor IS NOT NULL OR count IS NOT NULL),
    CHECK (per <> 'PAYMENT' OR (subject = 'CUSTOMER' AND count IS NULL)) -- One payment has one payer, and is one.
);

-- Middle rates: what one unit of base is worth in quote. Each direction is a row of its own, so that no rate is ever a rounded
-- quotient. A rate holds until the next one of its pair.
CREATE TABLE exchange_rates (
    base text NOT NULL REFERENCES currencies,
    quote text NOT NULL REFERENCES currencies,
    mid numeric(24, 12) NOT NULL CHECK (mid > 0),
    spread_basis_points smallint NOT NULL CHECK (spread_basis_points BETWEEN 0 AND 9999), -- The bank's share of what is paid.
    effective_from timestamptz NOT NULL,
    source text NOT NULL CHECK (source <> ''),
    PRIMARY KEY (base, quote, effective_from),
    CHECK (base <> quote)
);

GRANT SELECT ON currencies, jurisdictions, products, fee_rules, tax_rules, limit_rules, exchange_rates TO tallystick_app;
