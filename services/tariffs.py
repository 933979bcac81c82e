"""Tariffs as one process sees them: an immutable picture of all rules, looked up by day, and the book that holds the newest one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, Protocol, Self, TypeVar

import structlog

from models.database import Database
from models.tariffs import ROWS, ExchangeRate, FeeRule, Jurisdiction, LimitRule, Product, TariffError, TariffRows, TaxRule, select

__all__ = ["FeeTable", "TariffBook", "Tariffs"]

log = structlog.get_logger("tariffs")


class _Dated(Protocol):
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


D = TypeVar("D", bound=_Dated)


class _Versions(Generic[D]):
    """The versions of one rule, which never overlap."""

    __slots__ = ("_starts", "_versions")

    def __init__(self, versions: Iterable[D]) -> None:
        self._versions = sorted(versions, key=attrgetter("effective_from"))
        self._starts = [version.effective_from for version in self._versions]

    def on(self, day: date) -> D | None:
        """The version that holds on `day`."""
        place = bisect_right(self._starts, day) - 1
        if place < 0:
            return None
        found = self._versions[place]
        return found if found.effective_to is None or day < found.effective_to else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTable:
    """One version of a fee with all its bands."""

    country: str
    currency: str
    code: str
    collects: str
    own_accounts: bool
    effective_from: date
    effective_to: date | None
    upper_minor: tuple[int, ...]  # The ends of all bands but the last, which has none.
    bands: tuple[FeeRule, ...]

    @classmethod
    def of(cls, bands: Sequence[FeeRule]) -> Self:
        """`bands` are in order, the open one last."""
        last = bands[-1]
        return cls(
            country=last.country,
            currency=last.currency,
            code=last.code,
            collects=last.collects,
            own_accounts=last.own_accounts,
            effective_from=last.effective_from,
            effective_to=last.effective_to,
            upper_minor=tuple(band.up_to_minor for band in bands if band.up_to_minor is not None),
            bands=tuple(bands),
        )

    def band(self, minor: int) -> FeeRule:
        """The band that an amount is in."""
        return self.bands[bisect_left(self.upper_minor, minor)]


class Tariffs:
    """A picture of all rules. Days are days of the rule's country: `jurisdiction(country).zone` tells which one it is there."""

    def __init__(self, rows: TariffRows) -> None:
        self._jurisdictions = {row.country: row for row in rows.jurisdictions}
        self._products = _by(rows.products, "country", "kind", "currency")
        versions = groupby(rows.fee_rules, attrgetter("country", "currency", "code", "effective_from"))
        self._fees = _together(2, _by([FeeTable.of(list(bands)) for _, bands in versions], "country", "currency", "code"))
        taxes = sorted(rows.tax_rules, key=lambda rule: rule.taxes == "AMOUNT")
        self._taxes = _together(2, _by(taxes, "country", "currency", "code"))
        # Those of one payment first: they need no counter, and nobody wants to wait for tomorrow to learn of them.
        limits = sorted(rows.limit_rules, key=lambda rule: (("PAYMENT", "DAY", "MONTH").index(rule.per), rule.subject == "ACCOUNT"))
        self._limits = _together(3, _by(limits, "country", "tier", "currency", "per", "subject", "direction"))
        pairs = groupby(rows.exchange_rates, attrgetter("base", "quote"))
        self._rates = {pair: tuple(rates) for pair, rates in pairs}

    @classmethod
    async def load(cls, fetch: Callable[[str], Awaitable[Sequence[Any]]]) -> Self:
        """The picture of what `fetch` reads now: a function of SQL that gives rows, in one snapshot.

        Raises:
            TariffError: the rows contradict themselves.
        """
        return cls(TariffRows.of({row.TABLE: [dict(found) for found in await fetch(select(row))] for row in ROWS}))

    def jurisdiction(self, country: str) -> Jurisdiction:
        """The country's money and clock.

        Raises:
            LookupError: the bank does not serve it, so nobody should have been registered there.
        """
        try:
            return self._jurisdictions[country]
        except KeyError:
            raise LookupError(f"no jurisdiction {country!r}: name it in a file of models/tariffs_data, then run `make migrate`") from None

    def product(self, *, country: str, kind: str, currency: str, on: date) -> Product | None:
        """The terms on which such an account is opened on this day; None: none is."""
        versions = self._products.get((country, kind, currency))
        return versions.on(on) if versions else None

    def fees(self, *, country: str, currency: str, on: date) -> tuple[FeeTable, ...]:
        """The fees on payments of this currency."""
        return _holding(self._fees.get((country, currency), ()), on)

    def taxes(self, *, country: str, currency: str, on: date) -> tuple[TaxRule, ...]:
        """The taxes on the fees of such payments, then those on the payments."""
        return _holding(self._taxes.get((country, currency), ()), on)

    def limits(self, *, country: str, tier: str, currency: str, on: date) -> tuple[LimitRule, ...]:
        """The limits of customers of this tier: those of one payment first, then those of a day, then of a month."""
        return _holding(self._limits.get((country, tier, currency), ()), on)

    def rate(self, *, base: str, quote: str, at: datetime) -> ExchangeRate | None:
        """The rate at a moment, which is UTC and aware; None where the bank does not exchange this."""
        rates = self._rates.get((base, quote), ())
        place = bisect_right(rates, at, key=attrgetter("effective_from")) - 1
        return rates[place] if place >= 0 else None


class TariffBook:
    """Holds the newest picture. Who works with `current` keeps that picture to the end of its work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._current: Tariffs | None = None

    @property
    def current(self) -> Tariffs:
        """The picture as last read.

        Raises:
            RuntimeError: none was read yet.
        """
        if self._current is None:
            raise RuntimeError("the tariffs were asked for before they were read: call refresh() first")
        return self._current

    async def refresh(self) -> None:
        """Read the rules anew. A running bank keeps the picture it has when the rows contradict themselves, and says so.

        Raises:
            Unavailable: the database is away.
            TariffError: the rows contradict themselves, and there is no earlier picture.
        """
        async with self._database.reads.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            try:
                self._current = await Tariffs.load(connection.fetch)
            except TariffError as error:
                if self._current is None:
                    raise
                log.error("tariffs not refreshed", reason=str(error))


def _by(rows: Iterable[D], *columns: str) -> dict[tuple[Hashable, ...], _Versions[D]]:
    """The versions of each rule, by the columns that name it, in the order in which rules come first."""
    found: dict[tuple[Hashable, ...], list[D]] = {}
    for row in rows:
        found.setdefault(attrgetter(*columns)(row), []).append(row)
    return {key: _Versions(versions) for key, versions in found.items()}


def _together(length: int, rules: dict[tuple[Hashable, ...], _Versions[D]]) -> dict[tuple[Hashable, ...], tuple[_Versions[D], ...]]:
    """Rules whose names begin with the same `length` columns."""
    found: dict[tuple[Hashable, ...], tuple[_Versions[D], ...]] = {}
    for key, versions in rules.items():
        found[key[:length]] = (*found.get(key[:length], ()), versions)
    return found


def _holding(rules: Iterable[_Versions[D]], on: date) -> tuple[D, ...]:
    return tuple(version for versions in rules if (version := versions.on(on)) is not None)
