"""Refresh on bad networks: a lost answer is told again to the device that lost it, and anything else ends the session.

Method: real functions on a real server; the store's data is put back by hand where it stands for a server that lost its last second.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from auth.sessions.records import EndReason, RotateStatus, SessionStatus
from auth.tiers import MFA_ACR, Tier
from tests.auth.sessions.world import DETAILS, World, new_jkt, new_proof, new_tag, seconds

# ---------------------------------------------------------------- it works


async def test_a_refresh_gives_the_successor_and_what_its_tokens_say(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)

    first, second = await world.rotate(device), await world.rotate(device)

    assert (first.status, first.n, first.details) == (RotateStatus.ROTATED, 1, DETAILS)
    assert (second.status, second.n, second.replayed) == (RotateStatus.ROTATED, 2, 0)
    assert second.standing is not None
    assert (second.standing.tier, second.standing.acr) == (Tier.GENERAL, MFA_ACR)
    assert second.reason is None
    assert not second.ended_now


async def test_a_lost_answer_is_told_again_as_often_as_it_is_asked_for(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)

    again = [await world.rotate(device, n=0) for _ in range(20)]

    assert {(told.status, told.n) for told in again} == {(RotateStatus.REPLAYED, 1)}
    assert again[-1].replayed == 20
    assert (await world.rotate(device, n=1)).n == 2


async def test_an_answer_that_is_lost_after_a_day_of_use_is_told_again_too(world: World) -> None:
    device = await world.sign_in()
    for _ in range(5):
        await world.advance(timedelta(minutes=11))
        assert (await world.touch(device, active=True)).is_allowed
        assert (await world.rotate(device)).status is RotateStatus.ROTATED

    again = await world.rotate(device, n=4)

    assert (again.status, again.n) == (RotateStatus.REPLAYED, 5)


@pytest.mark.parametrize(("tier", "window"), [(Tier.BROWSE, 600), (Tier.GENERAL, 600), (Tier.ELEVATED, 120)])
async def test_the_window_is_the_tiers(world: World, tier: Tier, window: int) -> None:
    in_time, late = await world.sign_in(tier=tier), await world.sign_in(tier=tier)
    for device in (in_time, late):
        await world.rotate(device)

    await world.advance(seconds(window - 5))
    assert (await world.rotate(in_time, n=0)).status is RotateStatus.REPLAYED
    await world.advance(seconds(6))

    assert (await world.rotate(late, n=0)).status is RotateStatus.LATE


async def test_a_server_that_lost_its_last_second_is_healed_by_a_genuine_token(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)
    await world.rotate(device)
    await world.store.ask("HSET", world.keys.session(device.sid), "cur", 1)

    healed = await world.rotate(device, n=2)

    assert (healed.status, healed.n) == (RotateStatus.HEALED, 3)
    assert (await world.rotate(device, n=3)).n == 4


async def test_a_refresh_is_no_activity(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    for _ in range(3):
        await world.advance(timedelta(minutes=9))
        assert (await world.rotate(device)).status is RotateStatus.ROTATED
    await world.advance(timedelta(minutes=9))

    ended = await world.rotate(device)

    assert (ended.status, ended.reason, ended.ended_now) == (RotateStatus.ENDED, EndReason.IDLE, True)


# ---------------------------------------------------------------- it refuses


async def test_a_token_of_two_generations_back_ends_the_session_and_its_access_tokens(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)
    await world.rotate(device)

    reused = await world.rotate(device, n=0)

    assert (reused.status, reused.reason, reused.ended_now, reused.details) == (RotateStatus.REUSED, EndReason.REUSED, True, DETAILS)
    touched = await world.touch(device)
    assert (touched.status, touched.reason, touched.ended_now) == (SessionStatus.ENDED, EndReason.REUSED, False)
    again = await world.rotate(device)
    assert (again.status, again.reason, again.ended_now) == (RotateStatus.ENDED, EndReason.REUSED, False)


async def test_a_retry_by_another_key_ends_the_session(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)

    stolen = await world.rotate(device, n=0, jkt=new_jkt())

    assert (stolen.status, stolen.reason, stolen.details) == (RotateStatus.OTHER_DEVICE, EndReason.OTHER_DEVICE, DETAILS)
    assert (await world.rotate(device)).reason is EndReason.OTHER_DEVICE


async def test_the_current_token_by_another_key_ends_the_session_too(world: World) -> None:
    device = await world.sign_in()

    assert (await world.rotate(device, jkt=new_jkt())).status is RotateStatus.OTHER_DEVICE
    assert await world.sessions.list_sessions(device.tag) == []


async def test_a_successor_that_the_api_saw_closes_the_window(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)
    assert (await world.touch(device)).is_allowed

    assert (await world.rotate(device, n=0)).status is RotateStatus.REUSED


async def test_an_access_token_of_the_predecessor_leaves_the_window_open(world: World) -> None:
    device = await world.sign_in()
    await world.rotate(device)
    assert (await world.touch(device, n=0)).is_allowed

    assert (await world.rotate(device, n=0)).status is RotateStatus.REPLAYED


async def test_a_token_from_far_ahead_is_no_loss_of_a_second(world: World) -> None:
    device = await world.sign_in()

    assert (await world.rotate(device, n=2)).status is RotateStatus.REUSED


async def test_a_proof_that_was_seen_changes_nothing(world: World) -> None:
    device, proof = await world.sign_in(), new_proof()
    await world.rotate(device, proof=proof)

    replayed = await world.rotate(device, n=0, proof=proof)

    assert replayed.status is RotateStatus.PROOF_SEEN
    assert (await world.rotate(device, n=0)).status is RotateStatus.REPLAYED


async def test_endless_refresh_ends_at_the_absolute_limit(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    refreshed = 0
    while (rotated := await world.rotate(device)).status is RotateStatus.ROTATED:
        refreshed += 1
        assert (await world.touch(device, active=True)).is_allowed
        await world.advance(timedelta(minutes=29))

    assert (rotated.status, rotated.reason) == (RotateStatus.ENDED, EndReason.ABSOLUTE)
    assert refreshed == 30 * 24 * 60 // 29 + 1


async def test_what_ended_stays_ended_when_the_clock_steps_back(world: World) -> None:
    device = await world.sign_in()
    await world.advance(timedelta(minutes=31))
    assert (await world.rotate(device)).reason is EndReason.IDLE
    await world.advance(timedelta(minutes=-30))

    assert (await world.rotate(device)).status is RotateStatus.ENDED


async def test_what_was_never_a_session_is_gone(world: World) -> None:
    device = await world.sign_in()
    device.sid = new_tag() + device.sid[16:]

    assert (await world.rotate(device)).status is RotateStatus.GONE


async def test_a_refresh_does_not_raise_a_tier_that_passed(world: World) -> None:
    device = await world.sign_in(tier=Tier.ELEVATED)
    await world.advance(timedelta(minutes=4))

    rotated = await world.rotate(device)

    assert rotated.standing is not None
    assert rotated.standing.tier is Tier.GENERAL


# ---------------------------------------------------------------- the race


async def test_refreshes_at_once_by_two_processes_make_one_successor(world: World, other: World) -> None:
    device = await world.sign_in()

    tried = [(world, other)[n % 2].sessions.rotate(device.sid, n=0, jkt=device.jkt, proof=new_proof()) for n in range(30)]
    answers = await asyncio.gather(*tried)

    assert Counter(rotated.status for rotated in answers) == {RotateStatus.ROTATED: 1, RotateStatus.REPLAYED: 29}
    assert {rotated.n for rotated in answers} == {1}


async def test_a_refresh_that_races_with_sign_out_leaves_nothing(world: World, other: World) -> None:
    for _ in range(20):
        device = await world.sign_in()

        rotated, ended = await asyncio.gather(world.rotate(device), other.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT))

        assert ended == (device.sid,)
        assert rotated.status in {RotateStatus.ROTATED, RotateStatus.ENDED}
        assert (await world.rotate(device)).reason is EndReason.SIGNED_OUT
        assert (await world.touch(device)).reason is EndReason.SIGNED_OUT


# ---------------------------------------------------------------- the sealed part


async def test_a_sealed_part_of_another_session_ends_the_one_that_it_was_put_into(world: World) -> None:
    device, victim = await world.sign_in(), await world.sign_in()
    sealed = await world.store.ask("HGET", world.keys.session(victim.sid), "blob")
    await world.store.ask("HSET", world.keys.session(device.sid), "blob", sealed)

    broken = await world.rotate(device)

    assert (broken.status, broken.reason, broken.ended_now, broken.details) == (RotateStatus.BROKEN, EndReason.BROKEN, True, None)
    assert (await world.touch(device)).reason is EndReason.BROKEN
    assert (await world.touch(victim)).is_allowed


@pytest.mark.parametrize("damage", ["", "-", "v1.00000000.AAAA", "v9.x", "é"])
async def test_a_damaged_sealed_part_is_as_good_as_no_session(world: World, damage: str) -> None:
    device = await world.sign_in()
    await world.store.ask("HSET", world.keys.session(device.sid), "blob", damage)

    assert await world.sessions.find(device.sid) is None
    assert (await world.rotate(device)).status is RotateStatus.BROKEN


async def test_a_new_master_key_seals_at_the_next_refresh_and_an_old_one_that_is_taken_out_ends_sessions(valkey_url: str, world: World) -> None:
    kept, left = await world.sign_in(), await world.sign_in()
    async with World.open(valkey_url, prefix=world.prefix, masters=(b"n" * 32, b"m" * 32)) as both:
        assert (await both.rotate(kept)).details == DETAILS
    async with World.open(valkey_url, prefix=world.prefix, masters=(b"n" * 32,)) as new:
        assert (await new.rotate(kept)).details == DETAILS
        assert (await new.rotate(left)).status is RotateStatus.BROKEN


async def test_details_are_replaced_while_the_session_lives(world: World) -> None:
    device = await world.sign_in()

    assert await world.sessions.set_details(device.sid, b"elsewhere now")
    assert (await world.rotate(device)).details == b"elsewhere now"
    await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)
    assert not await world.sessions.set_details(device.sid, b"too late")
    assert await world.store.ask("HEXISTS", world.keys.session(device.sid), "blob") == 0
