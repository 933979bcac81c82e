"""Places: where an address is on the map and whose network it is, from files that the operator mounts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import maxminddb
from maxminddb import MODE_MEMORY

__all__ = ["CHECK_EVERY", "HIDING", "LARGEST_BYTES", "STALE_AFTER", "UNKNOWN", "Place", "Places", "Spot", "apart_km"]

CHECK_EVERY = timedelta(minutes=1)
STALE_AFTER = timedelta(days=30)  # Networks are sold and moved: an old file tells of other people.
LARGEST_BYTES = 256 * 1024 * 1024  # The files have some 70 MB.
REMEMBERED = 1024  # Addresses of each file: a phone comes from where it came from.

EARTH_KM = 6371.0088  # Mean radius (IUGG).
COARSE_DEGREES = 1  # Decimals that are kept.
COARSE_KM = 8.0  # Half the diagonal of a cell of 0.1°, on the equator: what rounding may move a spot.

# What the data calls a network that hides who is behind it.
HIDING = (
    "is_hosting_provider",
    "is_anonymous",
    "is_anonymous_proxy",
    "is_anonymous_vpn",
    "is_public_proxy",
    "is_residential_proxy",
    "is_tor_exit_node",
)
# Addresses that are used in many places, or far from where they are registered: their spot means nothing.
EVERYWHERE = ("is_anycast", "is_satellite_provider")

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A circle on the map: somewhere inside is the device, probably."""

    latitude: float
    longitude: float
    accuracy_km: float

    def coarse(self) -> Spot:
        """The same, blurred to some 11 km, for keeping: the circle still covers what it covered."""
        return Spot(
            latitude=round(self.latitude, COARSE_DEGREES),
            longitude=round(self.longitude, COARSE_DEGREES),
            accuracy_km=self.accuracy_km + COARSE_KM,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is known of an address; None where nothing is. `spot` only where the data knows the city."""

    country: str | None = None
    city: str | None = None
    spot: Spot | None = None
    asn: int | None = None
    asn_name: str | None = None
    hosting: bool = False  # The data says so; the policy's list of networks may say so too.


UNKNOWN = Place()


def apart_km(one: Spot, other: Spot) -> float:
    """How far two devices are apart at least: along the great circle, less both radii; 0 where the circles meet."""
    phi, other_phi = math.radians(one.latitude), math.radians(other.latitude)
    half_phi, half_lambda = (other_phi - phi) / 2, math.radians(other.longitude - one.longitude) / 2
    haversine = math.sin(half_phi) ** 2 + math.cos(phi) * math.cos(other_phi) * math.sin(half_lambda) ** 2
    # Between antipodes rounding may exceed 1, which has no arc sine.
    distance = 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(haversine)))
    return max(0.0, distance - one.accuracy_km - other.accuracy_km)


class Places:
    """Looks addresses up in a City and an ASN file (MaxMind DB); whatever is wrong with a file, its answer is «unknown»."""

    def __init__(self, *, cities: Path | None, networks: Path | None) -> None:
        self._cities = _File(cities)
        self._networks = _File(networks)

    def of(self, address: Address | None, *, now: datetime) -> Place:
        """Where the address is; `now` is aware, and decides whether a file is looked at again and whether it is too old."""
        if address is None:
            return UNKNOWN
        city, network = self._cities.record(address, now), self._networks.record(address, now)
        asn = _find(network, "autonomous_system_number")
        return Place(
            country=_text(_find(city, "country", "iso_code")),
            city=_text(_find(city, "city", "names", "en")),
            spot=_spot(city),
            asn=asn if isinstance(asn, int) else None,
            asn_name=_text(_find(network, "autonomous_system_organization")),
            hosting=_has_trait(city, HIDING),
        )

    def ages(self, *, now: datetime) -> dict[str, timedelta | None]:
        """How old the data in each file is, None where there is none to read: the operator's alarm."""
        return {"cities": self._cities.age(now), "networks": self._networks.age(now)}


class _File:
    """One MaxMind DB file, read again when another stands in its place.

    Read whole, by the reader in Python, although the one in C is 25 times as fast and shares its memory: that one maps the file, and a file
    that is written over in place ends the process (SIGBUS), as do 21 of 5,931 one-byte changes of a small one (3.2.0, SIGSEGV).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._get: Callable[[Address], object] | None = None
        self._built_at = datetime.fromtimestamp(0, UTC)
        self._mark: tuple[int, ...] | None = None
        self._checked_at: datetime | None = None

    def record(self, address: Address, now: datetime) -> object:
        age = self.age(now)
        if self._get is None or age is None or age > STALE_AFTER:
            return None
        try:
            return self._get(address)
        except Exception:  # A broken part of the file may raise anything. Also an IPv6 address in a file of IPv4.
            return None

    def age(self, now: datetime) -> timedelta | None:
        # A clock that was set back must not put off the next look.
        if self._checked_at is None or not timedelta(0) <= now - self._checked_at < CHECK_EVERY:
            self._checked_at = now
            self._look_again()
        return None if self._get is None else now - self._built_at

    def _look_again(self) -> None:
        if self._path is None:
            return
        try:
            stat = self._path.stat()
        except OSError:
            self._get = self._mark = None
            return
        # Not the time alone: tools that copy a file may keep it.
        mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if mark == self._mark or stat.st_size > LARGEST_BYTES:
            return
        self._mark = mark
        try:
            reader = maxminddb.open_database(self._path, MODE_MEMORY)
            built_at = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
        except Exception:  # Anything, as above. Half copied, perhaps: what was read before is good until it is too old.
            return
        self._get, self._built_at = lru_cache(REMEMBERED)(reader.get), built_at


def _spot(city: object) -> Spot | None:
    """Where the city is. Without a city the data gives the middle of the country, which is no basis for a speed."""
    if _find(city, "city") is None or _has_trait(city, EVERYWHERE):
        return None
    latitude, longitude, accuracy = (_find(city, "location", name) for name in ("latitude", "longitude", "accuracy_radius"))
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float) or not isinstance(accuracy, int | float):
        return None
    # Written so that a number that is none, NaN, is outside.
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180 and 0 <= accuracy <= math.pi * EARTH_KM):
        return None
    return Spot(latitude=float(latitude), longitude=float(longitude), accuracy_km=float(accuracy))


def _has_trait(city: object, traits: tuple[str, ...]) -> bool:
    # Not `is True`: some writers of such files store a truth as the number 1.
    return any(_find(city, "traits", trait) for trait in traits)


def _find(record: object, *names: str) -> object:
    """What stands under these names; None where anything is missing or of another shape."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
