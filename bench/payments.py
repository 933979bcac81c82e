"""Payments: the posting function through the ledger's service, and end to end over HTTP, against pgbench on the same server."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import orjson

from app import open_bank
from auth.keys import development_key
from auth.tokens import DEVELOPMENT_LIFE, issue
from bench.clients import Client, request
from bench.measuring import Report, median, rate
from bench.servers import Server, named, serve
from deploy.embedded import Stores, pg_binary
from kernel import ids
from kernel.money import Money
from kernel.settings import Environment, Settings
from models.database import Connection
from services.bank import Bank
from services.destinations import Asked, Destination
from services.orders import Order
from services.payments import Request

__all__ = ["CALLERS", "holders", "measure", "orders", "service_rate"]

CALLERS = (1, 16, 64, 256)
ROUNDS = 5
SECONDS = 1.0  # Short and many: machines change their speed in the middle of a run, and what is compared should have met the same.
PGBENCH_SCALE = 64
GOAL = 3.5
MOST = {1: 1500, 16: 4000, 64: 8000, 256: 8000}  # Orders a second that are kept ready; a faster machine wants more.

MAKE = """mutation M($input: MakePaymentInput!) { makePayment(input: $input) {
payment { id status } account { version balance { available { amount } } } errors { code } } }"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    customer_id: uuid.UUID
    account_id: uuid.UUID
    number: str


async def holders(connection: Connection) -> list[Holder]:
    """One account of each customer."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (holder_id) holder_id, id, number FROM accounts WHERE holder_id IS NOT NULL ORDER BY holder_id, id"
    )
    return [Holder(customer_id=row["holder_id"], account_id=row["id"], number=row["number"]) for row in rows]


def pairs(chosen: list[Holder], hot: bool, chance: random.Random) -> Iterator[tuple[Holder, Holder]]:
    """Payers and payees: uniform, or half of all to one merchant."""
    while True:
        payer = chance.choice(chosen)
        payee = chosen[0] if hot and chance.random() < 0.5 else chance.choice(chosen)
        if payer is not payee:
            yield payer, payee


async def measure(stores: Stores, database: str, report: Report) -> None:
    """All figures: medians of rounds in which everything is measured once after the other, behind one round that warms the caches."""
    _pgbench(stores, "-i", "-q", "-s", str(PGBENCH_SCALE))
    settings = Settings(env=Environment.TEST, database_url=named(stores.app_url, database), redis_url=stores.redis_url, log_level="WARNING")
    async with open_bank(settings) as bank, serve("app:create_app", stores, database) as server:
        async with bank.database.reads.connection() as connection:
            chosen = await holders(connection)
        tokens = _tokens(bank, chosen)
        for callers in CALLERS:
            found: dict[str, list[float]] = {}
            for turn in range(ROUNDS + 1):
                once: dict[str, float] = {}
                for hot in (False, True):
                    ordered = await orders(bank, chosen, hot, turn, callers)
                    base = _pgbench_rate(stores, callers, "simple")
                    once[f"service {hot}"] = await service_rate(bank, ordered, callers) / base
                    once[f"http {hot}"] = await _http_rate(server, tokens, chosen, hot, callers) / base
                once |= {"pgbench": base, "prepared": _pgbench_rate(stores, callers, "prepared") / base}
                for name, value in once.items() if turn else ():
                    found.setdefault(name, []).append(value)
            _tell(report, callers, {name: median(values) for name, values in found.items()})


def _tell(report: Report, callers: int, found: dict[str, float]) -> None:
    goal = GOAL if callers == 64 else None
    report.add(f"pgbench TPC-B-like, {callers} clients", found["pgbench"], "/s")
    report.add(f"the same with prepared statements, {callers} clients", found["prepared"], "× pgbench")
    for hot, name in ((False, "uniform accounts"), (True, "half of all to one merchant")):
        report.add(f"payments through the service, {callers} callers, {name}", found[f"service {hot}"], "× pgbench", goal)
        report.add(f"payments over GraphQL, {callers} connections, {name}", found[f"http {hot}"], "× pgbench")


def _pgbench(stores: Stores, *arguments: str) -> str:
    socket = parse_qs(urlsplit(stores.admin_url).query)["host"][0]
    psql = [str(pg_binary("psql")), "-qX", "-h", socket, "-U", "postgres", "-c"]
    if "-i" in arguments:
        for sql in ("DROP DATABASE IF EXISTS pgbench", "CREATE DATABASE pgbench"):
            subprocess.run([*psql, sql], check=True, capture_output=True)
    command = [str(pg_binary("pgbench")), "-h", socket, "-U", "postgres", *arguments, "pgbench"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _pgbench_rate(stores: Stores, clients: int, protocol: str) -> float:
    jobs = str(min(clients, 2))
    # One client less than the server's connections leave for ours.
    told = _pgbench(stores, "-n", "-M", protocol, "-c", str(min(clients, 64)), "-j", jobs, "-T", str(int(SECONDS)))
    return float(told.split("tps = ", 1)[1].split(" ", 1)[0])


async def orders(bank: Bank, chosen: list[Holder], hot: bool, turn: int, callers: int) -> deque[Order]:
    """Orders as payments make them, with fees and limits, ready to be posted: their making is not what is measured."""
    chance = random.Random(f"{turn}{hot}")
    wanted = pairs(chosen, hot, chance)
    made: deque[Order] = deque()
    while len(made) < SECONDS * MOST[callers]:
        made.extend(await asyncio.gather(*(_order(bank, *next(wanted), chance) for _ in range(512))))
    gc.freeze()  # No server has ten thousand orders lying about, for its collector to look through again and again.
    return made


async def _order(bank: Bank, payer: Holder, payee: Holder, chance: random.Random) -> Order:
    request_made = Request(
        customer_id=payer.customer_id,
        key=uuid.uuid4(),
        account_id=payer.account_id,
        to=Destination(account_number=payee.number),
        amount=Money(100 + chance.randrange(10_000), "NGN"),
        reference="Invoice 17",
        allow_duplicate=True,
    )
    asked = Asked(customer_id=payer.customer_id, key=request_made.key, account_id=payer.account_id, to=request_made.to)
    return bank.payments.order(request_made, asked, await bank.payments.facts_of(asked))


async def service_rate(bank: Bank, orders: deque[Order], callers: int) -> float:
    async def work() -> None:
        decision = await bank.ledger.post(orders.popleft())
        assert decision.status == "POSTED", decision

    return await rate(work, callers=callers, seconds=SECONDS)


def _tokens(bank: Bank, chosen: list[Holder]) -> dict[uuid.UUID, str]:
    key, settings, now = development_key(), bank.settings, bank.clock.now()
    return {
        holder.customer_id: issue(
            key, issuer=settings.issuer, audience=settings.audience, customer_id=holder.customer_id, now=now, life=DEVELOPMENT_LIFE
        )
        for holder in chosen
    }


async def _http_rate(server: Server, tokens: dict[uuid.UUID, str], chosen: list[Holder], hot: bool, callers: int) -> float:
    chance = random.Random(callers)
    wanted = pairs(chosen, hot, chance)
    clients = await asyncio.gather(*(Client.open(server.port) for _ in range(callers)))
    free = deque(clients)

    async def work() -> None:
        payer, payee = next(wanted)
        body = orjson.dumps({"query": MAKE, "variables": {"input": _input(payer, payee, chance)}})
        client = free.popleft()
        reply = await client.send(request("/graphql", body, token=tokens[payer.customer_id], host="bank.test"))
        free.append(client)
        assert b'"errors":[]' in reply, reply

    try:
        return await rate(work, callers=callers, seconds=SECONDS)
    finally:
        for client in clients:
            client.close()


def _input(payer: Holder, payee: Holder, chance: random.Random) -> dict[str, object]:
    return {
        "idempotencyKey": str(uuid.uuid4()),
        "fromAccountId": ids.encode("acc", payer.account_id),
        "to": {"accountNumber": payee.number},
        "amount": {"amount": f"{100 + chance.randrange(100)}.00", "currency": "NGN"},
        "reference": "Invoice 17",
        "allowDuplicate": True,
    }
