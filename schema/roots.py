"""Query and Mutation, and the schema made of them."""

from __future__ import annotations

import strawberry
from strawberry.extensions import MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from resolvers import bank, customers, nodes
from resolvers.context import Context
from resolvers.pages import MAXIMUM_FIRST
from schema.accounts import Account, Hold, OpenAccountPayload, open_account
from schema.bank import Bank
from schema.customers import Customer
from schema.fields import check_doors, root
from schema.nodes import Node
from schema.payees import AddPayeePayload, Payee, RemovePayeePayload, add_payee, remove_payee
from schema.payments import MakePaymentPayload, Payment, QuotePaymentPayload, make_payment, quote_payment
from schema.refusals import REFUSALS
from schema.scalars import SCALARS
from schema.transactions import Transaction

__all__ = ["SCHEMA", "Mutation", "Query"]


async def _node(context: Context, *, id: strawberry.ID) -> object:
    return (await nodes.by_typed_ids(context, [id]))[0]


async def _nodes(context: Context, *, ids: list[strawberry.ID]) -> list[object]:
    return await nodes.by_typed_ids(context, list(ids))


@strawberry.type(description="Reading. Ask for what a screen shows, all at once.")
class Query:
    viewer: Customer = root(customers.viewer, description="The signed-in customer.")
    node: Node | None = root(_node, description="Null where no such object exists or the caller may not see it; the two are indistinguishable.")
    nodes: list[Node | None] = root(
        _nodes, description=f"At most {MAXIMUM_FIRST} ids; same order as asked, null where node would be null.", keeps_places=True
    )
    quote_payment: QuotePaymentPayload = root(
        quote_payment,
        description="Price, fees, rate and expiry of a payment before it is made. Writes nothing: the quote's id is its sealed content.",
    )
    bank: Bank = root(bank.bank, description="Public: what a client needs before sign-in.")


@strawberry.type(description="Writing. Every mutation may be sent again with the same idempotencyKey.")
class Mutation:
    make_payment: MakePaymentPayload = root(
        make_payment, writes=True, description="Pay another account of this bank. Safe to send again with the same key, for ever."
    )
    add_payee: AddPayeePayload = root(add_payee, writes=True, description="Who stands in the book already is given back.")
    remove_payee: RemovePayeePayload = root(remove_payee, writes=True, description="Payments made to them stay.")
    open_account: OpenAccountPayload = root(open_account, writes=True, description="Open an account on the terms of a product.")


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Customer, Account, Hold, Transaction, Payee, Payment, *REFUSALS],
    config=StrawberryConfig(scalar_map=SCALARS),
    # A phone sends the same few documents again and again: parse and validate each once.
    extensions=[lambda: ParserCache(maxsize=1000), lambda: ValidationCache(maxsize=1000), lambda: MaxTokensLimiter(max_token_count=2000)],
)
check_doors(SCHEMA)
