"""A customer of Lagos, for tests of risk: an ordinary event, a month of history, and places with what is known of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from auth.risk.assess import Assessment, assess
from auth.risk.events import Attestation, Event, Kind, SessionSeen, Verdict
from auth.risk.places import Place, Spot
from auth.risk.policy import DEFAULT_POLICY, Policy
from auth.risk.profile import Profile
from auth.risk.reasons import Code, Reason
from auth.tiers import Tier

__all__ = ["ABUJA", "HOME", "IBADAN", "LAGOS", "LONDON", "NOW", "PHONE", "POLICY", "event", "history", "judged", "points", "reason", "session"]

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
POLICY = DEFAULT_POLICY
PHONE = "phone"

LAGOS = Place(country="NG", city="Lagos", spot=Spot(latitude=6.4541, longitude=3.3947, accuracy_km=20), asn=64496, asn_name="Lagos Mobile")
IBADAN = Place(country="NG", city="Ibadan", spot=Spot(latitude=7.3878, longitude=3.8964, accuracy_km=20), asn=64496, asn_name="Lagos Mobile")
ABUJA = Place(country="NG", city="Abuja", spot=Spot(latitude=9.0579, longitude=7.4951, accuracy_km=20), asn=64497, asn_name="Abuja Fibre")
LONDON = Place(country="GB", city="London", spot=Spot(latitude=51.5074, longitude=-0.1278, accuracy_km=10), asn=64498, asn_name="London Broadband")


def event(**changes: Any) -> Event:
    """A refresh of the customer's own phone at home, different in what is given."""
    usual: dict[str, Any] = {
        "id": UUID(int=1),
        "kind": Kind.REFRESH,
        "at": NOW,
        "tier": Tier.GENERAL,
        "device": PHONE,
        "device_known": True,
        "prefix": "192.0.2.0/24",
        "place": LAGOS,
        "attestation": Attestation(verdict=Verdict.GENUINE, checked_at=NOW - timedelta(days=1)),
    }
    return Event(**(usual | changes))


def history(*, days: int = 30, until: datetime = NOW - timedelta(hours=1), **changes: Any) -> Profile:
    """Seen at home once a day, each day at this hour, the last time at `until`."""
    profile = Profile()
    for day in reversed(range(days)):
        profile = profile.seen(event(id=uuid.uuid4(), at=until - timedelta(days=day), **changes))
    return profile


def session(name: str = "other", *, country: str | None = "GB", began: timedelta, seen: timedelta, confirmed: timedelta | None = None) -> SessionSeen:
    """A session; `began`, `seen` and `confirmed` are how long before NOW."""
    return SessionSeen(
        id=name, began_at=NOW - began, last_seen_at=NOW - seen, country=country, confirmed_at=None if confirmed is None else NOW - confirmed
    )


HOME = history()


def judged(changes: dict[str, Any], *, profile: Profile = HOME, policy: Policy = POLICY) -> Assessment:
    """An event with these differences, by default of a customer who was at home all month."""
    return assess(event(**changes), profile, policy)


def points(assessment: Assessment) -> dict[Code, int]:
    return {reason.code: reason.points for reason in assessment.reasons}


def reason(assessment: Assessment, code: Code) -> Reason:
    (found,) = [reason for reason in assessment.reasons if reason.code is code]
    return found
