"""Reasons: what a decision rests on, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["NOTHING", "Code", "Decision", "Follow", "Reason", "follow_all", "strictest"]

Input = str | int | float | bool | None


class Code(StrEnum):
    """Stable: audits and operators' queries name them."""

    TOKEN_OUTSIDE_DEVICE = "token_outside_device"  # noqa: S105 - Not a password.
    REFRESH_REUSED = "refresh_reused"
    BAD_ACR = "bad_acr"
    TWO_DEVICES_ONE_SESSION = "two_devices_one_session"
    ONE_SESSION_TWO_COUNTRIES = "one_session_two_countries"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    TRAVEL_BETWEEN_KNOWN_NETWORKS = "travel_between_known_networks"
    COUNTRY_CHANGED = "country_changed"
    ELSEWHERE_AT_ONCE = "elsewhere_at_once"
    NEWER_SESSION_ELSEWHERE = "newer_session_elsewhere"
    NEW_DEVICE = "new_device"
    NEW_COUNTRY = "new_country"
    NEW_ASN = "new_asn"
    HOSTING = "hosting"
    ATTESTATION = "attestation"
    FAILED_FACTORS = "failed_factors"
    ATTACKED_NETWORK = "attacked_network"
    SPRAYED_PASSWORD = "sprayed_password"  # noqa: S105 - Not one.
    UNUSUAL_HOUR = "unusual_hour"
    DORMANT = "dormant"


class Decision(StrEnum):
    """From the mildest to the strictest."""

    ALLOW = "allow"
    STEP_UP = "step_up"
    STEP_UP_WITH_APPROVAL_KEY = "step_up_with_approval_key"
    REFUSE = "refuse"
    TERMINATE = "terminate"  # The session and its family of tokens end.

    def at_least(self, other: Decision) -> bool:
        return _STRICTNESS[self] >= _STRICTNESS[other]


_STRICTNESS = {decision: place for place, decision in enumerate(Decision)}


def strictest(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=_STRICTNESS.__getitem__, default=Decision.ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """What else is to be done. Sessions and factors are named as the event names them."""

    alarm: bool = False  # To those who watch over the bank.
    notify: bool = False  # The customer, wherever they can be reached.
    notify_sessions: tuple[str, ...] = ()
    step_up_sessions: tuple[str, ...] = ()
    lock_factors: tuple[str, ...] = ()  # Never the account: that would let anybody lock anybody out.
    device_limits_until: datetime | None = None


NOTHING = Follow()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One signal: what it adds to the score, the inputs that caused it, the mildest decision it leaves."""

    code: Code
    points: int
    inputs: Mapping[str, Input]
    at_least: Decision = Decision.ALLOW
    follow: Follow = NOTHING


def follow_all(follows: Iterable[Follow]) -> Follow:
    """All of it, each thing once."""
    listed = list(follows)
    return Follow(
        alarm=any(one.alarm for one in listed),
        notify=any(one.notify for one in listed),
        notify_sessions=tuple(dict.fromkeys(name for one in listed for name in one.notify_sessions)),
        step_up_sessions=tuple(dict.fromkeys(name for one in listed for name in one.step_up_sessions)),
        lock_factors=tuple(dict.fromkeys(name for one in listed for name in one.lock_factors)),
        device_limits_until=max((one.device_limits_until for one in listed if one.device_limits_until), default=None),
    )
