"""Exchange between currencies: at the middle rate, less a spread that is an entry of its own, with the rounding in the open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from kernel.errors import CurrencyMismatch, InvalidInput
from kernel.money import MAXIMUM_MINOR, Money, currency, round_down, round_half_even
from models.tariffs import ExchangeRate
from services.tariffs import Tariffs

__all__ = ["RATE_DIGITS", "Exchange", "convert", "exchanged"]

RATE_DIGITS = 12  # After the point, in rates as in the database.
_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What is paid and what arrives. Nothing is lost: (pays - spread) at `mid` is `receives` and `rounding`, exactly.

    `rate` is what the customer sees, receiving per paying currency with the spread taken off. `rounding` is in minor units of the
    receiving currency, at least 0 and less than 1; the bank's position keeps it.
    """

    pays: Money
    receives: Money
    spread: Money
    mid: Decimal
    rate: Decimal
    rounding: Decimal


def convert(tariffs: Tariffs, amount: Money, to: str, *, at: datetime) -> Exchange:
    """What becomes of `amount` in the currency `to`, which is another one, at the rate of a moment.

    Raises:
        CurrencyMismatch: the bank does not exchange this.
        InvalidInput: so little that nothing would arrive, or more than an amount may be.
    """
    rate = tariffs.rate(base=amount.currency, quote=to, at=at)
    if rate is None:
        raise CurrencyMismatch("we do not exchange {currency} for {to} at present", field=("amount", "currency"), currency=amount.currency, to=to)
    return exchanged(amount, rate)


def exchanged(amount: Money, rate: ExchangeRate) -> Exchange:
    """What becomes of `amount`, which is in the rate's base currency.

    Raises:
        InvalidInput: see `convert`.
    """
    if amount.minor <= 0:
        raise InvalidInput("the amount must be more than zero", field=("amount", "amount"))
    spread_minor = round_half_even(Fraction(amount.minor * rate.spread_basis_points, _BASIS_POINTS))
    digits = currency(rate.quote).minor_units - currency(rate.base).minor_units
    exact = (amount.minor - spread_minor) * Fraction(rate.mid) * Fraction(10) ** digits
    received_minor = round_down(exact)
    if received_minor == 0:
        raise InvalidInput("this is too little to exchange: nothing would arrive in {to}", field=("amount", "amount"), to=rate.quote)
    if received_minor > MAXIMUM_MINOR:
        raise InvalidInput("the amount is too large", field=("amount", "amount"))
    return Exchange(
        pays=amount,
        receives=Money(received_minor, rate.quote),
        spread=Money(spread_minor, amount.currency),
        mid=rate.mid,
        rate=_plain(round(Fraction(rate.mid) * (_BASIS_POINTS - rate.spread_basis_points) / _BASIS_POINTS * 10**RATE_DIGITS), RATE_DIGITS),
        rounding=_exact(exact - received_minor),
    )


def _exact(value: Fraction) -> Decimal:
    """A fraction of tens as a decimal, digit by digit: a rate has a finite number of them, so what it leaves over has, too."""
    digits = 0
    numerator, denominator = value.as_integer_ratio()
    while numerator % denominator:
        numerator, digits = numerator * 10, digits + 1
    return _plain(numerator // denominator, digits)


def _plain(whole: int, digits: int) -> Decimal:
    """`whole` with its last `digits` behind the point, and no idle zeros there."""
    while digits and whole % 10 == 0:
        whole, digits = whole // 10, digits - 1
    return Decimal((0, tuple(int(digit) for digit in str(whole)), -digits))
