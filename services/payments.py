"""Payments: move money from a customer's account to another account of this bank, once per key."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from kernel import ids
from kernel.errors import STORED, DomainError, FeesChanged, InvalidInput
from kernel.messages import translate
from kernel.money import Money
from services import limits
from services.decisions import Decision, request_hash
from services.destinations import Asked, Destination, Facts, FactsRow
from services.fees import FEE_NAMES
from services.ledger import Ledger
from services.orders import Exchanged, Leg, LimitCap, Order, Paid, Posting, words
from services.quotes import Quote, Quotes
from services.tariffs import TariffBook

__all__ = ["REFERENCE_LENGTH", "Payments", "Request"]

REFERENCE_LENGTH = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the customer asked for; `amount` is in the paying account's currency."""

    customer_id: UUID
    key: UUID
    account_id: UUID
    to: Destination
    amount: Money
    reference: str = ""
    quote_id: str | None = None
    maximum_fees: Money | None = None
    expires_at: datetime | None = None
    allow_duplicate: bool = False

    def check(self) -> None:
        """The shape of the request, which is all that is checked before its key.

        Raises:
            InvalidInput: never stored; the same key may be sent again, corrected.
        """
        if self.amount.minor <= 0:
            raise InvalidInput("the amount must be more than zero", field=("amount", "amount"))
        if len(self.reference) > REFERENCE_LENGTH:
            raise InvalidInput("a reference has at most {length} characters", field=("reference",), length=REFERENCE_LENGTH)
        if any(unicodedata.category(c) in {"Cc", "Cs"} for c in self.reference):
            raise InvalidInput("a reference is one line of text", field=("reference",))
        if self.maximum_fees is not None and self.maximum_fees.minor < 0:
            raise InvalidInput("fees are not negative", field=("maximumFees", "amount"))
        if self.maximum_fees is not None and self.maximum_fees.currency != self.amount.currency:
            raise InvalidInput("fees are in the currency of the amount", field=("maximumFees", "currency"))

    def hash(self) -> str:
        asked = asdict(self)
        return request_hash("makePayment", asked | {"key": None})


class Payments:
    """Payments inside the bank."""

    def __init__(self, facts: Facts, quotes: Quotes, tariffs: TariffBook, ledger: Ledger) -> None:
        self._facts = facts
        self._quotes = quotes
        self._tariffs = tariffs
        self._ledger = ledger

    async def make(self, request: Request) -> Decision:
        """Pay once per key; a retry gets the first decision back, as `replayed`. Its subject is the payment.

        Raises:
            DomainError: InvalidInput and RailUnavailable, which are not stored.
            Unavailable: nothing is known to be decided; the same key may be sent again.
        """
        request.check()
        asked = Asked(customer_id=request.customer_id, key=request.key, account_id=request.account_id, to=request.to)
        facts = await self.facts_of(asked)
        asked_hash = request.hash()
        # The key first: a retry of what was decided must not meet a refusal that came to be since.
        if facts.decided_status is not None:
            if facts.decided_hash != asked_hash[2:]:
                return Decision(status="IDEMPOTENCY_CONFLICT", replayed=True, facts={}, subject_id=None)
            return Decision.of(facts.decided_status, True, facts.decided_facts, facts.decided_id)
        try:
            order = self.order(request, asked, facts)
        except DomainError as refused:
            if refused.code not in STORED:
                raise
            order = Order(
                holder_id=request.customer_id,
                key=request.key,
                operation="makePayment",
                request_hash=asked_hash,
                refusal=refused.code.value,
                facts=refused.stored(),
                expires_at=request.expires_at,
            )
        return await self._ledger.post(order)

    async def facts_of(self, asked: Asked) -> FactsRow:
        """What the rules of a payment are about, as it is now."""
        return await self._facts.find(asked)

    def order(self, request: Request, asked: Asked, facts: FactsRow) -> Order:
        """The order that makes this payment: its legs with fees and taxes, and its limits.

        Raises:
            DomainError: the payment is refused whatever the ledger says.
        """
        request.to.inside()
        facts.check(asked, request.amount.currency)
        quote = self._quote(request, facts)
        caps = self._caps(facts, request.amount)
        payment_id = ids.new()
        zone = ZoneInfo(self._tariffs.current.jurisdiction(facts.country).time_zone)
        return Order(
            holder_id=request.customer_id,
            key=request.key,
            operation="makePayment",
            request_hash=request.hash(),
            subject_id=payment_id,
            expires_at=request.expires_at,
            posting=self._posting(request, facts, quote, payment_id, facts.now.astimezone(zone).date()),
            payment=_paid(request, facts, quote, payment_id),
            exchange=_exchanged(quote),
            caps=caps,
        )

    def _quote(self, request: Request, facts: FactsRow) -> Quote:
        """The price that holds for this payment: the quoted one, else today's."""
        if request.quote_id is not None:
            quote = self._quotes.open(request.quote_id, facts, request.amount)
        elif facts.to_currency != request.amount.currency:
            raise InvalidInput("a payment into another currency needs a quote first", field=("quoteId",))
        else:
            quote = self._quotes.price(facts, request.amount)
        if request.maximum_fees is not None and quote.fee_minor > request.maximum_fees.minor:
            raise FeesChanged(
                "the fees are {fees} now, which is more than you allowed",
                field=("maximumFees",),
                fees=Money(quote.fee_minor, quote.currency),
                quote=quote.content(),
            )
        return quote

    def _caps(self, facts: FactsRow, amount: Money) -> list[LimitCap]:
        caps = limits.caps(
            self._tariffs.current,
            country=facts.country,
            tier=facts.tier,
            currency=amount.currency,
            customer_id=facts.customer_id,
            account_id=facts.account_id,
            at=facts.now,
        )
        limits.check_one(caps, amount)
        return [
            LimitCap(
                subject_id=cap.subject_id,
                rule_id=cap.rule_id,
                window_start=cap.window_start,
                resets_at=cap.resets_at,
                minor=cap.amount_minor,
                count=cap.count,
            )
            for cap in caps
            if cap.window_start is not None and cap.resets_at is not None
        ]

    def _posting(self, request: Request, facts: FactsRow, quote: Quote, payment_id: UUID, value_date: date) -> Posting:
        bank_leg = self._ledger.bank_leg
        sent = request.reference or translate("Transfer to {name}", language=facts.language, name=facts.to_name)
        came = request.reference or translate("Transfer from {name}", language=facts.to_language, name=facts.customer_name)
        legs = [
            Leg(
                account_id=facts.account_id,
                minor=-quote.minor,
                kind="TRANSFER",
                description=sent,
                words=words(facts.number, sent, facts.to_name),
                counterparty_name=facts.to_name,
                counterparty_number=facts.to_number,
                payment_id=payment_id,
            ),
            Leg(
                account_id=facts.to_account_id,
                minor=quote.receives_minor,
                kind="TRANSFER",
                description=came,
                words=words(facts.to_number, came, facts.customer_name),
                counterparty_name=facts.customer_name,
                counterparty_number=facts.number,
            ),
        ]
        if quote.mid_rate is not None:
            # The bank's positions take one currency and give the other; the spread is income, in the open.
            legs.append(bank_leg("fx_position", quote.currency, quote.minor - quote.spread_minor, kind="TRANSFER"))
            legs.append(bank_leg("fx_position", quote.receives_currency, -quote.receives_minor, kind="TRANSFER"))
            if quote.spread_minor:
                legs.append(bank_leg("fx_spread_income", quote.currency, quote.spread_minor, kind="FEE"))
        for fee in quote.fees:
            told = translate(FEE_NAMES[fee.code], language=facts.language)
            # No search words: nobody looks for a fee by its name, and a filter by kind finds them all.
            legs.append(Leg(account_id=facts.account_id, minor=-fee.minor, kind=fee.kind, description=told, words="", payment_id=payment_id))
            legs.append(bank_leg(fee.collects, fee.currency, fee.minor, kind=fee.kind))
        return Posting(id=ids.new_posting(), kind="transfer", value_date=value_date, legs=legs)


def _paid(request: Request, facts: FactsRow, quote: Quote, payment_id: UUID) -> Paid:
    return Paid(
        id=payment_id,
        account_id=facts.account_id,
        to_account_id=facts.to_account_id,
        payee_id=facts.payee_id,
        minor=quote.minor,
        currency=quote.currency,
        receives_minor=quote.receives_minor,
        receives_currency=quote.receives_currency,
        fees=orjson.dumps([{"code": fee.code, "minor": fee.minor} for fee in quote.fees]).decode(),
        counterparty_name=facts.to_name,
        counterparty_number=facts.to_number,
        reference=request.reference,
        status="COMPLETED",
        fingerprint=fingerprint(facts.customer_id, facts.to_account_id, request.amount, request.reference),
        allow_duplicate=request.allow_duplicate,
    )


def _exchanged(quote: Quote) -> Exchanged | None:
    if quote.mid_rate is None:
        return None
    return Exchanged(
        paid_minor=quote.minor,
        paid_currency=quote.currency,
        received_minor=quote.receives_minor,
        received_currency=quote.receives_currency,
        spread_minor=quote.spread_minor,
        mid_rate=quote.mid_rate,
        rounding=quote.rounding,
    )


def fingerprint(customer_id: UUID, to_account_id: UUID, amount: Money, reference: str) -> int:
    """What two payments share that may be one tap too many; a bigint."""
    text = f"{customer_id}|{to_account_id}|{amount.minor}|{amount.currency}|{reference.strip().casefold()}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
