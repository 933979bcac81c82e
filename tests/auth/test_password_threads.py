"""The threads that hash passwords: how many come in, who is sent away, and what happens to those who leave.

Method: real threads, held back by events; nothing here depends on how fast anything is.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

import pytest

from auth.passwords import NICER_BY, NICEST, WAITING, Passwords, Threads
from auth.peppers import Peppers
from kernel.errors import Unavailable

PEPPERS = Peppers([bytes(range(32))])


class Gate:
    """Work that says when it began, and ends when it is told to."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> str:
        self.began.set()
        self.opened.wait(20)
        return "through"

    async def entered(self) -> None:
        assert await asyncio.to_thread(self.began.wait, 20)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


async def settled(threads: Threads, pending: int = 0) -> None:
    """Returns when no more than that many are under way."""
    async with asyncio.timeout(20):
        while threads.pending > pending:
            await asyncio.sleep(0)


async def started(*calls: "asyncio.Task[str]") -> None:
    """Each of these has come as far as it comes without waiting."""
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)


# ---------------------------------------------------------------- admission


@pytest.mark.parametrize(("count", "waiting"), [(1, 0), (1, 2), (2, 0), (2, 3)])
async def test_so_many_work_so_many_wait_and_one_more_is_sent_away_at_once(gate: Gate, count: int, waiting: int) -> None:
    threads = Threads(count=count, waiting=waiting)
    calls = [asyncio.create_task(threads.run(gate)) for _ in range(count + waiting)]
    await started(*calls)
    assert threads.pending == count + waiting

    with pytest.raises(Unavailable) as refusal:
        await threads.run(gate)
    assert refusal.value.retry_after_seconds == 1

    gate.opened.set()
    assert await asyncio.gather(*calls) == ["through"] * (count + waiting)
    assert (threads.pending, threads.done) == (0, count + waiting)
    assert await threads.run(gate) == "through"
    await threads.close()


@pytest.mark.parametrize(("count", "waiting", "seconds"), [(1, 32, 1), (1, 33, 2), (2, 198, 3), (1, 999, 30)])
async def test_whoever_is_sent_away_is_told_when_the_others_will_be_through(gate: Gate, count: int, waiting: int, seconds: int) -> None:
    threads = Threads(count=count, waiting=waiting)
    calls = [asyncio.create_task(threads.run(gate)) for _ in range(count + waiting)]
    await started(*calls)

    with pytest.raises(Unavailable) as refusal:
        await threads.run(gate)

    assert refusal.value.retry_after_seconds == seconds
    gate.opened.set()
    await asyncio.gather(*calls)
    await threads.close()


async def test_a_sign_in_beyond_the_limit_is_unavailable_and_costs_no_work(gate: Gate) -> None:
    threads = Threads(count=1, waiting=0)
    passwords = Passwords(PEPPERS, threads)
    kept = await passwords.hash("ten green bottles")
    held = asyncio.create_task(threads.run(gate))
    await started(held)

    for stored in (kept, None, "damaged"):
        with pytest.raises(Unavailable):
            await passwords.verify(stored, "ten green bottles")
    with pytest.raises(Unavailable):
        await passwords.hash("ten green bottles")

    assert threads.done == 1
    gate.opened.set()
    assert await held == "through"
    assert (await passwords.verify(kept, "ten green bottles")).matches
    await threads.close()


async def test_whoever_comes_first_is_served_first() -> None:
    threads, served = Threads(count=1), list[int]()

    await asyncio.gather(*(threads.run(lambda n=n: served.append(n)) for n in range(WAITING)))  # type: ignore[misc]

    assert served == list(range(WAITING))
    await threads.close()


async def test_a_failure_is_the_callers_and_frees_its_place() -> None:
    threads = Threads(count=1, waiting=0)

    def fails() -> None:
        raise LookupError("as it happens")

    for _ in range(3):
        with pytest.raises(LookupError, match="as it happens"):
            await threads.run(fails)

    assert (threads.pending, threads.done) == (0, 3)
    await threads.close()


async def test_by_default_half_the_cores_work() -> None:
    threads = Threads(waiting=0)
    expected = max(1, (os.cpu_count() or 1) // 2)
    gates = [Gate() for _ in range(expected)]
    calls = [asyncio.create_task(threads.run(gate)) for gate in gates]

    for gate in gates:
        await gate.entered()  # All at the same time.
    with pytest.raises(Unavailable):
        await threads.run(gates[0])

    for gate in gates:
        gate.opened.set()
    await asyncio.gather(*calls)
    await threads.close()


# ---------------------------------------------------------------- who leaves


async def test_a_caller_who_leaves_does_not_free_a_thread_that_still_works(gate: Gate) -> None:
    threads = Threads(count=1, waiting=0)
    call = asyncio.create_task(threads.run(gate))
    await gate.entered()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert (threads.pending, threads.done) == (1, 0)
    with pytest.raises(Unavailable):
        await threads.run(gate)
    gate.opened.set()
    await settled(threads)
    assert threads.done == 1
    assert await threads.run(gate) == "through"
    await threads.close()


async def test_a_caller_who_leaves_while_waiting_takes_the_work_along(gate: Gate) -> None:
    threads = Threads(count=1, waiting=1)
    ran: list[str] = []
    working = asyncio.create_task(threads.run(gate))
    await gate.entered()
    waiting = asyncio.create_task(threads.run(lambda: ran.append("left")))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert threads.pending == 1
    instead = asyncio.create_task(threads.run(lambda: ran.append("came instead")))
    gate.opened.set()
    await asyncio.gather(working, instead)
    assert (ran, threads.done, threads.pending) == (["came instead"], 2, 0)
    await threads.close()


async def test_cancelling_over_and_over_never_loses_a_place(gate: Gate) -> None:
    threads = Threads(count=2, waiting=3)

    for _ in range(50):
        calls = [asyncio.create_task(threads.run(lambda: sum(range(1000)))) for _ in range(5)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await settled(threads)

    calls_now = [asyncio.create_task(threads.run(gate)) for _ in range(5)]
    await started(*calls_now)
    with pytest.raises(Unavailable):
        await threads.run(gate)
    gate.opened.set()
    await asyncio.gather(*calls_now)
    await threads.close()


# ---------------------------------------------------------------- a thousand at once


async def test_a_thousand_sign_ins_wait_beside_the_event_loop_and_not_in_it(gate: Gate) -> None:
    threads = Threads(count=1, waiting=999)
    passwords = Passwords(PEPPERS, threads)
    held = asyncio.create_task(threads.run(gate))
    await gate.entered()
    calls = [asyncio.create_task(passwords.verify(None, f"password {n}")) for n in range(999)]

    for _ in range(1000):
        await asyncio.sleep(0)  # Each is a turn of the loop, and all of them come while not one hash is made.

    assert (threads.pending, threads.done) == (1000, 0)
    for call in calls[1:]:
        call.cancel()
    await asyncio.gather(*calls[1:], return_exceptions=True)
    gate.opened.set()
    assert await held == "through"
    assert not (await calls[0]).matches
    assert (threads.pending, threads.done) == (0, 2)
    await threads.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_the_threads_give_way_to_all_others() -> None:
    threads = Threads(count=1)
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    theirs = await threads.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    assert theirs == min(NICEST, own + NICER_BY)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    await threads.close()


# ---------------------------------------------------------------- the end


async def test_closing_finishes_what_was_taken_on_and_takes_on_no_more(gate: Gate) -> None:
    threads = Threads(count=1, waiting=2)
    calls = [asyncio.create_task(threads.run(gate)) for _ in range(3)]
    await gate.entered()
    closing = asyncio.create_task(threads.close())
    await asyncio.sleep(0)

    with pytest.raises(Unavailable):
        await threads.run(gate)
    assert not closing.done()
    gate.opened.set()

    assert await asyncio.gather(*calls) == ["through"] * 3
    await closing
    await threads.close()  # Twice is as good as once.
    with pytest.raises(Unavailable):
        await threads.run(gate)
