"""Where an address is, and that nothing about a file of places can harm a login.

Method: real files in the format of MaxMind, written for the ranges of documentation, then broken, aged and replaced under the reader.
"""

import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.risk.places import CHECK_EVERY, HIDING, LARGEST_BYTES, STALE_AFTER, UNKNOWN, Place, Places, Spot, apart_km
from tests.auth.risk import places_file
from tests.auth.risk.places_file import Files

BUILT = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BUILT + timedelta(days=2)
SECOND = timedelta(seconds=1)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return places_file.write(tmp_path, built_at=BUILT)


@pytest.fixture
def places(files: Files) -> Places:
    return Places(cities=files.cities, networks=files.networks)


def of(places: Places, address: str, *, now: datetime = NOW) -> Place:
    return places.of(ip_address(address), now=now)


# ---------------------------------------------------------------- what is known


def test_an_address_is_in_a_city_and_in_an_operators_network(places: Places) -> None:
    assert of(places, places_file.LAGOS) == Place(
        country="NG",
        city="Lagos",
        spot=Spot(latitude=6.4541, longitude=3.3947, accuracy_km=20),
        asn=64496,
        asn_name="Lagos Mobile",
    )


@pytest.mark.parametrize(
    ("address", "city"),
    [
        (places_file.IBADAN, "Ibadan"),
        (places_file.LONDON, "London"),
        (places_file.LAGOS_V6, "Lagos"),
        (places_file.IBADAN_V6, "Ibadan"),
        (places_file.ABUJA, "Abuja"),
    ],
)
def test_both_families_of_addresses_have_places(places: Places, address: str, city: str) -> None:
    assert of(places, address).city == city


def test_a_network_that_the_data_calls_hosting_is_one(places: Places) -> None:
    assert of(places, places_file.HOSTING).hosting
    assert not of(places, places_file.LONDON).hosting


def test_the_middle_of_a_country_is_no_spot(places: Places) -> None:
    assert of(places, places_file.COUNTRY_ONLY) == Place(country="NG")


def test_an_address_that_is_in_many_places_has_no_spot(places: Places) -> None:
    assert of(places, places_file.EVERYWHERE) == Place(country="GB", city="London")


# ---------------------------------------------------------------- what is not known


@pytest.mark.parametrize("address", [places_file.NOWHERE, "127.0.0.1", "::1", "10.1.2.3", "fe80::1%eth0", "255.255.255.255"])
def test_an_address_outside_the_data_is_unknown(places: Places, address: str) -> None:
    assert of(places, address) == UNKNOWN


def test_no_address_is_unknown(places: Places) -> None:
    assert places.of(None, now=NOW) == UNKNOWN


def test_without_files_everything_is_unknown(tmp_path: Path) -> None:
    assert of(Places(cities=None, networks=None), places_file.LAGOS) == UNKNOWN
    assert of(Places(cities=tmp_path / "none.mmdb", networks=tmp_path), places_file.LAGOS) == UNKNOWN


def test_each_file_is_good_without_the_other(files: Files) -> None:
    assert of(Places(cities=files.cities, networks=None), places_file.LAGOS).asn is None
    assert of(Places(cities=None, networks=files.networks), places_file.LAGOS) == Place(asn=64496, asn_name="Lagos Mobile")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0", bytes(4096)])
def test_a_file_of_something_else_is_unknown(files: Files, content: bytes) -> None:
    files.cities.write_bytes(content)

    assert of(Places(cities=files.cities, networks=files.networks), places_file.LAGOS) == Place(asn=64496, asn_name="Lagos Mobile")


def test_a_file_cut_anywhere_is_never_an_error(files: Files) -> None:
    whole = files.cities.read_bytes()

    for length in range(0, len(whole), 7):
        files.cities.write_bytes(whole[:length])
        assert of(Places(cities=files.cities, networks=None), places_file.LAGOS) in (UNKNOWN, Place(country="NG"))


@pytest.mark.parametrize("change", [lambda byte: 0, lambda byte: 255, lambda byte: byte ^ 1])
def test_a_file_with_any_byte_changed_is_never_an_error(files: Files, change: Callable[[int], int]) -> None:
    whole = files.cities.read_bytes()

    for place in range(0, len(whole), 3):
        files.cities.write_bytes(whole[:place] + bytes([change(whole[place])]) + whole[place + 1 :])
        places = Places(cities=files.cities, networks=None)
        assert isinstance(of(places, places_file.LAGOS), Place)
        assert isinstance(of(places, places_file.LAGOS_V6), Place)


CENTRE = {"latitude": 6.4541, "longitude": 3.3947, "accuracy_radius": 20}


def recorded(folder: Path, record: Any) -> Place:
    """What is read where the data says this of an address."""
    path = folder / "odd.mmdb"
    places_file.write_records(path, "GeoLite2-City", {"192.0.2.0/24": record}, BUILT)
    return of(Places(cities=path, networks=path), places_file.LAGOS)


@pytest.mark.parametrize(
    ("location", "known"),
    [
        (CENTRE, True),
        (CENTRE | {"latitude": 90, "longitude": 180, "accuracy_radius": 0}, True),
        (CENTRE | {"latitude": -90, "longitude": -180}, True),
        (CENTRE | {"latitude": 90.1}, False),
        (CENTRE | {"latitude": -90.1}, False),
        (CENTRE | {"longitude": 180.1}, False),
        (CENTRE | {"longitude": -180.1}, False),
        (CENTRE | {"latitude": math.nan}, False),
        (CENTRE | {"longitude": math.inf}, False),
        (CENTRE | {"accuracy_radius": -1}, False),
        (CENTRE | {"accuracy_radius": 30_000}, False),
        (CENTRE | {"latitude": "6.4541"}, False),
        (CENTRE | {"accuracy_radius": "20"}, False),
        ({"latitude": 6.4541, "longitude": 3.3947}, False),  # Without a radius nobody knows how much to take off.
        ({}, False),
        ("Lagos", False),
    ],
)
def test_only_a_whole_circle_on_the_map_is_a_spot(tmp_path: Path, location: Any, known: bool) -> None:
    assert (recorded(tmp_path, {"city": {"names": {"en": "Lagos"}}, "location": location}).spot is not None) is known


@pytest.mark.parametrize(
    "record",
    [
        "Lagos",
        [1, 2],
        7,
        {},
        {"country": "NG"},
        {"country": {"iso_code": 234}},
        {"country": {"iso_code": ""}},
        {"autonomous_system_number": "AS64496"},
    ],
)
def test_a_record_of_another_shape_is_unknown(tmp_path: Path, record: Any) -> None:
    assert recorded(tmp_path, record) == UNKNOWN


@pytest.mark.parametrize("trait", HIDING)
def test_each_word_of_the_data_for_hiding_counts(tmp_path: Path, trait: str) -> None:
    assert recorded(tmp_path, {"traits": {trait: True}}).hosting
    assert not recorded(tmp_path, {"traits": {trait: False}}).hosting


def test_a_file_too_large_to_be_one_is_not_read(files: Files) -> None:
    os.truncate(files.cities, LARGEST_BYTES + 1)  # Sparse: it takes no room.

    assert of(Places(cities=files.cities, networks=None), places_file.LAGOS) == UNKNOWN


def test_data_older_than_thirty_days_is_unknown(files: Files) -> None:
    last = BUILT + STALE_AFTER
    places = Places(cities=files.cities, networks=files.networks)

    assert of(places, places_file.LAGOS, now=last).country == "NG"
    assert of(places, places_file.LAGOS, now=last + SECOND) == UNKNOWN


def test_the_age_is_the_datas_not_the_files(files: Files) -> None:
    os.utime(files.cities, (NOW.timestamp(), NOW.timestamp()))
    places = Places(cities=files.cities, networks=files.networks.with_name("none"))

    assert places.ages(now=NOW) == {"cities": timedelta(days=2), "networks": None}


# ---------------------------------------------------------------- another file in its place


def test_a_new_file_is_read_within_a_minute(files: Files, places: Places) -> None:
    assert of(places, places_file.LAGOS).country == "NG"

    places_file.write(files.cities.parent, built_at=BUILT + timedelta(days=1))
    os.utime(files.cities, (NOW.timestamp(), NOW.timestamp()))

    assert places.ages(now=NOW + CHECK_EVERY - SECOND)["cities"] == NOW + CHECK_EVERY - SECOND - BUILT
    assert places.ages(now=NOW + CHECK_EVERY)["cities"] == NOW + CHECK_EVERY - BUILT - timedelta(days=1)


def test_a_new_file_with_the_old_ones_time_is_read_too(files: Files, places: Places) -> None:
    before = files.cities.stat()
    assert of(places, places_file.LAGOS).country == "NG"

    copy = files.cities.with_name("copy.mmdb")
    copy.write_bytes(files.networks.read_bytes())
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    copy.replace(files.cities)

    assert of(places, places_file.LAGOS, now=NOW + CHECK_EVERY).country is None


def test_a_file_that_did_not_change_is_not_read_again(files: Files, places: Places) -> None:
    of(places, places_file.LAGOS)
    reader = places._cities._get

    of(places, places_file.LAGOS, now=NOW + CHECK_EVERY)

    assert places._cities._get is reader


def test_a_file_that_is_taken_away_is_unknown_and_read_when_it_is_back(files: Files, places: Places) -> None:
    assert of(places, places_file.LAGOS).country == "NG"

    aside = files.cities.rename(files.cities.with_name("aside"))
    assert of(places, places_file.LAGOS, now=NOW + CHECK_EVERY).country is None

    aside.rename(files.cities)
    assert of(places, places_file.LAGOS, now=NOW + 2 * CHECK_EVERY).country == "NG"


def test_a_broken_new_file_leaves_what_was_read_before(files: Files, places: Places) -> None:
    assert of(places, places_file.LAGOS).country == "NG"

    files.cities.write_bytes(files.cities.read_bytes()[:100])

    assert of(places, places_file.LAGOS, now=NOW + CHECK_EVERY).country == "NG"
    assert of(places, places_file.LAGOS, now=BUILT + STALE_AFTER + SECOND).country is None


def test_a_file_written_over_in_place_ends_no_process(files: Files, places: Places) -> None:
    assert of(places, places_file.LAGOS).country == "NG"

    os.truncate(files.cities, 0)

    assert of(places, places_file.LAGOS, now=NOW + SECOND).country == "NG"


def test_a_clock_that_was_set_back_does_not_put_off_the_next_look(files: Files, places: Places) -> None:
    assert of(places, places_file.LAGOS, now=NOW + timedelta(days=20)).country == "NG"

    files.cities.unlink()

    assert of(places, places_file.LAGOS, now=NOW).country is None


# ---------------------------------------------------------------- how far apart

LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)
SPOTS = st.builds(Spot, latitude=LATITUDES, longitude=LONGITUDES, accuracy_km=st.floats(0, 1000))


def spot(latitude: float, longitude: float, accuracy_km: float = 0) -> Spot:
    return Spot(latitude=latitude, longitude=longitude, accuracy_km=accuracy_km)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        (spot(6.4541, 3.3947), spot(51.5074, -0.1278), 5017.5),  # Lagos, London.
        (spot(6.4541, 3.3947), spot(7.3878, 3.8964), 117.67),  # Lagos, Ibadan.
        (spot(0, 0), spot(0, 1), 111.19),  # A degree of the equator.
        (spot(0, 179.5), spot(0, -179.5), 111.19),  # Across the date line.
        (spot(90, 0), spot(90, 120), 0),  # The pole, twice.
        (spot(0, 0), spot(0, 180), math.pi * 6371.0088),  # Antipodes.
    ],
)
def test_great_circles(one: Spot, other: Spot, km: float) -> None:
    assert apart_km(one, other) == pytest.approx(km, rel=0.002, abs=0.01)


def test_both_radii_are_taken_off_and_circles_that_meet_are_nowhere_apart() -> None:
    assert apart_km(spot(0, 0, 30), spot(0, 1, 50)) == pytest.approx(31.19, abs=0.01)
    assert apart_km(spot(0, 0, 100), spot(0, 1, 50)) == 0


@settings(deadline=None)
@given(one=SPOTS, other=SPOTS)
def test_a_distance_has_no_direction_and_no_sign(one: Spot, other: Spot) -> None:
    assert 0 <= apart_km(one, other) <= math.pi * 6371.0088
    assert apart_km(one, other) == pytest.approx(apart_km(other, one))
    assert apart_km(one, one) == 0


@settings(deadline=None)
@given(one=SPOTS, other=SPOTS)
def test_a_coarse_spot_never_makes_a_journey_longer(one: Spot, other: Spot) -> None:
    assert apart_km(one.coarse(), other.coarse()) <= apart_km(one, other) + 0.001
