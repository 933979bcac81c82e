"""Answers of the store, read; and times and limits as the store writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from auth.sessions.records import EndReason, FoundSession, Needed, RiskAction, SessionStatus, Standing, Touched
from auth.tiers import DEVICE_ACR, Tier, TierLimits

__all__ = ["limits_text", "milliseconds", "moment", "read_found", "read_standing", "read_touched"]

EPOCH = datetime.fromtimestamp(0, UTC)
MILLISECOND = timedelta(milliseconds=1)
REMEMBERED = 4096
TIERS = {tier.value: tier for tier in Tier}  # A look-up here costs a fifth of a call of the class.
ACTIONS = {action.value: action for action in RiskAction}
NEEDS = {needed.value: needed for needed in Needed}


def milliseconds(time: datetime) -> int:
    return (time - EPOCH) // MILLISECOND


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(int(text) / 1000, UTC)


def limits_text(limits: Mapping[Tier, TierLimits]) -> str:
    """Milliseconds: idle, absolute and refresh window of each tier, lowest tier first."""
    of = [limits[tier] for tier in (Tier.BROWSE, Tier.GENERAL, Tier.ELEVATED)]
    return ",".join(str(int(seconds * 1000)) for one in of for seconds in (one.idle_seconds, one.absolute_seconds, one.refresh_window_seconds))


def read_standing(words: Sequence[str]) -> Standing:
    tier, acr, auth_time, risk, action = words
    return Standing(
        tier=TIERS[tier],
        acr=DEVICE_ACR if tier == "browse" else acr,  # Whatever it had before it fell back.
        auth_time=moment(auth_time),
        risk=int(risk),
        action=ACTIONS[action],
    )


@lru_cache(maxsize=REMEMBERED)
def read_touched(answer: str) -> Touched:
    """Remembered, since a session in use gets the same answer again and again."""
    status, *rest = answer.split(" ")
    if status == "alive":
        return Touched(status=SessionStatus.ALIVE, standing=read_standing(rest[:5]), needed=NEEDS[rest[5]])
    if status == "ended":
        return Touched(status=SessionStatus.ENDED, reason=EndReason(rest[0]), ended_now=rest[1] == "1")
    return Touched(status=SessionStatus(status))


def read_found(sid: str, answer: str) -> tuple[FoundSession, str]:
    """All but the details, and those as they are sealed."""
    *standing, created_at, seen_at, ends_at, sealed = answer.split(" ")
    times = {"created_at": moment(created_at), "seen_at": moment(seen_at), "ends_at": moment(ends_at)}
    return FoundSession(sid=sid, standing=read_standing(standing), details=b"", **times), sealed
