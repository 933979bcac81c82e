"""The home screen of three accounts with twenty transactions each, against the same SQL from a bare route."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from typing import Any

import orjson

from auth.keys import development_key
from auth.tokens import issue
from bench.clients import Client, request
from bench.measuring import Report, median, rate
from bench.servers import Server, named, serve
from deploy.embedded import Stores
from kernel.settings import Environment, Settings
from models.database import Database

__all__ = ["QUERY", "measure"]

CONNECTIONS = 16
ROUNDS = 3
SECONDS = 3.0

QUERY = """{ viewer { displayName accounts { edges { node { id name number currency
balance { available { amount currency } booked { amount currency } held { amount currency } version asOf }
transactions(first: 20) { edges { node { id kind description amount { amount currency } balanceAfter { amount }
counterparty { name accountNumber } bookedAt } } pageInfo { hasNextPage endCursor } } } } } } }"""


async def measure(stores: Stores, database: str, report: Report) -> None:
    """Requests a second and CPU a request, side by side."""
    settings = Settings(env=Environment.TEST, database_url=named(stores.app_url, database), redis_url=stores.redis_url, log_level="WARNING")
    opened = Database(named(stores.app_url, database), reads=1, money=1, jobs=1, waiting=10)
    await opened.open()
    async with opened.reads.connection() as connection:
        customers = [row["id"] for row in await connection.fetch("SELECT id FROM customers ORDER BY id LIMIT 200")]
        now = await connection.fetchval("SELECT bank_now()")
    await opened.close()
    key, life = development_key(), timedelta(hours=1)
    tokens = [issue(key, issuer=settings.issuer, audience=settings.audience, customer_id=id, now=now, life=life) for id in customers]
    body = orjson.dumps({"query": QUERY})
    ours = [request("/graphql", body, token=token, host="bank.test") for token in tokens]
    bare = [request("/", orjson.dumps({"customer": str(id)}), token=None, host="bank.test") for id in customers]
    found: dict[str, list[tuple[float, float, int]]] = {"graphql": [], "bare": []}
    async with serve("app:create_app", stores, database) as server, serve("bench.bare:create_app", stores, database) as plain:
        for _ in range(ROUNDS):
            found["graphql"].append(await _measured(server, ours))
            found["bare"].append(await _measured(plain, bare))
    rates = {name: median([one[0] for one in values]) for name, values in found.items()}
    cpu = {name: median([one[1] for one in values]) for name, values in found.items()}
    report.add("home screen, bare route with the same SQL", rates["bare"], "requests/s")
    report.add("home screen over GraphQL", rates["graphql"], "requests/s")
    report.add("home screen, bare route: CPU of the server", cpu["bare"] * 1e6, "µs a request")
    report.add("home screen over GraphQL: CPU of the server", cpu["graphql"] * 1e6, "µs a request")
    report.add("home screen over GraphQL: CPU", cpu["graphql"] / cpu["bare"], "× bare route")
    report.add("home screen: bytes of the reply", found["graphql"][0][2], "bytes")


async def _measured(server: Server, wires: list[bytes]) -> tuple[float, float, int]:
    """Requests a second, CPU seconds a request, bytes of a reply."""
    clients = await asyncio.gather(*(Client.open(server.port) for _ in range(CONNECTIONS)))
    free = deque(clients)
    turn = deque(wires)
    noted: dict[str, Any] = {"done": 0, "bytes": 0}

    async def work() -> None:
        client = free.popleft()
        turn.rotate()
        noted["bytes"] = len(await client.send(turn[0]))
        noted["done"] += 1
        free.append(client)

    before = server.cpu_seconds()
    per_second = await rate(work, callers=CONNECTIONS, seconds=SECONDS)
    cpu = (server.cpu_seconds() - before) / noted["done"]
    for client in clients:
        client.close()
    return per_second, cpu, noted["bytes"]
