"""Quotes: what a payment costs and what arrives, before it is made. A quote is kept nowhere: its id is its sealed content."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from kernel.clock import Clock
from kernel.errors import InvalidInput, QuoteExpired
from kernel.money import Money
from kernel.sealing import SealBroken, Sealer
from services import exchange, fees
from services.destinations import Asked, Destination, Facts, FactsRow
from services.tariffs import TariffBook

__all__ = ["QUOTE_LIFE", "Quote", "QuotedFee", "Quotes"]

# Long enough to read it and to answer over a slow link; short enough for a rate to hold.
QUOTE_LIFE = timedelta(minutes=5)

PURPOSE = "quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedFee:
    """One fee or tax; `collects` is the purpose of the bank's account that receives it."""

    code: str
    kind: str
    minor: int
    currency: str
    collects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of one payment of one customer. The rate's parts are None where both accounts have one currency."""

    customer_id: UUID
    account_id: UUID
    to_account_id: UUID
    minor: int
    currency: str
    receives_minor: int
    receives_currency: str
    fees: tuple[QuotedFee, ...]
    rate: Decimal | None
    mid_rate: Decimal | None
    spread_minor: int
    rounding: Decimal
    counterparty_name: str
    counterparty_number: str
    expires_at: datetime
    id: str = ""

    @property
    def amount(self) -> Money:
        return Money(self.minor, self.currency)

    @property
    def receives(self) -> Money:
        return Money(self.receives_minor, self.receives_currency)

    @property
    def requires(self) -> tuple[str, ...]:
        """Nothing yet: every payment inside the limits is made at once."""
        return ()

    @property
    def fee_minor(self) -> int:
        return sum(fee.minor for fee in self.fees)

    @property
    def total(self) -> Money:
        return Money(self.minor + self.fee_minor, self.currency)

    def content(self) -> dict[str, Any]:
        """As it is sealed, or stored with a refusal: JSON."""
        plain: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self), default=str))
        return plain

    @classmethod
    def of(cls, content: dict[str, Any]) -> Quote:
        """From what `content` gave."""
        return cls(
            **content
            | {name: UUID(content[name]) for name in ("customer_id", "account_id", "to_account_id")}
            | {name: Decimal(content[name]) for name in ("rate", "mid_rate", "rounding") if content[name] is not None}
            | {"fees": tuple(QuotedFee(**fee) for fee in content["fees"]), "expires_at": datetime.fromisoformat(content["expires_at"])}
        )


class Quotes:
    """Makes quotes and opens them again."""

    def __init__(self, facts: Facts, tariffs: TariffBook, sealer: Sealer, clock: Clock) -> None:
        self._facts = facts
        self._tariffs = tariffs
        self._sealer = sealer
        self._clock = clock

    async def make(self, *, customer_id: UUID, account_id: UUID, to: Destination, amount: Money) -> Quote:
        """What this payment would cost now. Writes nothing.

        Raises:
            DomainError: NotFound, CurrencyMismatch, RailUnavailable, InvalidInput.
        """
        asked = Asked(customer_id=customer_id, key=None, account_id=account_id, to=to.inside())
        facts = await self._facts.find(asked)
        facts.check(asked, amount.currency)
        return self.price(facts, amount)

    def price(self, facts: FactsRow, amount: Money) -> Quote:
        """The quote for facts that are known already.

        Raises:
            DomainError: there is no rate between the currencies, or nothing would arrive.
        """
        tariffs = self._tariffs.current
        lines = fees.price(
            tariffs,
            country=facts.country,
            amount=amount,
            own_account=facts.to_customer_id == facts.customer_id,
            on=facts.now.astimezone(ZoneInfo(tariffs.jurisdiction(facts.country).time_zone)).date(),
        )
        exchanged = None if facts.to_currency == amount.currency else exchange.convert(tariffs, amount, facts.to_currency, at=facts.now)
        quote = Quote(
            customer_id=facts.customer_id,
            account_id=facts.account_id,
            to_account_id=facts.to_account_id,
            minor=amount.minor,
            currency=amount.currency,
            receives_minor=exchanged.receives.minor if exchanged else amount.minor,
            receives_currency=facts.to_currency,
            fees=tuple(
                QuotedFee(code=line.code, kind=line.kind, minor=line.amount.minor, currency=amount.currency, collects=line.collects) for line in lines
            ),
            rate=exchanged.rate if exchanged else None,
            mid_rate=exchanged.mid if exchanged else None,
            spread_minor=exchanged.spread.minor if exchanged else 0,
            rounding=Decimal(str(exchanged.rounding)) if exchanged else Decimal(0),
            counterparty_name=facts.to_name,
            counterparty_number=facts.to_number,
            expires_at=facts.now + QUOTE_LIFE,
        )
        return self.sealed(quote)

    def sealed(self, quote: Quote) -> Quote:
        """The quote with its id."""
        content = quote.content() | {"id": ""}
        return Quote.of(content | {"id": self._sealer.seal(PURPOSE, orjson.dumps(content))})

    def open(self, quote_id: str, facts: FactsRow, amount: Money) -> Quote:
        """The quote of this id, if it is for this payment and still holds.

        Raises:
            InvalidInput: it is no quote of ours, or for another payment.
            QuoteExpired: it held until its `expires_at`.
        """
        try:
            quote = Quote.of(orjson.loads(self._sealer.open(PURPOSE, quote_id)))
        except SealBroken:
            raise InvalidInput("this is no quote of ours", field=("quoteId",)) from None
        asked = (facts.customer_id, facts.account_id, facts.to_account_id, amount)
        if (quote.customer_id, quote.account_id, quote.to_account_id, quote.amount) != asked:
            raise InvalidInput("this quote is for another payment", field=("quoteId",))
        if quote.expires_at <= facts.now:
            raise QuoteExpired("this quote held until {expires_at}; ask for a new one", field=("quoteId",), expires_at=quote.expires_at)
        return quote
