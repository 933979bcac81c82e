"""Accounts of the caller, their balances and holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kernel import ids as typeids
from kernel.money import Money
from models.rows import AccountRow, HoldRow
from resolvers.context import Context
from resolvers.made import Made
from resolvers.pages import Page, Window, page

__all__ = [
    "as_of",
    "available",
    "booked",
    "by_id",
    "cursor",
    "held",
    "hold_seen_by",
    "holds",
    "holds_by_id",
    "of_customers",
    "open_account",
    "overdraft",
    "seen_by",
]

FROM = "FROM accounts a JOIN balances b ON b.account_id = a.id AND b.shard = 0"
BY_ID = f"SELECT {AccountRow.columns} {FROM} WHERE a.id = ANY ($1) AND a.holder_id IS NOT NULL"
OF_CUSTOMERS = """
SELECT {columns} FROM unnest($1::uuid[]) AS k(id) CROSS JOIN LATERAL (
    SELECT a.* FROM accounts a WHERE a.holder_id = k.id AND ($2::uuid IS NULL OR a.id > $2) AND ($3::uuid IS NULL OR a.id < $3)
     ORDER BY a.id {order} LIMIT $4
) a JOIN balances b ON b.account_id = a.id AND b.shard = 0 ORDER BY a.id {order}
"""
OF_CUSTOMERS_BY_ORDER = {order: OF_CUSTOMERS.format(columns=AccountRow.columns, order=order) for order in ("ASC", "DESC")}
HOLDS = f"""
SELECT {HoldRow.columns} FROM holds h JOIN balances b ON b.account_id = h.account_id AND b.shard = 0
 WHERE h.account_id = ANY ($1) AND h.state = 'ACTIVE' ORDER BY h.id
"""  # noqa: S608  Our own names.
HOLDS_BY_ID = f"""
SELECT {HoldRow.columns} FROM holds h JOIN balances b ON b.account_id = h.account_id AND b.shard = 0
 WHERE h.id = ANY ($1) AND h.state = 'ACTIVE'
"""  # noqa: S608  Our own names.


async def by_id(ids: list[UUID], context: Context) -> list[AccountRow | None]:
    """Accounts in the order of `ids`; None where there is none."""
    found = {row.id: row for row in await context.fetch(BY_ID, ids, row=AccountRow)}
    return [found.get(id) for id in ids]


async def of_customers(ids: list[UUID], context: Context, *, window: Window) -> list[Page]:
    """Each customer's accounts, in the order in which they were opened."""
    sql = OF_CUSTOMERS_BY_ORDER["DESC" if window.backwards else "ASC"]
    rows = await context.fetch(sql, ids, window.after, window.before, window.limit + 1, row=AccountRow)
    context.know(by_id, rows)
    return [page([row for row in rows if row.holder_id == id], window) for id in ids]


async def holds(ids: list[UUID], context: Context) -> list[list[HoldRow]]:
    """Each account's active holds, oldest first."""
    rows = await context.fetch(HOLDS, ids, row=HoldRow)
    return [[row for row in rows if row.account_id == id] for id in ids]


async def holds_by_id(ids: list[UUID], context: Context) -> list[HoldRow | None]:
    """Active holds in the order of `ids`; None where there is none."""
    found = {row.id: row for row in await context.fetch(HOLDS_BY_ID, ids, row=HoldRow)}
    return [found.get(id) for id in ids]


def seen_by(row: AccountRow, context: Context) -> bool:
    return row.holder_id == context.customer_id


def hold_seen_by(row: HoldRow, context: Context) -> bool:
    return row.holder_id == context.customer_id


def available(row: AccountRow) -> Money:
    return Money(row.available_minor, row.currency)


def booked(row: AccountRow) -> Money:
    return Money(row.booked_minor, row.currency)


def held(row: AccountRow) -> Money:
    return Money(row.held_minor, row.currency)


def overdraft(row: AccountRow) -> Money:
    return Money(row.overdraft_minor, row.currency)


def as_of(row: AccountRow, context: Context) -> datetime:
    return context.bank.clock.now()


async def open_account(context: Context, *, key: UUID, kind: str, currency: str, name: str) -> Made:
    """Open an account."""
    decision = await context.bank.accounts.open(customer_id=context.customer_id, key=key, kind=kind, currency=currency, name=name)
    return Made(id=decision.accepted())


def cursor(text: str) -> UUID:
    """A cursor of a list of accounts: the account's id.

    Raises:
        ValueError: it is none.
    """
    return typeids.decode("acc", text)
