"""Payees: the customer's own book."""

from __future__ import annotations

import strawberry

from models.rows import PayeeRow
from resolvers import payees
from resolvers.context import Context
from resolvers.made import Made, made
from schema.destinations import PaymentDestination
from schema.fields import batched, computed, of_rows
from schema.ids import read_id
from schema.nodes import Node, id_of
from schema.refusals import UserError
from schema.scalars import UUID, DateTime

__all__ = ["AddPayeeInput", "AddPayeePayload", "Payee", "RemovePayeePayload", "add_payee", "remove_payee"]


@strawberry.type(description="Somebody whom the customer pays.")
class Payee(Node):
    is_type_of = of_rows(PayeeRow, access=payees.seen_by)
    id: strawberry.ID = id_of("pye")
    name: str
    masked_number: str = computed(payees.masked_number, description="The number masked but for its last four.")
    created_at: DateTime


@strawberry.input(description="Somebody to be added to the book.")
class AddPayeeInput:
    idempotency_key: UUID = strawberry.field(description="Made by the client and stored before the first try.")
    name: str = strawberry.field(description="What the customer calls them; at most 60 characters.")
    to: PaymentDestination = strawberry.field(description="Not another payee.")


@strawberry.type(description="The payee, or why they were not added.")
class AddPayeePayload:
    is_type_of = of_rows(Made)
    payee: Payee | None = batched(payees.by_id)
    errors: list[UserError]


@strawberry.type(description="Which payee is gone, or why not.")
class RemovePayeePayload:
    is_type_of = of_rows(Made)
    removed_id: strawberry.ID | None = computed(payees.removed_id)
    errors: list[UserError]


async def add_payee(context: Context, *, input: AddPayeeInput) -> Made:
    return await made(context, lambda: payees.add(context, key=input.idempotency_key, name=input.name, to=input.to.plain()))


async def remove_payee(context: Context, *, id: strawberry.ID) -> Made:
    return await made(context, lambda: payees.remove(context, id=read_id("pye", id)))
