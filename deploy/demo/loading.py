"""Loads the demo bank through its own services, with the bank's clock a year back at first; a load that was cut off goes on."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from app import open_bank
from deploy.demo.cast import NAMESPACE, Actor, cast
from deploy.demo.year import Deposit, Payment, Year
from kernel import ids
from kernel.money import Money
from kernel.settings import Settings
from models.database import Connection
from services.bank import Bank
from services.decisions import Decision
from services.destinations import Destination
from services.orders import BANK, Leg, words
from services.payments import Request

__all__ = ["load", "sign_ins"]

SEED = 20261124
DAYS = 365
LOADED = uuid.uuid5(NAMESPACE, "loaded")

Say = Callable[[str], object]


async def load(*, owner_url: str, app_url: str, redis_url: str, say: Say) -> None:
    """Load the demo bank, once. It is told how far it is; what was posted before it was cut off is not posted again."""
    owner = await asyncpg.connect(owner_url)
    try:
        if await owner.fetchval("SELECT count(*) FROM decisions WHERE holder_id = $1 AND key = $2", BANK, LOADED):
            return
        if not await owner.fetchval("SELECT count(*) FROM customers"):
            await owner.execute("UPDATE bank_clock SET ahead = make_interval(days => $1)", -DAYS)
        async with open_bank(Settings(database_url=app_url, redis_url=redis_url)) as bank:
            await _live(bank, owner, say)
        await owner.execute("SELECT decide($1, $2, 'demo', '\\x00', 'POSTED', NULL, $2)", BANK, LOADED)
    finally:
        await owner.close()


async def _live(bank: Bank, owner: Connection, say: Say) -> None:
    """All days in order; those before the bank's clock were lived by a load that was cut off, but for its last one."""
    chance = random.Random(SEED)  # noqa: S311  The same year each time.
    actors = cast(chance)
    year = Year(actors, chance)
    stage = await _Stage.opened(bank, actors)
    ahead: timedelta = await owner.fetchval("SELECT ahead FROM bank_clock")
    first = (datetime.now(UTC) - timedelta(days=DAYS)).date()
    await stage.deposit(list(year.opening()), "opening")
    for number in range(DAYS + 1):
        day = first + timedelta(days=number)
        deposits, payments = year.day(day)
        due = timedelta(days=number - DAYS)
        if due >= ahead:
            await owner.execute("UPDATE bank_clock SET ahead = $1", due)
            bank.clock.set(await bank.database.now())
            await stage.deposit(deposits, f"{day} deposit")
            await stage.pay(payments, f"{day} payment")
        if number % 73 == 0:
            say(f"demo bank: {number * 100 // DAYS} % of a year")


class _Stage:
    """Where the actors pay and are paid; knows customers by phone and accounts by number."""

    def __init__(self, bank: Bank, customers: dict[str, UUID], accounts: dict[str, UUID]) -> None:
        self._bank = bank
        self._customers = customers
        self._accounts = accounts

    @classmethod
    async def opened(cls, bank: Bank, actors: list[Actor]) -> _Stage:
        """The stage with all customers registered, their accounts opened, and the books of payees of the first three."""
        async with bank.database.money.connection() as connection:
            for actor in actors:
                if not await connection.fetchval("SELECT count(*) FROM customers WHERE phone = $1", actor.phone):
                    async with connection.transaction():
                        await _register(connection, actor)
            customers = {row["phone"]: row["id"] for row in await connection.fetch("SELECT phone, id FROM customers")}
            accounts = {row["number"]: row["id"] for row in await connection.fetch("SELECT number, id FROM accounts")}
        for actor in actors[:3]:
            others = [other for other in actors if other.country == actor.country and other is not actor]
            for n, other in enumerate(others[:6]):
                await bank.payees.add(
                    customer_id=customers[actor.phone],
                    key=uuid.uuid5(NAMESPACE, f"{actor.phone} payee {n}"),
                    name=other.name,
                    to=Destination(account_number=other.main.number),
                )
        return cls(bank, customers, accounts)

    async def deposit(self, deposits: list[Deposit], label: str) -> None:
        await asyncio.gather(*(self._deposit(deposit, f"{label} {n}") for n, deposit in enumerate(deposits)))

    async def _deposit(self, deposit: Deposit, label: str) -> None:
        ledger, to = self._bank.ledger, deposit.to
        await ledger.book(
            key=uuid.uuid5(NAMESPACE, label),
            kind="deposit",
            value_date=self._bank.clock.now().date(),
            legs=[
                Leg(
                    account_id=self._accounts[to.number],
                    minor=deposit.minor,
                    kind="DEPOSIT",
                    description=deposit.description,
                    words=words(to.number, deposit.description),
                ),
                ledger.bank_leg("settlement", to.currency, -deposit.minor, kind="DEPOSIT"),
            ],
        )

    async def pay(self, payments: list[Payment], label: str) -> None:
        await asyncio.gather(*(self._pay(payment, f"{label} {n}") for n, payment in enumerate(payments)))

    async def _pay(self, payment: Payment, label: str) -> Decision:
        """A payment may be refused, as in life: money runs out, a limit is reached."""
        return await self._bank.payments.make(
            Request(
                customer_id=self._customers[payment.payer.phone],
                key=uuid.uuid5(NAMESPACE, label),
                account_id=self._accounts[payment.account.number],
                to=Destination(account_number=payment.to.number),
                amount=Money(payment.minor, payment.account.currency),
                reference=payment.reference,
                allow_duplicate=True,
            )
        )


async def _register(connection: Connection, actor: Actor) -> None:
    customer = [ids.new(), actor.name, actor.phone, actor.country, actor.tier, actor.language]
    await connection.execute("SELECT register_customer($1, $2, $3, $4, $5, $6)", *customer)
    for holding in actor.holdings:
        product = f"{actor.country}-{holding.kind}-{holding.currency}"
        terms = [ids.new(), customer[0], holding.number, holding.name, holding.kind, holding.currency, product, 0]
        await connection.execute("SELECT open_account($1, $2, $3, $4, $5, $6, $7, $8)", *terms)


async def sign_ins(app_url: str) -> list[str]:
    """Three demo customers, a line each."""
    connection = await asyncpg.connect(app_url)
    try:
        rows = await connection.fetch("SELECT display_name, phone, country FROM customers ORDER BY created_at, id LIMIT 3")
    finally:
        await connection.close()
    return [f"{n}  {row['display_name']} ({row['country']}, {row['phone']})" for n, row in enumerate(rows, 1)]
