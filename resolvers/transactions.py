"""Transactions: entries on a customer's account, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kernel.money import Money
from models.rows import EntryRow
from resolvers.context import Context
from resolvers.pages import Page, Window, page
from services.orders import words

__all__ = ["Filter", "amount", "balance_after", "by_id", "counterparty", "cursor", "of_accounts", "seen_by", "statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """`credits` True: only those, False: only debits. Times: from (inclusive) to (exclusive)."""

    begin: datetime | None = None
    end: datetime | None = None
    text: str | None = None
    credits: bool | None = None


BY_ID = f"""
SELECT {EntryRow.columns} FROM entries e JOIN balances b ON b.account_id = e.account_id AND b.shard = e.shard
 WHERE e.id = ANY ($1) AND b.holder_id IS NOT NULL
"""  # noqa: S608  Our own names.

# Each form of the list has its own statement, so that each is planned for its own index; tests hold every form to one.
PAGES = f"""
SELECT {EntryRow.columns} FROM unnest($1::uuid[]) AS k(id)
  JOIN accounts a ON a.id = k.id
 CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT * FROM entries e WHERE e.account_id = k.id AND e.shard = 0 AND e.version > $2 AND e.version < $3 {{filter}}
    ) e ORDER BY e.version {{order}} LIMIT $4
) e JOIN balances b ON b.account_id = e.account_id AND b.shard = 0
ORDER BY e.account_id, e.version {{order}}
"""  # noqa: S608  Our own names.
SINCE = "AND e.version > version_at(k.id, ${n})"
UNTIL = "AND e.version <= version_at(k.id, ${n})"
CREDITS = "AND e.words IS NOT NULL AND e.amount_minor > 0"
DEBITS = "AND e.words IS NOT NULL AND e.amount_minor < 0"
# OFFSET 0 keeps the words' index in use: else the newest are read one by one in the hope of meeting a rare word soon.
TEXT = "AND e.words <> '' AND e.words @@ (replace(${n}, '#', a.number))::tsquery OFFSET 0"

NEWEST = 2**62  # Behind every version.


async def by_id(ids: list[UUID], context: Context) -> list[EntryRow | None]:
    """Transactions in the order of `ids`; None where there is none."""
    found = {row.id: row for row in await context.fetch(BY_ID, ids, row=EntryRow)}
    return [found.get(id) for id in ids]


async def of_accounts(ids: list[UUID], context: Context, *, window: Window, filter: Filter | None = None) -> list[Page]:
    """Each account's transactions, newest first."""
    sql, values = statement(filter or Filter(), backwards=window.backwards)
    # Newest first: what comes after a cursor has lower versions.
    lowest, highest = window.before or 0, window.after or NEWEST
    rows = await context.fetch(sql, ids, lowest, highest, window.limit + 1, *values, row=EntryRow)
    return [page([row for row in rows if row.account_id == id], window) for id in ids]


def statement(filter: Filter, *, backwards: bool) -> tuple[str, list[Any]]:
    """The SQL of a page under this filter, and its arguments behind accounts, lowest and highest version, and limit."""
    clauses: list[str] = []
    values: list[Any] = []
    if filter.credits is not None:
        clauses.append(CREDITS if filter.credits else DEBITS)
    for clause, value in ((SINCE, filter.begin), (UNTIL, filter.end), (TEXT, _query(filter.text))):
        if value is not None:
            values.append(value)
            clauses.append(clause.format(n=4 + len(values)))
    return PAGES.format(filter=" ".join(clauses), order="ASC" if backwards else "DESC"), values


def _query(text: str | None) -> str | None:
    """The tsquery of words that must all occur, each as a beginning; `#` stands for the account's number."""
    if text is None:
        return None
    found = words("#", text).split()
    # A text without words matches nothing, rather than everything.
    return " & ".join(f"'{word}':*" for word in found) or "'#'"


def cursor(text: str) -> int:
    """A cursor of a list of transactions: the version.

    Raises:
        ValueError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("no version")
    return int(text)


def seen_by(row: EntryRow, context: Context) -> bool:
    return row.holder_id == context.customer_id


def amount(row: EntryRow) -> Money:
    return Money(row.amount_minor, row.currency)


def balance_after(row: EntryRow) -> Money:
    return Money(row.booked_after_minor, row.currency)


def counterparty(row: EntryRow) -> EntryRow | None:
    """The other side, which is kept in the same row; None: the bank itself."""
    return row if row.counterparty_name is not None else None
