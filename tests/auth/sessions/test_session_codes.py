"""Codes: each makes one session, and a code that comes again ends it.

Method: real functions on a real server. Two processes of the bank redeem at once; time is the store's, moved by the test.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from datetime import timedelta

import pytest

from auth.names import new_handle
from auth.sessions.keys import sid_of
from auth.sessions.records import EndReason, FoundCode, RedeemStatus, SessionStatus
from auth.sessions.sessions import CODE_LIFE, MOST_SESSIONS
from auth.tiers import DEFAULT_LIMITS, Tier
from tests.auth.sessions.world import World, new_jkt, new_proof, new_tag, seconds

# ---------------------------------------------------------------- it works


async def test_a_code_makes_a_session_that_its_holders_list_shows(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL, details=b"who and where")

    [session] = await world.sessions.list_sessions(device.tag)

    assert (session.sid, session.details, session.standing.tier) == (device.sid, b"who and where", Tier.GENERAL)
    assert abs(session.standing.auth_time - device.auth_time) < timedelta(milliseconds=2)
    assert session.ends_at - session.created_at == timedelta(minutes=30)
    assert (await world.touch(device, wanted=Tier.GENERAL)).is_allowed


async def test_what_a_code_stands_for_is_read_before_it_is_redeemed(world: World) -> None:
    code = await world.code(new_tag())

    assert await world.sessions.find_code(code) == FoundCode(content=b"what was asked for", sid=sid_of(code), was_used=False)
    assert (await world.redeem(code, jkt=new_jkt())).status is RedeemStatus.REDEEMED


async def test_a_code_that_no_key_was_named_for_is_redeemed_by_any(world: World) -> None:
    code = await world.code(new_tag(), jkt=None)

    assert (await world.redeem(code, jkt=new_jkt())).status is RedeemStatus.REDEEMED


# ---------------------------------------------------------------- it refuses


async def test_a_second_redemption_ends_what_the_first_made(world: World) -> None:
    jkt, tag = new_jkt(), new_tag()
    code = await world.code(tag, jkt=jkt)
    first = await world.redeem(code, jkt=jkt)

    second = await world.redeem(code, jkt=jkt)
    third = await world.redeem(code, jkt=jkt)

    assert (second.status, second.sid, second.ended) == (RedeemStatus.REPLAYED, first.sid, (first.sid,))
    assert (third.status, third.ended) == (RedeemStatus.REPLAYED, ())
    assert await world.sessions.list_sessions(tag) == []


async def test_a_thief_with_a_used_code_ends_the_session_too(world: World) -> None:
    device = await world.sign_in()
    code = await world.code(device.tag, jkt=(mine := new_jkt()))
    made = await world.redeem(code, jkt=mine)

    assert (await world.redeem(code, jkt=new_jkt())).ended == (made.sid,)
    assert [session.sid for session in await world.sessions.list_sessions(device.tag)] == [device.sid]


async def test_a_used_code_is_known_long_after_it_could_be_redeemed(world: World) -> None:
    code = await world.code(new_tag())
    made = await world.redeem(code, jkt=new_jkt())
    await world.advance(CODE_LIFE + timedelta(minutes=20))

    found = await world.sessions.find_code(code)

    assert found is not None
    assert found.was_used
    assert await world.store.ask("PTTL", world.keys.code(code)) > 60_000
    assert (await world.redeem(code, jkt=new_jkt())).ended == (made.sid,)


async def test_a_code_is_good_for_a_minute(world: World) -> None:
    early, late = await world.code(new_tag()), await world.code(new_tag())

    await world.advance(CODE_LIFE - seconds(1))
    assert (await world.redeem(early, jkt=new_jkt())).status is RedeemStatus.REDEEMED
    await world.advance(seconds(1))

    assert await world.sessions.find_code(late) is None
    assert (await world.redeem(late, jkt=new_jkt())).status is RedeemStatus.EXPIRED


async def test_another_device_cannot_redeem_a_code_and_cannot_spoil_it(world: World) -> None:
    jkt = new_jkt()
    code = await world.code(new_tag(), jkt=jkt)

    assert (await world.redeem(code, jkt=new_jkt())).status is RedeemStatus.OTHER_DEVICE
    assert (await world.redeem(code, jkt=jkt)).status is RedeemStatus.REDEEMED


async def test_a_code_of_a_sign_in_before_the_epoch_is_worth_nothing(world: World) -> None:
    tag, auth_time = new_tag(), await world.now()
    code = await world.code(tag)
    await world.sessions.set_epoch(tag, at=auth_time + seconds(1), reason=EndReason.PASSWORD_CHANGED)

    assert (await world.redeem(code, jkt=new_jkt(), auth_time=auth_time)).status is RedeemStatus.SUPERSEDED
    assert await world.sessions.list_sessions(tag) == []


async def test_the_same_request_twice_harms_nobody(world: World) -> None:
    code, jkt, proof = await world.code(new_tag()), new_jkt(), new_proof()
    made = await world.redeem(code, jkt=jkt, proof=proof)

    assert (await world.redeem(code, jkt=jkt, proof=proof)).status is RedeemStatus.PROOF_SEEN
    assert made.sid is not None
    assert await world.sessions.find(made.sid) is not None


async def test_a_proof_that_redeemed_a_code_does_nothing_else(world: World) -> None:
    device = await world.sign_in()
    code, proof = await world.code(device.tag), new_proof()
    await world.redeem(code, jkt=new_jkt(), proof=proof)

    assert (await world.touch(device, proof=proof)).status is SessionStatus.PROOF_SEEN


@pytest.mark.parametrize("code", ["", "a", "x" * 59, "a{b}" * 15, "é" * 59, "a" * 60, "a" * 100_000, new_handle(new_tag())])
async def test_what_was_never_a_code_is_gone(world: World, code: str) -> None:
    assert await world.sessions.find_code(code) is None
    assert (await world.redeem(code, jkt=new_jkt())).status is RedeemStatus.GONE


# ---------------------------------------------------------------- the race


async def test_ten_redemptions_at_once_by_two_processes_make_one_session_that_ends(world: World, other: World) -> None:
    jkt, tag, auth_time = new_jkt(), new_tag(), await world.now()
    code = await world.code(tag, jkt=jkt)

    tried = [(world, other)[n % 2].redeem(code, jkt=jkt, auth_time=auth_time, proof=new_proof()) for n in range(10)]
    answers = Counter(redeemed.status for redeemed in await asyncio.gather(*tried))

    assert answers == {RedeemStatus.REDEEMED: 1, RedeemStatus.REPLAYED: 9}
    assert await other.sessions.list_sessions(tag) == []


async def test_a_holder_with_too_many_sessions_loses_the_one_that_would_end_first(world: World) -> None:
    tag = new_tag()
    devices = []
    for _ in range(MOST_SESSIONS):
        devices.append(await world.sign_in(tag=tag))
        await world.advance(timedelta(milliseconds=5))
    await world.advance(seconds(10))
    assert (await world.touch(devices[0], active=True)).is_allowed

    one_more = await world.redeem(await world.code(tag), jkt=new_jkt())

    assert one_more.ended == (devices[1].sid,)
    assert (await world.touch(devices[1])).reason is EndReason.CROWDED
    assert len(await world.sessions.list_sessions(tag)) == MOST_SESSIONS


async def test_sessions_that_ended_crowd_nobody_out(world: World) -> None:
    tag = new_tag()
    living = await world.sign_in(tag=tag)
    for _ in range(MOST_SESSIONS):
        await world.advance(timedelta(milliseconds=5))
        await world.sessions.revoke([(await world.sign_in(tag=tag)).sid], reason=EndReason.SIGNED_OUT)

    one_more = await world.redeem(await world.code(tag), jkt=new_jkt())

    assert one_more.ended == ()
    assert (await world.touch(living)).is_allowed
    assert await world.store.ask("ZCARD", world.keys.sessions(tag)) == 2


async def test_sessions_that_nobody_used_any_more_crowd_nobody_out(world: World) -> None:
    tag = new_tag()
    for _ in range(3):
        await world.sign_in(tag=tag)
    await world.advance(timedelta(minutes=31))

    await world.sign_in(tag=tag)

    assert await world.store.ask("ZCARD", world.keys.sessions(tag)) == 1


async def test_a_new_session_is_not_the_one_that_goes(world: World) -> None:
    tag = new_tag()
    for _ in range(MOST_SESSIONS):
        await world.sign_in(tag=tag)
    short = {tier: dataclasses.replace(limits, idle_seconds=2) for tier, limits in DEFAULT_LIMITS.items()}

    one_more = await world.redeem(await world.code(tag), jkt=new_jkt(), limits=short)

    assert one_more.sid is not None
    assert await world.sessions.find(one_more.sid) is not None
    assert len(one_more.ended) == 1
    assert one_more.ended != (one_more.sid,)
