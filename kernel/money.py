"""Money: an integer of minor units and a currency inside, a decimal string outside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "CURRENCIES",
    "MAXIMUM_MINOR",
    "AmountError",
    "Currency",
    "Money",
    "currency",
    "format_minor",
    "parse_minor",
    "round_down",
    "round_half_even",
    "share_out",
]

# One amount may not come near the end of a bigint: sums of millions of such amounts must still fit.
MAXIMUM_MINOR = 10**15

_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?", re.ASCII)


class AmountError(ValueError):
    """The text is not an amount in this currency; `text` says why, with its `facts` as `{names}`, and can be translated."""

    def __init__(self, text: str, **facts: object) -> None:
        super().__init__(text.format(**facts))
        self.text = text
        self.facts = facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A currency of ISO 4217 with the number of digits after its decimal point."""

    code: str
    minor_units: int
    name: str


# ISO 4217 list one (2024). MGA and MRU are 2 there although their sub-unit is a fifth.
CURRENCIES: dict[str, Currency] = {
    code: Currency(code=code, minor_units=minor_units, name=name)
    for code, minor_units, name in (
        ("EUR", 2, "Euro"),
        ("GHS", 2, "Ghana Cedi"),
        ("KES", 2, "Kenyan Shilling"),
        ("NGN", 2, "Naira"),
        ("RWF", 0, "Rwanda Franc"),
        ("TND", 3, "Tunisian Dinar"),
        ("UGX", 0, "Uganda Shilling"),
        ("USD", 2, "US Dollar"),
        ("XAF", 0, "CFA Franc BEAC"),
        ("XOF", 0, "CFA Franc BCEAO"),
        ("ZAR", 2, "Rand"),
    )
}


def currency(code: str) -> Currency:
    """The currency of `code`.

    Raises:
        AmountError: the bank does not know it.
    """
    try:
        return CURRENCIES[code]
    except KeyError:
        raise AmountError("this bank does not know this currency") from None


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of `currency` (a code); negative where money left."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str, code: str) -> Money:
        """`amount` as clients write it, e.g. "1250.00".

        Raises:
            AmountError: not a plain decimal, too many fraction digits, out of range or unknown currency.
        """
        return cls(parse_minor(amount, code), code)

    @property
    def amount(self) -> str:
        """As clients read it, always with all digits of the currency: "1250.00" NGN, "1250" XOF."""
        return format_minor(self.minor, self.currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise AmountError("two currencies do not add up")


def parse_minor(amount: str, code: str) -> int:
    """Minor units of a decimal string; no exponent, no plus, no spaces, no more digits than `code` has.

    Raises:
        AmountError: see `Money.parse`.
    """
    digits = currency(code).minor_units
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise AmountError("an amount is a plain decimal number, such as 1250.00")
    sign, whole, fraction = match.groups(default="")
    if len(fraction) > digits:
        raise AmountError("{currency} has {digits} digits after the decimal point", currency=code, digits=digits)
    minor = int(whole + fraction.ljust(digits, "0"))
    if minor > MAXIMUM_MINOR:
        raise AmountError("the amount is too large")
    return -minor if sign else minor


def format_minor(minor: int, code: str) -> str:
    """`minor` as a decimal string in the scale of `code`."""
    digits = CURRENCIES[code].minor_units
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def round_down(value: Fraction) -> int:
    """Towards zero: what a customer receives is never rounded up at the bank's cost."""
    return int(value)


def round_half_even(value: Fraction) -> int:
    """To the nearest, halves to even: fees and taxes, where neither side should gain in the long run."""
    return round(value)


def share_out(total: int, weights: list[int]) -> list[int]:
    """`total` minor units in parts by weight, exact to the last unit: the largest remainders get what is left.

    `total` ≥ 0, weights ≥ 0 and not all zero; parts are in the order of the weights.
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or min(weights) < 0:
        raise AmountError("a total ≥ 0 is shared out by weights ≥ 0 that are not all zero")
    parts = [total * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in remainders[: total - sum(parts)]:
        parts[n] += 1
    return parts
