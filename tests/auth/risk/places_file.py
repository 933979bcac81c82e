"""A small map: files of places for the ranges that documentation may use (RFC 5737, RFC 3849, RFC 5398), as an operator mounts real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter, TreeWriter
from netaddr import IPSet  # type: ignore[import-untyped]

__all__ = [
    "ABUJA",
    "COUNTRY_ONLY",
    "EVERYWHERE",
    "HOSTING",
    "IBADAN",
    "IBADAN_V6",
    "LAGOS",
    "LAGOS_V6",
    "LONDON",
    "NOWHERE",
    "Files",
    "write",
    "write_records",
]

# An address in each place.
LAGOS, IBADAN, LONDON = "192.0.2.10", "198.51.100.10", "203.0.113.10"
LAGOS_V6, IBADAN_V6, ABUJA = "2001:db8:1::10", "2001:db8:2::10", "2001:db8:3::10"
HOSTING = "2001:db8:a::10"  # In London, by what the data says.
COUNTRY_ONLY = "2001:db8:b::10"  # Somewhere in Nigeria: a spot, but no city.
EVERYWHERE = "2001:db8:c::10"  # One address in many places, registered in London.
NOWHERE = "2001:db8:ffff::10"  # In no file.


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    cities: Path
    networks: Path


def write(folder: Path, *, built_at: datetime | None = None) -> Files:
    """Both files, as if their data were of `built_at`, by default of today."""
    files = Files(cities=folder / "cities.mmdb", networks=folder / "networks.mmdb")
    built_at = built_at or datetime.now(UTC)
    write_records(files.cities, "GeoLite2-City", CITIES, built_at)
    write_records(files.networks, "GeoLite2-ASN", NETWORKS, built_at)
    return files


def _city(name: str | None, country: str, geoname_id: int, latitude: float, longitude: float, radius_km: int, **traits: bool) -> dict[str, Any]:
    city = {"city": {"geoname_id": geoname_id, "names": {"en": name}}} if name else {}
    location = {"latitude": latitude, "longitude": longitude, "accuracy_radius": radius_km}
    return {**city, "country": {"iso_code": country}, "location": location, **({"traits": traits} if traits else {})}


IN_LAGOS = _city("Lagos", "NG", 2332459, 6.4541, 3.3947, 20)
IN_IBADAN = _city("Ibadan", "NG", 2339354, 7.3878, 3.8964, 20)

CITIES = {
    "192.0.2.0/24": IN_LAGOS,
    "198.51.100.0/24": IN_IBADAN,
    "203.0.113.0/24": _city("London", "GB", 2643743, 51.5074, -0.1278, 10),
    "2001:db8:1::/48": IN_LAGOS,
    "2001:db8:2::/48": IN_IBADAN,
    "2001:db8:3::/48": _city("Abuja", "NG", 2352778, 9.0579, 7.4951, 20),
    "2001:db8:a::/48": _city("London", "GB", 2643743, 51.5074, -0.1278, 10, is_hosting_provider=True),
    "2001:db8:b::/48": _city(None, "NG", 2328926, 10.0, 8.0, 200),
    "2001:db8:c::/48": _city("London", "GB", 2643743, 51.5074, -0.1278, 10, is_anycast=True),
}

NETWORKS = {
    "192.0.2.0/24": (64496, "Lagos Mobile"),
    "198.51.100.0/24": (64497, "Ibadan Fibre"),
    "203.0.113.0/24": (64498, "London Broadband"),
    "2001:db8:1::/48": (64496, "Lagos Mobile"),
    "2001:db8:2::/48": (64497, "Ibadan Fibre"),
    "2001:db8:3::/48": (64496, "Lagos Mobile"),
    "2001:db8:a::/48": (64511, "London Machines"),
}


def write_records(path: Path, kind: str, records: dict[str, Any], built_at: datetime) -> None:
    """One file, with what is known of each network; as a pair, its operator's number and name."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in records.items():
        if isinstance(record, tuple):
            record = {"autonomous_system_number": record[0], "autonomous_system_organization": record[1]}
        writer.insert_network(IPSet([network]), record)
    # Not by the writer's own method, which takes the day from the clock.
    meta = {
        "ip_version": 6,
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "description": {"en": "Ranges for documentation"},
        "build_epoch": int(built_at.timestamp()),
    }
    TreeWriter(writer.tree, meta).write(str(path))
