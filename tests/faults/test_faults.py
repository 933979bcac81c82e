"""Power cuts, in small: a real server process, killed or robbed of its database in mid-load.

Method: payments are sent over HTTP by raw clients that note what was acknowledged; afterwards each key is sent again, and the
ledger is asked. What was acknowledged is there once; what was not is settled by its key.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy import embedded
from deploy.embedded import Stores
from deploy.migrate import migrate
from services.verify import verify
from tests.bank import Account, BankUnderTest, copied
from tests.payments.requests import MAKE, order

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 30.0


@dataclass
class Server:
    """A server process and its address."""

    url: str
    process: subprocess.Popen[bytes]


@asynccontextmanager
async def served(stores: Stores, database: str) -> AsyncIterator[Server]:
    """A server in a process of its own, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = os.environ | {
        "TALLYSTICK_ENV": "test",
        "TALLYSTICK_DATABASE_URL": copied(stores.app_url, database),
        "TALLYSTICK_REDIS_URL": stores.redis_url,
        "TALLYSTICK_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "uvicorn", "app:create_app", "--factory", "--port", str(port), "--log-level", "error"]
    process = await asyncio.to_thread(subprocess.Popen, command, cwd=ROOT, env=told)
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        await eventually(lambda: is_ready(server))
        yield server
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def is_ready(server: Server) -> bool:
    try:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{server.url}/health/ready", timeout=2)).status_code == 200
    except httpx.HTTPError:
        return False


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns as soon as it holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)


@dataclass
class Load:
    """Payments of several clients, one after another each, until they are told to stop."""

    payer: Account
    payee: Account
    acknowledged: set[str] = field(default_factory=set)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    stopped: bool = False
    failed: bool = False

    async def client(self, server: Server) -> None:
        """Pays until it is stopped; what it meets and may not meet stops the load."""
        try:
            await self.pay(server)
        except Exception:
            self.failed = True
            raise

    async def pay(self, server: Server) -> None:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {self.payer.holder.token}"}) as client:
            while not self.stopped:
                variables = order(self.payer, self.payee, "1.00", allowDuplicate=True, reference=uuid.uuid4().hex[:8])
                self.asked[variables["input"]["idempotencyKey"]] = variables
                await self.send(client, server, variables)

    async def send(self, client: httpx.AsyncClient, server: Server, variables: dict[str, Any]) -> Any:
        try:
            reply = await client.post(f"{server.url}/graphql", json={"query": MAKE, "variables": variables}, timeout=15)
        except httpx.HTTPError:
            return None
        self.statuses.append(reply.status_code)
        if reply.status_code == 200:
            made = reply.json()["data"]["makePayment"]
            assert made["errors"] == [], made
            self.acknowledged.add(variables["input"]["idempotencyKey"])
            return made
        assert reply.status_code == 503, reply.text
        assert reply.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert reply.headers["retry-after"]
        return None

    async def settle(self, server: Server) -> int:
        """Send every key again; gives how many of those acknowledged before were replays."""
        replays = 0
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {self.payer.holder.token}"}) as client:
            for key, variables in self.asked.items():
                before = key in self.acknowledged
                made = await self.send(client, server, variables)
                assert made is not None
                assert made["replayed"] or not before, "acknowledged, and paid again"
                replays += before
        return replays


async def scene(stores: Stores, database: str) -> tuple[Account, Account]:
    """A payer with enough and a payee."""
    async with BankUnderTest.open(stores, database) as bank:
        payer = await bank.account(await bank.customer(tier="BUSINESS"), booked="100000.00")
        return payer, await bank.account()


async def test_an_acknowledged_payment_survives_kill_9_and_a_retry_gets_its_answer(stores: Stores, database: str) -> None:
    load = Load(*await scene(stores, database))
    async with served(stores, database) as first:
        clients = [asyncio.create_task(load.client(first)) for _ in range(8)]
        await eventually(lambda: enough(load, 40))
        first.process.kill()
        load.stopped = True
        await asyncio.gather(*clients)

    async with served(stores, database) as second:
        replays = await load.settle(second)

    assert replays >= 40
    await check_books(stores, database, load)


async def test_a_restart_of_postgresql_in_mid_load_loses_nothing_and_heals_by_itself() -> None:
    with tempfile.TemporaryDirectory(prefix="tallystick-") as folder:
        stores = await asyncio.to_thread(embedded.start, Path(folder), lambda line: None)
        try:
            await migrate(stores.owner_url, lambda line: None)
            load = Load(*await scene(stores, "tallystick"))
            async with served(stores, "tallystick") as server:
                clients = [asyncio.create_task(load.client(server)) for _ in range(8)]
                await eventually(lambda: enough(load, 20))
                await asyncio.to_thread(embedded.restart_postgres, Path(folder), "immediate")
                settled = len(load.acknowledged)
                await eventually(lambda: enough(load, settled + 20))
                load.stopped = True
                await asyncio.gather(*clients)
                await load.settle(server)
                assert await is_ready(server)
            await check_books(stores, "tallystick", load)
        finally:
            await asyncio.to_thread(embedded.stop, Path(folder))


async def test_a_phone_that_vanishes_in_mid_request_leaves_a_whole_payment_or_none(stores: Stores, database: str) -> None:
    load = Load(*await scene(stores, database))
    async with served(stores, database) as server:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {load.payer.holder.token}"}) as client:
            for n in range(20):
                variables = order(load.payer, load.payee, "1.00", allowDuplicate=True, reference=str(n))
                load.asked[variables["input"]["idempotencyKey"]] = variables
                request = client.build_request("POST", f"{server.url}/graphql", json={"query": MAKE, "variables": variables})
                await vanish(request, server)
        await load.settle(server)
        assert await is_ready(server)
    await check_books(stores, database, load)


async def vanish(request: httpx.Request, server: Server) -> None:
    """Send a request and close the connection at once."""
    port = int(server.url.rsplit(":", 1)[1])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + request.content)
    await writer.drain()
    writer.transport.abort()


async def enough(load: Load, count: int) -> bool:
    return len(load.acknowledged) >= count or load.failed


async def check_books(stores: Stores, database: str, load: Load) -> None:
    """Each key paid once, and the books are right."""
    connection = await asyncpg.connect(copied(stores.owner_url, database))
    try:
        booked = await connection.fetchval("SELECT booked_minor FROM balances WHERE account_id = $1", load.payee.id)
        assert booked == 100 * len(load.asked)
        assert await verify(connection) == []
    finally:
        await connection.close()
