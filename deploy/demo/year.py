"""A year in the demo bank: what is paid, day by day. Pure: the same seed gives the same year."""

from __future__ import annotations

import calendar
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from deploy.demo.cast import Actor, Holding, Role

__all__ = ["Deposit", "Payment", "Year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money from outside: takings, a salary from an employer elsewhere."""

    to: Holding
    minor: int
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    payer: Actor
    account: Holding
    to: Holding
    minor: int
    reference: str


# What a day's shopping costs in minor units; everything else is a multiple of it.
_BASKET = {"NGN": 350_000, "KES": 30_000, "XOF": 2_500, "TND": 15_000}
# Nobody pays 3,517.23: prices end on a round number.
_ROUND = {"NGN": 5_000, "KES": 1_000, "XOF": 25, "TND": 500}

_TERMS = {(1, 10): 1, (5, 4): 2, (9, 7): 3}

_TEXT = {
    "en": {
        "takings": "Takings of the day",
        "salary": "Salary {month}",
        "rent": "Rent {month}",
        "airtime": "Airtime",
        "school": "School fees, term {term}",
        "stock": "Stock, week {week}",
        "shopping": "Shopping",
        "savings": "To savings",
        "stock money": "For next week's stock",
        "opening": "Opening balance",
        "export": "Export sales",
    },
    "fr": {
        "takings": "Recettes du jour",
        "salary": "Salaire {month}",
        "rent": "Loyer {month}",
        "airtime": "Crédit téléphonique",
        "school": "Frais de scolarité, trimestre {term}",
        "stock": "Stock, semaine {week}",
        "shopping": "Courses",
        "savings": "Vers l'épargne",
        "stock money": "Pour le stock de la semaine",
        "opening": "Solde d'ouverture",
        "export": "Ventes à l'export",
    },
}
_MONTHS: dict[str, Sequence[str]] = {
    "en": list(calendar.month_name),
    "fr": ["", "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
}


class Year:
    """What happens on each day, to these actors."""

    def __init__(self, actors: list[Actor], chance: random.Random) -> None:
        self._actors = actors
        self._chance = chance
        self._by_role: dict[tuple[str, Role], list[Actor]] = {}
        for actor in actors:
            self._by_role.setdefault((actor.country, actor.role), []).append(actor)

    def opening(self) -> Iterator[Deposit]:
        """What everybody brings along on the first day."""
        for actor in self._actors:
            weight = 20 if actor.role is Role.PERSON else 120
            yield self._deposit(actor, weight, "opening")

    def day(self, day: date) -> tuple[list[Deposit], list[Payment]]:
        """What comes in from outside, and what is paid inside the bank afterwards."""
        deposits = [deposit for actor in self._actors for deposit in self._deposits(actor, day)]
        payments = [payment for actor in self._actors for payment in self._payments(actor, day)]
        return deposits, payments

    def _deposits(self, actor: Actor, day: date) -> Iterator[Deposit]:
        open_today = day.weekday() < 6
        match actor.role:
            case Role.SHOP if open_today:
                yield self._deposit(actor, self._chance.uniform(4, 12), "takings")
            case Role.WHOLESALER if actor.country == "TN" and day.day in (5, 20):
                yield self._deposit(actor, self._chance.uniform(60, 160), "export")
            case Role.PERSON if _is_last_working_day(day):
                yield self._deposit(actor, self._chance.uniform(35, 60), "salary", month=_month(actor, day))

    def _payments(self, actor: Actor, day: date) -> Iterator[Payment]:
        if actor.role is Role.SHOP:
            yield from self._of_a_shop(actor, day)
        if actor.role is Role.PERSON:
            yield from self._of_a_person(actor, day)

    def _of_a_shop(self, shop: Actor, day: date) -> Iterator[Payment]:
        if day.weekday() == 0:
            wholesaler, baskets = self._some(shop, Role.WHOLESALER), self._chance.uniform(15, 30)
            yield self._payment(shop, wholesaler, baskets, "stock", account=shop.holdings[-1], week=day.isocalendar().week)
        if day.day == 1:
            yield self._payment(shop, self._some(shop, Role.LANDLORD), 25, "rent", month=_month(shop, day))
        if _is_last_working_day(day):
            staff = self._by_role[shop.country, Role.PERSON]
            place = self._by_role[shop.country, Role.SHOP].index(shop)
            for person in staff[place * 2 : place * 2 + 2]:
                yield self._payment(shop, person, self._chance.uniform(18, 22), "salary", month=_month(shop, day))
        if day.day == 15 and len(shop.holdings) > 1:
            yield self._payment(shop, shop, 10, "savings", to=shop.holdings[1])
        if day.weekday() == 5 and len(shop.holdings) > 2:
            yield self._payment(shop, shop, 30, "stock money", to=shop.holdings[2])

    def _of_a_person(self, person: Actor, day: date) -> Iterator[Payment]:
        if self._chance.random() < 0.45:
            yield self._payment(person, self._some(person, Role.SHOP), self._chance.uniform(0.3, 1.6), "shopping")
        if self._chance.random() < 0.15:
            yield self._payment(person, self._some(person, Role.AIRTIME), self._chance.uniform(0.1, 0.4), "airtime")
        if day.day == 2:
            yield self._payment(person, self._some(person, Role.LANDLORD), 8, "rent", month=_month(person, day))
        if (term := _TERMS.get((day.month, day.day))) and self._chance.random() < 0.6:
            yield self._payment(person, self._some(person, Role.SCHOOL), self._chance.uniform(8, 12), "school", term=term)
        if day.day == 28 and len(person.holdings) > 1:
            yield self._payment(person, person, 2, "savings", to=person.holdings[1])

    def _some(self, actor: Actor, role: Role) -> Actor:
        return self._chance.choice(self._by_role[actor.country, role])

    def _deposit(self, actor: Actor, baskets: float, text: str, **facts: object) -> Deposit:
        return Deposit(to=actor.main, minor=_price(actor.currency, baskets), description=_TEXT[actor.language][text].format(**facts))

    def _payment(
        self,
        payer: Actor,
        payee: Actor,
        baskets: float,
        text: str,
        *,
        account: Holding | None = None,
        to: Holding | None = None,
        **facts: object,
    ) -> Payment:
        return Payment(
            payer=payer,
            account=account or payer.main,
            to=to or payee.main,
            minor=_price(payer.currency, baskets),
            reference=_TEXT[payer.language][text].format(**facts),
        )


def _price(currency: str, baskets: float) -> int:
    step = _ROUND[currency]
    return max(round(_BASKET[currency] * baskets / step), 1) * step


def _month(actor: Actor, day: date) -> str:
    return str(_MONTHS[actor.language][day.month])


def _is_last_working_day(day: date) -> bool:
    last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    while last.weekday() > 4:
        last -= timedelta(days=1)
    return day == last
