"""Reads the tariff files beside it: one a region for products, fees, taxes and limits, one for exchange rates.

A rule is for every country of its file, in that country's own currency, unless it names `countries` or a `currency`. Amounts are
decimal strings in that currency. `effective_from` is the first day on which a rule holds, `effective_to` the first on which it
does not. A key that is not known here is an error, so that a slip of the pen is not a rule that silently never holds.
"""

from __future__ import annotations

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kernel.money import AmountError, parse_minor

__all__ = ["FOLDER", "Tables", "TariffError", "read"]

FOLDER = Path(__file__).parent

# Rows by table, each with the names of its columns.
Tables: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]

Tier = Literal["TIER_1", "TIER_2", "TIER_3", "BUSINESS"]

# As many digits as their columns have: more would be rounded away unseen.
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=6)]
Rate = Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12)]


class TariffError(ValueError):
    """The tariffs contradict themselves or cannot be read; the message says where, and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Jurisdiction(_Part):
    country: str
    name: str
    currency: str
    time_zone: str


class _Rule(_Part, ABC):
    countries: tuple[str, ...] = ()
    currency: str | None = None
    effective_from: date
    effective_to: date | None = None
    source: str = Field(min_length=1)

    @abstractmethod
    def rows(self, currency: str) -> Iterator[dict[str, Any]]:
        """This rule's own columns, in minor units of `currency`."""


class _Product(_Rule):
    kind: Literal["CURRENT", "SAVINGS"]
    name: str
    overdraft: str = "0"
    per_customer: int

    def rows(self, currency: str) -> Iterator[dict[str, Any]]:
        overdraft_minor = parse_minor(self.overdraft, currency)
        yield {"kind": self.kind, "name": self.name, "overdraft_minor": overdraft_minor, "per_customer": self.per_customer}


class _Band(_Part):
    up_to: str | None = None
    flat: str = "0"
    percent: Percent = Decimal(0)
    minimum: str = "0"
    maximum: str | None = None


class _Fee(_Rule):
    code: str
    bands: tuple[_Band, ...]
    own_accounts: bool = False
    collects: str = "fee_income"

    def rows(self, currency: str) -> Iterator[dict[str, Any]]:
        for band in self.bands:
            yield {
                "code": self.code,
                "up_to_minor": _minor(band.up_to, currency),
                "flat_minor": parse_minor(band.flat, currency),
                "percent": band.percent,
                "minimum_minor": parse_minor(band.minimum, currency),
                "maximum_minor": _minor(band.maximum, currency),
                "own_accounts": self.own_accounts,
                "collects": self.collects,
            }


class _Tax(_Rule):
    code: str
    taxes: Literal["FEE", "AMOUNT"]
    percent: Percent = Decimal(0)
    flat: str = "0"
    included: bool = False
    from_amount: str = Field("0", alias="from")
    own_accounts: bool = False
    collects: str

    def rows(self, currency: str) -> Iterator[dict[str, Any]]:
        own = self.model_dump(include={"code", "taxes", "percent", "included", "own_accounts", "collects"})
        yield own | {"flat_minor": parse_minor(self.flat, currency), "from_minor": parse_minor(self.from_amount, currency)}


class _Limit(_Rule):
    subject: Literal["CUSTOMER", "ACCOUNT"]
    per: Literal["PAYMENT", "DAY", "MONTH"]
    direction: Literal["DEBIT"] = "DEBIT"
    amounts: dict[Tier, str] = {}
    counts: dict[Tier, int] = {}

    def rows(self, currency: str) -> Iterator[dict[str, Any]]:
        for tier in sorted({*self.amounts, *self.counts}):
            yield {
                "tier": tier,
                "subject": self.subject,
                "per": self.per,
                "direction": self.direction,
                "amount_minor": _minor(self.amounts.get(tier), currency),
                "count": self.counts.get(tier),
            }


class _Exchange(_Part):
    effective_from: AwareDatetime
    spread_basis_points: int
    source: str = Field(min_length=1)
    mid: dict[str, dict[str, Rate]]

    def rows(self) -> Iterator[dict[str, Any]]:
        own = self.model_dump(exclude={"mid"})
        for base, mids in self.mid.items():
            for quote, mid in mids.items():
                yield own | {"base": base, "quote": quote, "mid": mid}


class _File(_Part):
    jurisdiction: tuple[_Jurisdiction, ...] = ()
    product: tuple[_Product, ...] = ()
    fee: tuple[_Fee, ...] = ()
    tax: tuple[_Tax, ...] = ()
    limit: tuple[_Limit, ...] = ()
    exchange: tuple[_Exchange, ...] = ()

    def tables(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The file's rows, each with the name of its table."""
        for jurisdiction in self.jurisdiction:
            yield "jurisdictions", jurisdiction.model_dump()
        for product in self._placed(self.product):
            yield "products", product | {"code": "{country}-{kind}-{currency}".format_map(product)}
        for table, rules in (("fee_rules", self.fee), ("tax_rules", self.tax), ("limit_rules", self.limit)):
            for row in self._placed(rules):
                yield table, row
        for exchange in self.exchange:
            for row in exchange.rows():
                yield "exchange_rates", row

    def _placed(self, rules: Sequence[_Rule]) -> Iterator[dict[str, Any]]:
        """The rules' rows for each country that they are for."""
        home = {jurisdiction.country: jurisdiction.currency for jurisdiction in self.jurisdiction}
        for rule in rules:
            if unknown := set(rule.countries) - set(home):
                raise TariffError(f"a rule is for {', '.join(sorted(unknown))}, which is no [[jurisdiction]] of this file")
            for country in rule.countries or home:
                currency = rule.currency or home[country]
                shared = rule.model_dump(include={"effective_from", "effective_to", "source"})
                try:
                    for row in rule.rows(currency):
                        yield shared | row | {"country": country, "currency": currency}
                except AmountError as error:
                    raise TariffError(f"the rule in {currency} for {country} from {rule.effective_from}: {error}") from error


def read(folder: Path = FOLDER) -> Tables:
    """The rows of all files in `folder`, by table.

    Raises:
        TariffError: a file is not as it should be; it is named.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
            for table, row in file.tables():
                tables.setdefault(table, []).append(row)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise TariffError(f"{path.name}, {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
        except (tomllib.TOMLDecodeError, TariffError) as error:
            raise TariffError(f"{path.name}: {error}") from error
    return tables


def _minor(amount: str | None, currency: str) -> int | None:
    return None if amount is None else parse_minor(amount, currency)
