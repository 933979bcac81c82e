"""Statements of accounts: sums of a period, and addresses of its documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from kernel.errors import RequestRefused
from kernel.money import Money
from models.rows import Row
from resolvers import customers
from resolvers.context import Context
from services.statements import LONGEST_DAYS, Period, bounds

__all__ = ["StatementRow", "csv_url", "of_accounts", "pdf_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    account_id: UUID
    customer_id: UUID
    from_: date
    to: date
    opening: Money
    closing: Money
    credits: Money
    debits: Money


class SumsRow(Row):
    account_id: UUID
    holder_id: UUID
    currency: str
    opening_minor: int
    closing_minor: int
    credits_minor: int


SUMS = """
SELECT a.id, a.holder_id, a.currency, booked_at_version(a.id, v.after), booked_at_version(a.id, v.until),
       coalesce((SELECT sum(e.amount_minor) FROM entries e WHERE e.account_id = a.id AND e.shard = 0 AND e.version > v.after
                    AND e.version <= v.until AND e.amount_minor > 0), 0)::bigint
  FROM accounts a, LATERAL (SELECT version_at(a.id, $2) AS after, version_at(a.id, $3) AS until) v
 WHERE a.id = ANY ($1)
"""


async def of_accounts(ids: list[UUID], context: Context, *, begin: date, end: date) -> list[StatementRow]:
    """Each account's statement from `begin` to `end`, both included.

    Raises:
        RequestRefused: BAD_REQUEST; the days are the wrong way round, or too many.
    """
    if end < begin:
        raise RequestRefused("BAD_REQUEST", "a statement ends on the day it begins or later")
    if (end - begin).days >= LONGEST_DAYS:
        raise RequestRefused("BAD_REQUEST", f"a statement covers at most {LONGEST_DAYS} days")
    customer = await customers.viewer(context)
    period = Period(from_date=begin, to_date=end)
    times = bounds(period, context.bank.statements.zone(customer.country))
    rows = {row.account_id: row for row in await context.fetch(SUMS, ids, *times, row=SumsRow)}
    return [_statement(rows[id], period) for id in ids]


def _statement(row: SumsRow, period: Period) -> StatementRow:
    return StatementRow(
        account_id=row.account_id,
        customer_id=row.holder_id,
        from_=period.from_date,
        to=period.to_date,
        opening=Money(row.opening_minor, row.currency),
        closing=Money(row.closing_minor, row.currency),
        credits=Money(row.credits_minor, row.currency),
        debits=Money(row.opening_minor + row.credits_minor - row.closing_minor, row.currency),
    )


def pdf_url(row: StatementRow, context: Context) -> str:
    return _address(row, context, "pdf")


def csv_url(row: StatementRow, context: Context) -> str:
    return _address(row, context, "csv")


def _address(row: StatementRow, context: Context, form: Literal["pdf", "csv"]) -> str:
    return context.bank.statements.address(
        customer_id=row.customer_id,
        account_id=row.account_id,
        period=Period(from_date=row.from_, to_date=row.to),
        language=context.language,
        form=form,
    )
