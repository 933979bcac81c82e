"""Random sequences of everything that happens to a holder's sessions, against a model of a few lines.

Method: hypothesis draws the steps. Times differ by multiples of ten seconds and limits end on five, and before each step the store's
clock is put to where the model is: so it never hangs on milliseconds who is right.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from auth.sessions.records import EndReason, Needed, RedeemStatus, RotateStatus, SessionStatus, Touched
from auth.tiers import DEVICE_ACR, MFA_ACR, Tier, TierLimits
from tests.auth.sessions.world import Device, World, new_jkt, new_proof, new_tag


def limits(idle: int, absolute: int, window: int) -> TierLimits:
    return TierLimits(access_seconds=60, idle_seconds=idle, absolute_seconds=absolute, refresh_window_seconds=window)


LIMITS = {Tier.BROWSE: limits(1805, 7205, 605), Tier.GENERAL: limits(905, 3605, 605), Tier.ELEVATED: limits(185, 905, 125)}
WAITS = st.sampled_from([10, 10, 60, 60, 130, 130, 190, 190, 400, 610, 910, 1810])
CHOICES = st.integers(0, 20)  # Counted from the newest that lives; the highest take any.
SELDOM = st.sampled_from([False] * 5 + [True])  # What ends everything would else leave little to see.
OUTCOMES: Counter[str] = Counter()


@dataclass
class Model:
    """One session as it should be; times in seconds."""

    device: Device
    created: int
    seen: int
    auth_time: int
    code: str
    cur: int = 0
    used: bool = False
    rotated_at: int = 0
    kept_at: int = 0
    began: dict[Tier, int] = field(default_factory=dict)  # Of tiers above the lowest: by which sign-in, at the latest.
    carried_from: dict[Tier, int] = field(default_factory=dict)
    ended: EndReason | None = None

    def settle(self, now: int, epoch: int) -> bool:
        """End what is over; whether the session ended by it."""
        if self.ended is not None:
            return False
        if max(self.auth_time, self.kept_at) < epoch:
            self.ended = EndReason.SUPERSEDED
        elif now >= self.created + LIMITS[Tier.BROWSE].absolute_seconds:
            self.ended = EndReason.ABSOLUTE
        elif now >= self.seen + LIMITS[Tier.BROWSE].idle_seconds:
            self.ended = EndReason.IDLE
        return self.ended is not None

    def tier(self, now: int) -> Tier:
        for tier, at in list(self.began.items()):
            if now >= at + LIMITS[tier].absolute_seconds or now >= self.seen + LIMITS[tier].idle_seconds:
                del self.began[tier]
        return max(self.began, default=Tier.BROWSE)

    def usable(self, now: int, token_auth: int) -> Tier:
        self.tier(now)
        return max((tier for tier in self.began if token_auth >= self.carried_from[tier]), default=Tier.BROWSE)

    def reach(self, tier: Tier, at: int) -> None:
        for reached in (Tier.GENERAL, Tier.ELEVATED):
            if reached == tier or (reached < tier and reached not in self.began):
                if reached not in self.began:
                    self.carried_from[reached] = at
                self.began[reached] = at


class Sessions(RuleBasedStateMachine):
    """Holds the store to the model. The functions of the store run in one process of the bank."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run = self.loop.run_until_complete
        self.stack = AsyncExitStack()
        self.world: World = self.run(self.stack.enter_async_context(World.open(self.url)))
        self.tag, self.epoch = new_tag(), 0
        self.now = int(self.run(self.world.now()).timestamp()) // 10 * 10
        self.models: list[Model] = []
        self.spent: list[str] = []

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()

    def at(self, time: int) -> datetime:
        return datetime.fromtimestamp(time, UTC)

    def put_clock(self) -> None:
        """The store's time is the model's, and some milliseconds."""

        async def put() -> None:
            whole, micros = await self.world.store.ask("TIME")
            await self.world.store.ask("SET", self.world.keys.clock, self.now * 1000 - int(whole) * 1000 - int(micros) // 1000)

        self.run(put())

    def pick(self, choice: int) -> Model:
        """A session, and the store's clock in its place."""
        self.put_clock()
        living = [model for model in self.models if model.ended is None]
        among = living if living and choice < 17 else self.models
        return among[-1 - choice % len(among)]

    # ------------------------------------------------------------ steps

    @initialize(tier=st.sampled_from(Tier))
    def first(self, tier: Tier) -> None:
        self.sign_in(tier=tier, ago=0)

    @precondition(lambda self: len([model for model in self.models if model.ended is None]) < 3)
    @rule(tier=st.sampled_from(Tier), ago=st.sampled_from([0, 60]))
    def sign_in(self, tier: Tier, ago: int) -> None:
        self.put_clock()
        auth_time, jkt = self.now - ago, new_jkt()

        async def redeem() -> tuple[str, RedeemStatus, str | None]:
            code = await self.world.code(self.tag, jkt=jkt)
            made = await self.world.redeem(code, jkt=jkt, tier=tier, limits=LIMITS, auth_time=self.at(auth_time))
            return code, made.status, made.sid

        code, status, sid = self.run(redeem())
        OUTCOMES[f"redeem {status}"] += 1
        assert status is (RedeemStatus.SUPERSEDED if auth_time < self.epoch else RedeemStatus.REDEEMED)
        if status is RedeemStatus.REDEEMED:
            assert sid is not None
            device = Device(tag=self.tag, jkt=jkt, sid=sid, auth_time=self.at(auth_time))
            model = Model(device, created=self.now, seen=self.now, auth_time=auth_time, code=code, rotated_at=self.now)
            if tier is not Tier.BROWSE:
                model.reach(tier, auth_time)
            self.models.append(model)

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, really=SELDOM)
    def redeem_again(self, choice: int, really: bool) -> None:
        if not really:
            return
        model = self.pick(choice)

        made = self.run(self.world.redeem(model.code, jkt=model.device.jkt, limits=LIMITS, auth_time=self.at(self.now)))

        # Whether it was over already without anybody having looked is told only by who looks.
        assert (made.status, made.ended) == (RedeemStatus.REPLAYED, () if model.ended else (model.device.sid,))
        model.ended = model.ended or EndReason.CODE_REUSED

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, step=st.sampled_from([0] * 6 + [-1] * 4 + [1] * 3 + [-2, 2]), thief=st.sampled_from([False] * 11 + [True]))
    def rotate(self, choice: int, step: int, thief: bool) -> None:
        model = self.pick(choice)
        n, jkt = max(0, model.cur + step), new_jkt() if thief else model.device.jkt

        rotated = self.run(self.world.sessions.rotate(model.device.sid, n=n, jkt=jkt, proof=new_proof()))

        OUTCOMES[f"rotate {rotated.status}"] += 1
        ended_now = model.settle(self.now, self.epoch)
        if model.ended is not None:
            assert (rotated.status, rotated.reason, rotated.ended_now) == (RotateStatus.ENDED, model.ended, ended_now)
            return
        expected = RotateStatus.OTHER_DEVICE if thief else self.expected_turn(model, n)
        assert rotated.status is expected
        if not expected.grants:
            model.ended = EndReason(expected.value)
            assert (rotated.reason, rotated.ended_now) == (model.ended, True)
            return
        if expected is not RotateStatus.REPLAYED:
            model.cur, model.used, model.rotated_at = n + 1, False, self.now
        assert rotated.standing is not None
        assert (rotated.n, rotated.standing.tier) == (model.cur, model.tier(self.now))
        assert rotated.standing.auth_time == self.at(model.auth_time)

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, later=st.sampled_from([10, 130, 610, 910]))
    def lose_an_answer(self, choice: int, later: int) -> None:
        self.rotate(choice, 0, thief=False)
        self.now += later
        self.rotate(choice, -1, thief=False)

    def expected_turn(self, model: Model, n: int) -> RotateStatus:
        if n == model.cur:
            return RotateStatus.ROTATED
        if n == model.cur + 1:
            return RotateStatus.HEALED
        if n != model.cur - 1 or model.used:
            return RotateStatus.REUSED
        window = LIMITS[model.tier(self.now)].refresh_window_seconds
        return RotateStatus.REPLAYED if self.now - model.rotated_at <= window else RotateStatus.LATE

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, back=st.integers(0, 2), active=st.booleans(), wanted=st.sampled_from(Tier), old_token=st.booleans())
    def touch(self, choice: int, back: int, active: bool, wanted: Tier, old_token: bool) -> None:
        model, proof = self.pick(choice), new_proof()
        n, token_auth = max(0, model.cur - back), int(model.device.auth_time.timestamp()) if old_token else model.auth_time

        touched = self.run(self.world.touch(model.device, wanted=wanted, proof=proof, active=active, n=n, auth_time=self.at(token_auth)))

        OUTCOMES[f"touch {touched.status} {touched.needed}"] += 1
        ended_now = model.settle(self.now, self.epoch)
        if model.ended is not None:
            assert (touched.status, touched.reason, touched.ended_now) == (SessionStatus.ENDED, model.ended, ended_now)
        elif token_auth < self.epoch and model.kept_at < self.epoch:
            assert touched.status is SessionStatus.STALE_TOKEN
        else:
            self.spent.append(proof)
            model.used = model.used or n == model.cur
            tier = model.tier(self.now)
            model.seen = self.now if active else model.seen
            self.check_touched(touched, model, tier, wanted, token_auth)

    def check_touched(self, touched: Touched, model: Model, tier: Tier, wanted: Tier, token_auth: int) -> None:
        usable = model.usable(self.now, token_auth)
        assert touched.standing is not None
        assert (touched.status, touched.standing.tier) == (SessionStatus.ALIVE, usable)
        assert touched.standing.acr == (DEVICE_ACR if usable is Tier.BROWSE else MFA_ACR)
        needed = Needed.NOTHING if usable >= wanted else Needed.NEW_TOKEN if tier >= wanted else Needed.STEP_UP
        assert touched.needed is needed

    @precondition(lambda self: self.spent and self.models)
    @rule(choice=CHOICES)
    def replay_a_proof(self, choice: int) -> None:
        model = self.pick(choice)

        touched = self.run(self.world.touch(model.device, proof=self.spent[-1], auth_time=self.at(model.auth_time)))

        ended = model.settle(self.now, self.epoch)
        assert touched.status is (SessionStatus.ENDED if ended or model.ended else SessionStatus.PROOF_SEEN)

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, tier=st.sampled_from([Tier.GENERAL, Tier.ELEVATED]))
    def step_up(self, choice: int, tier: Tier) -> None:
        model = self.pick(choice)

        raised = self.run(self.world.sessions.raise_tier(model.device.sid, tier=tier, acr=MFA_ACR, auth_time=self.at(self.now)))

        model.settle(self.now, self.epoch)
        if model.ended is not None:
            assert (raised.status, raised.reason) == (SessionStatus.ENDED, model.ended)
            return
        model.tier(self.now)
        model.seen = model.auth_time = self.now
        model.reach(tier, self.now)
        assert raised.standing is not None
        assert raised.standing.tier is model.tier(self.now)
        assert raised.standing.tier >= tier
        self.touch(choice, back=0, active=False, wanted=tier, old_token=True)

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, all_others=st.booleans(), really=SELDOM)
    def sign_out(self, choice: int, all_others: bool, really: bool) -> None:
        if not really:
            return
        model = self.pick(choice)
        reason = EndReason.SIGNED_OUT
        living = [one for one in self.models if one.ended is None]
        meant = [one for one in living if one is not model] if all_others else [one for one in living if one is model]

        if all_others:
            ended = self.run(self.world.sessions.revoke_all(self.tag, reason=reason, but=model.device.sid))
        else:
            ended = self.run(self.world.sessions.revoke([model.device.sid], reason=reason))

        # One that is over though nobody looked may have left the list before.
        assert {one.device.sid for one in meant if not self.is_over(one)} <= set(ended) <= {one.device.sid for one in meant}
        for one in meant:
            if one.device.sid in ended:
                one.ended = reason

    def is_over(self, model: Model) -> bool:
        limit = LIMITS[Tier.BROWSE]
        return self.now >= model.created + limit.absolute_seconds or self.now >= model.seen + limit.idle_seconds

    @precondition(lambda self: self.models)
    @rule(choice=CHOICES, keep=st.booleans(), really=SELDOM)
    def change_password(self, choice: int, keep: bool, really: bool) -> None:
        if not really:
            return
        model = self.pick(choice)
        kept = model.device.sid if keep else None

        self.run(self.world.sessions.set_epoch(self.tag, at=self.at(self.now), reason=EndReason.PASSWORD_CHANGED, keep=kept))

        if keep and not self.is_over(model) and model.ended is None and max(model.auth_time, model.kept_at) >= self.epoch:
            model.kept_at = self.now
        self.epoch = self.now

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def look_at_the_list(self) -> None:
        self.put_clock()
        listed = self.run(self.world.sessions.list_sessions(self.tag))
        living = {
            one.device.sid for one in self.models if one.ended is None and not self.is_over(one) and max(one.auth_time, one.kept_at) >= self.epoch
        }
        assert {session.sid for session in listed} == living


def test_sessions_do_what_the_model_says(valkey_url: str) -> None:
    Sessions.url = valkey_url
    run_state_machine_as_test(
        Sessions,
        settings=settings(max_examples=150, stateful_step_count=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)),
    )

    # What has to come about, or the examples would show less than they seem to.
    for status in RotateStatus:
        if status not in {RotateStatus.GONE, RotateStatus.PROOF_SEEN, RotateStatus.BROKEN}:
            assert OUTCOMES[f"rotate {status}"], f"no refresh was {status}"
    for needed in (Needed.NOTHING, Needed.STEP_UP, Needed.NEW_TOKEN):
        assert OUTCOMES[f"touch {SessionStatus.ALIVE} {needed}"], f"no request needed {needed}"
    for redeemed in (RedeemStatus.REDEEMED, RedeemStatus.SUPERSEDED):
        assert OUTCOMES[f"redeem {redeemed}"], f"no redemption was {redeemed}"
