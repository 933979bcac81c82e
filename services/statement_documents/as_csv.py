"""A statement as CSV, RFC 4180: for accountants' spreadsheets and for programs that import it."""

from __future__ import annotations

from collections.abc import Iterator
from csv import writer
from datetime import date
from io import StringIO
from zoneinfo import ZoneInfo

from kernel.messages import translate
from kernel.money import Money, format_minor
from services.statement_documents.content import StatementContent, check
from services.statement_documents.free_text import spreadsheet_text
from services.statement_documents.words import kind_name

__all__ = ["csv"]


def csv(content: StatementContent, *, language: str) -> bytes:
    """The statement as a table: a header in `language`, the opening balance, a row for each transaction, the closing balance.

    Dates are ISO 8601 and amounts plain decimals ("1250.00") in every language: a file that reads differently by its reader's language could
    not be imported by a program. Amounts are positive, in the column of debits or of credits; the balance is negative when overdrawn. Texts
    that a spreadsheet would run as a formula start with an apostrophe.

    Raises:
        InvalidInput, StatementError: see `content.check`.
    """
    check(content)
    file = StringIO(newline="")
    rows = writer(file, lineterminator="\r\n")
    rows.writerow(_header(content, language))
    rows.writerow(_balance_row(content, content.from_date, "Opening balance", content.opening, language))
    rows.writerows(_rows(content, language))
    rows.writerow(_balance_row(content, content.to_date, "Closing balance", content.closing, language))
    # The byte order mark is what makes Excel read UTF-8: without it, opened by a double click, "Ọláyínká" turns into debris.
    return file.getvalue().encode("utf-8-sig")


def _header(content: StatementContent, language: str) -> list[str]:
    return [
        translate("Booking date", language=language),
        translate("Booking time ({time_zone})", language=language, time_zone=content.time_zone),
        translate("Value date", language=language),
        translate("Description", language=language),
        translate("Counterparty", language=language),
        translate("Type", language=language),
        translate("Debit", language=language),
        translate("Credit", language=language),
        translate("Balance", language=language),
        translate("Currency", language=language),
        translate("Transaction", language=language),
        translate("Account number", language=language),
        translate("Statement number", language=language),
    ]


def _balance_row(content: StatementContent, day: date, text: str, balance: Money, language: str) -> list[str]:
    # Debit and credit stay empty even on the last row: a total there would be counted twice by whoever sums the column.
    words = translate(text, language=language)
    return [day.isoformat(), "", "", words, "", "", "", "", balance.amount, *_trailer(content, "")]


def _rows(content: StatementContent, language: str) -> Iterator[list[str]]:
    zone = ZoneInfo(content.time_zone)
    kinds = {kind: kind_name(kind, language=language) for kind in {line.kind for line in content.lines}}
    for line in content.lines:
        booked = line.booked_at.astimezone(zone)
        minor = line.amount.minor
        yield [
            booked.date().isoformat(),
            booked.strftime("%H:%M:%S"),
            line.value_date.isoformat(),
            spreadsheet_text(line.description),
            spreadsheet_text(line.counterparty or ""),
            kinds[line.kind],
            format_minor(-minor, content.currency) if minor < 0 else "",
            format_minor(minor, content.currency) if minor >= 0 else "",
            line.balance_after.amount,
            *_trailer(content, line.transaction_id),
        ]


def _trailer(content: StatementContent, transaction_id: str) -> list[str]:
    # On every row, so that rows of several statements in one sheet still say where they come from.
    return [content.currency, transaction_id, spreadsheet_text(content.account_number), content.number]
