"""The words, dates and figures of a statement in its reader's language."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, get_currency_name, parse_pattern

from kernel.messages import translate
from kernel.money import Money, currency

__all__ = ["amount", "currency_name", "day", "day_in_full", "kind_name"]

_DAYS = 1024  # A statement names few days, each many times.


def kind_name(kind: str, *, language: str) -> str:
    """The kind of a transaction, e.g. LOAN_REPAYMENT as "Loan repayment"."""
    return translate(kind.replace("_", " ").capitalize(), language=language)


@lru_cache(maxsize=_DAYS)
def day(when: date, language: str) -> str:
    """As tables show it, "05 Jan 2026": the month in letters, since 05/01 is May to some."""
    return format_date(when, "dd MMM y", locale=_locale(language))


def day_in_full(when: date, language: str) -> str:
    """As sentences show it: "5 January 2026"."""
    # French writes the first of a month, and no other day, as an ordinal number; the locale's patterns can't say that.
    pattern = "d'er' MMMM y" if language == "fr" and when.day == 1 else "d MMMM y"
    return format_date(when, pattern, locale=_locale(language))


def amount(money: Money, language: str) -> str:
    """With all digits of its currency, "-1,250.00"; the currency itself is named once on a statement."""
    text = str(_pattern(currency(money.currency).minor_units).apply(Decimal(money.amount), _locale(language)))
    # The narrow space of French is too narrow on paper: 1 250 000 would read as one run of digits.
    return text.replace("\u202f", "\u00a0")


def currency_name(code: str, language: str) -> str:
    """The currency in code and words, "NGN · Nigerian Naira"."""
    return f"{code} · {get_currency_name(code, locale=_locale(language))}"


@lru_cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


@lru_cache
def _pattern(digits: int) -> NumberPattern:
    return parse_pattern("#,##0." + "0" * digits if digits else "#,##0")
