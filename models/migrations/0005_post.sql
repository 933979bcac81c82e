-- Post an array of orders in one round trip and one transaction: claim their keys, lock and load, decide, write.
--
-- An order is one decision under one key: a posting of entries that sum to zero per currency, and at most one step in the life
-- of a hold. It is posted whole or refused whole, and a refusal is stored under its key like a posting, so that an old intent
-- cannot succeed later by a retry. One refused order never touches its neighbours. No two orders of one call may share a key, a
-- hold, an original to reverse or a payment's fingerprint: the caller keeps them apart.
--
-- Status, the first that applies:
--   (replayed)            decided before under this key with the same request: that status and its facts again
--   IDEMPOTENCY_CONFLICT  decided before under this key, for another request; not stored
--   (refusal)             what the caller found already, e.g. NOT_FOUND, with its facts
--   INTENT_EXPIRED        it arrived after expires_at
--   ALREADY_REVERSED      by another posting: facts.posting_id
--   HOLD_ENDED            captured, released or expired before: facts.state
--   HOLD_EXCEEDED         more is to be captured than is held: facts.held_minor
--   HOLD_NOT_DUE          to be expired, and not due; not stored, because one day it is
--   ACCOUNT_BLOCKED       the account's status refuses this debit or credit: facts.account_id
--   POSSIBLE_DUPLICATE    alike was paid within 10 minutes: facts.earlier_id
--   LIMIT_EXCEEDED        facts: the cap, what it leaves, and when it starts anew
--   INSUFFICIENT_FUNDS    facts.available_minor, facts.account_id
--   POSTED

-- The order as JSON names it (services/orders.py says what each part means): sent as JSON, because that costs a third of what
-- arrays of composites do, and read into these types once.
CREATE TYPE post_leg AS (
    account_id uuid, shard smallint, minor bigint, kind text, description text, counterparty_name text, counterparty_number text,
    payment_id uuid, words text
);
CREATE TYPE post_cap AS (
    subject_id uuid, rule_id uuid, window_start timestamptz, resets_at timestamptz, minor bigint, count integer
);
CREATE TYPE post_posting AS (id uuid, kind text, value_date date, reverses_id uuid, legs post_leg[]);
CREATE TYPE post_hold AS (action text, id uuid, account_id uuid, minor bigint, reason text, expires_at timestamptz);
CREATE TYPE post_payment AS (
    id uuid, account_id uuid, to_account_id uuid, payee_id uuid, minor bigint, currency text, receives_minor bigint,
    receives_currency text, fees jsonb, counterparty_name text, counterparty_number text, reference text, status text,
    fingerprint bigint, allow_duplicate boolean
);
CREATE TYPE post_exchange AS (
    paid_minor bigint, paid_currency text, received_minor bigint, received_currency text, spread_minor bigint,
    mid_rate numeric, rounding numeric
);
CREATE TYPE post_order AS (
    holder_id uuid, key uuid, operation text, request_hash bytea, subject_id uuid, refusal text, facts jsonb,
    expires_at timestamptz, posting post_posting, hold post_hold, payment post_payment, exchange post_exchange, caps post_cap[]
);
CREATE TYPE post_verdict AS (
    status text, replayed boolean, facts jsonb, subject_id uuid, hold_version bigint, held_change bigint, held_after bigint
);

-- What came of the orders, apart from entries and balances; `p_verdicts` has one place an order.
CREATE FUNCTION write_orders(p_orders post_order[], p_verdicts post_verdict[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path TO public, pg_temp AS $$
DECLARE
    has_postings boolean; has_holds boolean; has_payments boolean; has_exchanges boolean;
BEGIN
    SELECT bool_or((o.posting).id IS NOT NULL), bool_or((o.hold).id IS NOT NULL), bool_or((o.payment).id IS NOT NULL),
           bool_or((o.exchange).paid_minor IS NOT NULL)
      INTO has_postings, has_holds, has_payments, has_exchanges FROM unnest(p_orders) o;

    INSERT INTO decisions
    SELECT o.holder_id, o.key, o.operation, o.request_hash, v.status, v.facts, v.subject_id, p_now
      FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (p_verdicts[o.ordinality]).*) v
     WHERE NOT v.replayed AND v.status <> 'HOLD_NOT_DUE';

    IF has_postings THEN
        WITH posted AS (
            INSERT INTO postings
            SELECT p.id, p.kind, cardinality(p.legs), p.value_date, p_now, (o.payment).id, p.reverses_id, o.holder_id, o.key
              FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (o.posting).*) p
             WHERE p.id IS NOT NULL AND is_new(p_verdicts[o.ordinality])
            RETURNING id
        )
        INSERT INTO outbox (topic, subjects) SELECT 'posted', array_agg(id) FROM posted HAVING count(*) > 0;

        UPDATE payments p SET status = 'REVERSED'
          FROM unnest(p_orders) WITH ORDINALITY o JOIN postings t ON t.id = (o.posting).reverses_id
         WHERE p.id = t.payment_id AND is_new(p_verdicts[o.ordinality]);
    END IF;

    IF has_payments THEN
        INSERT INTO payments
        SELECT p.id, o.holder_id, p.account_id, p.to_account_id, p.payee_id, p.minor, p.currency, p.receives_minor, p.receives_currency,
               p.fees, p.counterparty_name, p.counterparty_number, p.reference, p.status, p.fingerprint, (o.posting).id, NULL, p_now,
               CASE p.status WHEN 'COMPLETED' THEN p_now END, NULL
          FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (o.payment).*) p
         WHERE p.id IS NOT NULL AND is_new(p_verdicts[o.ordinality]);
    END IF;

    IF has_exchanges THEN
        INSERT INTO exchanges
        SELECT (o.posting).id, (o.exchange).* FROM unnest(p_orders) WITH ORDINALITY o
         WHERE (o.exchange).paid_minor IS NOT NULL AND is_new(p_verdicts[o.ordinality]);
    END IF;

    IF has_holds THEN
        INSERT INTO holds (id, account_id, amount_minor, reason, expires_at, payment_id, created_at)
        SELECT h.id, h.account_id, h.minor, h.reason, h.expires_at, (o.payment).id, p_now
          FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (o.hold).*) h
         WHERE h.action = 'hold' AND is_new(p_verdicts[o.ordinality]);
        UPDATE holds
           SET state = CASE h.action WHEN 'capture' THEN 'CAPTURED' WHEN 'release' THEN 'RELEASED' ELSE 'EXPIRED' END,
               captured_minor = CASE h.action WHEN 'capture' THEN h.minor ELSE 0 END,
               released_minor = holds.amount_minor - CASE h.action WHEN 'capture' THEN h.minor ELSE 0 END,
               ended_at = p_now
          FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (o.hold).*) h
         WHERE holds.id = h.id AND h.action <> 'hold' AND is_new(p_verdicts[o.ordinality]);
        INSERT INTO hold_events
        SELECT h.account_id, v.hold_version, h.id, h.action, v.held_change, v.held_after, p_now
          FROM unnest(p_orders) WITH ORDINALITY o, LATERAL (SELECT (o.hold).*) h, LATERAL (SELECT (p_verdicts[o.ordinality]).*) v
         WHERE h.id IS NOT NULL AND is_new(p_verdicts[o.ordinality]);
    END IF;
END $$;

CREATE FUNCTION is_new(v post_verdict) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN v.status = 'POSTED' AND NOT v.replayed;

CREATE FUNCTION post(p_orders jsonb) RETURNS TABLE (status text, replayed boolean, facts jsonb, subject_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp
-- Plans are made when tables may be small and kept while they grow: every look-up here is by index, whatever the statistics say.
SET enable_seqscan TO off SET plan_cache_mode TO force_generic_plan AS $$
DECLARE
    orders post_order[] := ARRAY(SELECT o FROM jsonb_populate_recordset(NULL::post_order, p_orders) o);
    o record;
    n integer; -- A place in the arrays of balances.
    i integer;
    first integer; last integer := 0; -- The order's legs.
    first_cap integer; last_cap integer := 0; -- The order's caps.
    verdict text;
    told jsonb;
    held_change bigint; hold_version bigint;
    now_ timestamptz;
    verdicts post_verdict[] := '{}'; -- One place an order.
    -- One place a leg; versions stay null where the order was refused.
    l_posting uuid[]; l_line integer[]; l_date date[]; l_account uuid[]; l_shard smallint[]; l_minor bigint[]; l_kind text[];
    l_description text[]; l_name text[]; l_number text[]; l_payment uuid[]; l_words text[];
    l_balance integer[]; l_version bigint[]; l_after bigint[];
    -- One place a balance; the numbers move on while orders are decided.
    b_account uuid[]; b_shard smallint[]; b_holder uuid[]; b_currency text[]; b_debits boolean[]; b_credits boolean[]; b_floor bigint[];
    b_booked bigint[]; b_held bigint[]; b_version bigint[]; b_loaded bigint[];
    -- One place a cap of an order: where its counter is. One place a counter: its key and what is used of it.
    c_counter integer[]; c_minor bigint[]; c_count integer[];
    u_subject uuid[]; u_rule uuid[]; u_window timestamptz[]; u_minor bigint[]; u_count integer[];
BEGIN
    -- Claim: a twin of another call waits here, then finds what this call decided.
    PERFORM pg_advisory_xact_lock(claim) FROM (
        SELECT DISTINCT hashtextextended(u.holder_id::text || u.key::text, 0) AS claim FROM unnest(orders) u ORDER BY 1
    ) claims;

    SELECT array_agg(l.posting_id), array_agg(l.line), array_agg(l.value_date), array_agg(l.account_id), array_agg(l.shard),
           array_agg(l.minor), array_agg(l.kind), array_agg(l.description), array_agg(l.counterparty_name),
           array_agg(l.counterparty_number), array_agg(l.payment_id), array_agg(l.words)
      INTO l_posting, l_line, l_date, l_account, l_shard, l_minor, l_kind, l_description, l_name, l_number, l_payment, l_words
      FROM (
        SELECT p.id AS posting_id, l.ordinality AS line, p.value_date, l.account_id, coalesce(l.shard, 0::smallint) AS shard, l.minor, l.kind,
               l.description, l.counterparty_name, l.counterparty_number, l.payment_id, l.words
          FROM unnest(orders) WITH ORDINALITY u, LATERAL (SELECT (u.posting).*) p, unnest(p.legs) WITH ORDINALITY l
         ORDER BY u.ordinality, l.ordinality
      ) l;

    -- Lock and load, in one order everywhere: balances, the bank's own last; then feeds, which also guard the limits.
    SELECT array_agg(b.account_id), array_agg(b.shard), array_agg(b.holder_id), array_agg(b.currency), array_agg(b.takes_debits),
           array_agg(b.takes_credits), array_agg(-b.overdraft_minor), array_agg(b.booked_minor), array_agg(b.held_minor),
           array_agg(b.version), max(b.changed_at)
      INTO b_account, b_shard, b_holder, b_currency, b_debits, b_credits, b_floor, b_booked, b_held, b_version, now_
      FROM (
        SELECT b.* FROM balances b
         WHERE (b.account_id, b.shard) IN (
            SELECT * FROM unnest(l_account, l_shard) UNION SELECT (u.hold).account_id, 0 FROM unnest(orders) u WHERE (u.hold).id IS NOT NULL
         )
         ORDER BY b.lock_rank, b.account_id, b.shard FOR NO KEY UPDATE
      ) b;
    b_loaded := b_version;
    PERFORM FROM feeds f WHERE f.holder_id = ANY (b_holder) ORDER BY f.holder_id FOR NO KEY UPDATE;
    now_ := greatest(bank_now(), now_); -- Later than all that these accounts saw: their times follow their versions.

    IF l_minor IS NOT NULL THEN
        SELECT array_agg(l.balance) INTO l_balance FROM (
            SELECT w.ordinality AS balance FROM unnest(l_account, l_shard) WITH ORDINALITY AS l(account_id, shard)
              LEFT JOIN unnest(b_account, b_shard) WITH ORDINALITY AS w(account_id, shard) USING (account_id, shard) ORDER BY l.ordinality
        ) l;
        IF array_position(l_balance, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'post: an account of a leg does not exist';
        END IF;
        IF EXISTS (SELECT FROM unnest(l_posting, l_balance, l_minor) AS l(posting_id, balance, minor)
                    GROUP BY l.posting_id, b_currency[l.balance] HAVING sum(l.minor) <> 0) THEN
            RAISE EXCEPTION 'post: the entries of a posting do not sum to zero';
        END IF;
        l_version := array_fill(NULL::bigint, ARRAY[cardinality(l_minor)]);
        l_after := l_version;
    END IF;

    IF EXISTS (SELECT FROM unnest(orders) u WHERE u.caps IS NOT NULL) THEN
        SELECT array_agg(k.subject_id), array_agg(k.rule_id), array_agg(k.window_start), array_agg(coalesce(c.used_minor, 0)),
               array_agg(coalesce(c.used_count, 0))
          INTO u_subject, u_rule, u_window, u_minor, u_count
          FROM (SELECT DISTINCT k.subject_id, k.rule_id, k.window_start FROM unnest(orders) u, unnest(u.caps) k) k
          LEFT JOIN limit_counters c USING (subject_id, rule_id, window_start);
        SELECT array_agg(k.counter), array_agg(k.minor), array_agg(k.count) INTO c_counter, c_minor, c_count FROM (
            SELECT w.ordinality AS counter, k.minor, k.count
              FROM unnest(orders) WITH ORDINALITY u, unnest(u.caps) WITH ORDINALITY k
              JOIN unnest(u_subject, u_rule, u_window) WITH ORDINALITY AS w(subject_id, rule_id, window_start) USING (subject_id, rule_id, window_start)
             ORDER BY u.ordinality, k.ordinality
        ) k;
    END IF;

    -- Decide, one order after another.
    FOR o IN
        SELECT u.*, (u.payment).minor AS pays, coalesce(cardinality((u.posting).legs), 0) AS leg_count, coalesce(cardinality(u.caps), 0) AS cap_count,
               (u.posting).reverses_id IS NOT NULL AS reverses, (u.hold).action AS hold_action, array_position(b_account, (u.hold).account_id) AS hold_balance,
               d.status AS earlier_status, d.request_hash AS earlier_hash, d.facts AS earlier_facts, d.subject_id AS earlier_subject,
               h.state AS hold_state, h.amount_minor AS hold_held, h.expires_at AS hold_due, h.account_id <> (u.hold).account_id AS hold_elsewhere,
               r.id AS reversed_by, alike.id AS alike_id
          FROM unnest(orders) WITH ORDINALITY u
          LEFT JOIN decisions d ON d.holder_id = u.holder_id AND d.key = u.key
          LEFT JOIN holds h ON h.id = (u.hold).id
          LEFT JOIN postings r ON r.reverses_id = (u.posting).reverses_id
          LEFT JOIN LATERAL (
            SELECT p.id FROM payments p
             WHERE p.fingerprint = (u.payment).fingerprint AND p.created_at > now_ - interval '10 minutes'
               AND p.customer_id = u.holder_id AND p.status NOT IN ('FAILED', 'CANCELLED') AND NOT (u.payment).allow_duplicate
             ORDER BY p.created_at DESC LIMIT 1
          ) alike ON true
         ORDER BY u.ordinality
    LOOP
        first := last + 1;
        last := last + o.leg_count;
        first_cap := last_cap + 1;
        last_cap := last_cap + o.cap_count;
        n := o.hold_balance;
        held_change := NULL;
        IF o.earlier_status IS NOT NULL THEN
            verdicts[o.ordinality] := CASE
                WHEN o.earlier_hash = o.request_hash THEN
                    ROW(o.earlier_status, true, o.earlier_facts, o.earlier_subject, NULL, NULL, NULL)::post_verdict
                ELSE ROW('IDEMPOTENCY_CONFLICT', true, NULL, NULL, NULL, NULL, NULL)::post_verdict
            END;
            CONTINUE;
        END IF;
        IF o.hold_elsewhere THEN
            RAISE EXCEPTION 'post: the hold is on another account';
        END IF;

        verdict := CASE
            WHEN o.refusal IS NOT NULL THEN o.refusal
            WHEN o.expires_at < now_ THEN 'INTENT_EXPIRED'
            WHEN o.reversed_by IS NOT NULL THEN 'ALREADY_REVERSED'
            WHEN o.hold_action <> 'hold' AND o.hold_state IS DISTINCT FROM 'ACTIVE' THEN 'HOLD_ENDED'
            WHEN o.hold_action = 'capture' AND (o.hold).minor > o.hold_held THEN 'HOLD_EXCEEDED'
            WHEN o.hold_action = 'expire' AND (o.hold_due > now_) IS NOT FALSE THEN 'HOLD_NOT_DUE'
        END;
        told := CASE verdict
            WHEN o.refusal THEN o.facts
            WHEN 'ALREADY_REVERSED' THEN jsonb_build_object('posting_id', o.reversed_by)
            WHEN 'HOLD_ENDED' THEN jsonb_build_object('state', o.hold_state)
            WHEN 'HOLD_EXCEEDED' THEN jsonb_build_object('held_minor', o.hold_held)
        END;

        IF verdict IS NULL AND NOT o.reverses THEN -- A mistake is put right on a blocked account too.
            FOR i IN first .. last LOOP
                IF NOT (CASE WHEN l_minor[i] < 0 THEN b_debits[l_balance[i]] ELSE b_credits[l_balance[i]] END) THEN
                    verdict := 'ACCOUNT_BLOCKED';
                    told := jsonb_build_object('account_id', b_account[l_balance[i]]);
                    EXIT;
                END IF;
            END LOOP;
            IF o.hold_action = 'hold' AND NOT b_debits[n] THEN
                verdict := 'ACCOUNT_BLOCKED';
                told := jsonb_build_object('account_id', b_account[n]);
            END IF;
        END IF;
        IF verdict IS NULL AND o.alike_id IS NOT NULL THEN
            verdict := 'POSSIBLE_DUPLICATE';
            told := jsonb_build_object('earlier_id', o.alike_id);
        END IF;
        IF verdict IS NULL THEN
            FOR i IN first_cap .. last_cap LOOP
                IF u_minor[c_counter[i]] + o.pays > c_minor[i] OR u_count[c_counter[i]] + 1 > c_count[i] THEN
                    verdict := 'LIMIT_EXCEEDED';
                    told := jsonb_build_object(
                        'of_amount', (u_minor[c_counter[i]] + o.pays > c_minor[i]) IS TRUE,
                        'limit_minor', c_minor[i], 'remaining_minor', greatest(c_minor[i] - u_minor[c_counter[i]], 0),
                        'count_limit', c_count[i], 'count_remaining', greatest(c_count[i] - u_count[c_counter[i]], 0),
                        'currency', (o.payment).currency, 'resets_at', o.caps[i - first_cap + 1].resets_at);
                    EXIT;
                END IF;
            END LOOP;
        END IF;

        -- Move the numbers on, and back again where an account that gives money would fall below its floor.
        IF verdict IS NULL THEN
            IF n IS NOT NULL THEN
                held_change := CASE o.hold_action WHEN 'hold' THEN (o.hold).minor ELSE -o.hold_held END;
                b_held[n] := b_held[n] + held_change;
                IF o.hold_action = 'hold' AND b_booked[n] - b_held[n] < b_floor[n] THEN
                    verdict := 'INSUFFICIENT_FUNDS';
                END IF;
            END IF;
            FOR i IN first .. last LOOP
                b_booked[l_balance[i]] := b_booked[l_balance[i]] + l_minor[i];
            END LOOP;
            FOR i IN first .. last LOOP
                IF l_minor[i] < 0 AND b_booked[l_balance[i]] - b_held[l_balance[i]] < b_floor[l_balance[i]] THEN
                    verdict := 'INSUFFICIENT_FUNDS';
                    n := l_balance[i];
                    EXIT;
                END IF;
            END LOOP;
            -- Back: entries are stamped one by one below, and a refused order leaves nothing.
            FOR i IN first .. last LOOP
                b_booked[l_balance[i]] := b_booked[l_balance[i]] - l_minor[i];
            END LOOP;
            IF verdict IS NOT NULL THEN
                IF o.hold_balance IS NOT NULL THEN
                    b_held[o.hold_balance] := b_held[o.hold_balance] - held_change;
                END IF;
                told := jsonb_build_object(
                    'available_minor', b_booked[n] - b_held[n] - b_floor[n], 'currency', b_currency[n], 'account_id', b_account[n]);
            END IF;
        END IF;

        IF verdict IS NULL THEN
            verdict := 'POSTED';
            IF n IS NOT NULL THEN
                b_version[n] := b_version[n] + 1;
                hold_version := b_version[n];
            END IF;
            FOR i IN first .. last LOOP
                n := l_balance[i];
                b_booked[n] := b_booked[n] + l_minor[i];
                b_version[n] := b_version[n] + 1;
                l_version[i] := b_version[n];
                l_after[i] := b_booked[n];
            END LOOP;
            FOR i IN first_cap .. last_cap LOOP
                u_minor[c_counter[i]] := u_minor[c_counter[i]] + o.pays;
                u_count[c_counter[i]] := u_count[c_counter[i]] + 1;
            END LOOP;
            verdicts[o.ordinality] := ROW(verdict, false, NULL, o.subject_id, hold_version, held_change, b_held[o.hold_balance])::post_verdict;
        ELSE
            verdicts[o.ordinality] := ROW(verdict, false, told, NULL, NULL, NULL, NULL)::post_verdict;
        END IF;
    END LOOP;

    -- Write what was decided.
    UPDATE balances b
       SET booked_minor = w.booked, held_minor = w.held, version = w.version, changed_at = now_
      FROM unnest(b_account, b_shard, b_booked, b_held, b_version, b_loaded) AS w(account_id, shard, booked, held, version, loaded)
     WHERE w.version > w.loaded AND b.account_id = w.account_id AND b.shard = w.shard;

    INSERT INTO entries
    SELECT l.account_id, l.shard, l.version, entry_id(l.posting_id, l.line), l.minor, b_currency[l.balance], l.after, l.kind, l.description,
           l.name, l.number, l.payment_id, l.value_date, now_, array_to_tsvector(string_to_array(l.words, ' '))
      FROM unnest(l_posting, l_line, l_date, l_account, l_shard, l_minor, l_kind, l_description, l_name, l_number, l_payment, l_words,
                  l_balance, l_version, l_after)
           AS l(posting_id, line, value_date, account_id, shard, minor, kind, description, name, number, payment_id, words, balance, version, after)
     WHERE l.version IS NOT NULL;

    PERFORM write_orders(orders, verdicts, now_);

    IF u_count IS NOT NULL THEN
        INSERT INTO limit_counters
        SELECT * FROM unnest(u_subject, u_rule, u_window, u_minor, u_count) AS u(subject_id, rule_id, window_start, minor, count)
         WHERE u.count > 0
            ON CONFLICT ON CONSTRAINT limit_counters_pkey DO UPDATE SET used_minor = excluded.used_minor, used_count = excluded.used_count;
    END IF;

    -- Tell the holders: a posting or a hold that touched an account of theirs takes the next number of their feed.
    PERFORM feed(array_agg(c.holder_id ORDER BY c.place), array_agg(c.type ORDER BY c.place), array_agg(c.object_id ORDER BY c.place)) FROM (
        SELECT b_holder[l.balance] AS holder_id, 'POSTING' AS type, l.posting_id AS object_id, min(l.ordinality) AS place
          FROM unnest(l_posting, l_balance, l_version) WITH ORDINALITY AS l(posting_id, balance, version) WHERE l.version IS NOT NULL
         GROUP BY 1, 3
        UNION ALL
        SELECT b_holder[array_position(b_account, (u.hold).account_id)], 'HOLD', (u.hold).id, u.ordinality FROM unnest(orders) WITH ORDINALITY u
         WHERE (u.hold).id IS NOT NULL AND is_new(verdicts[u.ordinality])
    ) c WHERE c.holder_id IS NOT NULL;

    RETURN QUERY SELECT v.status, v.replayed, v.facts, v.subject_id FROM unnest(verdicts) v;
END $$;

-- A posting's id ends in a zero byte; its entries count on from it.
CREATE FUNCTION entry_id(p_posting uuid, p_line bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN encode(set_byte(uuid_send(p_posting), 15, p_line::integer), 'hex')::uuid;
CREATE FUNCTION posting_of(p_entry uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN encode(set_byte(uuid_send(p_entry), 15, 0), 'hex')::uuid;

REVOKE EXECUTE ON FUNCTION post, write_orders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post TO tallystick_app;
