"""A store that is slow, away, or has lost what it knew: nobody is signed out by it, and nothing counts twice.

Method: a real server that is frozen, killed and emptied, by its own process id. The bank's own clock is the test's.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from auth.names import new_handle
from auth.sessions.artefacts import Advance, Kind
from auth.sessions.breaker import FAILURES, REST_SECONDS
from auth.sessions.records import EndReason, RedeemStatus, RiskAction, RotateStatus, SessionStatus
from auth.sessions.revocations import Resumed, Revocation
from auth.sessions.store import TIMEOUT_SECONDS
from auth.tiers import Tier
from kernel.errors import Unavailable
from tests.auth.sessions.frail import PATIENCE_SECONDS, Frail, away, back
from tests.auth.sessions.world import World, new_jkt, new_tag

MINUTE = timedelta(minutes=1)

# ---------------------------------------------------------------- slow or away


async def test_while_the_store_is_frozen_all_operations_say_later(server: Frail, bank: World) -> None:
    device, code, handle = await bank.sign_in(), await bank.code(new_tag()), new_handle(new_tag())
    auth_time = await bank.now()
    sessions, artefacts, rates = bank.sessions, bank.artefacts, bank.rates
    with server.frozen():
        for call in (
            lambda: bank.touch(device, wanted=Tier.GENERAL),
            lambda: bank.rotate(device),
            lambda: bank.redeem(code, jkt=new_jkt(), auth_time=auth_time),
            lambda: sessions.find_code(code),
            lambda: sessions.put_code(code, b"", jkt=None),
            lambda: sessions.find(device.sid),
            lambda: sessions.raise_tier(device.sid, tier=Tier.GENERAL, acr="a", auth_time=auth_time),
            lambda: sessions.set_risk(device.sid, score=1, action=RiskAction.ALLOW),
            lambda: sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT),
            lambda: sessions.revoke_all(device.tag, reason=EndReason.SIGNED_OUT),
            lambda: sessions.set_epoch(device.tag, at=auth_time, reason=EndReason.LOCKED),
            lambda: sessions.list_sessions(device.tag),
            lambda: artefacts.put(Kind.CHALLENGE, handle, b"", life=MINUTE),
            lambda: artefacts.take(Kind.CHALLENGE, handle),
            lambda: artefacts.begin(handle, b""),
            lambda: artefacts.find_round(handle),
            lambda: artefacts.advance(handle, handle, b"", failed=True),
            lambda: artefacts.finish(handle),
            lambda: rates.allow("s", period=MINUTE, burst=1),
            lambda: rates.failed("s"),
            lambda: rates.failures("s"),
            lambda: rates.signed_in("n", "u", failed=True),
            lambda: bank.marker.vouch(),
        ):
            await away(call())
    await back(bank)


async def test_after_some_failures_nobody_waits_any_more_until_a_call_gets_through(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    with server.frozen():
        for _ in range(FAILURES):
            await away(bank.touch(device))

        began = time.monotonic()
        for _ in range(100):
            await away(bank.touch(device))
        assert time.monotonic() - began < 8  # Where each waits it is fifteen.
        bank.monotonic[0] += REST_SECONDS
        for _ in range(100):
            await away(bank.touch(device))
        assert time.monotonic() - began < 16
    assert bank.store.failing_since == 1000.0
    bank.monotonic[0] += REST_SECONDS
    assert (await bank.touch(device)).is_allowed
    assert bank.store.failing_since is None


async def test_a_process_that_was_busy_for_long_does_not_blame_the_store(bank: World) -> None:
    device = await bank.sign_in()
    for turns in range(8):
        asked = asyncio.create_task(bank.touch(device))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(2 * TIMEOUT_SECONDS)  # noqa: ASYNC251 - A busy spell is just what is meant.

        assert (await asked).is_allowed
    assert bank.store.failing_since is None


async def test_a_refresh_whose_answer_the_freeze_swallowed_is_told_again(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    with server.frozen():
        await away(bank.rotate(device))
    await back(bank)

    again = await bank.rotate(device)

    # The frozen server had the first try in its socket: whether it ran it is the same to the device.
    assert again.status in {RotateStatus.ROTATED, RotateStatus.REPLAYED}
    assert again.n == 1
    assert (await bank.rotate(device)).n == 2


async def test_nothing_is_sent_twice(server: Frail, bank: World) -> None:
    key = f"{bank.prefix}count"
    with server.frozen():
        await away(bank.store.ask("INCR", key))
    await back(bank)

    assert await bank.store.ask("GET", key) in {"1", None}
    assert await bank.store.ask("INCR", key) in {1, 2}


async def test_a_killed_server_that_comes_back_has_signed_nobody_out(server: Frail, bank: World) -> None:
    device, ended = await bank.sign_in(), await bank.sign_in()
    await bank.rotate(device)
    await bank.sessions.revoke([ended.sid], reason=EndReason.SIGNED_OUT)
    await bank.store.ask("CONFIG", "SET", "appendfsync", "always")
    server.kill()
    await away(bank.touch(device, wanted=Tier.GENERAL))
    await away(bank.rotate(device))
    server.start()
    await back(bank)

    assert (await bank.rotate(device)).n == 2
    assert (await bank.touch(device)).is_allowed
    assert (await bank.touch(ended)).reason is EndReason.SIGNED_OUT


async def test_an_end_of_the_connection_while_nothing_is_asked_harms_nobody(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    async with World.open(server.url) as another:
        for _ in range(5):
            me = await another.store.ask("CLIENT", "ID")
            for line in (await another.store.ask("CLIENT", "LIST")).splitlines():
                if (number := int(line.split(" ")[0].removeprefix("id="))) != me:
                    await another.store.ask("CLIENT", "KILL", "ID", number)
            await asyncio.sleep(0.02)  # The end has to arrive.
            assert (await bank.touch(device)).is_allowed


async def test_what_was_decided_while_the_store_was_away_is_there_before_the_first_request_after_it(server: Frail, bank: World) -> None:
    decided: list[str] = []  # As the database would know it.
    returns = 0

    async def apply() -> None:
        nonlocal returns
        returns += 1
        for sid in decided:
            await bank.sessions.revoke([sid], reason=EndReason.DEVICE_REVOKED)

    async with World.open(server.url, prefix=bank.prefix, on_return=apply) as process:
        device, lost = await process.sign_in(), await process.sign_in()
        assert (await process.touch(lost)).is_allowed
        assert returns == 0
        with server.frozen():
            await away(process.touch(device))
            await away(process.touch(device))  # What is decided can't be applied either.
            decided.append(lost.sid)
        await back(bank)
        process.monotonic[0] += REST_SECONDS
        returns = 0

        touched = await asyncio.gather(process.touch(lost), process.touch(device))

        assert [one.reason for one in touched] == [EndReason.DEVICE_REVOKED, None]
        assert (await process.touch(device)).is_allowed
        assert returns == 1


async def test_a_server_that_is_full_refuses_requests_and_ends_sessions(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    await bank.store.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        await away(bank.touch(device))
        await away(bank.rotate(device))
        with pytest.raises(Unavailable):  # Ended, but it cannot be told.
            await bank.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)
    finally:
        await bank.store.ask("CONFIG", "SET", "maxmemory", 0)

    assert (await bank.touch(device)).reason is EndReason.SIGNED_OUT


async def test_a_server_that_may_not_write_says_later(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    await bank.store.ask("CONFIG", "SET", "min-replicas-to-write", 1)
    try:
        await away(bank.touch(device))
        await away(bank.rotate(device))
    finally:
        await bank.store.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    assert (await bank.touch(device)).is_allowed


# ---------------------------------------------------------------- lost data


async def test_a_server_without_its_data_knows_no_session_and_says_later_until_somebody_decides(server: Frail, bank: World) -> None:
    device, code, handle = await bank.sign_in(), await bank.code(new_tag()), new_handle(new_tag())
    auth_time = await bank.now()
    await bank.artefacts.begin(handle, b"")
    server.kill()
    server.forget()
    server.start()
    await back(bank)

    for call in (
        lambda: bank.rotate(device),
        lambda: bank.touch(device),
        lambda: bank.sessions.find(device.sid),
        lambda: bank.sessions.find_code(code),
        lambda: bank.redeem(code, jkt=new_jkt(), auth_time=auth_time),
        lambda: bank.sessions.raise_tier(device.sid, tier=Tier.GENERAL, acr="a", auth_time=auth_time),
        lambda: bank.sessions.set_details(device.sid, b""),
        lambda: bank.sessions.list_sessions(device.tag),
        lambda: bank.artefacts.take(Kind.CHALLENGE, handle),
        lambda: bank.artefacts.find_round(handle),
        lambda: bank.artefacts.advance(handle, handle, b"", failed=False),
        lambda: bank.artefacts.finish(handle),
    ):
        assert (await away(call())).retry_after_seconds > 10
    assert not await bank.marker.ensure(database_knows_sessions=True)
    await away(bank.rotate(device))

    await bank.marker.open_for_business()

    assert await bank.marker.ensure(database_knows_sessions=True)
    assert (await bank.rotate(device)).status is RotateStatus.GONE
    assert (await bank.touch(device)).status is SessionStatus.GONE
    assert (await bank.redeem(code, jkt=new_jkt())).status is RedeemStatus.GONE
    assert (await bank.artefacts.advance(handle, handle, b"", failed=False)).status is Advance.GONE
    again = await bank.sign_in(tag=device.tag)
    assert (await bank.rotate(again)).status is RotateStatus.ROTATED


async def test_a_bank_that_begins_marks_its_store_and_one_that_lost_it_does_not(server: Frail) -> None:
    async with World.open(server.url, marked=False) as lost:
        assert not await lost.marker.ensure(database_knows_sessions=True)
        assert await lost.marker.ensure(database_knows_sessions=False)
        assert await lost.marker.ensure(database_knows_sessions=True)


async def test_functions_that_the_server_lost_are_loaded_again_without_anybody_noticing(server: Frail, bank: World) -> None:
    device = await bank.sign_in()
    await bank.store.ask("FUNCTION", "FLUSH")

    touched = await asyncio.gather(*(bank.touch(device) for _ in range(10)))

    assert all(one.is_allowed for one in touched)


async def test_a_listener_comes_back_by_itself_after_a_kill(server: Frail, bank: World) -> None:
    events: asyncio.Queue[Revocation | Resumed] = asyncio.Queue()

    async def follow() -> None:
        async for event in bank.revocations.follow():
            events.put_nowait(event)

    task = asyncio.create_task(follow())
    assert await asyncio.wait_for(events.get(), PATIENCE_SECONDS) == Resumed(has_gap=True)
    device = await bank.sign_in()
    await bank.store.ask("CONFIG", "SET", "appendfsync", "always")
    await bank.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)
    await asyncio.wait_for(events.get(), PATIENCE_SECONDS)
    server.kill()
    server.start()
    await back(bank)

    async def heard() -> Revocation | Resumed:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while events.empty():
                bank.monotonic[0] += REST_SECONDS
                await asyncio.sleep(0.05)
        return events.get_nowait()

    assert await heard() == Resumed(has_gap=False)
    await bank.sessions.revoke([device.sid], reason=EndReason.OTHER)
    assert await heard() == Revocation(sids=(device.sid,), reason=EndReason.OTHER)
    task.cancel()
