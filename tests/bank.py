"""The bank under test: a running server in this process, with its front door and what tests need to set a scene."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
from starlette.applications import Starlette

from app import create_app
from auth.keys import development_key
from auth.tokens import issue
from deploy.embedded import Stores
from kernel import ids
from kernel.money import Money
from kernel.settings import Environment, Settings
from services.accounts import new_number
from services.bank import Bank
from services.orders import Leg, words
from services.verify import Finding, verify

__all__ = ["Account", "BankUnderTest", "Customer", "copied"]

CURRENCY = {"NG": "NGN", "KE": "KES", "SN": "XOF", "CI": "XOF", "TN": "TND"}
PHONES = {"NG": "+234801{:07}", "KE": "+25470{:07}", "SN": "+22177{:07}", "CI": "+22507{:08}", "TN": "+21620{:06}"}

_numbers = itertools.count(1)


def copied(url: str, database: str) -> str:
    """`url` with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    id: UUID
    name: str
    country: str
    phone: str
    token: str

    @property
    def node_id(self) -> str:
        return ids.encode("cus", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: UUID
    holder: Customer
    number: str
    currency: str

    @property
    def node_id(self) -> str:
        return ids.encode("acc", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankUnderTest:
    """One server on one database. `services` are the bank's own, for tests of the ledger itself."""

    app: Starlette
    client: httpx.AsyncClient
    stores: Stores
    database: str

    @classmethod
    @asynccontextmanager
    async def open(cls, stores: Stores, database: str, **settings: Any) -> AsyncIterator[Self]:
        chosen = Settings(
            env=Environment.TEST, database_url=copied(stores.app_url, database), redis_url=stores.redis_url, log_level="WARNING", **settings
        )
        app = create_app(chosen)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://bank.test") as client:
            yield cls(app=app, client=client, stores=stores, database=database)

    @property
    def services(self) -> Bank:
        bank: Bank = self.app.state.bank
        return bank

    # ---------------------------------------------------------------- the front door

    async def post(
        self, query: str, variables: Mapping[str, Any] | None = None, *, by: Customer | None = None, language: str | None = None
    ) -> httpx.Response:
        """One GraphQL request, as a client sends it."""
        headers = {"accept": "application/graphql-response+json, application/json;q=0.9"}
        if by is not None:
            headers["authorization"] = f"Bearer {by.token}"
        if language is not None:
            headers["accept-language"] = language
        return await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    async def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, *, by: Customer | None = None, language: str | None = None
    ) -> Any:
        """The data of a request that is expected to succeed."""
        reply = await self.post(query, variables, by=by, language=language)
        body = reply.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    # ---------------------------------------------------------------- setting a scene

    async def customer(
        self, *, name: str = "Amina Bello", country: str = "NG", tier: str = "TIER_3", language: str = "en", phone: str | None = None
    ) -> Customer:
        """A registered customer with a token of an hour."""
        number = next(_numbers)
        id, phone = ids.new(), phone or PHONES[country].format(number)
        await self._run("SELECT register_customer($1, $2, $3, $4, $5, $6)", id, name, phone, country, tier, language)
        return Customer(id=id, name=name, country=country, phone=phone, token=self.token(id))

    def token(self, customer_id: UUID, *, life: timedelta = timedelta(days=400)) -> str:
        settings = self.services.settings
        return issue(
            development_key(),
            issuer=settings.issuer,
            audience=settings.audience,
            customer_id=customer_id,
            now=self.services.clock.now(),
            life=life,
        )

    async def account(
        self,
        holder: Customer | None = None,
        *,
        booked: str = "0",
        currency: str | None = None,
        kind: str = "CURRENT",
        overdraft_minor: int = 0,
        country: str = "NG",
    ) -> Account:
        """An open account with this much on it."""
        holder = holder or await self.customer(country=country)
        currency = currency or CURRENCY[holder.country]
        account = Account(id=ids.new(), holder=holder, number=new_number(), currency=currency)
        opened = [account.id, holder.id, account.number, "Shop", kind, currency, f"{kind}-{currency}", overdraft_minor]
        await self._run("SELECT open_account($1, $2, $3, $4, $5, $6, $7, $8)", *opened)
        if Money.parse(booked, currency).minor:
            await self.deposit(account, booked)
        return account

    async def deposit(self, account: Account, amount: str, *, description: str = "Cash paid in", key: UUID | None = None) -> None:
        """Money from outside."""
        minor = Money.parse(amount, account.currency).minor
        ledger = self.services.ledger
        found = words(account.number, description)
        decision = await ledger.book(
            key=key or uuid.uuid4(),
            kind="deposit",
            value_date=self.services.clock.now().date(),
            legs=[
                Leg(account_id=account.id, minor=minor, kind="DEPOSIT", description=description, words=found),
                ledger.bank_leg("settlement", account.currency, -minor, kind="DEPOSIT"),
            ],
        )
        assert decision.status == "POSTED", decision

    async def set_status(self, account: Account, status: str) -> None:
        """What an operator does to an account."""
        await self._run("SELECT set_account_status($1, $2)", account.id, status)

    async def advance(self, time: timedelta) -> None:
        """Let time pass, for everybody."""
        async with self.owner() as connection:
            await connection.execute("UPDATE bank_clock SET ahead = ahead + $1", time)
        self.services.clock.set(await self.services.database.now())

    # ---------------------------------------------------------------- asking the ledger

    async def booked(self, account: Account) -> str:
        """What is booked on an account, as the ledger counts it."""
        minor = await self.value("SELECT booked_minor FROM balances WHERE account_id = $1", account.id)
        return Money(minor, account.currency).amount

    async def value(self, sql: str, *arguments: Any) -> Any:
        """One value from the database, as its owner."""
        async with self.owner() as connection:
            return await connection.fetchval(sql, *arguments)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(copied(self.stores.owner_url, self.database))
        try:
            yield connection
        finally:
            await connection.close()

    async def findings(self) -> list[Finding]:
        """What is wrong with the books."""
        await self.services.ledger.drain()
        async with self.owner() as connection:
            return await verify(connection)

    async def _run(self, sql: str, *arguments: Any) -> None:
        async with self.services.database.money.connection() as connection:
            await connection.execute(sql, *arguments)


def later(**delta: float) -> str:
    """A time from now, as the API writes it."""
    return (datetime.now(UTC) + timedelta(**delta)).isoformat().replace("+00:00", "Z")
