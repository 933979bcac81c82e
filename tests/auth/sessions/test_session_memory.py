"""While the store is away, those who only read live on for half a minute on what it said last.

Method: a real server that is frozen, while the bank's own clock is the test's.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from auth.sessions.records import EndReason, RiskAction, SessionStatus
from auth.tiers import DEVICE_ACR, Tier
from tests.auth.sessions.frail import PATIENCE_SECONDS, Frail, away, back, hear
from tests.auth.sessions.world import Device, World, new_jkt, new_proof

MINUTE = timedelta(minutes=1)


async def remembered(bank: World) -> Device:
    """A device that the store just let look."""
    device = await bank.sign_in()
    assert (await bank.touch(device, only_reads=True)).is_allowed
    return device


async def test_reading_lives_on_for_half_a_minute_while_the_store_is_away(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device = await remembered(bank)
    with server.frozen():
        touched = await bank.touch(device, only_reads=True)
        assert touched.from_memory
        assert touched.is_allowed
        assert touched.standing is not None
        assert (touched.standing.tier, touched.standing.acr) == (Tier.BROWSE, DEVICE_ACR)
        bank.monotonic[0] += 30
        assert (await bank.touch(device, only_reads=True)).from_memory
        bank.monotonic[0] += 0.1
        await away(bank.touch(device, only_reads=True))
    await back(bank)
    assert not (await bank.touch(device, only_reads=True)).from_memory
    listening.cancel()


async def test_nothing_but_reading_at_the_lowest_tier_lives_on(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device, unknown = await remembered(bank), await bank.sign_in()
    with server.frozen():
        for call in (
            lambda: bank.touch(device),
            lambda: bank.touch(device, wanted=Tier.GENERAL, only_reads=True),
            lambda: bank.touch(device, jkt=new_jkt(), only_reads=True),
            lambda: bank.touch(device, auth_time=device.auth_time - MINUTE, only_reads=True),
            lambda: bank.touch(unknown, only_reads=True),
            lambda: bank.rotate(device),
        ):
            await away(call())
        assert (await bank.touch(device, only_reads=True)).from_memory
    await back(bank)
    listening.cancel()


async def test_a_proof_is_good_once_from_memory_too(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device, before, during = await bank.sign_in(), new_proof(), new_proof()
    await bank.touch(device, proof=before, only_reads=True)
    with server.frozen():
        assert (await bank.touch(device, proof=during, only_reads=True)).from_memory
        assert (await bank.touch(device, proof=during, only_reads=True)).status is SessionStatus.PROOF_SEEN
        assert (await bank.touch(device, proof=before, only_reads=True)).status is SessionStatus.PROOF_SEEN
    await back(bank)
    listening.cancel()


async def test_who_does_not_hear_of_revocations_answers_nothing_from_memory(server: Frail, bank: World) -> None:
    device = await remembered(bank)
    with server.frozen():
        await away(bank.touch(device, only_reads=True))
    await back(bank)


async def test_who_heard_of_revocations_too_long_ago_answers_nothing_from_memory(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device = await remembered(bank)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    bank.monotonic[0] += 5.1
    with server.frozen():
        await away(bank.touch(device, only_reads=True))
    await back(bank)


@pytest.mark.parametrize("how", ["by name", "by epoch"])
async def test_a_session_that_ended_is_not_remembered(server: Frail, bank: World, how: str) -> None:
    heard = asyncio.Event()
    bank.revocations.hear.append(lambda revocation: heard.set())
    listening = await hear(bank)
    device, neighbour = await remembered(bank), await remembered(bank)
    async with World.open(server.url, prefix=bank.prefix) as other:
        if how == "by name":
            await other.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)
        else:
            await other.sessions.set_epoch(device.tag, at=device.auth_time + MINUTE, reason=EndReason.LOCKED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await heard.wait()
    with server.frozen():
        await away(bank.touch(device, only_reads=True))
        assert (await bank.touch(neighbour, only_reads=True)).from_memory
    await back(bank)
    listening.cancel()


async def test_what_the_store_refused_is_not_remembered(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device = await remembered(bank)
    await bank.sessions.set_risk(device.sid, score=70, action=RiskAction.HOLD)
    assert not (await bank.touch(device, only_reads=True)).is_allowed
    with server.frozen():
        await away(bank.touch(device, only_reads=True))
    await back(bank)
    listening.cancel()


async def test_who_may_have_missed_a_revocation_remembers_nobody(server: Frail, bank: World) -> None:
    listening = await hear(bank)
    device = await remembered(bank)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await bank.sessions.revoke([(await bank.sign_in()).sid], reason=EndReason.SIGNED_OUT)
    await bank.store.ask("DEL", bank.keys.revocations)
    bank.revocations.synced_at, bank.revocations._at = None, "9999999999999-0"
    listening = await hear(bank)
    with server.frozen():
        await away(bank.touch(device, only_reads=True))
    await back(bank)
    listening.cancel()
