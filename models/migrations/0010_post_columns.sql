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
--
-- Replaces the function of 0005, which took JSON: reading that was a third of its work. Orders come as columns now (services/orders.py
-- says what they mean). `place` is a row's order, `account` and `counter` are places in p_accounts and p_counters; all count from 1.

DROP FUNCTION post, write_orders, is_new;
DROP TYPE post_order, post_payment, post_exchange, post_hold, post_posting, post_leg, post_cap, post_verdict;

CREATE TYPE post_orders AS (
    holder_id uuid[], key uuid[], operation text[], request_hash bytea[], subject_id uuid[], payment_id uuid[], refusal text[], facts jsonb[],
    expires_at timestamptz[], posting_id uuid[], kind text[], value_date date[], reverses_id uuid[], leg_count integer[], cap_count integer[]
);
CREATE TYPE post_accounts AS (id uuid[], shard smallint[]); -- Each once, in the order in which they are locked.
CREATE TYPE post_legs AS (
    place integer[], line integer[], account integer[], minor bigint[], kind text[], description text[], counterparty_name text[],
    counterparty_number text[], payment_id uuid[], words text[]
); -- In the order of their orders, like caps.
CREATE TYPE post_holds AS (place integer[], action text[], id uuid[], account integer[], minor bigint[], reason text[], expires_at timestamptz[]);
CREATE TYPE post_payments AS (
    place integer[], account_id uuid[], to_account_id uuid[], payee_id uuid[], minor bigint[], currency text[], receives_minor bigint[],
    receives_currency text[], fees jsonb[], counterparty_name text[], counterparty_number text[], reference text[], status text[],
    fingerprint bigint[], allow_duplicate boolean[]
);
CREATE TYPE post_exchanges AS (
    place integer[], paid_minor bigint[], paid_currency text[], received_minor bigint[], received_currency text[], spread_minor bigint[],
    mid_rate numeric[], rounding numeric[]
);
CREATE TYPE post_counters AS (subject_id uuid[], rule_id uuid[], window_start timestamptz[]); -- Each once.
CREATE TYPE post_caps AS (counter integer[], resets_at timestamptz[], minor bigint[], count integer[]);

CREATE FUNCTION post(
    p_orders post_orders, p_accounts post_accounts, p_legs post_legs, p_holds post_holds, p_payments post_payments,
    p_exchanges post_exchanges, p_counters post_counters, p_caps post_caps
) RETURNS TABLE (status text, replayed boolean, facts jsonb, subject_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp
-- Plans are made when tables may be small and kept while they grow: every look-up here is by index, whatever the statistics say.
SET enable_seqscan TO off SET plan_cache_mode TO force_generic_plan AS $$
DECLARE
    o record;
    n integer; -- A place in the arrays of balances, or of counters.
    f integer; -- A place in the arrays of feeds.
    first integer; last integer := 0; -- The order's legs.
    first_cap integer; last_cap integer := 0; -- The order's caps.
    verdict text; told jsonb; held_change bigint;
    now_ timestamptz;
    -- One place an order.
    o_holder uuid[] := p_orders.holder_id; o_payment uuid[] := p_orders.payment_id; o_posting uuid[] := p_orders.posting_id;
    o_date date[] := p_orders.value_date;
    v_status text[]; v_replayed boolean[]; v_hold_version bigint[]; v_held_change bigint[]; v_held_after bigint[];
    v_posted boolean[] := array_fill(false, ARRAY[cardinality(p_orders.key)]);
    v_facts jsonb[] := array_fill(NULL::jsonb, ARRAY[cardinality(p_orders.key)]);
    v_subject uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(p_orders.key)]);
    -- One place a leg; versions stay null where the order was refused.
    l_account integer[] := p_legs.account; l_minor bigint[] := p_legs.minor;
    l_version bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_legs.minor)]); l_after bigint[] := l_version;
    -- One place a balance; the numbers move on while orders are decided.
    b_locked uuid[]; b_locked_shard smallint[];
    b_account uuid[] := p_accounts.id; b_shard smallint[] := p_accounts.shard;
    b_holder uuid[]; b_currency text[]; b_debits boolean[]; b_credits boolean[]; b_floor bigint[];
    b_booked bigint[]; b_held bigint[]; b_version bigint[]; b_loaded bigint[]; b_feed integer[];
    all_open boolean; -- Each of them takes debits and credits, as nearly always.
    -- One place a feed, and its items to be.
    f_holder uuid[]; f_head bigint[]; f_loaded bigint[]; f_told integer[];
    items integer := 0; i_feed integer[]; i_number bigint[]; i_type text[]; i_object uuid[];
    -- One place a cap; one place a counter: what is used of it.
    c_counter integer[] := p_caps.counter; c_minor bigint[] := p_caps.minor; c_count integer[] := p_caps.count;
    u_minor bigint[]; u_count integer[];
BEGIN
    -- Claim: a twin of another call waits here, then finds what this call decided.
    PERFORM pg_advisory_xact_lock(claim) FROM (
        SELECT DISTINCT hashtextextended(c.holder_id::text || c.key::text, 0) AS claim
          FROM unnest(p_orders.holder_id, p_orders.key) AS c(holder_id, key) ORDER BY 1
    ) claims;

    -- Lock and load, in one order everywhere: balances, the bank's own last; then feeds, which also guard the limits.
    SELECT array_agg(b.account_id), array_agg(b.shard), array_agg(b.holder_id), array_agg(b.currency), array_agg(b.takes_debits),
           array_agg(b.takes_credits), bool_and(b.takes_debits AND b.takes_credits), array_agg(-b.overdraft_minor),
           array_agg(b.booked_minor), array_agg(b.held_minor), array_agg(b.version), max(b.changed_at)
      INTO b_locked, b_locked_shard, b_holder, b_currency, b_debits, b_credits, all_open, b_floor, b_booked, b_held, b_version, now_
      FROM (
        SELECT b.* FROM unnest(p_accounts.id, p_accounts.shard) AS a(id, shard)
          JOIN balances b ON b.account_id = a.id AND b.shard = a.shard
         ORDER BY b.lock_rank, b.account_id, b.shard FOR NO KEY UPDATE OF b
      ) b;
    IF coalesce(b_locked, '{}') <> b_account OR coalesce(b_locked_shard, '{}') <> b_shard THEN
        RAISE EXCEPTION 'post: an account of a leg does not exist, or accounts are not in the order of locks';
    END IF;
    b_loaded := b_version;
    SELECT array_agg(f.holder_id), array_agg(f.head) INTO f_holder, f_head
      FROM (SELECT * FROM feeds f WHERE f.holder_id = ANY (b_holder) ORDER BY f.holder_id FOR NO KEY UPDATE) f;
    f_loaded := f_head;
    f_told := array_fill(0, ARRAY[coalesce(cardinality(f_head), 0)]); -- The last order whose posting each was told of.
    b_feed := ARRAY(SELECT array_position(f_holder, h) FROM unnest(b_holder) h);
    now_ := greatest(bank_now(), now_); -- Later than all that these accounts saw: their times follow their versions.

    IF EXISTS (SELECT FROM unnest(p_legs.place, p_legs.account, p_legs.minor) AS l(place, account, minor)
                GROUP BY l.place, b_currency[l.account] HAVING sum(l.minor) <> 0) THEN
        RAISE EXCEPTION 'post: the entries of a posting do not sum to zero';
    END IF;

    SELECT array_agg(coalesce(c.used_minor, 0)), array_agg(coalesce(c.used_count, 0)) INTO u_minor, u_count FROM (
        SELECT c.used_minor, c.used_count
          FROM unnest(p_counters.subject_id, p_counters.rule_id, p_counters.window_start) WITH ORDINALITY AS k(subject_id, rule_id, window_start, n)
          LEFT JOIN limit_counters c USING (subject_id, rule_id, window_start) ORDER BY k.n
    ) c;

    -- Decide, one order after another.
    FOR o IN
        SELECT u.*, p.minor AS pays, p.currency AS pays_currency,
               h.action AS hold_action, h.id AS hold_id, h.account AS hold_account, h.minor AS hold_minor, k.state AS hold_state,
               k.amount_minor AS hold_held, k.expires_at AS hold_due, k.account_id <> b_account[h.account] AS hold_elsewhere,
               d.status AS earlier_status, d.request_hash AS earlier_hash, d.facts AS earlier_facts, d.subject_id AS earlier_subject,
               r.id AS reversed_by, alike.id AS alike_id
          FROM unnest(p_orders.holder_id, p_orders.key, p_orders.request_hash, p_orders.subject_id, p_orders.refusal, p_orders.facts,
                      p_orders.expires_at, p_orders.posting_id, p_orders.reverses_id, p_orders.leg_count, p_orders.cap_count) WITH ORDINALITY
               AS u(holder_id, key, request_hash, subject_id, refusal, facts, expires_at, posting_id, reverses_id, leg_count, cap_count, place)
          LEFT JOIN decisions d ON d.holder_id = u.holder_id AND d.key = u.key
          LEFT JOIN unnest(p_holds.place, p_holds.action, p_holds.id, p_holds.account, p_holds.minor) AS h(place, action, id, account, minor)
                 ON h.place = u.place
          LEFT JOIN holds k ON k.id = h.id
          LEFT JOIN postings r ON r.reverses_id = u.reverses_id
          LEFT JOIN unnest(p_payments.place, p_payments.minor, p_payments.currency, p_payments.fingerprint, p_payments.allow_duplicate)
                    AS p(place, minor, currency, fingerprint, allow_duplicate) ON p.place = u.place
          LEFT JOIN LATERAL (
            SELECT q.id FROM payments q
             WHERE q.fingerprint = p.fingerprint AND q.created_at > now_ - interval '10 minutes'
               AND q.customer_id = u.holder_id AND q.status NOT IN ('FAILED', 'CANCELLED') AND NOT p.allow_duplicate
             ORDER BY q.created_at DESC LIMIT 1
          ) alike ON true
         ORDER BY u.place
    LOOP
        first := last + 1;
        last := last + o.leg_count;
        first_cap := last_cap + 1;
        last_cap := last_cap + o.cap_count;
        IF o.earlier_status IS NOT NULL THEN
            v_replayed[o.place] := true;
            IF o.earlier_hash = o.request_hash THEN
                v_status[o.place] := o.earlier_status;
                v_facts[o.place] := o.earlier_facts;
                v_subject[o.place] := o.earlier_subject;
            ELSE
                v_status[o.place] := 'IDEMPOTENCY_CONFLICT';
            END IF;
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
            WHEN o.hold_action = 'capture' AND o.hold_minor > o.hold_held THEN 'HOLD_EXCEEDED'
            WHEN o.hold_action = 'expire' AND (o.hold_due > now_) IS NOT FALSE THEN 'HOLD_NOT_DUE'
        END;
        told := CASE verdict
            WHEN o.refusal THEN o.facts
            WHEN 'ALREADY_REVERSED' THEN jsonb_build_object('posting_id', o.reversed_by)
            WHEN 'HOLD_ENDED' THEN jsonb_build_object('state', o.hold_state)
            WHEN 'HOLD_EXCEEDED' THEN jsonb_build_object('held_minor', o.hold_held)
        END;

        IF verdict IS NULL AND NOT all_open AND o.reverses_id IS NULL THEN -- A mistake is put right on a blocked account too.
            FOR i IN first .. last LOOP
                n := l_account[i];
                IF NOT (CASE WHEN l_minor[i] < 0 THEN b_debits[n] ELSE b_credits[n] END) THEN
                    verdict := 'ACCOUNT_BLOCKED';
                    told := jsonb_build_object('account_id', b_account[n]);
                    EXIT;
                END IF;
            END LOOP;
            IF o.hold_action = 'hold' AND NOT b_debits[o.hold_account] THEN
                verdict := 'ACCOUNT_BLOCKED';
                told := jsonb_build_object('account_id', b_account[o.hold_account]);
            END IF;
        END IF;
        IF verdict IS NULL AND o.alike_id IS NOT NULL THEN
            verdict := 'POSSIBLE_DUPLICATE';
            told := jsonb_build_object('earlier_id', o.alike_id);
        END IF;
        IF verdict IS NULL THEN
            FOR i IN first_cap .. last_cap LOOP
                n := c_counter[i];
                IF u_minor[n] + o.pays > c_minor[i] OR u_count[n] + 1 > c_count[i] THEN
                    verdict := 'LIMIT_EXCEEDED';
                    told := jsonb_build_object(
                        'of_amount', (u_minor[n] + o.pays > c_minor[i]) IS TRUE,
                        'limit_minor', c_minor[i], 'remaining_minor', greatest(c_minor[i] - u_minor[n], 0),
                        'count_limit', c_count[i], 'count_remaining', greatest(c_count[i] - u_count[n], 0),
                        'currency', o.pays_currency, 'resets_at', p_caps.resets_at[i]);
                    EXIT;
                END IF;
            END LOOP;
        END IF;

        -- Move the numbers on, and back again where an account that gives money falls below its floor.
        IF verdict IS NULL THEN
            IF o.hold_account IS NOT NULL THEN
                n := o.hold_account;
                held_change := CASE o.hold_action WHEN 'hold' THEN o.hold_minor ELSE -o.hold_held END;
                b_held[n] := b_held[n] + held_change;
                b_version[n] := b_version[n] + 1;
                v_hold_version[o.place] := b_version[n];
                v_held_change[o.place] := held_change;
                v_held_after[o.place] := b_held[n];
            END IF;
            FOR i IN first .. last LOOP
                n := l_account[i];
                b_booked[n] := b_booked[n] + l_minor[i];
                b_version[n] := b_version[n] + 1;
                l_after[i] := b_booked[n];
                l_version[i] := b_version[n];
            END LOOP;
            n := o.hold_account;
            IF o.hold_action = 'hold' AND b_booked[n] - b_held[n] < b_floor[n] THEN
                verdict := 'INSUFFICIENT_FUNDS';
            END IF;
            FOR i IN first .. last LOOP
                EXIT WHEN verdict IS NOT NULL;
                n := l_account[i];
                IF l_minor[i] < 0 AND b_booked[n] - b_held[n] < b_floor[n] THEN
                    verdict := 'INSUFFICIENT_FUNDS';
                END IF;
            END LOOP;
            IF verdict IS NOT NULL THEN
                FOR i IN first .. last LOOP
                    b_booked[l_account[i]] := b_booked[l_account[i]] - l_minor[i];
                    b_version[l_account[i]] := b_version[l_account[i]] - 1;
                    l_version[i] := NULL;
                END LOOP;
                IF o.hold_account IS NOT NULL THEN
                    b_held[o.hold_account] := b_held[o.hold_account] - held_change;
                    b_version[o.hold_account] := b_version[o.hold_account] - 1;
                END IF;
                told := jsonb_build_object(
                    'available_minor', b_booked[n] - b_held[n] - b_floor[n], 'currency', b_currency[n], 'account_id', b_account[n]);
            END IF;
        END IF;

        v_replayed[o.place] := false;
        IF verdict IS NOT NULL THEN
            v_status[o.place] := verdict;
            v_facts[o.place] := told;
            CONTINUE;
        END IF;
        v_status[o.place] := 'POSTED';
        v_posted[o.place] := true;
        v_subject[o.place] := o.subject_id;
        FOR i IN first_cap .. last_cap LOOP
            n := c_counter[i];
            u_minor[n] := u_minor[n] + o.pays;
            u_count[n] := u_count[n] + 1;
        END LOOP;
        -- Tell the holders: a posting or a hold that touched an account of theirs takes the next number of their feed.
        f := b_feed[o.hold_account];
        IF f IS NOT NULL THEN
            items := items + 1;
            f_head[f] := f_head[f] + 1;
            i_feed[items] := f;
            i_number[items] := f_head[f];
            i_type[items] := 'HOLD';
            i_object[items] := o.hold_id;
        END IF;
        FOR i IN first .. last LOOP
            f := b_feed[l_account[i]];
            IF f_told[f] < o.place THEN
                f_told[f] := o.place;
                items := items + 1;
                f_head[f] := f_head[f] + 1;
                i_feed[items] := f;
                i_number[items] := f_head[f];
                i_type[items] := 'POSTING';
                i_object[items] := o.posting_id;
            END IF;
        END LOOP;
    END LOOP;

    -- Write what was decided.
    UPDATE balances b
       SET booked_minor = w.booked, held_minor = w.held, version = w.version, changed_at = now_
      FROM unnest(b_account, b_shard, b_booked, b_held, b_version, b_loaded) AS w(account_id, shard, booked, held, version, loaded)
     WHERE w.version > w.loaded AND b.account_id = w.account_id AND b.shard = w.shard;

    INSERT INTO entries
    SELECT b_account[l.account], b_shard[l.account], l.version, entry_id(o_posting[l.place], l.line), l.minor, b_currency[l.account], l.after,
           l.kind, l.description, l.name, l.number, l.payment_id, o_date[l.place], now_, array_to_tsvector(string_to_array(l.words, ' '))
      FROM unnest(p_legs.place, p_legs.line, p_legs.account, p_legs.minor, p_legs.kind, p_legs.description, p_legs.counterparty_name,
                  p_legs.counterparty_number, p_legs.payment_id, p_legs.words, l_version, l_after)
           AS l(place, line, account, minor, kind, description, name, number, payment_id, words, version, after)
     WHERE l.version IS NOT NULL;

    INSERT INTO decisions
    SELECT d.holder_id, d.key, d.operation, d.request_hash, d.status, d.facts, d.subject_id, now_
      FROM unnest(p_orders.holder_id, p_orders.key, p_orders.operation, p_orders.request_hash, v_status, v_facts, v_subject, v_replayed)
           AS d(holder_id, key, operation, request_hash, status, facts, subject_id, replayed)
     WHERE NOT d.replayed AND d.status <> 'HOLD_NOT_DUE';

    IF cardinality(l_minor) > 0 THEN
        WITH posted AS (
            INSERT INTO postings
            SELECT p.id, p.kind, p.legs, p.value_date, now_, p.payment_id, p.reverses_id, p.holder_id, p.key
              FROM unnest(p_orders.posting_id, p_orders.kind, p_orders.leg_count, p_orders.value_date, p_orders.payment_id, p_orders.reverses_id,
                          p_orders.holder_id, p_orders.key, v_posted)
                   AS p(id, kind, legs, value_date, payment_id, reverses_id, holder_id, key, posted)
             WHERE p.posted AND p.id IS NOT NULL
            RETURNING id, reverses_id
        ), reversed AS (
            UPDATE payments q SET status = 'REVERSED' FROM posted JOIN postings t ON t.id = posted.reverses_id WHERE q.id = t.payment_id
        )
        INSERT INTO outbox (topic, subjects) SELECT 'posted', array_agg(id) FROM posted HAVING count(*) > 0;
    END IF;

    IF cardinality(p_payments.place) > 0 THEN
        INSERT INTO payments
        SELECT o_payment[p.place], o_holder[p.place], p.account_id, p.to_account_id, p.payee_id, p.minor, p.currency, p.receives_minor,
               p.receives_currency, p.fees, p.name, p.number, p.reference, p.status, p.fingerprint, o_posting[p.place], NULL, now_,
               CASE p.status WHEN 'COMPLETED' THEN now_ END, NULL
          FROM unnest(p_payments.place, p_payments.account_id, p_payments.to_account_id, p_payments.payee_id, p_payments.minor,
                      p_payments.currency, p_payments.receives_minor, p_payments.receives_currency, p_payments.fees,
                      p_payments.counterparty_name, p_payments.counterparty_number, p_payments.reference, p_payments.status, p_payments.fingerprint)
               AS p(place, account_id, to_account_id, payee_id, minor, currency, receives_minor, receives_currency, fees, name, number, reference,
                    status, fingerprint)
         WHERE v_posted[p.place];
    END IF;

    IF cardinality(p_exchanges.place) > 0 THEN
        INSERT INTO exchanges
        SELECT o_posting[e.place], e.paid_minor, e.paid_currency, e.received_minor, e.received_currency, e.spread_minor, e.mid_rate, e.rounding
          FROM unnest(p_exchanges.place, p_exchanges.paid_minor, p_exchanges.paid_currency, p_exchanges.received_minor,
                      p_exchanges.received_currency, p_exchanges.spread_minor, p_exchanges.mid_rate, p_exchanges.rounding)
               AS e(place, paid_minor, paid_currency, received_minor, received_currency, spread_minor, mid_rate, rounding)
         WHERE v_posted[e.place];
    END IF;

    IF cardinality(p_holds.place) > 0 THEN
        INSERT INTO holds (id, account_id, amount_minor, reason, expires_at, payment_id, created_at)
        SELECT h.id, b_account[h.account], h.minor, h.reason, h.expires_at, o_payment[h.place], now_
          FROM unnest(p_holds.place, p_holds.action, p_holds.id, p_holds.account, p_holds.minor, p_holds.reason, p_holds.expires_at)
               AS h(place, action, id, account, minor, reason, expires_at)
         WHERE h.action = 'hold' AND v_posted[h.place];
        UPDATE holds k
           SET state = CASE h.action WHEN 'capture' THEN 'CAPTURED' WHEN 'release' THEN 'RELEASED' ELSE 'EXPIRED' END,
               captured_minor = CASE h.action WHEN 'capture' THEN h.minor ELSE 0 END,
               released_minor = k.amount_minor - CASE h.action WHEN 'capture' THEN h.minor ELSE 0 END,
               ended_at = now_
          FROM unnest(p_holds.place, p_holds.action, p_holds.id, p_holds.minor) AS h(place, action, id, minor)
         WHERE k.id = h.id AND h.action <> 'hold' AND v_posted[h.place];
        INSERT INTO hold_events
        SELECT b_account[h.account], v_hold_version[h.place], h.id, h.action, v_held_change[h.place], v_held_after[h.place], now_
          FROM unnest(p_holds.place, p_holds.action, p_holds.id, p_holds.account) AS h(place, action, id, account)
         WHERE v_posted[h.place];
    END IF;

    IF u_count IS NOT NULL THEN
        INSERT INTO limit_counters
        SELECT * FROM unnest(p_counters.subject_id, p_counters.rule_id, p_counters.window_start, u_minor, u_count)
               AS u(subject_id, rule_id, window_start, minor, count)
         WHERE u.count > 0
            ON CONFLICT ON CONSTRAINT limit_counters_pkey DO UPDATE SET used_minor = excluded.used_minor, used_count = excluded.used_count;
    END IF;

    IF items > 0 THEN
        INSERT INTO feed_items
        SELECT f_holder[t.feed], t.number, t.type, t.object_id FROM unnest(i_feed, i_number, i_type, i_object) AS t(feed, number, type, object_id);
        WITH fed AS (
            UPDATE feeds f SET head = w.head FROM unnest(f_holder, f_head, f_loaded) AS w(holder_id, head, loaded)
             WHERE w.head > w.loaded AND f.holder_id = w.holder_id RETURNING f.holder_id, f.head
        )
        INSERT INTO outbox (topic, subjects, numbers) SELECT 'fed', array_agg(holder_id), array_agg(head) FROM fed;
    END IF;

    RETURN QUERY SELECT * FROM unnest(v_status, v_replayed, v_facts, v_subject);
END $$;

REVOKE EXECUTE ON FUNCTION post FROM PUBLIC;
GRANT EXECUTE ON FUNCTION post TO tallystick_app;
