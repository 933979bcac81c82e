"""Who banks at the demo bank: people and businesses, all invented."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from services.accounts import check_digit

__all__ = ["CURRENCY", "Actor", "Holding", "Role", "cast"]

NAMESPACE = uuid.UUID("5b0c2f0e-6a5e-5d0f-9a37-2f7d4b1f4c11")

CURRENCY = {"NG": "NGN", "KE": "KES", "SN": "XOF", "TN": "TND"}
_LANGUAGE = {"NG": "en", "KE": "en", "SN": "fr", "TN": "fr"}
# Mobile prefixes that no operator gives out, followed by a number of six or seven digits.
_PHONE = {"NG": "+234800000{:04}", "KE": "+25470000{:04}", "SN": "+2217700{:05}", "TN": "+216200{:05}"}


class Role(StrEnum):
    PERSON = "person"
    SHOP = "shop"
    WHOLESALER = "wholesaler"
    SCHOOL = "school"
    LANDLORD = "landlord"
    AIRTIME = "airtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account of an actor, known by its number: a load that was cut off finds it again."""

    number: str
    kind: str
    currency: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A customer, known by their phone."""

    name: str
    country: str
    role: Role
    phone: str
    tier: str
    language: str
    holdings: tuple[Holding, ...]

    @property
    def main(self) -> Holding:
        return self.holdings[0]

    @property
    def currency(self) -> str:
        return self.main.currency


_PEOPLE = {
    "NG": (
        ["Amina", "Chidi", "Ngozi", "Tunde", "Ìfẹ́", "Emeka", "Hauwa", "Bọ́lá", "Kunle", "Zainab", "Obinna", "Sade"],
        ["Okafor", "Bello", "Adéyẹmí", "Eze", "Musa", "Balogun", "Nwosu", "Lawal", "Ọlátúnjí", "Ibrahim", "Uche", "Danjuma"],
    ),
    "KE": (
        ["Wanjiku", "Otieno", "Achieng", "Kamau", "Njeri", "Kiprop", "Fatuma", "Mwangi", "Nafula", "Hassan"],
        ["Mwangi", "Odhiambo", "Wambui", "Kiptoo", "Mutua", "Njoroge", "Abdi", "Wekesa", "Cherono", "Omondi"],
    ),
    "SN": (
        ["Awa", "Mamadou", "Fatou", "Ousmane", "Aïssatou", "Cheikh", "Khady", "Ibrahima", "Ndèye", "Moussa"],
        ["Diop", "Ndiaye", "Fall", "Sarr", "Gueye", "Faye", "Sy", "Ba", "Cissé", "Mbaye"],
    ),
}
_FIRMS: dict[str, list[tuple[str, Role]]] = {
    "NG": [
        ("Mama Nkechi Provisions", Role.SHOP),
        ("Balogun Fabrics", Role.SHOP),
        ("Ikeja Phone Repairs", Role.SHOP),
        ("Lagoon Wholesale Foods", Role.WHOLESALER),
        ("Bright Harvest School", Role.SCHOOL),
        ("Marina Court Rentals", Role.LANDLORD),
        ("Sunbird Airtime", Role.AIRTIME),
    ],
    "KE": [
        ("Achieng Fresh Produce", Role.SHOP),
        ("Savanna Hardware", Role.SHOP),
        ("Rift Valley Millers", Role.WHOLESALER),
        ("Acacia Hill Academy", Role.SCHOOL),
        ("Ngong View Apartments", Role.LANDLORD),
        ("Twiga Airtime", Role.AIRTIME),
    ],
    "SN": [
        ("Boutique Awa Couture", Role.SHOP),
        ("Pêcherie de Soumbédioune", Role.SHOP),
        ("Sahel Distribution", Role.WHOLESALER),
        ("École Les Flamboyants", Role.SCHOOL),
        ("Résidence Corniche", Role.LANDLORD),
        ("Baobab Recharge", Role.AIRTIME),
    ],
    "TN": [("Carthage Olive Export", Role.WHOLESALER)],
}
_EXTRA = {
    "en": [("SAVINGS", "Rainy days"), ("CURRENT", "Stock money")],
    "fr": [("SAVINGS", "Épargne"), ("CURRENT", "Achats de stock")],
}
_COUNTRY_DIGIT = {"NG": 1, "KE": 2, "SN": 3, "TN": 4}
_PEOPLE_PER_COUNTRY = {"NG": 12, "KE": 10, "SN": 9}


def cast(chance: random.Random) -> list[Actor]:
    """All actors; the first three are those whom the demo signs in: a shop of each country."""
    firms = {country: [_firm(country, n, name, role) for n, (name, role) in enumerate(listed, 1)] for country, listed in _FIRMS.items()}
    people = [person for country, count in _PEOPLE_PER_COUNTRY.items() for person in _people(country, count, chance)]
    leading = [firms[country][0] for country in ("NG", "KE", "SN")]
    return leading + [firm for listed in firms.values() for firm in listed if firm not in leading] + people


def _firm(country: str, number: int, name: str, role: Role) -> Actor:
    return _actor(country, number, name, role, tier="BUSINESS", extra=number == 1 and role is Role.SHOP)


def _people(country: str, count: int, chance: random.Random) -> Iterator[Actor]:
    first, last = _PEOPLE[country]
    names = chance.sample([f"{a} {b}" for a in first for b in last if a != b], count)
    for number, name in enumerate(names, 1):
        yield _actor(country, 100 + number, name, Role.PERSON, tier=chance.choice(["TIER_2", "TIER_3", "TIER_3"]), extra=number % 3 == 0)


def _actor(country: str, number: int, name: str, role: Role, *, tier: str, extra: bool) -> Actor:
    language, currency = _LANGUAGE[country], CURRENCY[country]
    wanted = [("CURRENT", {"en": "Main account", "fr": "Compte principal"}[language]), *(_EXTRA[language] if extra else [])]
    return Actor(
        name=name,
        country=country,
        role=role,
        phone=_PHONE[country].format(number),
        tier=tier,
        language=language,
        holdings=tuple(
            Holding(number=_number(country, number, place), kind=kind, currency=currency, name=label) for place, (kind, label) in enumerate(wanted)
        ),
    )


def _number(country: str, number: int, place: int) -> str:
    digits = f"20{_COUNTRY_DIGIT[country]}{number:04}{place:02}"
    return digits + check_digit(digits)
