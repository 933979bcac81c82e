"""A Valkey that a test may freeze, kill and start again, with or without what it knew; and what is said meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from auth.sessions.breaker import REST_SECONDS
from deploy import embedded
from kernel.errors import Unavailable
from tests.auth.sessions.world import World

__all__ = ["PATIENCE_SECONDS", "Frail", "away", "back", "hear"]

PATIENCE_SECONDS = 20


class Frail:
    """The server of one folder; only its own process is ever sent a signal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = embedded.start_valkey(folder, say=lambda line: None)

    @property
    def process(self) -> psutil.Process:
        data = str(self.folder.resolve() / "valkey")
        running = psutil.process_iter(["name", "cwd"])
        [found] = [process for process in running if process.info["name"] == "valkey-server" and process.info["cwd"] == data]
        return found

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes what is sent, and answers nothing."""
        process = self.process
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def kill(self) -> None:
        process = self.process
        process.kill()
        psutil.wait_procs([process], timeout=PATIENCE_SECONDS)

    def start(self) -> None:
        assert embedded.start_valkey(self.folder, say=lambda line: None) == self.url

    def forget(self) -> None:
        """All that it wrote is lost; it is not running."""
        shutil.rmtree(self.folder / "valkey" / "appendonlydir")

    def stop(self) -> None:
        embedded.stop(self.folder)


async def away(call: Awaitable[object]) -> Unavailable:
    """What a call says while the store is away: later, and soon."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        await call
    assert time.monotonic() - began < 5  # With defaults of the client it would be longer.
    assert refusal.value.retry_after_seconds >= 1
    return refusal.value


async def back(bank: World) -> None:
    """The store answers again: the breaker has rested, and one call went through."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            bank.monotonic[0] += REST_SECONDS
            try:
                await bank.store.ask("PING")
                return
            except Unavailable:
                await asyncio.sleep(0.05)


async def hear(bank: World) -> asyncio.Task[None]:
    """Follow revocations, up to being in step with the store."""

    async def follow() -> None:
        async for _ in bank.revocations.follow():
            pass

    task = asyncio.create_task(follow())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while bank.revocations.synced_at is None:
            await asyncio.sleep(0.01)
    return task
