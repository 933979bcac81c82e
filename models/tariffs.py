"""Tariffs: products, fees, taxes, limits and exchange rates as dated rows, checked against themselves and kept in step with the files.

The rows are those of models/migrations/0002_tariffs.sql, which says what each column means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import orjson

from kernel.money import CURRENCIES
from models.tariffs_data import FOLDER, Tables, TariffError, read

__all__ = [
    "ROWS",
    "ExchangeRate",
    "FeeRule",
    "Jurisdiction",
    "LimitRule",
    "Product",
    "TariffError",
    "TariffRow",
    "TariffRows",
    "TaxRule",
    "load",
    "select",
]

# Any two loads of one database wait for each other.
_LOADING = 0x7461_7269_6666


class TariffRow(Protocol):
    """A row with its table, and the columns that tell it from the table's other rows."""

    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]
    __dataclass_fields__: ClassVar[dict[str, Any]]


class _Dated(Protocol):
    TABLE: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]]

    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """A country with its money and its clock."""

    TABLE: ClassVar[str] = "jurisdictions"
    KEY: ClassVar[tuple[str, ...]] = ("country",)

    country: str
    name: str
    currency: str
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that its days follow."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The terms on which an account is opened."""

    TABLE: ClassVar[str] = "products"
    KEY: ClassVar[tuple[str, ...]] = ("country", "kind", "currency", "effective_from")

    code: str
    kind: str
    country: str
    currency: str
    name: str
    overdraft_minor: int
    per_customer: int
    effective_from: date
    effective_to: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRule:
    """One band of a fee."""

    TABLE: ClassVar[str] = "fee_rules"
    KEY: ClassVar[tuple[str, ...]] = ("country", "currency", "code", "effective_from", "up_to_minor")

    country: str
    currency: str
    code: str
    up_to_minor: int | None
    flat_minor: int
    percent: Decimal
    minimum_minor: int
    maximum_minor: int | None
    own_accounts: bool
    collects: str
    effective_from: date
    effective_to: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """A tax on a fee, or on the payment itself."""

    TABLE: ClassVar[str] = "tax_rules"
    KEY: ClassVar[tuple[str, ...]] = ("country", "currency", "code", "effective_from")

    country: str
    currency: str
    code: str
    taxes: str
    percent: Decimal
    flat_minor: int
    included: bool
    from_minor: int
    own_accounts: bool
    collects: str
    effective_from: date
    effective_to: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """What a customer of one tier, or each of their accounts, may pay."""

    TABLE: ClassVar[str] = "limit_rules"
    KEY: ClassVar[tuple[str, ...]] = ("country", "tier", "currency", "subject", "per", "direction", "effective_from")

    country: str
    tier: str
    currency: str
    subject: str
    per: str
    direction: str
    amount_minor: int | None
    count: int | None
    effective_from: date
    effective_to: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRate:
    """What one unit of `base` is worth in `quote`; it holds until the next one of its pair."""

    TABLE: ClassVar[str] = "exchange_rates"
    KEY: ClassVar[tuple[str, ...]] = ("base", "quote", "effective_from")

    base: str
    quote: str
    mid: Decimal
    spread_basis_points: int
    effective_from: datetime
    source: str


# In the order in which they refer to each other.
ROWS: tuple[type[TariffRow], ...] = (Jurisdiction, Product, FeeRule, TaxRule, LimitRule, ExchangeRate)

R = TypeVar("R", bound=TariffRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffRows:
    """All rows, each table in the order of its key."""

    jurisdictions: tuple[Jurisdiction, ...]
    products: tuple[Product, ...]
    fee_rules: tuple[FeeRule, ...]
    tax_rules: tuple[TaxRule, ...]
    limit_rules: tuple[LimitRule, ...]
    exchange_rates: tuple[ExchangeRate, ...]

    @classmethod
    def of(cls, tables: Tables) -> Self:
        """From the columns of each table's rows, as files or the database have them.

        Raises:
            TariffError: two versions of one rule hold on one day, a fee leaves amounts without a price, a currency or time zone is unknown.
        """
        rows = cls(
            jurisdictions=_rows(Jurisdiction, tables),
            products=_rows(Product, tables),
            fee_rules=_rows(FeeRule, tables),
            tax_rules=_rows(TaxRule, tables),
            limit_rules=_rows(LimitRule, tables),
            exchange_rates=_rows(ExchangeRate, tables),
        )
        rows._check()
        return rows

    def _check(self) -> None:
        for table in (getattr(self, row.TABLE) for row in ROWS):
            _check_keys(table)
            _check_currencies(table)
        for dated in (self.products, _check_bands(self.fee_rules), self.tax_rules, self.limit_rules):
            _check_versions(dated)
        for rate in self.exchange_rates:
            if rate.base == rate.quote:
                raise TariffError(f"{_named(rate, rate.KEY)}: a currency is not exchanged for itself")
        for jurisdiction in self.jurisdictions:
            try:
                ZoneInfo(jurisdiction.time_zone)
            except (ZoneInfoNotFoundError, ValueError):
                where = _named(jurisdiction, jurisdiction.KEY)
                raise TariffError(f"{where}: there is no time zone {jurisdiction.time_zone!r}; use a name of the IANA database") from None


def select(row: type[TariffRow]) -> str:
    """The SQL that reads all rows of a table."""
    return f"SELECT {_columns(row)} FROM {row.TABLE}"  # noqa: S608  Our own names.


async def load(connection: asyncpg.Connection[asyncpg.Record], folder: Path = FOLDER) -> None:
    """Make the tables say what the files of `folder` say; run again, it changes nothing. The connection is the tables' owner's.

    Rows that are in no file any more are removed, but for exchange rates: they may come from elsewhere too, and none is forgotten.

    Raises:
        TariffError: the files are not as they should be; nothing was changed.
    """
    rows = TariffRows.of(read(folder))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOADING)
        for row in reversed(ROWS):
            if row is not ExchangeRate:
                await connection.execute(_remove_others(row), _packed(getattr(rows, row.TABLE)))
        for row in ROWS:
            try:
                await connection.execute(_write(row), _packed(getattr(rows, row.TABLE)))
            except asyncpg.IntegrityConstraintViolationError as error:
                raise TariffError(f"{row.TABLE}: {error.args[0]}; {error.detail}") from error


def _remove_others(row: type[TariffRow]) -> str:
    same = " AND ".join(f"w.{column} IS NOT DISTINCT FROM t.{column}" for column in row.KEY)
    wanted = f"jsonb_populate_recordset(NULL::{row.TABLE}, $1::text::jsonb) w"
    return f"DELETE FROM {row.TABLE} t WHERE NOT EXISTS (SELECT FROM {wanted} WHERE {same})"  # noqa: S608


def _write(row: type[TariffRow]) -> str:
    rest = [field.name for field in fields(row) if field.name not in row.KEY]
    changed = ", ".join(f"{column} = excluded.{column}" for column in rest)
    now, wanted = (", ".join(f"{place}.{column}" for column in rest) for place in ("t", "excluded"))
    return f"""
        INSERT INTO {row.TABLE} AS t ({_columns(row)})
        SELECT {_columns(row)} FROM jsonb_populate_recordset(NULL::{row.TABLE}, $1::text::jsonb)
            ON CONFLICT ({", ".join(row.KEY)}) DO UPDATE SET {changed} WHERE ({now}) IS DISTINCT FROM ({wanted})
    """  # noqa: S608


def _columns(row: type[TariffRow]) -> str:
    return ", ".join(field.name for field in fields(row))


def _packed(rows: Sequence[TariffRow]) -> str:
    return orjson.dumps(rows, default=str).decode()


def _rows(row: type[R], tables: Tables) -> tuple[R, ...]:
    return tuple(sorted((row(**columns) for columns in tables.get(row.TABLE, ())), key=_in_order))


def _in_order(row: TariffRow) -> tuple[Any, ...]:
    # A band without an upper end comes behind those that have one.
    return tuple((getattr(row, column) is None, getattr(row, column)) for column in row.KEY)


def _check_keys(rows: Sequence[TariffRow]) -> None:
    for one, other in pairwise(rows):
        if _in_order(one) == _in_order(other):
            raise TariffError(f"{_named(one, one.KEY)} is there twice: remove one of them")


def _check_currencies(rows: Sequence[TariffRow]) -> None:
    for row in rows:
        for column in ("currency", "base", "quote"):
            if (code := getattr(row, column, None)) is not None and code not in CURRENCIES:
                raise TariffError(f"{_named(row, row.KEY)}: the bank does not know the currency {code!r}; kernel/money.py lists those it knows")


def _check_versions(rows: Iterable[_Dated]) -> None:
    """No two versions of one rule may hold on one day; rows are in the order of their keys."""
    for one, other in pairwise(rows):
        rule = tuple(column for column in one.KEY if column not in ("effective_from", "up_to_minor"))
        same = all(getattr(one, column) == getattr(other, column) for column in rule)
        if same and (one.effective_to is None or one.effective_to > other.effective_from):
            raise TariffError(
                f"{_named(one, rule)}: the version from {one.effective_from} still holds when the one from {other.effective_from} "
                f"begins: give the earlier one effective_to = {other.effective_from}"
            )


def _check_bands(rules: Sequence[FeeRule]) -> list[FeeRule]:
    """Each version of a fee has a price for every amount; gives one band of each version, which stands for it."""
    versions = []
    for _, version in groupby(rules, attrgetter("country", "currency", "code", "effective_from")):
        bands = list(version)
        last = bands[-1]
        name = f"{_named(last, ('country', 'currency', 'code'))} from {last.effective_from}"
        if last.up_to_minor is not None:
            raise TariffError(f"{name} has no price above {last.up_to_minor} minor units: leave up_to out of the last band")
        if len({(band.effective_to, band.own_accounts, band.collects) for band in bands}) > 1:
            raise TariffError(f"{name}: its bands differ in effective_to, own_accounts or collects; they are one rule and share them")
        versions.append(last)
    return versions


def _named(row: Any, columns: Sequence[str]) -> str:
    return f"{row.TABLE}: {' '.join(str(getattr(row, column)) for column in columns)}"
