"""Accounts, their balances and holds."""

from __future__ import annotations

import uuid
from enum import Enum
from typing import Annotated, Any

import strawberry

from models.rows import AccountRow, HoldRow
from resolvers import accounts, payments, statements, transactions
from resolvers.context import Context
from resolvers.made import Made, made
from resolvers.pages import Page, Window
from schema.fields import batched, computed, connection, of_rows
from schema.money import Money
from schema.nodes import Connection, Node, id_of, itself
from schema.refusals import UserError
from schema.scalars import UUID, BigInt, CurrencyCode, Date, DateTime
from schema.statements import Statement
from schema.transactions import Transaction, TransactionFilter

__all__ = ["Account", "AccountKind", "AccountStatus", "Balance", "Hold", "OpenAccountInput", "OpenAccountPayload", "open_account"]


@strawberry.enum(description="What an account is for.")
class AccountKind(Enum):
    CURRENT = "CURRENT"
    SAVINGS = "SAVINGS"
    LOAN = "LOAN"


@strawberry.enum(description="What an account accepts.")
class AccountStatus(Enum):
    ACTIVE = "ACTIVE"
    DEBIT_BLOCKED = strawberry.enum_value("DEBIT_BLOCKED", description="Debits are refused, credits are accepted.")
    FROZEN = strawberry.enum_value("FROZEN", description="Neither debits nor credits.")
    CLOSED = "CLOSED"


@strawberry.type(description="booked - held (+ an arranged overdraft) = available, always within one reply.")
class Balance:
    available: Money = computed(accounts.available, description="What the account can give now.")
    booked: Money = computed(accounts.booked, description="The sum of its transactions.")
    held: Money = computed(accounts.held, description="The sum of its holds.")
    overdraft: Money = computed(accounts.overdraft, description="Arranged overdraft; zero where there is none.")
    version: BigInt = strawberry.field(description="A balance of a higher version is newer; show the age of what you keep.")
    as_of: DateTime = computed(accounts.as_of, description="When this was true: the moment of this reply.")


@strawberry.type(description="Money set aside and not yet spent.")
class Hold(Node):
    is_type_of = of_rows(HoldRow, access=accounts.hold_seen_by)
    id: strawberry.ID = id_of("hld")
    amount: Money = computed(transactions.amount)
    reason: str
    expires_at: DateTime | None = strawberry.field(description="Null: only a known outcome ends it.")
    payment: Annotated[Payment, strawberry.lazy("schema.payments")] | None = batched(  # type: ignore[name-defined]  # noqa: F821
        payments.by_id, by="payment_id", description="Null: set aside by something else than a payment."
    )


async def _transactions(ids: list[uuid.UUID], context: Context, *, window: Window, filter: TransactionFilter | None = None) -> list[Page]:
    return await transactions.of_accounts(ids, context, window=window, filter=filter.plain() if filter is not None else None)


async def _statement(ids: list[uuid.UUID], context: Context, *, from_: Annotated[Date, strawberry.argument(name="from")], to: Date) -> list[Any]:
    return await statements.of_accounts(ids, context, begin=from_, end=to)


@strawberry.type(description="One currency, one owner.")
class Account(Node):
    is_type_of = of_rows(AccountRow, access=accounts.seen_by)
    id: strawberry.ID = id_of("acc")
    number: str = strawberry.field(description="What others pay to.")
    name: str
    kind: AccountKind
    currency: CurrencyCode
    status: AccountStatus
    balance: Balance = computed(itself)
    holds: list[Hold] = batched(accounts.holds, description="Funds set aside and not yet spent; their sum is balance.held of the same reply.")
    transactions: Connection[Transaction] = connection(_transactions, cursor=transactions.cursor, description="Newest first.")
    statement: Statement = batched(_statement, description="At most 366 days, both included.")
    version: BigInt = strawberry.field(
        description="The ledger's gapless counter of this account: the number of its newest transaction or hold event."
    )


@strawberry.input(description="An account to be opened; its product decides the terms.")
class OpenAccountInput:
    idempotency_key: UUID = strawberry.field(description="Made by the client and stored before the first try.")
    kind: AccountKind
    currency: CurrencyCode
    name: str = strawberry.field(description="What the customer calls it; at most 60 characters.")


@strawberry.type(description="The account, or why it was not opened.")
class OpenAccountPayload:
    is_type_of = of_rows(Made)
    account: Account | None = batched(accounts.by_id)
    errors: list[UserError]


async def open_account(context: Context, *, input: OpenAccountInput) -> Made:
    asked = {"kind": input.kind.value, "currency": input.currency, "name": input.name}
    return await made(context, lambda: accounts.open_account(context, key=input.idempotency_key, **asked))
