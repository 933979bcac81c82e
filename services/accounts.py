"""Accounts: opened on the terms of a product, for a customer."""

from __future__ import annotations

import secrets
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.backends.base.client import BaseDBAsyncClient

from kernel import ids
from kernel.clock import Clock
from kernel.errors import Forbidden, InvalidInput, RequestRefused
from models.accounts import Account
from models.customers import Customer
from services.decisions import Decision
from services.keys import decide_once
from services.tariffs import TariffBook
from services.texts import one_line

__all__ = ["NAME_LENGTH", "Accounts", "new_number"]

NAME_LENGTH = 60
OPEN_ACCOUNT = "SELECT open_account($1, $2, $3, $4, $5, $6, $7, $8)"
# A holder's openings wait for each other, so that a product's number per customer holds.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('open' || $1::uuid::text, 0))"


class Accounts:
    """Opens accounts."""

    def __init__(self, tariffs: TariffBook, clock: Clock) -> None:
        self._tariffs = tariffs
        self._clock = clock

    async def open(self, *, customer_id: UUID, key: UUID, kind: str, currency: str, name: str) -> Decision:
        """Open an account once per key; its product decides the terms. The decision's subject is the account.

        Raises:
            InvalidInput: there is no such product for this customer; never stored.
            Unavailable: nothing is known to be decided; the same key may be sent again.
        """
        name = one_line(name, field=("name",), maximum=NAME_LENGTH)
        if kind == "LOAN":
            raise InvalidInput("loans are not opened as accounts", field=("kind",))

        async def decide(transaction: BaseDBAsyncClient) -> UUID:
            return await self._open(transaction, customer_id, kind, currency, name)

        asked = {"kind": kind, "currency": currency, "name": name}
        return await decide_once(holder_id=customer_id, key=key, operation="openAccount", asked=asked, decide=decide)

    async def _open(self, transaction: BaseDBAsyncClient, customer_id: UUID, kind: str, currency: str, name: str) -> UUID:
        customer = await Customer.get_or_none(id=customer_id, using_db=transaction)
        if customer is None:
            raise RequestRefused("UNAUTHENTICATED", "sign in first: send an access token", status=401)
        tariffs = self._tariffs.current
        today = self._clock.now().astimezone(ZoneInfo(tariffs.jurisdiction(customer.country).time_zone)).date()
        product = tariffs.product(country=customer.country, kind=kind, currency=currency, on=today)
        if product is None:
            raise InvalidInput("there is no such account in {currency} in your country", field=("currency",), currency=currency)
        await transaction.execute_query_dict(ONE_AT_A_TIME, [customer_id])
        opened = await Account.filter(holder_id=customer_id, product_code=product.code).exclude(status="CLOSED").using_db(transaction).count()
        if opened >= product.per_customer:
            raise Forbidden("you have {count} of these accounts, which is as many as one customer may have", field=("kind",), count=opened)
        account_id = ids.new()
        number = await _free_number(transaction)
        terms = [account_id, customer_id, number, name, kind, currency, product.code, product.overdraft_minor]
        await transaction.execute_query_dict(OPEN_ACCOUNT, terms)
        return account_id


def new_number() -> str:
    """A ten-digit account number; the last digit checks the others (Luhn), so that a slip of the finger seldom names another."""
    digits = str(100_000_000 + secrets.randbelow(900_000_000))
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """The Luhn digit (ISO/IEC 7812-1, annex B) behind nine digits."""
    doubled = [int(d) * 2 if n % 2 == 0 else int(d) for n, d in enumerate(reversed(digits))]
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


async def _free_number(transaction: BaseDBAsyncClient) -> str:
    while True:
        number = new_number()
        if not await Account.filter(number=number).using_db(transaction).exists():
            return number
