"""Ending sessions: one, all but one, all; by name or by an epoch of their holder.

Method: real functions on a real server, two processes of the bank.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from auth.sessions.records import EndReason, SessionStatus
from auth.tiers import MFA_ACR, Tier
from tests.auth.sessions.world import World, new_tag, seconds


async def test_a_session_that_is_signed_out_is_dead_at_the_next_request(world: World, other: World) -> None:
    device = await world.sign_in()

    assert await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT) == (device.sid,)

    touched = await other.touch(device)
    assert (touched.status, touched.reason) == (SessionStatus.ENDED, EndReason.SIGNED_OUT)
    assert await other.sessions.find(device.sid) is None


async def test_ending_twice_ends_once_and_keeps_the_first_reason(world: World) -> None:
    device = await world.sign_in()
    await world.sessions.revoke([device.sid], reason=EndReason.DEVICE_REVOKED)

    assert await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT) == ()
    assert (await world.touch(device)).reason is EndReason.DEVICE_REVOKED


async def test_ending_none_is_nothing(world: World) -> None:
    assert await world.sessions.revoke([], reason=EndReason.SIGNED_OUT) == ()


async def test_ending_what_never_was_makes_nothing(world: World) -> None:
    sid = new_tag() + "A" * 22

    assert await world.sessions.revoke([sid], reason=EndReason.SIGNED_OUT) == ()
    assert await world.store.ask("EXISTS", world.keys.session(sid)) == 0


async def test_all_but_one_of_a_holders_sessions_end_and_nobody_elses(world: World) -> None:
    tag = new_tag()
    mine, second, third = [await world.sign_in(tag=tag) for _ in range(3)]
    stranger = await world.sign_in()

    ended = await world.sessions.revoke_all(tag, reason=EndReason.SIGNED_OUT, but=mine.sid)

    assert set(ended) == {second.sid, third.sid}
    assert [session.sid for session in await world.sessions.list_sessions(tag)] == [mine.sid]
    assert (await world.touch(mine)).is_allowed
    assert (await world.touch(stranger)).is_allowed
    assert await world.sessions.revoke_all(tag, reason=EndReason.LOCKED) == (mine.sid,)


async def test_an_epoch_ends_what_was_signed_in_before_it_and_nothing_after(world: World) -> None:
    tag = new_tag()
    before = await world.sign_in(tag=tag)
    await world.advance(seconds(1))
    await world.sessions.set_epoch(tag, at=await world.now(), reason=EndReason.PASSWORD_CHANGED)
    after = await world.sign_in(tag=tag)

    touched = await world.touch(before)

    assert (touched.status, touched.reason, touched.ended_now) == (SessionStatus.ENDED, EndReason.SUPERSEDED, True)
    assert (await world.touch(after)).is_allowed
    assert [session.sid for session in await world.sessions.list_sessions(tag)] == [after.sid]


async def test_an_epoch_tells_apart_what_happens_within_one_second(world: World) -> None:
    tag = new_tag()
    before = await world.sign_in(tag=tag)
    await world.advance(timedelta(milliseconds=3))
    await world.sessions.set_epoch(tag, at=await world.now(), reason=EndReason.LOCKED)
    await world.advance(timedelta(milliseconds=3))
    after = await world.sign_in(tag=tag)

    assert (await world.touch(before)).reason is EndReason.SUPERSEDED
    assert (await world.touch(after)).is_allowed


async def test_the_session_that_changed_the_password_stays_and_works(world: World) -> None:
    tag = new_tag()
    mine, others = await world.sign_in(tag=tag), await world.sign_in(tag=tag)
    await world.advance(timedelta(minutes=5))
    await world.sessions.set_epoch(tag, at=await world.now(), reason=EndReason.PASSWORD_CHANGED, keep=mine.sid)

    assert (await world.touch(mine, active=True)).is_allowed
    assert (await world.rotate(mine)).status.grants
    assert (await world.touch(mine)).is_allowed
    assert (await world.rotate(others)).reason is EndReason.SUPERSEDED
    await world.advance(seconds(1))
    await world.sessions.set_epoch(tag, at=await world.now(), reason=EndReason.LOCKED)
    assert (await world.touch(mine)).reason is EndReason.SUPERSEDED


async def test_keeping_does_not_wake_a_dead_session(world: World) -> None:
    device = await world.sign_in()
    await world.advance(timedelta(minutes=45))

    await world.sessions.set_epoch(device.tag, at=await world.now(), reason=EndReason.PASSWORD_CHANGED, keep=device.sid)

    assert (await world.touch(device)).status is SessionStatus.ENDED


async def test_keeping_does_not_undo_an_epoch_that_nobody_noticed_yet(world: World) -> None:
    device = await world.sign_in()
    await world.sessions.set_epoch(device.tag, at=await world.now() + seconds(1), reason=EndReason.LOCKED)

    await world.sessions.set_epoch(device.tag, at=await world.now() + seconds(2), reason=EndReason.PASSWORD_CHANGED, keep=device.sid)

    assert (await world.touch(device)).reason is EndReason.SUPERSEDED


async def test_an_epoch_never_falls(world: World) -> None:
    device = await world.sign_in()
    now = await world.now()
    await world.sessions.set_epoch(device.tag, at=now + seconds(10), reason=EndReason.LOCKED)

    await world.sessions.set_epoch(device.tag, at=now - timedelta(days=1), reason=EndReason.LOCKED)

    assert (await world.touch(device)).reason is EndReason.SUPERSEDED


async def test_a_token_from_before_the_epoch_is_stale_in_a_session_from_after_it(world: World) -> None:
    device = await world.sign_in()
    old = device.auth_time - seconds(60)
    await world.sessions.set_epoch(device.tag, at=device.auth_time - seconds(30), reason=EndReason.LOCKED)

    assert (await world.touch(device, auth_time=old)).status is SessionStatus.STALE_TOKEN
    assert (await world.touch(device)).is_allowed


async def test_a_step_up_from_before_the_epoch_raises_nothing(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    await world.sessions.set_epoch(device.tag, at=device.auth_time - seconds(30), reason=EndReason.LOCKED)

    raised = await world.sessions.raise_tier(device.sid, tier=Tier.GENERAL, acr=MFA_ACR, auth_time=device.auth_time - seconds(60))

    assert raised.status is SessionStatus.STALE_TOKEN


async def test_sessions_are_listed_the_one_in_use_first_and_without_those_that_are_over(world: World) -> None:
    tag = new_tag()
    first, second, third = [await world.sign_in(tag=tag) for _ in range(3)]
    await world.advance(timedelta(minutes=20))
    await world.touch(second, active=True)
    await world.advance(seconds(10))
    await world.touch(first, active=True)
    await world.advance(timedelta(minutes=12))

    listed = await world.sessions.list_sessions(tag)

    assert [session.sid for session in listed] == [first.sid, second.sid]
    assert listed[0].seen_at > listed[1].seen_at > listed[0].created_at
    assert (await world.touch(third)).reason is EndReason.IDLE


async def test_a_holder_without_sessions_has_an_empty_list(world: World) -> None:
    assert await world.sessions.list_sessions(new_tag()) == []


@pytest.mark.parametrize("tries", range(10))
async def test_signing_out_everywhere_while_a_device_signs_in_leaves_no_older_sign_in(world: World, other: World, tries: int) -> None:
    tag, auth_time = new_tag(), await world.now()
    code = await world.code(tag)
    await world.advance(seconds(1))
    at = await world.now()

    async def everywhere() -> None:
        await world.sessions.set_epoch(tag, at=at, reason=EndReason.LOCKED)
        await world.sessions.revoke_all(tag, reason=EndReason.LOCKED)

    await asyncio.gather(everywhere(), other.redeem(code, jkt="j", auth_time=auth_time))

    assert await world.sessions.list_sessions(tag) == []


async def test_key_names_and_clear_fields_hold_nothing_personal(world: World) -> None:
    device = await world.sign_in(details=b"Amina Bello, +2348030000001, 192.0.2.7")
    await world.touch(device, active=True)

    keys: list[str] = await world.store.ask("KEYS", f"{world.prefix}*{device.tag}*")
    fields: list[str] = await world.store.ask("HGETALL", world.keys.session(device.sid))

    assert sorted(key.removeprefix(world.prefix).partition(":")[0] for key in keys) == ["code", "p", "s", "u"]
    assert not any("Amina" in text or "192.0.2" in text or "2348" in text for text in [*keys, *fields])


async def test_each_key_goes_by_itself_some_day(world: World) -> None:
    device = await world.sign_in()
    await world.touch(device, active=True)
    await world.rates.allow("someone", period=seconds(60), burst=3)
    await world.rates.failed("someone")
    await world.rates.signed_in("192.0.2.0/24", "someone", failed=True)
    await world.sessions.set_epoch(device.tag, at=device.auth_time, reason=EndReason.LOCKED)

    keys: list[str] = await world.store.ask("KEYS", f"{world.prefix}*")
    lasting = {key.removeprefix(world.prefix) for key in keys if await world.store.ask("PTTL", key) < 0}

    assert lasting == {"marker", "ev:revoke", f"u:{{{device.tag}}}:epoch"}
    day = 24 * 60 * 60 * 1000
    assert day < await world.store.ask("PTTL", world.keys.session(device.sid)) <= day + 30 * 60 * 1000


async def test_activity_keeps_the_record_and_an_end_lets_it_go(world: World) -> None:
    device, day = await world.sign_in(), 24 * 60 * 60 * 1000
    key = world.keys.session(device.sid)
    await world.store.ask("PEXPIRE", key, 60_000)  # As if it had been there for a day.
    await world.advance(seconds(10))

    await world.touch(device, active=True)
    assert day < await world.store.ask("PTTL", key)
    await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)
    assert 0 < await world.store.ask("PTTL", key) <= day
