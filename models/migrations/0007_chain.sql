-- The hash chain over postings: who changes one afterwards, even as the owner, has to change every block since.

CREATE TABLE chain_blocks (
    number bigint PRIMARY KEY,
    posting_count integer NOT NULL CHECK (posting_count > 0),
    hash bytea NOT NULL CHECK (length(hash) = 32), -- sha256(hash before || digests in order of posting id)
    made_at timestamptz NOT NULL
);
CREATE TABLE chain_links (
    posting_id uuid PRIMARY KEY,
    block bigint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32)
);
CREATE INDEX chain_links_of_a_block ON chain_links (block, posting_id);
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_blocks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_links FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A posting with its entries, as one digest.
CREATE FUNCTION posting_digest(p postings) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(concat_ws('|', p.id, p.kind, p.entry_count, p.value_date, extract(epoch from p.booked_at), p.payment_id,
                                       p.reverses_id, p.holder_id, p.key, string_agg(concat_ws(',', e.account_id, e.shard, e.version, e.id,
                                       e.amount_minor, e.currency, e.booked_after_minor, e.kind, e.description, e.counterparty_name,
                                       e.counterparty_number), '|' ORDER BY e.id)), 'UTF8'))
      FROM entries e WHERE e.id > p.id AND e.id <= entry_id(p.id, 255);
$$;

-- Chain postings that are not chained yet, those of at most p_limit transactions, as one block; gives how many. One caller at a time: it holds a lock.
-- What it takes from the outbox is below every transaction that still runs, so nothing can slip in behind it.
CREATE FUNCTION chain(p_limit integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
DECLARE
    chained integer;
    last chain_blocks;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('chain'));
    SELECT * INTO last FROM chain_blocks ORDER BY number DESC LIMIT 1;
    WITH due AS (
        DELETE FROM outbox o USING (
            SELECT transaction, id FROM outbox
             WHERE topic = 'posted' AND transaction < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY transaction, id LIMIT p_limit
        ) d WHERE o.transaction = d.transaction AND o.id = d.id RETURNING o.subjects
    )
    INSERT INTO chain_links
    SELECT p.id, coalesce(last.number, 0) + 1, posting_digest(p) FROM due, unnest(due.subjects) AS s(id) JOIN postings p USING (id);
    GET DIAGNOSTICS chained = ROW_COUNT;
    IF chained > 0 THEN
        INSERT INTO chain_blocks
        SELECT coalesce(last.number, 0) + 1, chained, sha256(coalesce(last.hash, ''::bytea) || string_agg(l.digest, ''::bytea ORDER BY l.posting_id)),
               bank_now()
          FROM chain_links l WHERE l.block = coalesce(last.number, 0) + 1;
    END IF;
    RETURN chained;
END $$;

-- The heads of feeds that moved, newest of each, once they are committed; taken from the outbox.
CREATE FUNCTION take_feed_heads(p_limit integer) RETURNS TABLE (holder_id uuid, head bigint)
LANGUAGE sql SECURITY DEFINER SET search_path TO public, pg_temp AS $$
    WITH due AS (
        DELETE FROM outbox o USING (
            SELECT transaction, id FROM outbox
             WHERE topic = 'fed' AND transaction < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY transaction, id LIMIT p_limit FOR UPDATE SKIP LOCKED
        ) d WHERE o.transaction = d.transaction AND o.id = d.id RETURNING o.subjects, o.numbers
    )
    SELECT f.holder_id, max(f.head) FROM due, unnest(due.subjects, due.numbers) AS f(holder_id, head) GROUP BY f.holder_id;
$$;

REVOKE EXECUTE ON FUNCTION chain, take_feed_heads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chain, take_feed_heads TO tallystick_app;
GRANT SELECT ON chain_blocks, chain_links TO tallystick_app;
