"""Two Valkeys of these tests' own, since they freeze and kill one; and a process of the bank for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy import embedded
from tests.auth.sessions.frail import Frail
from tests.auth.sessions.world import World

FOLDER = Path(__file__).parent.parent.parent.parent / ".local" / "test-sessions"


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Where a real server answers, for the whole run."""
    folder = FOLDER / "steady"
    folder.mkdir(parents=True, exist_ok=True)
    yield embedded.start_valkey(folder, say=lambda line: None)
    embedded.stop(folder)


@pytest.fixture
async def world(valkey_url: str) -> AsyncIterator[World]:
    """A process of the bank, with a clock and keys of its own."""
    async with World.open(valkey_url) as opened:
        yield opened


@pytest.fixture
async def other(valkey_url: str, world: World) -> AsyncIterator[World]:
    """Another process of the same bank."""
    async with World.open(valkey_url, prefix=world.prefix) as opened:
        yield opened


@pytest.fixture(scope="session")
def server() -> Iterator[Frail]:
    """A server that each test freezes or kills as it likes, and leaves running."""
    made = Frail(FOLDER / "frail")
    yield made
    made.stop()


@pytest.fixture
async def bank(server: Frail) -> AsyncIterator[World]:
    """A process of the bank on that server."""
    async with World.open(server.url) as opened:
        yield opened
