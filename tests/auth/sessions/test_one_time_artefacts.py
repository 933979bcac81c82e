"""What is used once: pushed requests, challenges, and the rounds of a sign-in.

Method: real functions on a real server; races between two processes of the bank.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from auth.names import new_handle
from auth.sessions.artefacts import ROUNDS_LIFE, TRIES, Advance, Kind
from tests.auth.sessions.world import World, new_tag, seconds

MINUTE = timedelta(minutes=1)
KINDS = list(Kind)

# ---------------------------------------------------------------- taken once


@pytest.mark.parametrize("kind", KINDS)
async def test_an_artefact_is_taken_once(world: World, kind: Kind) -> None:
    handle = new_handle(new_tag())
    await world.artefacts.put(kind, handle, b"a value, \x00\xff and all", life=MINUTE)

    assert await world.artefacts.peek(kind, handle) == b"a value, \x00\xff and all"
    assert await world.artefacts.take(kind, handle) == b"a value, \x00\xff and all"
    assert await world.artefacts.take(kind, handle) is None
    assert await world.artefacts.peek(kind, handle) is None


async def test_of_many_who_take_at_once_one_gets_it(world: World, other: World) -> None:
    handle = new_handle(new_tag())
    await world.artefacts.put(Kind.CHALLENGE, handle, b"c", life=MINUTE)

    got = await asyncio.gather(*((world, other)[n % 2].artefacts.take(Kind.CHALLENGE, handle) for n in range(20)))

    assert sorted(value or b"" for value in got) == [b""] * 19 + [b"c"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_artefact_is_over_when_its_time_is(world: World, kind: Kind) -> None:
    early, late = new_handle(new_tag()), new_handle(new_tag())
    for handle in (early, late):
        await world.artefacts.put(kind, handle, b"v", life=MINUTE)

    await world.advance(seconds(59))
    assert await world.artefacts.take(kind, early) == b"v"
    await world.advance(seconds(1))

    assert await world.artefacts.peek(kind, late) is None
    assert await world.artefacts.take(kind, late) is None


async def test_kinds_do_not_mix(world: World) -> None:
    handle = new_handle(new_tag())
    await world.artefacts.put(Kind.PUSHED_REQUEST, handle, b"v", life=MINUTE)

    assert await world.artefacts.take(Kind.CHALLENGE, handle) is None
    assert await world.artefacts.take(Kind.PUSHED_REQUEST, handle) == b"v"


@pytest.mark.parametrize("handle", ["", "x", "urn:ietf:params:oauth:request_uri:", "a{b}" * 20, "é" * 59, new_handle(new_tag())])
async def test_what_was_never_a_handle_has_no_value(world: World, handle: str) -> None:
    assert await world.artefacts.take(Kind.PUSHED_REQUEST, handle) is None
    assert await world.artefacts.find_round(handle) is None


async def test_a_value_that_was_moved_to_another_handle_is_none(world: World) -> None:
    mine, yours = new_handle(new_tag()), new_handle(new_tag())
    for handle in (mine, yours):
        await world.artefacts.put(Kind.CHALLENGE, handle, b"v", life=MINUTE)
    await world.store.ask("SET", world.keys.challenge(mine), await world.store.ask("GET", world.keys.challenge(yours)))

    assert await world.artefacts.take(Kind.CHALLENGE, mine) is None
    assert await world.artefacts.take(Kind.CHALLENGE, yours) == b"v"


async def test_the_store_never_learns_a_handle(world: World) -> None:
    handle = new_handle(new_tag())
    await world.artefacts.put(Kind.PUSHED_REQUEST, handle, b"client and redirect", life=MINUTE)

    [key] = await world.store.ask("KEYS", f"{world.prefix}par:*")

    assert handle[16:] not in key
    assert "redirect" not in await world.store.ask("GET", key)


# ---------------------------------------------------------------- rounds


async def test_each_round_is_answered_once_and_the_last_one_ends_it(world: World) -> None:
    tag = new_tag()
    first, second = new_handle(tag), new_handle(tag)
    await world.artefacts.begin(first, b"who")
    found = await world.artefacts.find_round(first)
    assert found is not None
    assert (found.value, found.tries_left) == (b"who", TRIES)

    advanced = await world.artefacts.advance(first, second, b"who, and a password", failed=False)

    assert (advanced.status, advanced.tries_left, advanced.ends_at) == (Advance.ADVANCED, TRIES, found.ends_at)
    assert await world.artefacts.find_round(first) is None
    assert (await world.artefacts.advance(first, new_handle(tag), b"", failed=False)).status is Advance.GONE
    now = await world.artefacts.find_round(second)
    assert now is not None
    assert now.value == b"who, and a password"
    assert await world.artefacts.finish(second)
    assert not await world.artefacts.finish(second)
    assert await world.artefacts.find_round(second) is None


async def test_five_failures_over_all_rounds_end_it(world: World) -> None:
    tag = new_tag()
    handle = new_handle(tag)
    await world.artefacts.begin(handle, b"v")
    left = []
    for _ in range(TRIES - 1):
        following = new_handle(tag)
        advanced = await world.artefacts.advance(handle, following, b"v", failed=True)
        assert advanced.status is Advance.ADVANCED
        left.append(advanced.tries_left)
        handle = following

    last = new_handle(tag)
    assert left == [4, 3, 2, 1]
    assert (await world.artefacts.advance(handle, last, b"v", failed=True)).status is Advance.EXHAUSTED
    assert await world.artefacts.find_round(handle) is None
    assert await world.artefacts.find_round(last) is None


async def test_rounds_do_not_prolong_the_whole(world: World) -> None:
    tag = new_tag()
    handle = new_handle(tag)
    await world.artefacts.begin(handle, b"v")
    for _ in range(3):
        await world.advance(ROUNDS_LIFE / 4)
        following = new_handle(tag)
        assert (await world.artefacts.advance(handle, following, b"v", failed=False)).status is Advance.ADVANCED
        handle = following
    await world.advance(ROUNDS_LIFE / 4)

    assert await world.artefacts.find_round(handle) is None
    assert (await world.artefacts.advance(handle, new_handle(tag), b"v", failed=False)).status is Advance.GONE
    assert not await world.artefacts.finish(handle)


async def test_of_answers_at_once_to_one_round_one_counts(world: World, other: World) -> None:
    tag = new_tag()
    handle = new_handle(tag)
    await world.artefacts.begin(handle, b"v")

    tried = [(world, other)[n % 2].artefacts.advance(handle, new_handle(tag), b"v", failed=True) for n in range(20)]
    answers = [advanced.status for advanced in await asyncio.gather(*tried)]

    assert answers.count(Advance.ADVANCED) == 1
    assert answers.count(Advance.GONE) == 19
