"""Feeds number what changed without gaps and in the order of commit, so that a phone that reads on from its cursor misses nothing.

Method: two hundred postings over several connections, each on its own, while readers with connections of their own follow feed and account.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import asyncpg

from kernel import ids
from services.decisions import request_hash
from services.orders import BANK, Order, Posting
from services.packing import POST, packed
from tests.bank import Account, BankUnderTest, copied
from tests.ledger.moves import TODAY, another_ledger, book, moved

FEED = "SELECT number FROM feed_items WHERE holder_id = $1 AND number > $2 ORDER BY number"
VERSIONS = "SELECT version FROM entries WHERE account_id = $1 AND version > $2 ORDER BY version"
PAIRS = """
SELECT i.number, e.version FROM feed_items i JOIN entries e ON posting_of(e.id) = i.object_id AND e.account_id = $1
 WHERE i.holder_id = $2 AND i.type = 'POSTING' ORDER BY i.number
"""
POSTERS, EACH = 8, 25


def packed_order(payer: Account, payee: Account, minor: int) -> list[Any]:
    """What one call of the posting function is given."""
    posting = Posting(id=ids.new_posting(), kind="transfer", value_date=TODAY, legs=moved(payer, payee, minor))
    order = Order(
        holder_id=BANK, key=uuid.uuid4(), operation="transfer", request_hash=request_hash("transfer", {}), subject_id=posting.id, posting=posting
    )
    return packed([order], shard=0)


async def followed(bank: BankUnderTest, sql: str, id: uuid.UUID, cursor: int, until: asyncio.Event) -> int:
    """Read on from the cursor again and again, and see nothing but the next numbers; the last one."""
    connection = await asyncpg.connect(copied(bank.stores.app_url, bank.database))
    try:
        while True:
            last_look = until.is_set()
            found = [row[0] for row in await connection.fetch(sql, id, cursor)]
            assert found == list(range(cursor + 1, cursor + 1 + len(found)))
            cursor += len(found)
            if last_look:
                return cursor
    finally:
        await connection.close()


async def test_who_follows_a_feed_while_200_postings_are_committed_misses_none(bank: BankUnderTest) -> None:
    merchant = await bank.account()
    payers = [await bank.account(booked="1000.00") for _ in range(5)]
    chance = random.Random(9)
    done = asyncio.Event()
    opened = await bank.value("SELECT head FROM feeds WHERE holder_id = $1", merchant.holder.id)
    readers = [asyncio.create_task(followed(bank, FEED, merchant.holder.id, opened, done)) for _ in range(2)]
    readers.append(asyncio.create_task(followed(bank, VERSIONS, merchant.id, 0, done)))

    async def posting() -> None:
        connection = await asyncpg.connect(copied(bank.stores.app_url, bank.database))
        try:
            for _ in range(EACH):
                async with connection.transaction():
                    row = await connection.fetchrow(POST, *packed_order(chance.choice(payers), merchant, 100))
                    assert row is not None
                    assert row["status"] == "POSTED"
                    # The order of commit is not that of asking.
                    await asyncio.sleep(chance.choice((0, 0, 0.002)))
        finally:
            await connection.close()

    await asyncio.gather(*(posting() for _ in range(POSTERS)))
    done.set()
    ends = await asyncio.gather(*readers)

    assert ends == [opened + POSTERS * EACH, opened + POSTERS * EACH, POSTERS * EACH]
    async with bank.owner() as connection:
        pairs = await connection.fetch(PAIRS, merchant.id, merchant.holder.id)
    # A holder's changes are numbered in the order in which they became true.
    assert [pair["version"] for pair in pairs] == list(range(1, POSTERS * EACH + 1))


async def test_feeds_of_both_sides_count_each_posting_once_whoever_posts(bank: BankUnderTest) -> None:
    hub = await bank.account(booked="1000.00")
    others = [await bank.account(booked="1000.00") for _ in range(5)]
    ledgers = [await another_ledger(bank) for _ in range(3)]

    await asyncio.gather(*(book(ledgers[n % 3], moved(others[n % 5], hub, 100)) for n in range(90)))

    count = "SELECT count(*), count(DISTINCT object_id), max(number) FROM feed_items WHERE holder_id = $1 AND type = 'POSTING'"
    async with bank.owner() as connection:
        heads = [await connection.fetchrow(count, account.holder.id) for account in (hub, *others)]
    assert [tuple(head)[:2] for head in heads if head is not None] == [(91, 91)] + [(19, 19)] * 5


async def test_a_refused_order_takes_no_number(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="1.00"), await bank.account()
    head = "SELECT sum(head) FROM feeds"
    before = await bank.value(head)

    assert (await book(bank.services.ledger, moved(one, two, 101))).status == "INSUFFICIENT_FUNDS"

    assert await bank.value(head) == before


async def test_a_posting_between_two_accounts_of_one_holder_is_one_change(bank: BankUnderTest) -> None:
    one = await bank.account(booked="1.00")
    two = await bank.account(one.holder, kind="SAVINGS")
    head = "SELECT head FROM feeds WHERE holder_id = $1"
    before = await bank.value(head, one.holder.id)

    await book(bank.services.ledger, moved(one, two, 50))

    assert await bank.value(head, one.holder.id) == before + 1
