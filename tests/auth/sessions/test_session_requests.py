"""What each request asks: whether its session lives, whether its proof is new, and what it may do.

Method: real functions on a real server, with the time that the test chooses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from auth.sessions.records import EndReason, Needed, RiskAction, SessionStatus
from auth.tiers import DEVICE_ACR, MFA_ACR, Tier, TierLimits
from tests.auth.sessions.world import World, new_jkt, new_proof, new_tag, seconds

MINUTE = timedelta(minutes=1)
SHORT = {tier: TierLimits(access_seconds=1, idle_seconds=2, absolute_seconds=6, refresh_window_seconds=2) for tier in Tier}

# ---------------------------------------------------------------- whether it lives


async def test_a_proof_is_good_once_whichever_process_sees_it(world: World, other: World) -> None:
    device, proof = await world.sign_in(), new_proof()

    assert (await world.touch(device, proof=proof)).is_allowed
    assert (await other.touch(device, proof=proof)).status is SessionStatus.PROOF_SEEN
    assert (await world.touch(device, proof=proof)).status is SessionStatus.PROOF_SEEN


async def test_of_requests_at_once_with_one_proof_one_passes(world: World, other: World) -> None:
    device, proof = await world.sign_in(), new_proof()

    answers = await asyncio.gather(*((world, other)[n % 2].touch(device, proof=proof) for n in range(40)))

    assert Counter(touched.status for touched in answers) == {SessionStatus.ALIVE: 1, SessionStatus.PROOF_SEEN: 39}


async def test_a_proof_of_another_holder_is_another_proof(world: World) -> None:
    one, another, proof = await world.sign_in(), await world.sign_in(), new_proof()

    assert (await world.touch(one, proof=proof)).is_allowed
    assert (await world.touch(another, proof=proof)).is_allowed


async def test_another_key_is_refused_and_uses_up_nothing(world: World) -> None:
    device, proof = await world.sign_in(), new_proof()

    assert (await world.touch(device, jkt=new_jkt(), proof=proof)).status is SessionStatus.OTHER_DEVICE
    assert (await world.touch(device, proof=proof)).is_allowed


async def test_what_was_never_a_session_is_gone(world: World) -> None:
    device = await world.sign_in()
    device.sid = new_tag() + device.sid[16:]

    assert (await world.touch(device)).status is SessionStatus.GONE


async def test_a_session_without_activity_ends(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    await world.advance(30 * MINUTE)

    first, second = await world.touch(device, active=True), await world.touch(device, active=True)

    assert (first.status, first.reason, first.ended_now) == (SessionStatus.ENDED, EndReason.IDLE, True)
    assert (second.status, second.reason, second.ended_now) == (SessionStatus.ENDED, EndReason.IDLE, False)
    assert await world.sessions.list_sessions(device.tag) == []


async def test_polling_in_the_background_keeps_nothing_alive(world: World) -> None:
    polled, used = await world.sign_in(), await world.sign_in()
    for _ in range(29):
        await world.advance(MINUTE)
        assert (await world.touch(polled)).status is SessionStatus.ALIVE
        assert (await world.touch(used, active=True)).status is SessionStatus.ALIVE
    await world.advance(MINUTE)

    assert (await world.touch(polled)).reason is EndReason.IDLE
    assert (await world.touch(used)).status is SessionStatus.ALIVE


async def test_activity_does_not_move_the_absolute_limit(world: World) -> None:
    device = await world.sign_in(limits=SHORT)
    for _ in range(5):
        await world.advance(seconds(1.1))
        assert (await world.touch(device, active=True)).status is SessionStatus.ALIVE
    await world.advance(seconds(0.6))

    assert (await world.touch(device, active=True)).reason is EndReason.ABSOLUTE


async def test_activity_is_written_every_few_seconds_and_finer_where_little_time_is_idle(world: World) -> None:
    normal = await world.sign_in()

    async def seen(sid: str) -> int:
        return int(await world.store.ask("HGET", world.keys.session(sid), "seen"))

    began = await seen(normal.sid)
    await world.advance(seconds(2))
    await world.touch(normal, active=True)
    assert await seen(normal.sid) == began
    await world.advance(seconds(3))
    await world.touch(normal, active=True)
    assert await seen(normal.sid) >= began + 5000

    short = await world.sign_in(limits=SHORT)
    for _ in range(40):
        await world.advance(seconds(0.2))
        if (touched := await world.touch(short, active=True)).status is not SessionStatus.ALIVE:
            break
    assert touched.reason is EndReason.ABSOLUTE


# ---------------------------------------------------------------- what it may do


async def test_a_tier_that_was_not_reached_needs_a_step_up(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)

    assert (await world.touch(device)).is_allowed
    touched = await world.touch(device, wanted=Tier.GENERAL)
    assert (touched.status, touched.needed, touched.is_allowed) == (SessionStatus.ALIVE, Needed.STEP_UP, False)
    assert touched.standing is not None
    assert (touched.standing.tier, touched.standing.acr) == (Tier.BROWSE, DEVICE_ACR)


@pytest.mark.parametrize(
    ("tier", "falls_to", "after"),
    [
        (Tier.GENERAL, Tier.BROWSE, timedelta(minutes=15)),
        (Tier.ELEVATED, Tier.GENERAL, timedelta(minutes=3)),
        (Tier.ELEVATED, Tier.BROWSE, timedelta(minutes=15)),
    ],
)
async def test_a_tier_without_activity_falls_and_later_activity_does_not_bring_it_back(
    world: World, tier: Tier, falls_to: Tier, after: timedelta
) -> None:
    device = await world.sign_in(tier=tier)
    await world.advance(after)

    for _ in range(2):
        touched = await world.touch(device, wanted=tier, active=True)
        assert touched.standing is not None
        assert (touched.standing.tier, touched.standing.acr) == (falls_to, falls_to.acr)
        assert touched.needed is Needed.STEP_UP


@pytest.mark.parametrize(
    ("tier", "falls_to", "after", "step"),
    [
        (Tier.GENERAL, Tier.BROWSE, timedelta(hours=12), timedelta(minutes=14)),
        (Tier.ELEVATED, Tier.GENERAL, timedelta(minutes=15), timedelta(minutes=2)),
    ],
)
async def test_a_tier_falls_at_its_absolute_limit_however_active_one_is(
    world: World, tier: Tier, falls_to: Tier, after: timedelta, step: timedelta
) -> None:
    device, passed = await world.sign_in(tier=tier), timedelta()
    while passed + step < after:
        touched = await world.touch(device, wanted=tier, active=True)
        assert touched.is_allowed
        await world.advance(step)
        passed += step
    assert (await world.touch(device, wanted=tier, active=True)).is_allowed
    await world.advance(after - passed)

    fallen = await world.touch(device, wanted=tier, active=True)

    assert fallen.standing is not None
    assert fallen.standing.tier is falls_to


async def test_a_step_up_raises_the_tier_for_tokens_that_come_after_it(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    await world.advance(MINUTE)

    raised = await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())

    assert raised.standing is not None
    assert (raised.standing.tier, raised.standing.acr) == (Tier.ELEVATED, MFA_ACR)
    with_old_token = await world.touch(device, wanted=Tier.ELEVATED)
    assert (with_old_token.needed, with_old_token.is_allowed) == (Needed.NEW_TOKEN, False)
    await world.rotate(device)
    assert (await world.touch(device, wanted=Tier.ELEVATED)).is_allowed
    assert device.auth_time == raised.standing.auth_time


@pytest.mark.parametrize("tier", [Tier.GENERAL, Tier.ELEVATED])
async def test_a_token_from_before_all_step_ups_carries_the_lowest_tier_only(world: World, tier: Tier) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    await world.advance(MINUTE)
    await world.sessions.raise_tier(device.sid, tier=tier, acr=MFA_ACR, auth_time=await world.now())

    touched = await world.touch(device, wanted=Tier.GENERAL)

    assert touched.standing is not None
    assert (touched.standing.tier, touched.needed) == (Tier.BROWSE, Needed.NEW_TOKEN)


async def test_a_higher_tier_leaves_tokens_the_lower_one_that_they_carried(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)
    await world.advance(MINUTE)
    await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())

    touched = await world.touch(device, wanted=Tier.GENERAL)
    assert touched.is_allowed
    assert touched.standing is not None
    assert touched.standing.tier is Tier.GENERAL
    assert (await world.touch(device, wanted=Tier.ELEVATED)).needed is Needed.NEW_TOKEN


async def test_a_second_step_up_leaves_tokens_of_the_first_what_they_carried(world: World) -> None:
    device = await world.sign_in(tier=Tier.ELEVATED)
    await world.advance(MINUTE)
    await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())

    assert (await world.touch(device, wanted=Tier.ELEVATED)).is_allowed


async def test_a_step_up_is_activity(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    await world.advance(29 * MINUTE)

    raised = await world.sessions.raise_tier(device.sid, tier=Tier.GENERAL, acr=MFA_ACR, auth_time=await world.now())

    assert raised.standing is not None
    assert raised.standing.tier is Tier.GENERAL
    await world.advance(29 * MINUTE)
    assert (await world.touch(device)).is_allowed


async def test_an_old_token_carries_the_lowest_tier_where_only_the_highest_is_left(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)
    for _ in range(71):
        await world.advance(10 * MINUTE)
        await world.touch(device, active=True)
    await world.advance(9 * MINUTE)
    raised = await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())
    await world.advance(2 * MINUTE)

    with_old_token = await world.touch(device, wanted=Tier.GENERAL)
    assert with_old_token.standing is not None
    assert (with_old_token.standing.tier, with_old_token.needed) == (Tier.BROWSE, Needed.NEW_TOKEN)
    assert raised.standing is not None
    assert (await world.touch(device, wanted=Tier.ELEVATED, auth_time=raised.standing.auth_time)).is_allowed


async def test_a_step_up_does_not_prolong_the_tier_below(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)
    for _ in range(60):
        await world.advance(timedelta(minutes=11, seconds=50))
        await world.touch(device, active=True)
    raised = await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())
    assert raised.standing is not None
    device.auth_time = raised.standing.auth_time
    for _ in range(8):
        assert (await world.touch(device, active=True)).status is SessionStatus.ALIVE
        await world.advance(timedelta(minutes=2))

    touched = await world.touch(device, wanted=Tier.GENERAL, active=True)

    assert touched.standing is not None
    assert touched.standing.tier is Tier.BROWSE


async def test_a_step_up_of_long_ago_gives_nothing(world: World) -> None:
    device = await world.sign_in(tier=Tier.BROWSE)
    stale = await world.now() - timedelta(minutes=20)

    raised = await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=stale)

    assert raised.standing is not None
    assert raised.standing.tier is Tier.GENERAL  # Which lasts for half a day, from then on.


async def test_unlocking_the_device_leaves_a_higher_tier_its_class(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)

    raised = await world.sessions.raise_tier(device.sid, tier=Tier.BROWSE, acr=DEVICE_ACR, auth_time=await world.now())

    assert raised.standing is not None
    assert (raised.standing.tier, raised.standing.acr) == (Tier.GENERAL, MFA_ACR)


@pytest.mark.parametrize("tier", list(Tier))
async def test_a_dead_session_is_not_raised(world: World, tier: Tier) -> None:
    device = await world.sign_in()
    await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)

    raised = await world.sessions.raise_tier(device.sid, tier=tier, acr=tier.acr, auth_time=await world.now())

    assert (raised.status, raised.reason) == (SessionStatus.ENDED, EndReason.SIGNED_OUT)


async def test_a_risk_that_wants_a_step_up_has_it_before_anything_else(world: World) -> None:
    device = await world.sign_in(tier=Tier.GENERAL)
    assert await world.sessions.set_risk(device.sid, score=45, action=RiskAction.STEP_UP)

    touched = await world.touch(device)
    assert touched.standing is not None
    assert (touched.standing.risk, touched.needed, touched.is_allowed) == (45, Needed.STEP_UP, False)

    await world.sessions.raise_tier(device.sid, tier=Tier.GENERAL, acr=MFA_ACR, auth_time=await world.now())
    assert (await world.touch(device)).is_allowed


async def test_a_hold_outlives_a_step_up(world: World) -> None:
    device = await world.sign_in()
    await world.sessions.set_risk(device.sid, score=80, action=RiskAction.HOLD)

    await world.sessions.raise_tier(device.sid, tier=Tier.ELEVATED, acr=MFA_ACR, auth_time=await world.now())

    assert (await world.touch(device)).needed is Needed.HOLD
    assert await world.sessions.set_risk(device.sid, score=0, action=RiskAction.ALLOW)
    assert (await world.touch(device)).is_allowed


async def test_risk_of_a_session_that_is_over_is_not_noted(world: World) -> None:
    device = await world.sign_in()
    await world.advance(timedelta(hours=1))

    assert not await world.sessions.set_risk(device.sid, score=1, action=RiskAction.ALLOW)
