"""Verify the books: what must hold in the ledger at every moment, and where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.database import Connection

__all__ = ["CHECKS", "Check", "Finding", "verify"]

PATIENCE_SECONDS = 3600.0  # A big bank is read whole; the pool's own patience is a request's.
SHOWN = 20  # Of each kind; the first ones tell where to look.


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`sql` gives one row of text for each place where the rule does not hold."""

    rule: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule, and a place where it does not hold."""

    rule: str
    place: str


CHECKS = (
    Check(
        rule="the trial balance of each currency is zero",
        sql="SELECT format('%s: %s', currency, sum(amount_minor)) FROM entries GROUP BY currency HAVING sum(amount_minor) <> 0",
    ),
    Check(
        rule="the entries of each posting sum to zero, are all there, and belong to a posting",
        sql="""
        SELECT format('posting %s: %s entries of %s, %s %s', coalesce(p.id, e.posting_id), coalesce(e.n, 0), p.entry_count, e.total, e.currency)
          FROM postings p FULL JOIN (
            SELECT posting_of(id) AS posting_id, currency, sum(amount_minor) AS total, sum(count(*)) OVER (PARTITION BY posting_of(id)) AS n
              FROM entries GROUP BY posting_of(id), currency
          ) e ON e.posting_id = p.id
         WHERE p.id IS NULL OR e.posting_id IS NULL OR e.total <> 0 OR e.n <> p.entry_count
        """,
    ),
    Check(
        rule="each balance is the sum of its entries",
        sql="""
        SELECT format('account %s shard %s: booked %s, entries %s', b.account_id, b.shard, b.booked_minor, coalesce(e.total, 0))
          FROM balances b LEFT JOIN (SELECT account_id, shard, sum(amount_minor) AS total FROM entries GROUP BY account_id, shard) e
            USING (account_id, shard)
         WHERE b.booked_minor <> coalesce(e.total, 0)
        """,
    ),
    Check(
        rule="each entry is in its account's currency and stamped with the balance after it",
        sql="""
        SELECT format('entry %s: stamped %s, counted %s', id, booked_after_minor, counted) FROM (
            SELECT e.id, e.booked_after_minor, e.currency, a.currency AS wanted,
                   sum(e.amount_minor) OVER (PARTITION BY e.account_id, e.shard ORDER BY e.version) AS counted
              FROM entries e JOIN accounts a ON a.id = e.account_id
        ) e WHERE booked_after_minor <> counted OR currency <> wanted
        """,
    ),
    Check(
        rule="versions are gapless, entries and hold events together",
        sql="""
        SELECT format('account %s shard %s: version %s, %s events from %s to %s', b.account_id, b.shard, b.version, coalesce(v.n, 0), v.low, v.high)
          FROM balances b LEFT JOIN (
            SELECT account_id, shard, count(*) AS n, count(DISTINCT version) AS versions, min(version) AS low, max(version) AS high FROM (
                SELECT account_id, shard, version FROM entries UNION ALL SELECT account_id, 0, version FROM hold_events
            ) v GROUP BY account_id, shard
          ) v USING (account_id, shard)
         WHERE b.version <> coalesce(v.n, 0) OR (v.n > 0 AND (v.low <> 1 OR v.high <> v.n OR v.versions <> v.n))
        """,
    ),
    Check(
        rule="times follow versions",
        sql="""
        SELECT format('entry %s was booked before the one before it', id) FROM (
            SELECT id, booked_at, lag(booked_at) OVER (PARTITION BY account_id, shard ORDER BY version) AS before FROM entries
        ) e WHERE booked_at < before
        """,
    ),
    Check(
        rule="what is held is the sum of the active holds",
        sql="""
        SELECT format('account %s: held %s, active holds %s', b.account_id, b.held_minor, coalesce(h.total, 0))
          FROM balances b LEFT JOIN (SELECT account_id, sum(amount_minor) AS total FROM holds WHERE state = 'ACTIVE' GROUP BY account_id) h
            USING (account_id)
         WHERE b.shard = 0 AND b.held_minor <> coalesce(h.total, 0)
        """,
    ),
    Check(
        rule="each hold's events tell its state",
        sql="""
        SELECT format('hold %s: %s, events leave %s', h.id, h.state, e.total)
          FROM holds h LEFT JOIN (SELECT hold_id, sum(held_minor) AS total, count(*) AS n FROM hold_events GROUP BY hold_id) e ON e.hold_id = h.id
         WHERE e.total IS DISTINCT FROM CASE h.state WHEN 'ACTIVE' THEN h.amount_minor ELSE 0 END
            OR e.n IS DISTINCT FROM CASE h.state WHEN 'ACTIVE' THEN 1 ELSE 2 END
        """,
    ),
    Check(
        rule="a payment that has ended holds nothing",
        sql="""
        SELECT format('payment %s is %s and holds %s', p.id, p.status, h.amount_minor) FROM payments p JOIN holds h ON h.payment_id = p.id
         WHERE h.state = 'ACTIVE' AND p.status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'REVERSED')
        """,
    ),
    Check(
        rule="a payment that was made has its posting, and the other way round",
        sql="""
        SELECT format('payment %s is %s without its posting', p.id, p.status) FROM payments p LEFT JOIN postings t ON t.id = p.posting_id
         WHERE p.status IN ('COMPLETED', 'REVERSED') AND (t.id IS NULL OR t.payment_id IS DISTINCT FROM p.id)
        UNION ALL
        SELECT format('posting %s names a payment that is not there', t.id) FROM postings t LEFT JOIN payments p ON p.id = t.payment_id
         WHERE t.payment_id IS NOT NULL AND p.id IS NULL
        """,
    ),
    Check(
        rule="each payment was decided once, and each decision to pay made its payment",
        sql="""
        SELECT format('payment %s has %s decisions', p.id, count(d.key)) FROM payments p
          LEFT JOIN decisions d ON d.subject_id = p.id AND d.holder_id = p.customer_id AND d.operation = 'makePayment'
         GROUP BY p.id HAVING count(d.key) <> 1
        UNION ALL
        SELECT format('decision %s of %s made no payment', d.key, d.holder_id) FROM decisions d LEFT JOIN payments p ON p.id = d.subject_id
         WHERE d.operation = 'makePayment' AND d.status = 'POSTED' AND p.id IS NULL
        """,
    ),
    Check(
        rule="feeds are gapless up to their heads",
        sql="""
        SELECT format('feed %s: head %s, %s items from %s to %s', f.holder_id, f.head, coalesce(i.n, 0), i.low, i.high)
          FROM feeds f LEFT JOIN (SELECT holder_id, count(*) AS n, min(number) AS low, max(number) AS high FROM feed_items GROUP BY holder_id) i
            USING (holder_id)
         WHERE f.head <> coalesce(i.high, 0) OR (i.n > 0 AND i.n <> i.high - i.low + 1)
        """,
    ),
    Check(
        rule="each posting is as it was chained",
        sql="""
        SELECT format('posting %s of block %s was changed or is gone', l.posting_id, l.block)
          FROM chain_links l LEFT JOIN postings p ON p.id = l.posting_id
         WHERE p.id IS NULL OR posting_digest(p) IS DISTINCT FROM l.digest
        """,
    ),
    Check(
        rule="each block of the chain follows from the one before it",
        sql="""
        SELECT format('block %s', b.number) FROM (
            SELECT number, posting_count, hash, lag(hash) OVER (ORDER BY number) AS before, row_number() OVER (ORDER BY number) AS place
              FROM chain_blocks
        ) b LEFT JOIN (
            SELECT block, count(*) AS n, string_agg(digest, ''::bytea ORDER BY posting_id) AS digests FROM chain_links GROUP BY block
        ) l ON l.block = b.number
         WHERE b.place <> b.number OR l.n IS DISTINCT FROM b.posting_count
            OR b.hash IS DISTINCT FROM sha256(coalesce(b.before, ''::bytea) || l.digests)
        """,
    ),
    Check(
        rule="each posting is chained, or waits to be",
        sql="""
        SELECT format('posting %s is neither chained nor in the outbox', p.id) FROM postings p
         WHERE NOT EXISTS (SELECT FROM chain_links l WHERE l.posting_id = p.id)
           AND NOT EXISTS (SELECT FROM outbox o WHERE o.topic = 'posted' AND p.id = ANY (o.subjects))
        """,
    ),
)


async def verify(connection: Connection, *, say: Callable[[str], object] = lambda rule: None) -> list[Finding]:
    """All places where a rule of the books does not hold, at most 20 of each rule; empty where the books are right.

    All rules see one moment: what is posted meanwhile does not look like a mistake. `say` is told each rule before it is checked.
    """
    findings: list[Finding] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # A year of a big bank takes longer than a request may.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '256MB'")
        for check in CHECKS:
            say(check.rule)
            rows = await connection.fetch(f"SELECT * FROM ({check.sql}) v LIMIT {SHOWN}", timeout=PATIENCE_SECONDS)  # noqa: S608  Our own text.
            findings.extend(Finding(rule=check.rule, place=row[0]) for row in rows)
    return findings
