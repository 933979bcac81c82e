"""Policies: every number that risk is judged by, under a version, so that a decision can name what it was made with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum

from pydantic import ConfigDict, TypeAdapter

from auth.risk.events import Scope, Verdict
from auth.tiers import Tier

__all__ = ["DEFAULT_POLICY", "AttestationRule", "Points", "Policy", "SprayRules", "StuffingRules"]

MOST_POINTS = 1000

# Who rents out machines and tunnels to everybody. Not here: operators whose relays ordinary phones use unasked (AS13335, AS36183, AS54113).
HOSTING_ASNS = frozenset(
    {
        *(8075, 14618, 16509, 31898, 45102, 132203, 396982),  # Microsoft, Amazon (two), Oracle, Alibaba, Tencent, Google Cloud.
        *(8560, 12876, 14061, 16276, 20473),  # IONOS, Scaleway, DigitalOcean, OVH, Vultr.
        *(24940, 51167, 60781, 63949),  # Hetzner, Contabo, Leaseweb, Linode.
        *(9009, 39351, 53667, 60068, 208323, 212238),  # M247, 31173 (Mullvad), FranTech, Datacamp (two), Applied Privacy (Tor).
    }
)


class AttestationRule(StrEnum):
    REQUIRE = "require"  # None is as bad as one that failed.
    PREFER = "prefer"  # Only one that failed counts.
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What each signal adds to the score."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    certain: int = 100  # What leaves nothing to judge.
    impossible_travel: int = 30
    travel_between_known_networks: int = 20
    country_changed: int = 20
    elsewhere_at_once: int = 30
    new_device: int = 0  # It demands two factors, whatever the score is.
    new_country: int = 30
    new_asn: int = 10
    hosting: int = 25
    attestation: int = 40
    failed_factors: int = 20
    attacked_network: int = 30
    sprayed_password: int = 30
    unusual_hour: int = 10
    dormant: int = 10

    def __post_init__(self) -> None:
        if not all(0 <= getattr(self, each.name) <= MOST_POINTS for each in fields(self)):
            raise ValueError(f"points are 0 to {MOST_POINTS}: a signal never makes anything less suspicious")
        if not 0 <= self.impossible_travel - self.travel_between_known_networks <= self.hosting:
            raise ValueError("who travels impossibly must not gain by hiding behind a hosting network")


@dataclass(frozen=True, slots=True, kw_only=True)
class StuffingRules:
    """When a network tries out passwords: the share of its logins that fail is above this, and on more than so many customers."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    window: timedelta = timedelta(minutes=5)  # That logins are counted in.
    challenge_share: float = 0.8
    challenge_customers: int = 20
    refuse_share: float = 0.95
    refuse_customers: int = 100
    # A mobile operator's network is a whole town: to refuse it is to do the attacker's work.
    never_refused: frozenset[Scope] = frozenset({Scope.ASN})

    def __post_init__(self) -> None:
        if not 0 < self.challenge_share <= self.refuse_share <= 1:
            raise ValueError("shares are above 0 and at most 1, and a network is challenged before it is refused")
        if not 0 < self.challenge_customers <= self.refuse_customers:
            raise ValueError("customers are above 0, and a network is challenged before it is refused")
        if self.window <= timedelta(0):
            raise ValueError("a window lasts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayRules:
    """When a password is sprayed: it failed for more than so many customers within one to two windows."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    customers: int = 20
    window: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        if not 0 < self.customers <= 100 or self.window <= timedelta(0):
            raise ValueError("customers are 1 to 100, which is as far as the count is good; a window lasts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How events are judged. A signal scores where a number is exceeded, unless its comment says «from»."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    version: str

    step_up_from: int = 30
    approval_key_from: int = 60
    refuse_from: int = 90
    points: Points = Points()

    travel_kmh: float = 900  # An airliner.
    travel_km: float = 500
    country_change_within: timedelta = timedelta(hours=1)  # Where no city is known, and so no speed.
    known_network_after: int = 3  # From so many sightings on.
    hosting_asns: frozenset[int] = HOSTING_ASNS

    same_session_within: timedelta = timedelta(minutes=10)
    sessions_within: timedelta = timedelta(minutes=5)
    confirmed_for: timedelta = timedelta(hours=12)  # A step-up settles for so long that both sessions are the customer's.

    new_device_limits_for: timedelta = timedelta(hours=24)
    attestation: Mapping[Tier, AttestationRule] = field(default_factory=lambda: dict.fromkeys(Tier, AttestationRule.PREFER))
    attestation_good_for: timedelta = timedelta(days=30)
    refused_verdicts: frozenset[Verdict] = frozenset()

    failed_factors_from: int = 3
    lock_factor_from: int = 5

    usual_hours_from: int = 20  # Sightings, from which hours of the day can be told.
    usual_hours_around: int = 1
    dormant_after: timedelta = timedelta(days=90)

    stuffing: StuffingRules = StuffingRules()
    spraying: SprayRules = SprayRules()

    def __post_init__(self) -> None:
        if not self.version:
            raise ValueError("a policy has a version: decisions name it")
        if not 0 < self.step_up_from < self.approval_key_from < self.refuse_from:
            raise ValueError("from allow to refuse, each decision begins at a higher score")
        limits = (self.travel_kmh, self.travel_km, self.known_network_after, self.failed_factors_from, self.usual_hours_from)
        if not all(0 < limit < math.inf for limit in limits):
            raise ValueError("a limit is a number above 0")
        if not self.failed_factors_from <= self.lock_factor_from:
            raise ValueError("a factor is suspicious before it is locked")
        if not 0 <= self.usual_hours_around <= 11:
            raise ValueError("hours around an hour are 0 to 11")
        if any(getattr(self, each.name) <= timedelta(0) for each in fields(self) if isinstance(getattr(self, each.name), timedelta)):
            raise ValueError("a time is longer than none")
        if set(self.attestation) != set(Tier):
            raise ValueError("each tier has its rule for attestation")
        if Verdict.GENUINE in self.refused_verdicts:
            raise ValueError("a genuine device is not refused for being one")

    @classmethod
    def from_json(cls, text: bytes | str) -> Policy:
        """A policy as an operator writes it: what is left out is as by default.

        Raises:
            ValueError: it is none, with what is wrong.
        """
        return _POLICY.validate_json(text)

    def to_json(self) -> bytes:
        return _POLICY.dump_json(self)


_POLICY = TypeAdapter(Policy)

DEFAULT_POLICY = Policy(version="1")
