"""Posting: whole or not at all, in any order, from many sides at once.

Method: the ledger's own service on a real database, and the database's own rules asked directly.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import date

import asyncpg
import pytest

from kernel.errors import Unavailable
from services.lane import Lane
from services.ledger import Ledger
from services.orders import Leg, words
from tests.bank import Account, BankUnderTest, copied
from tests.payments.requests import MAKE, order

TODAY = date(2026, 1, 1)


def moved(payer: Account, payee: Account, minor: int) -> list[Leg]:
    return [
        Leg(account_id=payer.id, minor=-minor, kind="TRANSFER", description="x", words=words(payer.number, "x")),
        Leg(account_id=payee.id, minor=minor, kind="TRANSFER", description="x", words=words(payee.number, "x")),
    ]


async def test_legs_that_do_not_sum_to_zero_are_refused_and_leave_nothing(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    legs = moved(one, two, 100)
    legs[1]["minor"] = 99

    with pytest.raises(asyncpg.RaiseError, match="sum to zero"):
        await bank.services.ledger.book(key=uuid.uuid4(), kind="transfer", legs=legs, value_date=TODAY)

    assert await bank.booked(one) == "10.00"


async def test_legs_in_two_currencies_balance_in_each(bank: BankUnderTest) -> None:
    naira, francs = await bank.account(booked="10.00"), await bank.account(country="SN")

    with pytest.raises(asyncpg.RaiseError, match="sum to zero"):
        await bank.services.ledger.book(key=uuid.uuid4(), kind="transfer", legs=moved(naira, francs, 100), value_date=TODAY)


async def test_one_bad_order_does_not_fail_those_that_came_with_it(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="1000.00"), await bank.account()
    bad = moved(one, two, 100)
    bad[1]["account_id"] = uuid.uuid4()
    legs = [moved(one, two, 100), bad, moved(one, two, 100_000_000), moved(one, two, 100)]

    ends = await asyncio.gather(
        *(bank.services.ledger.book(key=uuid.uuid4(), kind="transfer", legs=part, value_date=TODAY) for part in legs),
        return_exceptions=True,
    )

    told = [end.status if not isinstance(end, BaseException) else type(end).__name__ for end in ends]
    assert told == ["POSTED", "RaiseError", "INSUFFICIENT_FUNDS", "POSTED"]
    assert await bank.booked(two) == "2.00"


async def test_120_crossing_payments_neither_deadlock_nor_lose_a_kobo(bank: BankUnderTest) -> None:
    accounts = [await bank.account(booked="1000.00") for _ in range(4)]
    ledgers = [bank.services.ledger, *[await Ledger.open(bank.services.database, bank.services.clock) for _ in range(2)]]
    chance = random.Random(7)
    pairs = [chance.sample(accounts, 2) for _ in range(120)]

    decisions = await asyncio.gather(
        *(
            ledgers[n % 3].book(key=uuid.uuid4(), kind="transfer", legs=moved(payer, payee, 100), value_date=TODAY)
            for n, (payer, payee) in enumerate(pairs)
        )
    )

    assert {decision.status for decision in decisions} == {"POSTED"}
    total = await bank.value("SELECT sum(booked_minor) FROM balances WHERE account_id = ANY ($1)", [a.id for a in accounts])
    assert total == 400_000


async def test_feeds_number_changes_in_order_of_commit_whoever_posts(bank: BankUnderTest) -> None:
    hub = await bank.account(booked="1000.00")
    others = [await bank.account(booked="1000.00") for _ in range(5)]
    ledgers = [await Ledger.open(bank.services.database, bank.services.clock) for _ in range(3)]

    await asyncio.gather(
        *(ledgers[n % 3].book(key=uuid.uuid4(), kind="transfer", legs=moved(others[n % 5], hub, 100), value_date=TODAY) for n in range(90))
    )

    async with bank.owner() as connection:
        rows = await connection.fetch(
            """SELECT i.number, e.version FROM feed_items i JOIN entries e ON posting_of(e.id) = i.object_id AND e.account_id = $1
                WHERE i.holder_id = $2 AND i.type = 'POSTING' ORDER BY i.number""",
            hub.id,
            hub.holder.id,
        )
    versions = [row["version"] for row in rows]
    assert versions == sorted(versions)
    assert len(versions) == 91


async def test_nothing_that_was_written_can_be_changed_even_by_the_owner(bank: BankUnderTest) -> None:
    await bank.account(booked="10.00")
    async with bank.owner() as connection:
        for table in ("postings", "entries", "hold_events", "decisions", "exchanges", "chain_links", "chain_blocks", "statements"):
            for sql in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    await connection.execute(sql)
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("UPDATE entries SET amount_minor = 1")


async def test_the_application_writes_money_by_the_posting_function_only(bank: BankUnderTest) -> None:
    account = await bank.account(booked="10.00")
    connection = await asyncpg.connect(copied(bank.stores.app_url, bank.database))
    try:
        for sql in (
            "UPDATE balances SET booked_minor = 10 ^ 9",
            "INSERT INTO entries SELECT * FROM entries",
            "DELETE FROM decisions",
            "UPDATE payments SET status = 'FAILED'",
            "UPDATE feeds SET head = 0",
            "UPDATE bank_clock SET ahead = '1 day'",
            "INSERT INTO limit_counters SELECT * FROM limit_counters",
            "UPDATE accounts SET status = 'ACTIVE'",
            "SELECT write_orders(NULL, NULL, NULL)",
            "CREATE TABLE mine (id int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
    finally:
        await connection.close()
    assert await bank.booked(account) == "10.00"


async def test_the_database_refuses_an_overdraft_whatever_the_code_does(bank: BankUnderTest) -> None:
    account = await bank.account(booked="10.00", overdraft_minor=500)
    other = await bank.account()
    async with bank.owner() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="no_overdraft"):
            await connection.execute("UPDATE balances SET booked_minor = -501 WHERE account_id = $1", account.id)

    ledger = bank.services.ledger
    within = await ledger.book(key=uuid.uuid4(), kind="transfer", legs=moved(account, other, 1500), value_date=TODAY)
    beyond = await ledger.book(key=uuid.uuid4(), kind="transfer", legs=moved(account, other, 1), value_date=TODAY)

    assert (within.status, beyond.status) == ("POSTED", "INSUFFICIENT_FUNDS")


async def test_callers_that_are_cancelled_leave_whole_payments_and_a_sound_pool(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(await bank.customer(tier="BUSINESS"), booked="1000000.00"), await bank.account()
    chance = random.Random(11)
    asked = [order(payer, payee, "10.00", allowDuplicate=True) for _ in range(120)]

    async def impatient(variables: dict[str, object]) -> None:
        task = asyncio.create_task(bank.execute(MAKE, variables, by=payer.holder))
        for _ in range(chance.randrange(1, 60)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(impatient(variables) for variables in asked))
    await bank.services.ledger.drain()
    replies = [await bank.execute(MAKE, variables, by=payer.holder) for variables in asked]

    assert all(reply["makePayment"]["errors"] == [] for reply in replies)
    assert await bank.booked(payee) == "1200.00"
    assert await bank.value("SELECT count(*) FROM decisions WHERE operation = 'makePayment'") == 120


class Calls:
    """A call that notes what it is given, and waits for leave."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.leave = asyncio.Event()

    async def __call__(self, items: object) -> list[int]:
        batch = [int(item) for item in items]  # type: ignore[attr-defined]
        self.batches.append(batch)
        await self.leave.wait()
        if 13 in batch and len(batch) > 1:
            raise ValueError("unlucky")
        if batch == [13]:
            raise ValueError("unlucky alone")
        if 66 in batch:
            raise Unavailable("away")
        return [item * 10 for item in batch]


async def test_a_lane_posts_at_once_and_gathers_what_arrives_meanwhile() -> None:
    calls = Calls()
    lane: Lane[int, int] = Lane(calls)

    tasks = [asyncio.create_task(lane.do(n)) for n in range(100, 200)]
    await asyncio.sleep(0)
    calls.leave.set()
    answers = await asyncio.gather(*tasks)

    assert answers == [n * 10 for n in range(100, 200)]
    assert max(len(batch) for batch in calls.batches) == 64
    assert [item for batch in calls.batches for item in batch] == list(range(100, 200))


async def test_a_lane_keeps_apart_what_may_not_meet_and_fails_nobodys_neighbour() -> None:
    calls = Calls()
    calls.leave.set()
    lane: Lane[int, int] = Lane(calls, apart=lambda n: [n % 10])

    ends = await asyncio.gather(*(lane.do(n) for n in (11, 21, 12, 13, 31)), return_exceptions=True)

    assert [end if isinstance(end, int) else str(end) for end in ends] == [110, 210, 120, "unlucky alone", 310]
    assert all(len({n % 10 for n in batch}) == len(batch) for batch in calls.batches)


async def test_a_store_that_is_away_is_not_asked_again_for_each() -> None:
    calls = Calls()
    calls.leave.set()
    lane: Lane[int, int] = Lane(calls)

    ends = await asyncio.gather(*(lane.do(n) for n in (66, 67, 68)), return_exceptions=True)

    assert all(isinstance(end, Unavailable) for end in ends)
    assert len(calls.batches) == 1
