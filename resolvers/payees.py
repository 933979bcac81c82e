"""Payees in the caller's book."""

from __future__ import annotations

from uuid import UUID

from kernel import ids as typeids
from models.rows import PayeeRow
from resolvers.context import Context
from resolvers.made import Made
from resolvers.pages import Page, Window, page
from services.destinations import Destination

__all__ = ["add", "by_id", "cursor", "masked_number", "of_customers", "remove", "removed_id", "seen_by"]

FROM = "FROM payees p JOIN accounts a ON a.id = p.account_id"
BY_ID = f"SELECT {PayeeRow.columns} {FROM} WHERE p.id = ANY ($1) AND p.removed_at IS NULL"
OF_CUSTOMERS = """
SELECT {columns} FROM unnest($1::uuid[]) AS k(id) CROSS JOIN LATERAL (
    SELECT p.* FROM payees p
     WHERE p.customer_id = k.id AND p.removed_at IS NULL AND ($2::uuid IS NULL OR p.id > $2) AND ($3::uuid IS NULL OR p.id < $3)
     ORDER BY p.id {order} LIMIT $4
) p JOIN accounts a ON a.id = p.account_id ORDER BY p.id {order}
"""
OF_CUSTOMERS_BY_ORDER = {order: OF_CUSTOMERS.format(columns=PayeeRow.columns, order=order) for order in ("ASC", "DESC")}


async def by_id(ids: list[UUID], context: Context) -> list[PayeeRow | None]:
    """Payees in the order of `ids`; None where there is none, or none any more."""
    found = {row.id: row for row in await context.fetch(BY_ID, ids, row=PayeeRow)}
    return [found.get(id) for id in ids]


async def of_customers(ids: list[UUID], context: Context, *, window: Window) -> list[Page]:
    """Each customer's book, in the order in which it was written."""
    sql = OF_CUSTOMERS_BY_ORDER["DESC" if window.backwards else "ASC"]
    rows = await context.fetch(sql, ids, window.after, window.before, window.limit + 1, row=PayeeRow)
    return [page([row for row in rows if row.customer_id == id], window) for id in ids]


def seen_by(row: PayeeRow, context: Context) -> bool:
    return row.customer_id == context.customer_id


def masked_number(row: PayeeRow) -> str:
    return "•" * (len(row.number) - 4) + row.number[-4:]


def cursor(text: str) -> UUID:
    """A cursor of a list of payees: the payee's id.

    Raises:
        ValueError: it is none.
    """
    return typeids.decode("pye", text)


async def add(context: Context, *, key: UUID, name: str, to: Destination) -> Made:
    """Add a payee."""
    decision = await context.bank.payees.add(customer_id=context.customer_id, key=key, name=name, to=to)
    return Made(id=decision.accepted())


async def remove(context: Context, *, id: UUID) -> Made:
    """Remove a payee."""
    return Made(id=await context.bank.payees.remove(customer_id=context.customer_id, payee_id=id))


def removed_id(row: Made) -> str | None:
    return typeids.encode("pye", row.id) if row.id is not None else None
