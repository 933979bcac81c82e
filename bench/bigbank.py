"""The big bank: customers with three accounts each and as many entries as are wanted, loaded set-based, with books that verify."""

from __future__ import annotations

import time
from collections.abc import Callable

import asyncpg

__all__ = ["ACCOUNTS", "CUSTOMERS", "load"]

CUSTOMERS = 1000
ACCOUNTS = 3 * CUSTOMERS
OPENING_MINOR = 10**11

# Ids that sort by their number, as UUIDv7 sort by time; a posting's last byte is left to its entries.
ID = "('01900000-000{kind}-7000-8000-' || lpad(to_hex(({number})::bigint * 256), 12, '0'))::uuid"
CUSTOMER, ACCOUNT, POSTING = (ID.replace("{kind}", kind) for kind in "123")

STEPS = (
    (
        "customers and accounts",
        f"""
        INSERT INTO customers SELECT {CUSTOMER.format(number="n")}, 'Customer ' || n, '+2348' || lpad(n::text, 9, '0'), 'NG', 'BUSINESS', 'en',
               bank_now() - interval '400 days' + n * interval '1 second' FROM generate_series(1, {CUSTOMERS}) AS n;
        INSERT INTO accounts (id, holder_id, number, name, kind, currency, product_code)
        SELECT {ACCOUNT.format(number="n")}, {CUSTOMER.format(number=f"(n - 1) % {CUSTOMERS} + 1")}, (3000000000 + n)::text, 'Account ' || n,
               'CURRENT', 'NGN', 'NG-CURRENT-NGN' FROM generate_series(1, {ACCOUNTS}) AS n;
        """,
    ),
    (
        "legs",
        f"""
        CREATE TEMP TABLE numbered AS SELECT n, {ACCOUNT.format(number="n")} AS id FROM generate_series(1, {ACCOUNTS}) AS n;
        CREATE TEMP TABLE transfers AS
        SELECT n, payer, (payer + step - 1) % {ACCOUNTS} + 1 AS payee, minor FROM (
            SELECT n, CASE WHEN n <= {ACCOUNTS} THEN n ELSE abs(hashint8(n)) % {ACCOUNTS} + 1 END AS payer,
                   abs(hashint8(n * 7)) % ({ACCOUNTS} - 1) + 1 AS step, 100 + abs(hashint8(n * 13)) % 10000 AS minor
              FROM generate_series(1, {{postings}}) AS n
        ) t;
        ANALYZE numbered, transfers;
        -- The first transfers are deposits: each account's opening balance comes from outside.
        CREATE TEMP TABLE legs AS
        SELECT t.n, 1 AS line, a.id AS account_id, CASE WHEN t.n <= {ACCOUNTS} THEN {OPENING_MINOR} ELSE -t.minor END AS minor, t.payee AS other
          FROM transfers t JOIN numbered a ON a.n = t.payer
        UNION ALL
        SELECT t.n, 2, CASE WHEN t.n <= {ACCOUNTS} THEN (SELECT id FROM accounts WHERE purpose = 'settlement' AND currency = 'NGN') ELSE a.id END,
               CASE WHEN t.n <= {ACCOUNTS} THEN -{OPENING_MINOR} ELSE t.minor END, t.payer
          FROM transfers t JOIN numbered a ON a.n = t.payee;
        ANALYZE legs;
        """,
    ),
    (
        "postings",
        f"""
        INSERT INTO postings SELECT {POSTING.format(number="n")}, CASE WHEN n <= {ACCOUNTS} THEN 'deposit' ELSE 'transfer' END, 2, '2026-01-01',
               bank_now() - interval '365 days' + n * interval '30 seconds', NULL, NULL, '00000000-0000-0000-0000-000000000000',
               gen_random_uuid() FROM generate_series(1, {{postings}}) AS n;
        """,
    ),
    (
        "entries",
        f"""
        INSERT INTO entries
        SELECT l.account_id, 0, row_number() OVER w, entry_id({POSTING.format(number="l.n")}, l.line), l.minor, 'NGN',
               sum(l.minor) OVER w, CASE WHEN l.n <= {ACCOUNTS} THEN 'DEPOSIT' ELSE 'TRANSFER' END, 'Invoice ' || l.n, 'Customer ' || l.other,
               (3000000000 + l.other)::text, NULL, '2026-01-01', bank_now() - interval '365 days' + l.n * interval '30 seconds',
               CASE WHEN a.number IS NOT NULL THEN array_to_tsvector(ARRAY[a.number || ':invoice', a.number || ':' || l.n, a.number || ':customer'])
               END
          FROM legs l JOIN accounts a ON a.id = l.account_id WINDOW w AS (PARTITION BY l.account_id ORDER BY l.n);
        """,
    ),
    (
        "balances and feeds",
        """
        INSERT INTO balances (account_id, holder_id, currency, overdraft_minor)
        SELECT id, holder_id, currency, 0 FROM accounts WHERE holder_id IS NOT NULL;
        UPDATE balances b SET booked_minor = e.total, version = e.n, changed_at = e.last
          FROM (SELECT account_id, shard, sum(amount_minor) AS total, count(*) AS n, max(booked_at) AS last FROM entries GROUP BY 1, 2) e
         WHERE b.account_id = e.account_id AND b.shard = e.shard;
        INSERT INTO feed_items
        SELECT holder_id, row_number() OVER (PARTITION BY holder_id ORDER BY posting_id), 'POSTING', posting_id FROM (
            SELECT DISTINCT a.holder_id, posting_of(e.id) AS posting_id FROM entries e JOIN accounts a ON a.id = e.account_id
             WHERE a.holder_id IS NOT NULL
        ) c;
        INSERT INTO feeds SELECT c.id, coalesce(max(i.number), 0) FROM customers c LEFT JOIN feed_items i ON i.holder_id = c.id GROUP BY c.id;
        """,
    ),
    (
        "hash chain",
        """
        ANALYZE postings, entries;
        INSERT INTO chain_links
        SELECT p.id, (row_number() OVER (ORDER BY p.id) - 1) / 1000 + 1, posting_digest(p) FROM postings p;
        DO $$
        DECLARE b record; hash bytea := '';
        BEGIN
            FOR b IN
                SELECT block, count(*) AS n, string_agg(digest, ''::bytea ORDER BY posting_id) AS digests
                  FROM chain_links GROUP BY block ORDER BY block
            LOOP
                hash := sha256(hash || b.digests);
                INSERT INTO chain_blocks VALUES (b.block, b.n, hash, bank_now());
            END LOOP;
        END $$;
        """,
    ),
    ("statistics", "ANALYZE;"),
)


async def load(owner_url: str, *, entries: int, say: Callable[[str], object]) -> float:
    """Fill an empty migrated database with `entries` entries (even, more than 6,000); gives the seconds that it took."""
    started = time.monotonic()
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
        for name, sql in STEPS:
            step = time.monotonic()
            await connection.execute(sql.replace("{postings}", str(entries // 2)), timeout=None)
            if time.monotonic() - step > 1:
                say(f"  big bank of {entries:,} entries: {name} ({time.monotonic() - step:.1f} s)")
    finally:
        await connection.close()
    return time.monotonic() - started
