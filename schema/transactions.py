"""Transactions: the entries of an account as its holder sees them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Annotated

import strawberry

from kernel.errors import RequestRefused
from models.rows import EntryRow
from resolvers import accounts, payments, transactions
from schema.fields import batched, computed, of_rows
from schema.money import Money
from schema.nodes import Node, id_of
from schema.scalars import BigInt, Date, DateTime

__all__ = ["Counterparty", "Direction", "Transaction", "TransactionFilter", "TransactionKind"]

TEXT_LENGTH = 100


@strawberry.enum(description="Which way the money went.")
class Direction(Enum):
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"


@strawberry.enum(description="What a transaction was.")
class TransactionKind(Enum):
    TRANSFER = strawberry.enum_value("TRANSFER", description="Inside this bank.")
    PAYMENT = strawberry.enum_value("PAYMENT", description="To or from another institution.")
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    FEE = "FEE"
    TAX = "TAX"
    INTEREST = "INTEREST"
    LOAN_DISBURSEMENT = "LOAN_DISBURSEMENT"
    LOAN_REPAYMENT = "LOAN_REPAYMENT"
    REVERSAL = strawberry.enum_value("REVERSAL", description="Undoes an earlier one; that one stays.")


@strawberry.type(description="The other side of a transaction or a payment.")
class Counterparty:
    name: str = computed(attrgetter("counterparty_name"))
    account_number: str | None = computed(attrgetter("counterparty_number"), description="Null where the rail gives none.")


@strawberry.input(description="All that is given must hold.")
class TransactionFilter:
    from_: DateTime | None = strawberry.field(name="from", default=None, description="Booked at this moment or later.")
    to: DateTime | None = strawberry.field(default=None, description="Booked before this moment.")
    text: str | None = strawberry.field(
        default=None, description="Beginnings of words in description and counterparty name, without regard to case and accents."
    )
    direction: Direction | None = None

    def plain(self) -> transactions.Filter:
        """The filter in the ledger's words.

        Raises:
            RequestRefused: BAD_REQUEST; the text is too long.
        """
        if self.text is not None and len(self.text) > TEXT_LENGTH:
            raise RequestRefused("BAD_REQUEST", f"search for at most {TEXT_LENGTH} characters")
        begin: datetime | None = self.from_
        end: datetime | None = self.to
        credits = None if self.direction is None else self.direction is Direction.CREDIT
        return transactions.Filter(begin=begin, end=end, text=self.text, credits=credits)


@strawberry.type(description="One entry on an account as its holder sees it. Never edited; a correction is another.")
class Transaction(Node):
    is_type_of = of_rows(EntryRow, access=transactions.seen_by)
    id: strawberry.ID = id_of("txn")
    account: Annotated[Account, strawberry.lazy("schema.accounts")] = batched(accounts.by_id, by="account_id")  # type: ignore[name-defined]  # noqa: F821
    amount: Money = computed(transactions.amount, description="Negative where money left the account.")
    balance_after: Money = computed(transactions.balance_after)
    kind: TransactionKind
    description: str
    counterparty: Counterparty | None = computed(transactions.counterparty, description="Null: the bank itself, e.g. interest.")
    booked_at: DateTime
    value_date: Date = strawberry.field(description="The day from which it counts for interest.")
    version: BigInt = strawberry.field(description="The account's version that this transaction made.")
    payment: Annotated[Payment, strawberry.lazy("schema.payments")] | None = batched(  # type: ignore[name-defined]  # noqa: F821
        payments.by_id, by="payment_id", description="Null for whoever received it, and where no payment caused it."
    )
