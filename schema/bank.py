"""The bank itself: public, before sign-in."""

from __future__ import annotations

from operator import attrgetter

import strawberry

from kernel import money
from resolvers import bank
from schema.fields import computed, of_rows
from schema.scalars import CurrencyCode, DateTime

__all__ = ["Bank", "CurrencyInfo"]


@strawberry.type(description="A currency that this bank keeps accounts in, or exchanges.")
class CurrencyInfo:
    is_type_of = of_rows(money.Currency)
    code: CurrencyCode
    minor_units: int = strawberry.field(description="Digits after the decimal point: 2 for NGN, 0 for XOF, 3 for TND.")
    name: str


@strawberry.type(description="What a client needs before sign-in.")
class Bank:
    is_type_of = of_rows(bank.BankRow)
    name: str
    currencies: list[CurrencyInfo] = computed(attrgetter("currencies"))
    server_time: DateTime = strawberry.field(description="The bank's clock; a phone's own may be wrong by days.")
    minimum_client_version: str = strawberry.field(description="Older apps should ask their user to update.")
