-- Opening accounts, and the claim of a key by what is not a posting (a payee, an account).

-- A customer and the feed that numbers what they see.
CREATE FUNCTION register_customer(p_id uuid, p_name text, p_phone text, p_country text, p_tier text, p_language text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
    INSERT INTO customers (id, display_name, phone, country, tier, language) VALUES (p_id, p_name, p_phone, p_country, p_tier, p_language);
    INSERT INTO feeds (holder_id) VALUES (p_id);
$$;

-- A customer's account with its counters at zero.
CREATE FUNCTION open_account(
    p_id uuid, p_holder uuid, p_number text, p_name text, p_kind text, p_currency text, p_product text, p_overdraft_minor bigint
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
    INSERT INTO accounts (id, holder_id, number, name, kind, currency, product_code)
    VALUES (p_id, p_holder, p_number, p_name, p_kind, p_currency, p_product);
    INSERT INTO balances (account_id, holder_id, currency, overdraft_minor) VALUES (p_id, p_holder, p_currency, p_overdraft_minor);
    SELECT feed(ARRAY[p_holder], ARRAY['ACCOUNT'], ARRAY[p_id]);
$$;

-- The bank's own accounts of each purpose in each currency; those that exist stay as they are.
CREATE FUNCTION open_bank_accounts(p_purposes text[], p_currencies text[], p_shards smallint) RETURNS void
LANGUAGE sql SET search_path TO public, pg_temp AS $$
    INSERT INTO accounts (id, purpose, name, kind, currency, shards)
    SELECT gen_random_uuid(), p.purpose, p.purpose || ' ' || c.currency, 'INTERNAL', c.currency, p_shards
      FROM unnest(p_purposes) AS p(purpose), unnest(p_currencies) AS c(currency)
        ON CONFLICT (purpose, currency) WHERE holder_id IS NULL DO NOTHING;
    INSERT INTO balances (account_id, shard, currency, lock_rank, overdraft_minor)
    SELECT a.id, s.shard, a.currency, 1, NULL FROM accounts a, generate_series(0, a.shards - 1) AS s(shard) WHERE a.holder_id IS NULL
        ON CONFLICT DO NOTHING;
$$;

-- What an account takes follows from its status; the balance is locked first, as posting does.
CREATE FUNCTION set_account_status(p_id uuid, p_status text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
DECLARE b balances;
BEGIN
    SELECT * INTO STRICT b FROM balances WHERE account_id = p_id AND shard = 0 FOR NO KEY UPDATE;
    IF p_status = 'CLOSED' AND (b.booked_minor <> 0 OR b.held_minor <> 0) THEN
        RAISE EXCEPTION 'an account is closed at zero, and this one has % booked and % held', b.booked_minor, b.held_minor;
    END IF;
    UPDATE accounts SET status = p_status WHERE id = p_id;
    UPDATE balances SET takes_debits = p_status = 'ACTIVE', takes_credits = p_status IN ('ACTIVE', 'DEBIT_BLOCKED') WHERE account_id = p_id;
    PERFORM feed(ARRAY[b.holder_id], ARRAY['ACCOUNT'], ARRAY[p_id]);
END $$;

-- Claim a key in the caller's transaction: a twin waits here. Gives what was decided under it before, or no row.
CREATE FUNCTION claim(p_holder uuid, p_key uuid, p_request_hash bytea)
RETURNS TABLE (status text, facts jsonb, subject_id uuid, same_request boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_holder::text || p_key::text, 0)); -- The same lock as post() takes.
    RETURN QUERY SELECT d.status, d.facts, d.subject_id, d.request_hash = p_request_hash FROM decisions d
                  WHERE d.holder_id = p_holder AND d.key = p_key;
END $$;

-- What was decided under a key that the caller's transaction has claimed.
CREATE FUNCTION decide(p_holder uuid, p_key uuid, p_operation text, p_request_hash bytea, p_status text, p_facts jsonb, p_subject uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
    INSERT INTO decisions VALUES (p_holder, p_key, p_operation, p_request_hash, p_status, p_facts, p_subject, bank_now());
$$;

REVOKE EXECUTE ON FUNCTION register_customer, open_account, open_bank_accounts, set_account_status, claim, decide FROM PUBLIC;
GRANT EXECUTE ON FUNCTION register_customer, open_account, set_account_status, claim, decide TO tallystick_app;
