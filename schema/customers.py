"""The customer, as they see themselves."""

from __future__ import annotations

from uuid import UUID

import strawberry

from models.rows import CustomerRow
from resolvers import accounts, customers, payees, payments
from resolvers.context import Context
from resolvers.pages import Page, Window
from schema.accounts import Account
from schema.fields import connection, of_rows
from schema.nodes import Connection, Node, id_of
from schema.payees import Payee
from schema.payments import Payment, PaymentStatus

__all__ = ["Customer"]


async def _payments(ids: list[UUID], context: Context, *, window: Window, status: list[PaymentStatus] | None = None) -> list[Page]:
    """The thin function between the enum of the API and the words of the rows."""
    return await payments.of_customers(ids, context, window=window, status=[s.value for s in status] if status is not None else None)


@strawberry.type(description="Who banks here.")
class Customer(Node):
    is_type_of = of_rows(CustomerRow, access=customers.seen_by)
    id: strawberry.ID = id_of("cus")
    display_name: str
    accounts: Connection[Account] = connection(accounts.of_customers, cursor=accounts.cursor, description="In the order they were opened.")
    payees: Connection[Payee] = connection(payees.of_customers, cursor=payees.cursor, description="In the order they were added.")
    payments: Connection[Payment] = connection(_payments, cursor=payments.cursor, description="Newest first; all statuses unless some are named.")
