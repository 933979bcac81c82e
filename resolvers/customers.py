"""Customers, as they see themselves."""

from __future__ import annotations

from uuid import UUID

from kernel.errors import RequestRefused
from models.rows import CustomerRow
from resolvers.context import Context

__all__ = ["by_id", "seen_by", "viewer"]

BY_ID = f"SELECT {CustomerRow.columns} FROM customers WHERE id = ANY ($1)"  # noqa: S608  Our columns' names.


async def by_id(ids: list[UUID], context: Context) -> list[CustomerRow | None]:
    """Customers in the order of `ids`; None where there is none."""
    found = {row.id: row for row in await context.fetch(BY_ID, ids, row=CustomerRow)}
    return [found.get(id) for id in ids]


async def viewer(context: Context) -> CustomerRow:
    """The signed-in customer."""
    row: CustomerRow | None = await context.load(by_id, context.customer_id)
    if row is None:
        raise RequestRefused("UNAUTHENTICATED", "sign in first: send an access token", status=401)
    return row


def seen_by(row: CustomerRow, context: Context) -> bool:
    return row.id == context.customer_id
