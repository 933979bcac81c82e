"""Stores, databases and servers of the benchmarks, all under `.local/bench`."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from bench import bigbank
from deploy import embedded
from deploy.embedded import Stores
from deploy.migrate import migrate

__all__ = ["FOLDER", "Server", "bank_of", "named", "serve", "start"]

FOLDER = Path(__file__).parent.parent / ".local" / "bench"
ROOT = FOLDER.parent.parent


def named(url: str, database: str) -> str:
    """`url` with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def bank_of(stores: Stores, entries: int) -> str:
    """The name of a bank with so many entries, loaded once and copied for this run."""
    loaded, used = f"big_{entries}", f"big_{entries}_used"
    admin = await asyncpg.connect(stores.admin_url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{used}" WITH (FORCE)')
        if not await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", loaded):
            await admin.execute('DROP DATABASE IF EXISTS "big_unfinished" WITH (FORCE)')
            await admin.execute('CREATE DATABASE "big_unfinished" OWNER tallystick_owner')
            owner_url = named(stores.owner_url, "big_unfinished")
            await migrate(owner_url, say=lambda line: None)
            seconds = await bigbank.load(owner_url, entries=entries, say=print)
            print(f"  big bank of {entries:,} entries loaded in {seconds:.0f} s", flush=True)
            await admin.execute(f'ALTER DATABASE "big_unfinished" RENAME TO "{loaded}"')
        await admin.execute(f'CREATE DATABASE "{used}" TEMPLATE "{loaded}" OWNER tallystick_owner STRATEGY FILE_COPY', timeout=None)
    finally:
        await admin.close()
    return used


class Server:
    """A server process and its address."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._process = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        """CPU time that the process used so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def serve(application: str, stores: Stores, database: str) -> AsyncIterator[Server]:
    """A server of `application` (module:factory) on that database, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = os.environ | {
        "TALLYSTICK_ENV": "test",
        "TALLYSTICK_DATABASE_URL": named(stores.app_url, database),
        "TALLYSTICK_REDIS_URL": stores.redis_url,
        "TALLYSTICK_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "uvicorn", application, "--factory", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    process = subprocess.Popen([*command, "--port", str(port), "--log-level", "warning"], cwd=ROOT, env=told)
    try:
        await asyncio.to_thread(_ready, port, process)
        yield Server(port, process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


def _ready(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError("the server of the benchmark ended before it was ready")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            _wait(process)
    raise RuntimeError("the server of the benchmark was not ready in time")


def _wait(process: subprocess.Popen[bytes]) -> None:
    """A tenth of a second, or less where the process ends."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


def start() -> Stores:
    """The stores of the benchmarks."""
    return embedded.start(FOLDER, say=print)
