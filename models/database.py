"""PostgreSQL: the pools, how long anybody waits for them, and what happens when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection

from kernel.errors import Unavailable

__all__ = ["AWAY", "Connection", "Database", "Pool", "tortoise_config"]

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS = 2.0
STATEMENT_SECONDS = 5
LOCK_SECONDS = 2
IDLE_IN_TRANSACTION_SECONDS = 10
ACQUIRE_SECONDS = 2.0

MODELS = ["models.customers", "models.accounts", "models.payees"]

# The connection or the server is gone: nothing is known of what was under way, and the same key finds out.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # What the driver says of a connection that the server ended while nobody used it.
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
)


async def _reset(connection: Connection) -> None:
    """Nothing: the driver ends an open transaction itself, and what we set, lock and listen to ends with a transaction.

    Its own way asks the server four things each time that a connection is given back.
    """


def tortoise_config(url: str, *, pools: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Tortoise's configuration for `url` (postgres://user:password@host:port/name, or ?host=/socket/folder).

    `pools` gives each named pool its size; without it there is one connection, as migrations need.
    """
    parts = urlsplit(url)
    socket = parse_qs(parts.query).get("host", [None])[0]
    credentials: dict[str, Any] = {
        "host": socket or parts.hostname,
        "port": parts.port or 5432,
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": parts.path.lstrip("/"),
    }
    if pools is not None:
        credentials |= {
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS + 1,
            "reset": _reset,
            "server_settings": {
                "application_name": "tallystick",
                "statement_timeout": f"{STATEMENT_SECONDS}s",
                "lock_timeout": f"{LOCK_SECONDS}s",
                "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
                "jit": "off",  # Compiling costs more than any statement of ours takes.
                "timezone": "UTC",
            },
        }
    connections = {
        name: {"engine": "tortoise.backends.asyncpg", "credentials": credentials | {"minsize": 1, "maxsize": size}}
        for name, size in (pools or {"default": 1}).items()
    }
    first = next(iter(connections))
    return {
        "connections": connections,
        "apps": {"models": {"models": MODELS, "default_connection": first, "migrations": "models.migrations"}},
        "use_tz": True,
        "timezone": "UTC",
    }


class Pool:
    """Connections for one kind of work, with a queue of bounded length before it."""

    def __init__(self, name: str, *, size: int, waiting: int) -> None:
        self._name = name
        self._free = asyncio.Semaphore(size)
        self._room = size + waiting
        self._inside = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection, for one owner.

        Raises:
            Unavailable: too many wait already, none came free in time, or the server is away.
        """
        if self._inside >= self._room:
            raise Unavailable(f"too many wait for the {self._name} connections")
        self._inside += 1
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._free.acquire()
            try:
                async with get_connection(self._name).acquire_connection() as connection:
                    yield connection
            finally:
                self._free.release()
        except AWAY as error:
            raise Unavailable(f"the database is away ({type(error).__name__})") from error
        finally:
            self._inside -= 1


class Database:
    """The bank's pools: reads, money, and jobs; Tortoise's own queries use the money pool."""

    def __init__(self, url: str, *, reads: int, money: int, jobs: int, waiting: int) -> None:
        self._config = tortoise_config(url, pools={"money": money + 1, "reads": reads, "jobs": jobs})
        self.reads = Pool("reads", size=reads, waiting=waiting)
        self.money = Pool("money", size=money + 1, waiting=waiting)
        self.jobs = Pool("jobs", size=jobs, waiting=waiting)
        self.posting_calls = money

    async def open(self) -> None:
        """Connect.

        Raises:
            Unavailable: the server is away.
            RuntimeError: it would lose what it acknowledged (synchronous_commit or fsync is off).
        """
        await Tortoise.init(config=self._config, _enable_global_fallback=True)
        async with self.reads.connection() as connection:
            for setting in ("synchronous_commit", "fsync"):
                if await connection.fetchval("SELECT current_setting($1)", setting) == "off":
                    raise RuntimeError(f"PostgreSQL runs with {setting} = off: acknowledged payments could be lost; switch it on")

    async def close(self) -> None:
        """Give all connections back; those still at work are cut off after Tortoise's own patience."""
        await Tortoise.close_connections()

    async def now(self) -> datetime:
        """The bank's time."""
        async with self.reads.connection() as connection:
            told: datetime = await connection.fetchval("SELECT bank_now()")
            return told

    async def check(self) -> None:
        """Raises `Unavailable` while the server is away."""
        async with self.jobs.connection() as connection:
            await connection.fetchval("SELECT 1")
