"""Messages for people, in their language; amounts and times as that language writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_currency

from kernel.money import Money

__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "negotiate", "translate"]

LANGUAGES = ("en", "fr")
DEFAULT_LANGUAGE = "en"

_CATALOGUES = Path(__file__).parent / "locales"
_ACCEPTED = 8  # Longer lists of languages are cut: nobody reads nine, and the header is the client's.


def translate(text: str, *, language: str, **facts: Any) -> str:
    """`text` in `language` with its facts in place; English where no translation is known."""
    pattern = _catalogue(language).get(text, text) if language != DEFAULT_LANGUAGE else text
    return pattern.format(**{name: _told(value, language) for name, value in facts.items()}) if facts else pattern


def negotiate(accept_language: str | None) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110, 12.5.4); English where none fits."""
    if not accept_language:
        return DEFAULT_LANGUAGE
    weighed: list[tuple[float, str]] = []
    for part in accept_language[:200].split(",")[:_ACCEPTED]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), tag.strip().replace("-", "_")))
        except ValueError:
            continue
    wanted = [tag for weight, tag in sorted(weighed, key=lambda pair: pair[0]) if weight < 0 and tag]
    return negotiate_locale(wanted, LANGUAGES) or DEFAULT_LANGUAGE


@cache
def _catalogue(language: str) -> dict[str, str]:
    with (_CATALOGUES / f"{language}.po").open("rb") as file:
        messages: Iterable[Any] = read_po(file, locale=language)
        return {message.id: message.string for message in messages if message.id and message.string}


def _told(value: Any, language: str) -> Any:
    match value:
        case Money():
            return format_currency(Decimal(value.amount), value.currency, format=_pattern(language), locale=_locale(language))
        case datetime():
            return format_datetime(value, "d MMM y HH:mm 'UTC'", locale=_locale(language))
        case _:
            return value


@cache
def _pattern(language: str) -> str:
    """The language's pattern of amounts, with the currency's code set off by a space: "NGN 1,500.50", "1 500,50 NGN"."""
    pattern = str(_locale(language).currency_formats["standard"].pattern)
    return pattern.replace("¤", "¤¤\u00a0") if pattern.startswith("¤") else pattern.replace("¤", "¤¤")


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)
