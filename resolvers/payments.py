"""Payments and quotes of the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from kernel import ids as typeids
from kernel.errors import DomainError, ErrorCode, Told
from kernel.messages import translate
from kernel.money import Money
from models.rows import PaymentRow
from resolvers.context import Context
from resolvers.made import Made
from resolvers.pages import Page, Window, page
from services.destinations import Destination
from services.fees import FEE_NAMES
from services.payments import Request
from services.quotes import Quote

__all__ = [
    "Failure",
    "Fee",
    "Quoted",
    "amount",
    "by_id",
    "counterparty",
    "cursor",
    "failure",
    "fees",
    "make",
    "of_customers",
    "quote",
    "quote_fees",
    "quote_in_refusal",
    "quoted",
    "safe_to_retry",
    "seen_by",
    "total",
]

STATUSES = ("AWAITING_APPROVAL", "SCHEDULED", "PROCESSING", "UNKNOWN", "COMPLETED", "FAILED", "CANCELLED", "REVERSED")

BY_ID = f"SELECT {PaymentRow.columns} FROM payments p WHERE p.id = ANY ($1)"  # noqa: S608  Our own names.
# One probe of the index a status, merged: as quick for a rare status as for all of them.
OF_CUSTOMERS = """
SELECT {columns} FROM unnest($1::uuid[]) AS k(id) CROSS JOIN LATERAL (
    SELECT p.* FROM unnest($5::text[]) AS s(status) CROSS JOIN LATERAL (
        SELECT * FROM payments
         WHERE customer_id = k.id AND status = s.status AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3)
         ORDER BY id {order} LIMIT $4
    ) p ORDER BY p.id {order} LIMIT $4
) p ORDER BY p.id {order}
"""
OF_CUSTOMERS_BY_ORDER = {order: OF_CUSTOMERS.format(columns=PaymentRow.columns, order=order) for order in ("ASC", "DESC")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee or a tax, by name."""

    name: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a payment failed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """`quote` is None exactly when `errors` is not empty."""

    quote: Quote | None = None
    errors: Sequence[Told] = ()


async def by_id(ids: list[UUID], context: Context) -> list[PaymentRow | None]:
    """Payments in the order of `ids`; None where there is none."""
    found = {row.id: row for row in await context.fetch(BY_ID, ids, row=PaymentRow)}
    return [found.get(id) for id in ids]


async def of_customers(ids: list[UUID], context: Context, *, window: Window, status: list[str] | None = None) -> list[Page]:
    """Each customer's payments of these statuses (None: of all), newest first."""
    sql = OF_CUSTOMERS_BY_ORDER["ASC" if window.backwards else "DESC"]
    statuses = STATUSES if status is None else list(dict.fromkeys(status))
    rows = await context.fetch(sql, ids, window.after, window.before, window.limit + 1, statuses, row=PaymentRow)
    context.know(by_id, rows)
    return [page([row for row in rows if row.customer_id == id], window) for id in ids]


def cursor(text: str) -> UUID:
    """A cursor of a list of payments: the payment's id.

    Raises:
        ValueError: it is none.
    """
    return typeids.decode("pay", text)


def seen_by(row: PaymentRow, context: Context) -> bool:
    return row.customer_id == context.customer_id


def amount(row: PaymentRow) -> Money:
    return Money(row.amount_minor, row.currency)


def total(row: PaymentRow) -> Money:
    return Money(row.amount_minor + sum(fee["minor"] for fee in orjson.loads(row.fees)), row.currency)


def fees(row: PaymentRow, context: Context) -> list[Fee]:
    """The payment's fees, named in the language of the request."""
    return [_fee(fee["code"], Money(fee["minor"], row.currency), context) for fee in orjson.loads(row.fees)]


def quote_fees(quote: Quote, context: Context) -> list[Fee]:
    """The quote's fees, named in the language of the request."""
    return [_fee(fee.code, Money(fee.minor, fee.currency), context) for fee in quote.fees]


def _fee(code: str, amount: Money, context: Context) -> Fee:
    return Fee(name=translate(FEE_NAMES[code], language=context.language), amount=amount)


def counterparty(row: Any) -> Any:
    """The other side, which is kept in the same row."""
    return row


def failure(row: PaymentRow, context: Context) -> Failure | None:
    """Why it failed; None unless it did."""
    if row.failure_code is None:
        return None
    return Failure(code=ErrorCode(row.failure_code), message=translate("the payment was not made", language=context.language))


def safe_to_retry(row: PaymentRow) -> bool:
    return row.status in {"FAILED", "CANCELLED"}


async def quote(context: Context, *, account_id: UUID, to: Destination, amount: Money) -> Quoted:
    """What a payment would cost."""
    return Quoted(quote=await context.bank.quotes.make(customer_id=context.customer_id, account_id=account_id, to=to, amount=amount))


async def quoted(context: Context, work: Callable[[], Awaitable[Quoted]]) -> Quoted:
    """What `work` gives, or its refusal, told in the language of the request."""
    try:
        return await work()
    except DomainError as refusal:
        return Quoted(errors=[refusal.told_in(context.language)])


def quote_in_refusal(refusal: Told) -> Quote:
    """The quote that a refusal of changed fees carries."""
    return Quote.of(refusal.quote)


async def make(context: Context, *, request: Request) -> Made:
    """Pay."""
    decision = await context.bank.payments.make(request)
    return Made(id=decision.accepted(), account_id=request.account_id, replayed=decision.replayed)
