"""A statement as PDF: laid out by Typst from `statement.typ`, with fonts of the project's own."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst

from kernel.messages import translate
from services.statement_documents.content import StatementContent, StatementLine, check
from services.statement_documents.free_text import printable
from services.statement_documents.words import amount, currency_name, day, day_in_full, kind_name

__all__ = ["DESCRIPTION_CHARACTERS", "NAME_CHARACTERS", "pdf"]

# What is longer is cut with an ellipsis, so that a row always fits a page; the CSV has it whole.
DESCRIPTION_CHARACTERS = 300
NAME_CHARACTERS = 140

_FOLDER = Path(__file__).parent
# The compiler keeps what it worked out in its last ten runs: ten long statements would fill the memory of a server.
_RUNS_REMEMBERED = 10


def pdf(content: StatementContent, *, language: str) -> bytes:
    """The statement as A4 pages in `language`; the same bytes for the same content.

    The pages carry no accessibility tags: these make a document five times as large, on networks where each kilobyte is paid for; the CSV is
    the form for screen readers. A short statement takes 40 ms, the longest 4 s and 0.6 GB, mostly without the interpreter's lock: render few at a
    time. Latin, Greek, Cyrillic, Arabic and emoji are printed; letters of other scripts show as boxes.

    Raises:
        InvalidInput, StatementError: see `content.check`.
    """
    check(content)
    try:
        return typst.compile(
            _FOLDER / "statement.typ",
            root=_FOLDER,
            font_paths=_fonts(),
            # As data, never pasted into the template: a reference such as `#read("…")` is text to be printed.
            sys_inputs={"statement": json.dumps(_page_data(content, language))},
            timestamp=int(content.issued_at.timestamp()),
            pdf_tags=False,
        )
    finally:
        _forget()


@cache
def _fonts() -> typst.Fonts:
    # Neither the machine's fonts nor the compiler's: a statement looks the same, byte for byte, wherever it is made.
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FOLDER / "fonts"])


def _forget() -> None:
    """Run the compiler on nothing until it has forgotten the statement (0.7 ms a run)."""
    for _ in range(_RUNS_REMEMBERED + 1):
        typst.compile(b"", font_paths=_fonts(), timestamp=0)


def _page_data(content: StatementContent, language: str) -> dict[str, Any]:
    zone = ZoneInfo(content.time_zone)
    title = translate("Account statement", language=language)
    kinds = {kind: kind_name(kind, language=language) for kind in {line.kind for line in content.lines}}
    opening, closing = _balances(content, language)
    rows = [_row(line, zone, kinds[line.kind], language) for line in content.lines]
    return {
        "language": language,
        "title": f"{title} {content.number}",
        "title_line": title,
        "bank_name": _name(content.bank_name),
        "period": _period(content, language),
        "whose": f"{_name(content.holder_name)} · {_name(content.account_number)}",
        "issued": _issued(content, content.issued_at.astimezone(zone), language),
        "page_of": translate("Page {page} of {pages}", language=language),
        "facts": _facts(content, language),
        "summary": _summary(content, language),
        "columns": [translate(text, language=language) for text in ("Date", "Description", "Debit", "Credit", "Balance")],
        "widest": [max((row[column] for row in (opening, *rows, closing)), key=len) for column in ("debit", "credit", "balance")],
        "opening": opening,
        "closing": closing,
        "nothing": translate("No transactions in this period.", language=language),
        "rows": rows,
    }


def _period(content: StatementContent, language: str) -> str:
    return f"{day_in_full(content.from_date, language)} – {day_in_full(content.to_date, language)}"


def _name(text: str) -> str:
    return printable(text, characters=NAME_CHARACTERS)


def _issued(content: StatementContent, issued_at: datetime, language: str) -> str:
    return translate(
        "Statement {number} · Issued {date} at {time} · Dates and times in {time_zone}",
        language=language,
        number=content.number,
        date=day_in_full(issued_at.date(), language),
        time=issued_at.strftime("%H:%M"),
        time_zone=content.time_zone,
    )


def _facts(content: StatementContent, language: str) -> list[tuple[str, str]]:
    """In the order they are read, two to a line."""
    return [
        (translate("Account holder", language=language), _name(content.holder_name)),
        (translate("Period", language=language), _period(content, language)),
        (translate("Account", language=language), _name(content.account_name)),
        (translate("Statement number", language=language), content.number),
        (translate("Account number", language=language), _name(content.account_number)),
        (translate("Amounts in", language=language), currency_name(content.currency, language)),
    ]


def _summary(content: StatementContent, language: str) -> list[tuple[str, str]]:
    return [
        (translate("Opening balance", language=language), amount(content.opening, language)),
        (translate("Money in", language=language), amount(content.credits, language)),
        (translate("Money out", language=language), amount(content.debits, language)),
        (translate("Closing balance", language=language), amount(content.closing, language)),
    ]


def _balances(content: StatementContent, language: str) -> tuple[dict[str, str], dict[str, str]]:
    """The first row and the last."""
    opening = {
        "date": day(content.from_date, language),
        "text": translate("Opening balance", language=language),
        "debit": "",
        "credit": "",
        "balance": amount(content.opening, language),
    }
    closing = {
        "date": day(content.to_date, language),
        "text": translate("Totals and closing balance", language=language),
        "debit": amount(content.debits, language),
        "credit": amount(content.credits, language),
        "balance": amount(content.closing, language),
    }
    return opening, closing


def _row(line: StatementLine, zone: ZoneInfo, kind: str, language: str) -> dict[str, str]:
    booked = line.booked_at.astimezone(zone)
    shown = amount(line.amount if line.amount.minor >= 0 else -line.amount, language)
    description = printable(line.description, characters=DESCRIPTION_CHARACTERS) or kind
    value = "" if line.value_date == booked.date() else translate("value date {date}", language=language, date=day(line.value_date, language))
    # The name stands last: written right to left, it would otherwise carry what follows to its other side.
    details = [text for text in (kind, value, _name(line.counterparty or "")) if text and text != description]
    return {
        "date": day(booked.date(), language),
        "time": booked.strftime("%H:%M"),
        "description": description,
        "details": " · ".join(details),
        "debit": shown if line.amount.minor < 0 else "",
        "credit": shown if line.amount.minor >= 0 else "",
        "balance": amount(line.balance_after, language),
    }
