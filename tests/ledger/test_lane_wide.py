"""Two calls at once: of what does not meet, in a fair share each, and nobody overtakes who waits for the same.

Method: calls that note who is inside and wait for leave; then the real ledger, with an account that somebody else has locked.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from services.lane import Lane
from tests.bank import BankUnderTest
from tests.ledger.moves import book, moved

Item = tuple[int, frozenset[str]]  # Its number, and what it touches.


class Calls:
    """Notes the batches, and lets each go only when it is told so."""

    def __init__(self) -> None:
        self.inside: list[list[Item]] = []
        self.batches: list[list[int]] = []
        self.leave = asyncio.Semaphore(0)

    async def __call__(self, items: Sequence[Item]) -> list[int]:
        touched = [name for _, names in items for name in names]
        others = {name for batch in self.inside for _, names in batch for name in names}
        assert others.isdisjoint(touched), "two calls at once touch the same"
        batch = list(items)
        self.inside.append(batch)
        self.batches.append([number for number, _ in items])
        await self.leave.acquire()
        self.inside.remove(batch)
        return [number for number, _ in items]


def lane_of(calls: Calls, wide: int = 2) -> Lane[Item, int]:
    return Lane(calls, wide=wide, touches=lambda item: item[1])


async def answers(lane: Lane[Item, int], calls: Calls, items: Sequence[Item]) -> list[int]:
    """All items at once, answered whenever there is nothing else to do."""
    asked = [asyncio.create_task(lane.do(item)) for item in items]
    while not all(task.done() for task in asked):
        for _ in range(5):
            await asyncio.sleep(0)
        calls.leave.release()
    return [task.result() for task in asked]


@settings(max_examples=200, deadline=None)
@given(
    touched=st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=3), max_size=40),
    wide=st.integers(1, 4),
)
def test_calls_at_once_never_meet_and_what_meets_keeps_its_order(touched: list[frozenset[str]], wide: int) -> None:
    async def run() -> None:
        calls = Calls()
        items = list(enumerate(touched))
        assert await answers(lane_of(calls, wide), calls, items) == [number for number, _ in items]

        made = [number for batch in calls.batches for number in batch]
        assert sorted(made) == [number for number, _ in items]
        for name in "abcdefgh":
            of_it = [number for number in made if name in touched[number]]
            assert of_it == sorted(of_it)

    asyncio.run(run())


async def test_each_of_two_calls_takes_half_of_what_waits() -> None:
    calls = Calls()
    items = [(number, frozenset({str(number)})) for number in range(20)]

    await answers(lane_of(calls), calls, items)

    assert [len(batch) for batch in calls.batches] == [10, 10]


async def test_what_no_other_call_could_take_meanwhile_comes_along() -> None:
    calls = Calls()
    # Each second item is for the merchant, whom one call at a time can pay.
    items = [(number, frozenset({"merchant"} if number % 2 else {str(number)})) for number in range(20)]

    await answers(lane_of(calls), calls, items)

    merchant, others = calls.batches
    assert [number for number in merchant if number % 2] == list(range(1, 20, 2))
    assert sorted(merchant + others) == list(range(20))


async def test_who_waits_for_an_account_that_is_locked_holds_nobody_else_up(bank: BankUnderTest) -> None:
    slow, quick = [(await bank.account(booked="100.00"), await bank.account()) for _ in range(2)]
    async with bank.owner() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM balances WHERE account_id = $1 FOR UPDATE", slow[0].id)
            waits = asyncio.create_task(book(bank.services.ledger, moved(*slow, 100), uuid.uuid4()))
            while not await bank.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not waits.done()

            decided = [(await book(bank.services.ledger, moved(*quick, 100))).status for _ in range(3)]

            assert not waits.done()
        assert (await waits).status == "POSTED"

    assert decided == ["POSTED"] * 3
