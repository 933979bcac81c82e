"""Payments and quotes."""

from __future__ import annotations

from enum import Enum

import strawberry

from models.rows import PaymentRow
from resolvers import accounts, payments
from resolvers.context import Context
from resolvers.made import Made, made
from schema.accounts import Account
from schema.destinations import PaymentDestination
from schema.fields import batched, computed, of_rows
from schema.ids import read_id
from schema.money import Money, MoneyInput
from schema.nodes import Node, id_of
from schema.refusals import ErrorCode, StepUpMethod, UserError
from schema.scalars import UUID, DateTime, Decimal
from schema.transactions import Counterparty
from services.payments import Request
from services.quotes import Quote

__all__ = [
    "Fee",
    "MakePaymentInput",
    "MakePaymentPayload",
    "Payment",
    "PaymentFailure",
    "PaymentQuote",
    "PaymentStatus",
    "QuotePaymentInput",
    "QuotePaymentPayload",
    "make_payment",
    "quote_payment",
]


@strawberry.enum(description="Where a payment stands. COMPLETED, FAILED, CANCELLED and REVERSED are final.")
class PaymentStatus(Enum):
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    SCHEDULED = "SCHEDULED"
    PROCESSING = "PROCESSING"
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A third party has not said what became of it; the money stays held until it does.")
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


@strawberry.type(description="A fee or a tax; each is a transaction of its own.")
class Fee:
    is_type_of = of_rows(payments.Fee)
    name: str = strawberry.field(description="In the language of the request.")
    amount: Money


@strawberry.type(description="Why a payment failed.")
class PaymentFailure:
    is_type_of = of_rows(payments.Failure)
    code: ErrorCode
    message: str


@strawberry.type(description="What the customer asked for; its effects on accounts are transactions. Visible to its payer only.")
class Payment(Node):
    is_type_of = of_rows(PaymentRow, access=payments.seen_by)
    id: strawberry.ID = id_of("pay")
    status: PaymentStatus
    from_: Account = batched(accounts.by_id, by="account_id", name="from")
    amount: Money = computed(payments.amount)
    fees: list[Fee] = computed(payments.fees)
    total: Money = computed(payments.total, description="amount and fees together.")
    counterparty: Counterparty = computed(payments.counterparty)
    reference: str
    created_at: DateTime
    finished_at: DateTime | None = strawberry.field(description="Null until status is terminal.")
    failure: PaymentFailure | None = computed(payments.failure, description="Null unless FAILED.")
    next_check_at: DateTime | None = strawberry.field(description="While PROCESSING or UNKNOWN: when to look again; null otherwise.")
    safe_to_retry: bool = computed(payments.safe_to_retry, description="True only where the first attempt is known not to have moved money.")


@strawberry.type(description="What a payment would cost and bring, for a few minutes.")
class PaymentQuote:
    is_type_of = of_rows(Quote)
    id: strawberry.ID = strawberry.field(description="Give it as quoteId, and this price holds.")
    amount: Money
    receives: Money = strawberry.field(description="What arrives.")
    rate: Decimal | None = strawberry.field(description="Receiving per paying currency; null where they are the same.")
    fees: list[Fee] = computed(payments.quote_fees)
    total: Money = strawberry.field(description="amount and fees together.")
    counterparty: Counterparty = computed(payments.counterparty, description="The name behind the destination, for the customer to check.")
    requires: list[StepUpMethod] = strawberry.field(
        description="What the payment will ask for: nothing, a step-up, or an approval by the device's key."
    )
    expires_at: DateTime


@strawberry.input(description="A payment to be priced.")
class QuotePaymentInput:
    from_account_id: strawberry.ID
    to: PaymentDestination
    amount: MoneyInput = strawberry.field(description="In the currency of the paying account.")


@strawberry.type(description="The quote, or why the payment could not be made.")
class QuotePaymentPayload:
    is_type_of = of_rows(payments.Quoted)
    quote: PaymentQuote | None
    errors: list[UserError]


@strawberry.input(description="A payment to be made.")
class MakePaymentInput:
    idempotency_key: UUID = strawberry.field(
        description="Made by the client and stored before the first try. The same key always gets the same answer."
    )
    from_account_id: strawberry.ID
    to: PaymentDestination
    amount: MoneyInput = strawberry.field(description="In the currency of the paying account.")
    reference: str = strawberry.field(default="", description="What both sides read on their statements; one line of at most 140 characters.")
    quote_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="From quotePayment: its price and rate hold. Needed into another currency."
    )
    maximum_fees: MoneyInput | None = strawberry.field(default=strawberry.UNSET, description="Refuse rather than pay more than this in fees.")
    expires_at: DateTime | None = strawberry.field(default=strawberry.UNSET, description="Refuse, for good, if it arrives later than this.")
    allow_duplicate: bool = strawberry.field(default=False, description="With a new idempotencyKey, after POSSIBLE_DUPLICATE: yes, pay again.")

    def plain(self, context: Context) -> Request:
        """The request in the rules' words.

        Raises:
            InvalidInput: an amount or a phone that is none.
        """
        return Request(
            customer_id=context.customer_id,
            key=self.idempotency_key,
            account_id=read_id("acc", self.from_account_id),
            to=self.to.plain(),
            amount=self.amount.plain("amount"),
            reference=self.reference,
            quote_id=self.quote_id or None,
            maximum_fees=self.maximum_fees.plain("maximumFees") if self.maximum_fees else None,
            expires_at=self.expires_at or None,
            allow_duplicate=self.allow_duplicate,
        )


@strawberry.type(description="A replay carries the stored decision (the payment, or the refusal with its facts) and the objects as they are now.")
class MakePaymentPayload:
    is_type_of = of_rows(Made)
    payment: Payment | None = batched(payments.by_id, description="Null exactly when errors is not empty.")
    account: Account | None = batched(accounts.by_id, by="account_id", description="The paying account after it; saves the client a round trip.")
    replayed: bool = strawberry.field(description="True where this answer was stored by an earlier try with the same key.")
    errors: list[UserError]


async def quote_payment(context: Context, *, input: QuotePaymentInput) -> payments.Quoted:
    return await payments.quoted(
        context,
        lambda: payments.quote(context, account_id=read_id("acc", input.from_account_id), to=input.to.plain(), amount=input.amount.plain("amount")),
    )


async def make_payment(context: Context, *, input: MakePaymentInput) -> Made:
    return await made(context, lambda: payments.make(context, request=input.plain(context)))
