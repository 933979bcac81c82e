"""Fees and taxes: what a payment costs its payer, each fee and each tax as a line of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from kernel.errors import InvalidInput
from kernel.money import Money, round_half_even, share_out
from models.tariffs import FeeRule, TaxRule
from services.tariffs import Tariffs

__all__ = ["FEE_NAMES", "FeeKind", "FeeLine", "price"]

# What customers read for each code; a message, so that it has a translation.
FEE_NAMES = {
    "transfer_fee": "Transfer fee",
    "vat": "VAT",
    "tva": "VAT",
    "stamp_duty": "Stamp duty",
    "excise_duty": "Excise duty",
}

# Percentages have six digits after the point: counted in these, they are whole.
_PERCENT = 10**6


class FeeKind(StrEnum):
    FEE = "FEE"
    TAX = "TAX"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """One fee or tax, more than zero; `collects` is the purpose of the bank's account that receives it."""

    code: str
    kind: FeeKind
    amount: Money
    collects: str


def price(tariffs: Tariffs, *, country: str, amount: Money, own_account: bool, on: date) -> tuple[FeeLine, ...]:
    """What a payer of `country` pays beside `amount`: each fee, then the taxes on it, then those on the amount. Empty where it is free.

    `own_account` is whether both accounts are one customer's; `on` is the day in the country's time zone.

    Raises:
        InvalidInput: the amount is not more than zero.
    """
    if amount.minor <= 0:
        raise InvalidInput("the amount must be more than zero", field=("amount", "amount"))
    taxes = tariffs.taxes(country=country, currency=amount.currency, on=on)
    included = [tax for tax in taxes if tax.included]
    lines: list[tuple[str, FeeKind, int, str]] = []
    fee_minor = 0
    for table in tariffs.fees(country=country, currency=amount.currency, on=on):
        if own_account and not table.own_accounts:
            continue
        net, *parts = _split(_fee(table.band(amount.minor), amount.minor), included)
        fee_minor += net
        lines.append((table.code, FeeKind.FEE, net, table.collects))
        lines += [(tax.code, FeeKind.TAX, part, tax.collects) for tax, part in zip(included, parts, strict=True)]
    for tax in taxes:
        if tax.taxes == "FEE" and not tax.included:
            lines.append((tax.code, FeeKind.TAX, _share(fee_minor, tax.percent), tax.collects))
        if tax.taxes == "AMOUNT" and amount.minor >= tax.from_minor and (tax.own_accounts or not own_account):
            lines.append((tax.code, FeeKind.TAX, tax.flat_minor + _share(amount.minor, tax.percent), tax.collects))
    return tuple(
        FeeLine(code=code, kind=kind, amount=Money(minor, amount.currency), collects=collects) for code, kind, minor, collects in lines if minor
    )


def _fee(band: FeeRule, minor: int) -> int:
    """The price of the band for an amount in it, within its minimum and maximum."""
    least = max(band.flat_minor + _share(minor, band.percent), band.minimum_minor)
    return least if band.maximum_minor is None else min(least, band.maximum_minor)


def _split(gross: int, included: Sequence[TaxRule]) -> list[int]:
    """A published price as the fee and the taxes that it contains, which sum to it to the last unit."""
    if not included:
        return [gross]
    return share_out(gross, [100 * _PERCENT, *(int(tax.percent * _PERCENT) for tax in included)])


def _share(minor: int, percent: Decimal) -> int:
    return round_half_even(minor * _fraction(percent)) if percent else 0


@lru_cache(maxsize=256)
def _fraction(percent: Decimal) -> Fraction:
    """Remembered: the percentages of all rules are a handful, and each payment needs one or two."""
    return Fraction(percent) / 100
