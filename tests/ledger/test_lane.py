"""A lane gathers what arrives while a call is under way, answers each caller alone, and never lets one spoil it for the others.

Method: a call that notes what it is given and waits for leave; then the real ledger, whose callers are cancelled at random moments.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import Unavailable
from services.lane import BATCH, ROOM, Lane
from tests.bank import BankUnderTest
from tests.ledger.moves import another_ledger, book, moved
from tests.payments.requests import MAKE, order

UNLUCKY, AWAY = 13, 66


class Calls:
    """A call that notes what it is given, and waits for leave."""

    def __init__(self, *, open: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.leave = asyncio.Event()
        if open:
            self.leave.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.leave.wait()
        if UNLUCKY in items:
            raise ValueError("unlucky alone" if len(items) == 1 else "unlucky")
        if AWAY in items:
            raise Unavailable("away")
        return [item * 10 for item in items]


def told(ends: Sequence[int | BaseException]) -> list[int | str]:
    return [end if isinstance(end, int) else str(end) for end in ends]


async def test_a_lane_calls_at_once_and_gathers_what_arrives_meanwhile() -> None:
    calls = Calls(open=False)
    lane: Lane[int, int] = Lane(calls)

    first = asyncio.create_task(lane.do(100))
    while not calls.batches:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(lane.do(n)) for n in range(101, 300)]
    await asyncio.sleep(0)
    assert calls.batches == [[100]]
    calls.leave.set()

    assert await first == 1000
    assert await asyncio.gather(*rest) == [n * 10 for n in range(101, 300)]
    assert [len(batch) for batch in calls.batches] == [1, BATCH, BATCH, BATCH, 199 - 3 * BATCH]
    assert [item for batch in calls.batches for item in batch] == list(range(100, 300))


@given(items=st.lists(st.tuples(st.integers(1000, 10_000), st.frozensets(st.integers(0, 5), max_size=2)), min_size=1, max_size=200))
@settings(max_examples=40, derandomize=True, database=None, deadline=None)
def test_what_is_to_be_kept_apart_never_meets_and_keeps_its_order(items: list[tuple[int, frozenset[int]]]) -> None:
    batches: list[list[tuple[int, frozenset[int]]]] = []

    async def call(given: Sequence[tuple[int, frozenset[int]]]) -> list[int]:
        batches.append(list(given))
        return [item for item, _ in given]

    async def play() -> list[int]:
        lane: Lane[tuple[int, frozenset[int]], int] = Lane(call, apart=lambda pair: pair[1])
        return list(await asyncio.gather(*(lane.do(pair) for pair in items)))

    assert asyncio.run(play()) == [item for item, _ in items]
    for batch in batches:
        marks = [mark for _, pair_marks in batch for mark in pair_marks]
        assert len(marks) == len(set(marks))
        assert len(batch) <= BATCH
    for mark in range(6):
        called = [pair for batch in batches for pair in batch if mark in pair[1]]
        assert called == [pair for pair in items if mark in pair[1]]


async def test_a_batch_that_fails_is_made_again_one_by_one_and_fails_nobodys_neighbour() -> None:
    calls = Calls()
    lane: Lane[int, int] = Lane(calls)

    ends = await asyncio.gather(*(lane.do(n) for n in (11, UNLUCKY, 12)), return_exceptions=True)
    later = await lane.do(14)

    assert told([*ends, later]) == [110, "unlucky alone", 120, 140]
    assert calls.batches == [[11, UNLUCKY, 12], [11], [UNLUCKY], [12], [14]]


async def test_a_store_that_is_away_is_not_asked_again_for_each_and_the_lane_goes_on() -> None:
    calls = Calls()
    lane: Lane[int, int] = Lane(calls)

    ends = await asyncio.gather(*(lane.do(n) for n in (AWAY, 67, 68)), return_exceptions=True)

    assert [type(end) for end in ends] == [Unavailable] * 3
    assert calls.batches == [[AWAY, 67, 68]]
    assert await lane.do(67) == 670


async def test_who_waits_may_be_cancelled_and_the_work_goes_on() -> None:
    calls = Calls(open=False)
    lane: Lane[int, int] = Lane(calls)
    tasks = [asyncio.create_task(lane.do(n)) for n in (1, 2, 3)]
    while not calls.batches:
        await asyncio.sleep(0)

    # One whose call is under way, one that has not been called, and in each batch a neighbour that waits on.
    waiting = [asyncio.create_task(lane.do(n)) for n in (4, 5)]
    await asyncio.sleep(0)
    for task in (tasks[1], waiting[0]):
        task.cancel()
    await asyncio.sleep(0)
    calls.leave.set()
    ends = await asyncio.gather(*tasks, *waiting, return_exceptions=True)
    await lane.drain()

    assert [end if isinstance(end, int) else type(end).__name__ for end in ends] == [10, "CancelledError", 30, "CancelledError", 50]
    assert calls.batches == [[1, 2, 3], [4, 5]]


async def test_a_failure_that_nobody_waits_for_any_more_is_no_defect() -> None:
    defects: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: defects.append(context))
    calls = Calls(open=False)
    lane: Lane[int, int] = Lane(calls)
    task = asyncio.create_task(lane.do(UNLUCKY))
    while not calls.batches:
        await asyncio.sleep(0)

    task.cancel()
    calls.leave.set()
    await asyncio.gather(task, return_exceptions=True)
    await lane.drain()
    gc.collect()  # A failure that nobody looked at is told when it is thrown away.
    loop.set_exception_handler(None)

    assert defects == []
    assert await lane.do(1) == 10


async def test_more_than_the_lane_has_room_for_is_told_at_once_and_the_others_are_served() -> None:
    calls = Calls(open=False)
    lane: Lane[int, int] = Lane(calls)
    first = asyncio.create_task(lane.do(1))
    while not calls.batches:
        await asyncio.sleep(0)

    waiting = [asyncio.create_task(lane.do(100 + n)) for n in range(ROOM)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await lane.do(2)
    calls.leave.set()

    assert await first == 10
    assert await asyncio.gather(*waiting) == [(100 + n) * 10 for n in range(ROOM)]
    assert await lane.do(2) == 20


async def test_the_work_of_all_carries_nothing_of_the_request_that_came_first() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []

    async def call(items: Sequence[int]) -> list[int]:
        seen.append(who.get())
        return list(items)

    who.set("Amina")
    lane: Lane[int, int] = Lane(call)
    await lane.do(1)

    assert seen == ["nobody"]


async def test_drained_means_that_nothing_waits() -> None:
    calls = Calls(open=False)
    lane: Lane[int, int] = Lane(calls)
    tasks = [asyncio.create_task(lane.do(n)) for n in range(100, 200)]
    await asyncio.sleep(0)
    draining = asyncio.create_task(lane.drain())
    await asyncio.sleep(0)
    assert not draining.done()

    calls.leave.set()
    await draining

    assert sum(len(batch) for batch in calls.batches) == 100
    assert await asyncio.gather(*tasks) == [n * 10 for n in range(100, 200)]
    await lane.drain()


async def test_callers_that_are_cancelled_leave_each_key_decided_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="10000.00"), await bank.account()
    ledgers = [bank.services.ledger, await another_ledger(bank)]
    chance = random.Random(5)
    keys = [uuid.uuid4() for _ in range(300)]

    async def impatient(n: int) -> None:
        task = asyncio.create_task(book(ledgers[n % 2], moved(payer, payee, 100), keys[n]))
        await asyncio.sleep(chance.uniform(0, 0.03))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(impatient(n) for n in range(300)))
    for ledger in ledgers:
        await ledger.drain()
    before = await bank.value("SELECT count(*) FROM decisions WHERE operation = 'transfer'")
    retries = await asyncio.gather(*(book(ledgers[(n + 1) % 2], moved(payer, payee, 100), key) for n, key in enumerate(keys)))

    assert {decision.status for decision in retries} == {"POSTED"}
    assert sum(decision.replayed for decision in retries) == before > 0
    assert await bank.value("SELECT count(*) FROM decisions WHERE operation = 'transfer'") == 300
    assert await bank.booked(payee) == "300.00"
    await check_pool(bank)


async def test_phones_that_give_up_leave_whole_payments_and_a_sound_pool(bank: BankUnderTest) -> None:
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
    await check_pool(bank)


async def check_pool(bank: BankUnderTest) -> None:
    """As many connections as there are can be had at the same time, and none is still inside a transaction."""
    database, settings = bank.services.database, bank.services.settings
    together = asyncio.Barrier(settings.read_connections)

    async def one() -> str:
        async with database.reads.connection() as connection:
            await together.wait()
            return str(await connection.fetchval("SELECT current_setting('transaction_isolation')"))

    async with asyncio.timeout(10):
        assert set(await asyncio.gather(*(one() for _ in range(settings.read_connections)))) == {"read committed"}
    administrator = await asyncpg.connect(bank.stores.admin_url)
    try:
        left = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'"
        assert await administrator.fetchval(left, bank.database) == 0
    finally:
        await administrator.close()
