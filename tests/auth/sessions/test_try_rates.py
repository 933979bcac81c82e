"""How often somebody may try, how often it failed, and what a network does to many accounts.

Method: real functions on a real server, time moved by the test; a property holds the rate to its definition.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.sessions.rates import NetworkCounts
from tests.auth.sessions.world import World, seconds

PERIOD = timedelta(minutes=10)
FIVE_MINUTES = timedelta(minutes=5)
numbers = itertools.count()


async def tries(world: World, subject: str, count: int, *, burst: int = 5) -> list[timedelta | None]:
    return [await world.rates.allow(subject, period=PERIOD, burst=burst) for _ in range(count)]


async def middle_of_a_bin(world: World) -> None:
    """Counting is by five minutes: a test that moves by whole ones wants to start away from their edges."""
    into = (await world.now()).timestamp() % FIVE_MINUTES.total_seconds()
    await world.advance(FIVE_MINUTES * 1.5 - seconds(into))


async def test_so_many_at_once_then_so_many_a_period(world: World) -> None:
    *allowed, refused = await tries(world, "otp:1", 6)

    assert allowed == [None] * 5
    assert refused is not None
    assert seconds(119) < refused <= seconds(120)
    await world.advance(refused)
    assert (await tries(world, "otp:1", 2))[0] is None
    await world.advance(PERIOD)
    assert await tries(world, "otp:1", 5) == [None] * 5


async def test_a_refused_try_costs_nothing(world: World) -> None:
    await tries(world, "s", 50)
    await world.advance(seconds(121))

    assert (await tries(world, "s", 1)) == [None]


async def test_subjects_do_not_share(world: World) -> None:
    await tries(world, "a", 6)

    assert await tries(world, "b", 5) == [None] * 5


async def test_processes_do(world: World, other: World) -> None:
    answers = await asyncio.gather(*((world, other)[n % 2].rates.allow("s", period=PERIOD, burst=5) for n in range(40)))

    assert answers.count(None) == 5


async def test_names_of_subjects_do_not_get_into_the_store(world: World) -> None:
    await tries(world, "ip:192.0.2.7", 1)
    await world.rates.failed("customer:amina")
    await world.rates.signed_in("192.0.2.0/24", "amina", failed=True)

    keys: list[str] = await world.store.ask("KEYS", f"{world.prefix}*")

    assert len(keys) == 5  # Two cells, counts and sketch of a network, the marker.
    assert not any("192" in key or "amina" in key for key in keys)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(waits=st.lists(st.integers(0, 400), min_size=5, max_size=30), burst=st.integers(1, 6))
async def test_a_rate_never_allows_more_than_it_says(world: World, waits: list[int], burst: int) -> None:
    subject, passed, allowed = f"subject {next(numbers)}", 0, []
    for wait in waits:
        await world.advance(seconds(wait))
        passed += wait
        if await world.rates.allow(subject, period=PERIOD, burst=burst) is None:
            allowed.append(passed)

    for first in allowed:
        # In any stretch of time: what is at once, and what the stretch lets grow.
        for length in (0, 60, 300, 600):
            within = [time for time in allowed if first <= time <= first + length]
            assert len(within) <= burst + (length + 1) * burst / PERIOD.total_seconds()


async def test_failures_of_the_last_hour_are_counted(world: World) -> None:
    await middle_of_a_bin(world)
    assert await world.rates.failures("s") == 0
    for n in range(1, 4):
        assert await world.rates.failed("s") == n
    await world.advance(timedelta(minutes=30))
    assert await world.rates.failed("s") == 4

    await world.advance(timedelta(minutes=31))
    assert await world.rates.failures("s") == 1
    await world.advance(timedelta(minutes=31))
    assert await world.rates.failures("s") == 0
    assert await world.rates.failed("s") == 1


async def test_a_networks_sign_ins_are_counted_over_the_last_minutes(world: World) -> None:
    await middle_of_a_bin(world)
    for n in range(30):
        counts = await world.rates.signed_in("net", f"user {n % 15}", failed=n % 3 > 0)
    assert (counts.tried, counts.failed) == (30, 20)
    assert 14 <= counts.users <= 16

    await world.advance(FIVE_MINUTES)
    for n in range(10):
        counts = await world.rates.signed_in("net", f"user {n}", failed=True)
    assert (counts.tried, counts.failed) == (40, 30)
    assert 14 <= counts.users <= 16

    await world.advance(FIVE_MINUTES)
    counts = await world.rates.network("net")
    assert (counts.tried, counts.failed) == (10, 10)
    assert 9 <= counts.users <= 11
    await world.advance(2 * FIVE_MINUTES)
    assert await world.rates.network("net") == NetworkCounts(tried=0, failed=0, users=0)
    assert await world.rates.network("elsewhere") == NetworkCounts(tried=0, failed=0, users=0)
