"""Who moves faster than an airliner, and who only seems to.

Method: journeys of one customer at both sides of each limit, then the same over a small map as a real file has it.
"""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from auth.risk.assess import Assessment, assess
from auth.risk.events import Event
from auth.risk.networks import prefix_of
from auth.risk.places import UNKNOWN, Place, Places, apart_km
from auth.risk.policy import Policy
from auth.risk.profile import Profile
from auth.risk.reasons import Code, Decision
from tests.auth.risk import places_file
from tests.auth.risk.scenes import ABUJA, HOME, IBADAN, LAGOS, LONDON, NOW, POLICY, event, history, judged, points, reason

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Home, and a week in London some time ago: neither country nor operator is new there.
TRAVELLER = Profile(sightings=history(days=7, until=NOW - 40 * DAY, place=LONDON, prefix="203.0.113.0/24").sightings + HOME.sightings)


def journey(to: Place, took: timedelta, *, profile: Profile = TRAVELLER, policy: Policy = POLICY, prefix: str = "203.0.199.0/24") -> Assessment:
    """Seen somewhere else `took` after the last sighting in the profile, in a network never seen before unless said otherwise."""
    return judged({"place": to, "prefix": prefix, "at": profile.sightings[-1].at + took}, profile=profile, policy=policy)


STRANGE_LONDON = replace(LONDON, asn=64505)
COARSE_KM = apart_km(*(place.spot.coarse() for place in (LAGOS, LONDON) if place.spot))
FASTEST = COARSE_KM / POLICY.travel_kmh * HOUR


def test_both_ends_are_as_far_apart_as_their_circles() -> None:
    assert 4900 < COARSE_KM < 5017 - 30


@pytest.mark.parametrize(
    ("took", "impossible"),
    [(timedelta(0), True), (HOUR, True), (FASTEST - SECOND, True), (FASTEST + SECOND, False), (DAY, False)],
)
def test_faster_than_an_airliner_is_impossible(took: timedelta, impossible: bool) -> None:
    assessment = journey(STRANGE_LONDON, took)

    assert (Code.IMPOSSIBLE_TRAVEL in points(assessment)) is impossible
    assert assessment.decision is (Decision.STEP_UP if impossible else Decision.ALLOW)


def test_impossible_travel_tells_where_from_where_to_and_how_far() -> None:
    assert reason(journey(STRANGE_LONDON, HOUR), Code.IMPOSSIBLE_TRAVEL).inputs == {
        "from": "NG 192.0.2.0/24",
        "to": "GB 203.0.199.0/24",
        "hours": 1.0,
        "km": round(COARSE_KM),
    }


@pytest.mark.parametrize(("km", "impossible"), [(-1, True), (1, False)])
def test_what_is_near_is_never_impossible(km: float, impossible: bool) -> None:
    strange_abuja = replace(ABUJA, asn=64505)
    apart = apart_km(*(place.spot.coarse() for place in (LAGOS, ABUJA) if place.spot))
    policy = replace(POLICY, travel_km=apart + km)

    assert (Code.IMPOSSIBLE_TRAVEL in points(journey(strange_abuja, SECOND, policy=policy))) is impossible


def test_within_the_country_the_circles_leave_less_than_the_limit() -> None:
    for place in (IBADAN, ABUJA):
        assert points(journey(place, SECOND, profile=HOME)).keys() <= {Code.NEW_ASN}


@pytest.mark.parametrize(
    ("to", "prefix", "code"),
    [
        (LONDON, "203.0.113.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # A prefix and an operator that are known.
        (LONDON, "203.0.199.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # The operator is.
        (STRANGE_LONDON, "203.0.113.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # The prefix is.
        (replace(LONDON, asn=LAGOS.asn), "203.0.199.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # The mobile operator's map jumps.
        (replace(LONDON, asn=9009), "203.0.199.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # A tunnel, by our list.
        (replace(STRANGE_LONDON, hosting=True), "203.0.199.0/24", Code.TRAVEL_BETWEEN_KNOWN_NETWORKS),  # A tunnel, by the data.
        (STRANGE_LONDON, "203.0.199.0/24", Code.IMPOSSIBLE_TRAVEL),
        (replace(LONDON, asn=None), "203.0.199.0/24", Code.IMPOSSIBLE_TRAVEL),
    ],
)
def test_between_networks_that_explain_it_a_journey_only_scores(to: Place, prefix: str, code: Code) -> None:
    assessment = journey(to, HOUR, prefix=prefix)

    assert points(assessment)[code] == {Code.TRAVEL_BETWEEN_KNOWN_NETWORKS: 20, Code.IMPOSSIBLE_TRAVEL: 30}[code]
    assert reason(assessment, code).at_least is (Decision.STEP_UP if code is Code.IMPOSSIBLE_TRAVEL else Decision.ALLOW)


def test_a_journey_from_a_network_that_nobody_knows_is_impossible_even_to_a_known_one() -> None:
    abroad = HOME.seen(event(at=NOW, place=STRANGE_LONDON, prefix="203.0.199.0/24"))

    assert Code.IMPOSSIBLE_TRAVEL in points(journey(LAGOS, HOUR, profile=abroad, prefix="192.0.2.0/24"))
    tunnel = HOME.seen(event(at=NOW, place=replace(STRANGE_LONDON, hosting=True), prefix="203.0.199.0/24"))
    assert points(journey(LAGOS, HOUR, profile=tunnel, prefix="192.0.2.0/24")) == {Code.TRAVEL_BETWEEN_KNOWN_NETWORKS: 20}


@pytest.mark.parametrize(
    ("to", "took", "changed"),
    [
        (Place(country="GB"), HOUR - SECOND, True),
        (Place(country="GB"), HOUR, False),
        (Place(country="NG"), SECOND, False),
        (UNKNOWN, SECOND, False),
        (Place(asn=64505), SECOND, False),
    ],
)
def test_without_a_city_there_is_no_speed_but_another_country_within_the_hour(to: Place, took: timedelta, changed: bool) -> None:
    found = points(journey(to, took))

    assert found.get(Code.COUNTRY_CHANGED) == (20 if changed else None)
    assert Code.IMPOSSIBLE_TRAVEL not in found


def test_a_city_at_the_other_end_only_is_no_speed_either() -> None:
    unknown_before = history(place=Place(country="NG"))

    assert points(journey(LONDON, MINUTE, profile=unknown_before)) == {Code.COUNTRY_CHANGED: 20, Code.NEW_COUNTRY: 30}


def test_what_comes_late_is_compared_with_what_was_before_it() -> None:
    later = TRAVELLER.seen(event(at=NOW + HOUR, place=LONDON, prefix="203.0.113.0/24"))

    assert judged({}, profile=later).reasons == ()


def seen_from(places: Places, address: str, at: timedelta, **changes: Any) -> Event:
    parsed, now = ip_address(address), NOW + at
    return event(at=now, prefix=prefix_of(parsed), place=places.of(parsed, now=now), **changes)


@pytest.mark.parametrize(
    ("first", "then", "took", "codes"),
    [
        (places_file.LAGOS, places_file.LONDON, 30 * MINUTE, {Code.IMPOSSIBLE_TRAVEL, Code.NEW_COUNTRY, Code.NEW_ASN}),
        (places_file.LAGOS_V6, places_file.LONDON, 30 * MINUTE, {Code.IMPOSSIBLE_TRAVEL, Code.NEW_COUNTRY, Code.NEW_ASN}),
        (places_file.LAGOS, places_file.LONDON, 6 * HOUR, {Code.NEW_COUNTRY, Code.NEW_ASN}),
        (places_file.LAGOS, places_file.IBADAN, SECOND, {Code.NEW_ASN}),
        (places_file.LAGOS, places_file.ABUJA, SECOND, set()),
        (places_file.LAGOS, places_file.LAGOS_V6, SECOND, set()),
        (places_file.LAGOS, places_file.HOSTING, MINUTE, {Code.TRAVEL_BETWEEN_KNOWN_NETWORKS, Code.NEW_COUNTRY, Code.NEW_ASN, Code.HOSTING}),
        (places_file.LAGOS, places_file.EVERYWHERE, MINUTE, {Code.COUNTRY_CHANGED, Code.NEW_COUNTRY}),
        (places_file.LAGOS, places_file.COUNTRY_ONLY, SECOND, set()),
        (places_file.LAGOS, places_file.NOWHERE, SECOND, set()),
        (places_file.NOWHERE, places_file.LONDON, SECOND, set()),
    ],
)
def test_travel_by_the_map_of_a_file(tmp_path: Path, first: str, then: str, took: timedelta, codes: set[Code]) -> None:
    files = places_file.write(tmp_path, built_at=NOW)
    places = Places(cities=files.cities, networks=files.networks)
    profile = Profile()
    for hours in range(4):
        profile = profile.seen(seen_from(places, first, -hours * HOUR))

    assert points(assess(seen_from(places, then, took), profile, POLICY)).keys() == codes


def test_without_a_map_nobody_travels(tmp_path: Path) -> None:
    places = Places(cities=tmp_path / "none", networks=None)
    profile = Profile().seen(seen_from(places, places_file.LAGOS, timedelta(0)))

    assert assess(seen_from(places, places_file.LONDON, SECOND), profile, POLICY).reasons == ()
