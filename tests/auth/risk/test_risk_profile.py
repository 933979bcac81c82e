"""What the bank remembers of where a customer was, and how little of it.

Method: a month of one customer's events, and any events at all (hypothesis).
"""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.risk.events import Attestation, Event, Verdict
from auth.risk.places import UNKNOWN
from auth.risk.profile import MOST_SIGHTINGS, Profile
from tests.auth.risk.scenes import ABUJA, LAGOS, LONDON, NOW, event, history

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

EVENTS = st.builds(
    lambda minutes, device, place, verdict: event(
        id=uuid.uuid4(), at=NOW - minutes * MINUTE, device=device, place=place, prefix=f"{place.country}", attestation=Attestation(verdict=verdict)
    ),
    st.integers(0, 600),
    st.sampled_from(["phone", "tablet"]),
    st.sampled_from([LAGOS, ABUJA, LONDON, UNKNOWN]),
    st.sampled_from(Verdict),
)


def of(*events: Event) -> Profile:
    profile = Profile()
    for one in events:
        profile = profile.seen(one)
    return profile


def test_a_sighting_says_where_and_on_what_but_neither_the_address_nor_the_spot() -> None:
    (sighting,) = of(event()).sightings

    assert (sighting.at, sighting.device, sighting.prefix) == (NOW, "phone", "192.0.2.0/24")
    assert (sighting.country, sighting.asn, sighting.attestation) == ("NG", 64496, Verdict.GENUINE)
    assert sighting.spot is not None
    assert (sighting.spot.latitude, sighting.spot.longitude, sighting.spot.accuracy_km) == (6.5, 3.4, 28)


def test_only_the_last_fifty_are_kept() -> None:
    profile = history(days=MOST_SIGHTINGS + 1)

    assert len(profile.sightings) == MOST_SIGHTINGS == 50
    assert profile.sightings[0].at == NOW - HOUR - (MOST_SIGHTINGS - 1) * DAY
    assert profile.seen(event(at=NOW - 100 * DAY)) == profile


def test_an_hour_of_refreshes_is_one_sighting() -> None:
    start = NOW.replace(minute=0)
    profile = of(*(event(at=start + minutes * MINUTE) for minutes in range(0, 60, 5)))

    assert [sighting.at for sighting in profile.sightings] == [start + 55 * MINUTE]
    assert len(profile.seen(event(at=start + HOUR)).sightings) == 2
    assert len(profile.seen(event(at=start + 56 * MINUTE, device="tablet")).sightings) == 2
    assert len(profile.seen(event(at=start + 56 * MINUTE, prefix="192.0.9.0/24")).sightings) == 2


@settings(deadline=None)
@given(events=st.lists(EVENTS, max_size=12), again=st.integers(0, 11))
def test_the_same_event_again_changes_nothing(events: list[Event], again: int) -> None:
    profile = of(*events)

    if events:
        assert profile.seen(events[again % len(events)]) == profile


@settings(deadline=None)
@given(events=st.lists(EVENTS, max_size=12))
def test_sightings_stand_in_order_whatever_order_events_came_in(events: list[Event]) -> None:
    times = [sighting.at for sighting in of(*events).sightings]

    assert times == sorted(times)
    assert {sighting.country for sighting in of(*events).sightings} == {one.place.country for one in events}


@settings(deadline=None)
@given(events=st.lists(EVENTS, max_size=12))
def test_a_profile_comes_back_from_storage_as_it_was(events: list[Event]) -> None:
    assert Profile.from_json(of(*events).to_json()) == of(*events)


def test_a_full_profile_fits_into_sixteen_kilobytes() -> None:
    profile = of(*(event(at=NOW + hour * HOUR, device=str(uuid.uuid4()), prefix="2001:db8:ffff::/48") for hour in range(MOST_SIGHTINGS)))

    assert len(profile.to_json()) < 16 * 1024


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'{"version":2,"sightings":[]}',
        b'{"version":1,"sightings":[{}]}',
        b'{"version":1,"sightings":[],"more":1}',
        b'{"version":1,"sightings":[{"at":"yesterday","device":"phone"}]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_profile_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Profile.from_json(text)


def test_the_version_stands_in_what_is_stored() -> None:
    assert json.loads(Profile().to_json()) == {"version": 1, "sightings": []}


# ---------------------------------------------------------------- what is usual


def test_the_last_sighting_is_the_last_before_a_moment() -> None:
    profile = of(event(at=NOW - DAY), event(at=NOW))

    assert profile.before(NOW - DAY - SECOND) is None
    assert (profile.before(NOW - DAY) or profile.sightings[1]).at == NOW - DAY
    assert (profile.before(NOW + DAY) or profile.sightings[0]).at == NOW


@pytest.mark.parametrize(("days", "known"), [(2, False), (3, True)])
def test_a_network_is_known_from_the_third_sighting_on_by_prefix_or_by_operator(days: int, known: bool) -> None:
    profile = history(days=days)

    assert profile.knows_network(prefix="192.0.2.0/24", asn=None, after=3) is known
    assert profile.knows_network(prefix=None, asn=64496, after=3) is known
    assert not profile.knows_network(prefix="192.0.3.0/24", asn=64497, after=3)


def test_nothing_known_of_a_network_is_not_a_known_network() -> None:
    profile = of(*(event(at=NOW + hour * HOUR, prefix=None, place=UNKNOWN) for hour in range(10)))

    assert not profile.knows_network(prefix=None, asn=None, after=3)
    assert profile.countries == frozenset()
    assert profile.asns == frozenset()


def test_an_account_is_dormant_after_more_than_ninety_days() -> None:
    profile = history(until=NOW - 90 * DAY)

    assert profile.dormant_since(NOW, after=90 * DAY) is None
    assert profile.dormant_since(NOW + SECOND, after=90 * DAY) == NOW - 90 * DAY
    assert Profile().dormant_since(NOW, after=90 * DAY) is None


@pytest.mark.parametrize(
    ("hour", "unusual"),
    [(21, True), (22, False), (23, False), (0, False), (1, True), (12, True)],
)
def test_hours_within_one_of_a_usual_one_are_usual_and_midnight_is_no_border(hour: int, unusual: bool) -> None:
    profile = history(until=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))

    assert profile.is_unusual_hour(datetime(2026, 3, 2, hour, 5, tzinfo=UTC), least=20, around=1) is unusual


@pytest.mark.parametrize(("days", "unusual"), [(19, False), (20, True)])
def test_of_few_sightings_nobody_can_tell_the_usual_hours(days: int, unusual: bool) -> None:
    assert history(days=days).is_unusual_hour(NOW + 6 * HOUR, least=20, around=1) is unusual
