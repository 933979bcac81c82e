"""Profiles: where, when and on what a customer was last seen; personal, so kept encrypted only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

from auth.risk.events import Event, Verdict
from auth.risk.places import Spot

__all__ = ["MOST_SIGHTINGS", "Profile", "Sighting"]

MOST_SIGHTINGS = 50
HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One device in one network during one hour; `at` is the last time within it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    at: datetime
    device: str
    prefix: str | None = None
    country: str | None = None
    asn: int | None = None
    hosting: bool = False
    spot: Spot | None = None  # Coarse.
    attestation: Verdict = Verdict.MISSING

    @classmethod
    def of(cls, event: Event) -> Sighting:
        place = event.place
        return cls(
            at=event.at,
            device=event.device,
            prefix=event.prefix,
            country=place.country,
            asn=place.asn,
            hosting=place.hosting,
            spot=place.spot.coarse() if place.spot else None,
            attestation=event.attestation.verdict,
        )

    def continues(self, other: Sighting) -> bool:
        """Whether both tell the same: else an hour of refreshes would push out a month of history."""
        hours = [one.at.replace(minute=0, second=0, microsecond=0) for one in (self, other)]
        return hours[0] == hours[1] and (self.device, self.prefix, self.country, self.asn) == (other.device, other.prefix, other.country, other.asn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The last sightings of one customer, oldest first."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    sightings: tuple[Sighting, ...] = ()

    def seen(self, event: Event) -> Profile:
        """The profile with this event in it; the same event again changes nothing."""
        sighting = Sighting.of(event)
        same = [other for other in self.sightings if other.continues(sighting)]
        others = [other for other in self.sightings if not other.continues(sighting)]
        kept = sorted([*others, max([*same, sighting], key=_order)], key=_order)
        return Profile(sightings=tuple(kept[-MOST_SIGHTINGS:]))

    def before(self, at: datetime) -> Sighting | None:
        """The last sighting up to a moment."""
        return next((sighting for sighting in reversed(self.sightings) if sighting.at <= at), None)

    @property
    def countries(self) -> frozenset[str]:
        return frozenset(sighting.country for sighting in self.sightings if sighting.country is not None)

    @property
    def asns(self) -> frozenset[int]:
        return frozenset(sighting.asn for sighting in self.sightings if sighting.asn is not None)

    def knows_network(self, *, prefix: str | None, asn: int | None, after: int) -> bool:
        """Whether the customer was seen in this network, or in this operator's, in at least `after` sightings."""
        prefixes = sum(prefix is not None and sighting.prefix == prefix for sighting in self.sightings)
        asns = sum(asn is not None and sighting.asn == asn for sighting in self.sightings)
        return max(prefixes, asns) >= after

    def dormant_since(self, at: datetime, *, after: timedelta) -> datetime | None:
        """When the customer was last seen, where that is more than `after` ago."""
        last = self.before(at)
        return last.at if last is not None and at - last.at > after else None

    def is_unusual_hour(self, at: datetime, *, least: int, around: int) -> bool:
        """Whether the customer was never seen at this hour of the day, give or take `around`; of fewer than `least` sightings nobody can tell."""
        if len(self.sightings) < least:
            return False
        histogram = Counter(sighting.at.hour for sighting in self.sightings)
        return not any(histogram[(at.hour + shift) % HOURS] for shift in range(-around, around + 1))

    def to_json(self) -> bytes:
        return _PROFILE.dump_json(self, exclude_none=True)

    @classmethod
    def from_json(cls, text: bytes) -> Profile:
        """What `to_json` wrote.

        Raises:
            ValueError: it is not that.
        """
        return _PROFILE.validate_json(text)


_PROFILE = TypeAdapter(Profile)


def _order(sighting: Sighting) -> tuple[datetime, str, str, str, int]:
    """By time; the rest only so that one set of sightings has one order."""
    return sighting.at, sighting.device, sighting.prefix or "", sighting.country or "", sighting.asn or 0
