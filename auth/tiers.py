"""Tiers: how much a session may do, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType

__all__ = ["DEFAULT_LIMITS", "DEVICE_ACR", "MFA_ACR", "Tier", "TierLimits"]

DEVICE_ACR = "urn:bank:device"  # By the key of a device, unlocked by its owner.
MFA_ACR = "urn:bank:mfa"  # By several factors.

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60


class Tier(StrEnum):
    """Weakest first. They are compared by that order: by their letters, as texts are, GENERAL would be more than ELEVATED."""

    BROWSE = "browse"  # To look.
    GENERAL = "general"  # To pay as usual.
    ELEVATED = "elevated"  # To change whom, how much and from where.

    @property
    def acr(self) -> str:
        """How somebody has to be authenticated for it."""
        return DEVICE_ACR if self is Tier.BROWSE else MFA_ACR

    def at_least(self, wanted: Tier) -> bool:
        """Whether who has this tier may do what needs `wanted`."""
        return self >= wanted

    def __lt__(self, other: str) -> bool:
        return RANKS[self] < _rank(other)

    def __le__(self, other: str) -> bool:
        return RANKS[self] <= _rank(other)

    def __gt__(self, other: str) -> bool:
        return RANKS[self] > _rank(other)

    def __ge__(self, other: str) -> bool:
        return RANKS[self] >= _rank(other)


RANKS = {tier: rank for rank, tier in enumerate(Tier)}


def _rank(other: str) -> int:
    if not isinstance(other, Tier):
        # Not left to the other side: that would compare letters.
        raise TypeError("a tier is compared with tiers only")
    return RANKS[other]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLimits:
    """How long things of one tier live."""

    access_seconds: int  # An access token.
    idle_seconds: int  # A session without anything that its customer did.
    absolute_seconds: int  # A session, whatever its customer does.
    refresh_window_seconds: int  # How long the refresh token before the last one is answered again.

    def __post_init__(self) -> None:
        for limit in fields(self):
            if getattr(self, limit.name) <= 0:
                raise ValueError(f"{limit.name} is at least 1")
        if self.idle_seconds > self.absolute_seconds:
            raise ValueError("idle_seconds is at most absolute_seconds: a session that has ended cannot be idle")


DEFAULT_LIMITS: Mapping[Tier, TierLimits] = MappingProxyType(
    {
        Tier.BROWSE: TierLimits(access_seconds=5 * MINUTE, idle_seconds=30 * MINUTE, absolute_seconds=30 * DAY, refresh_window_seconds=10 * MINUTE),
        Tier.GENERAL: TierLimits(access_seconds=5 * MINUTE, idle_seconds=15 * MINUTE, absolute_seconds=12 * HOUR, refresh_window_seconds=10 * MINUTE),
        Tier.ELEVATED: TierLimits(
            access_seconds=2 * MINUTE, idle_seconds=3 * MINUTE, absolute_seconds=15 * MINUTE, refresh_window_seconds=2 * MINUTE
        ),
    }
)
