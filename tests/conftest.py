"""Real stores for all tests, and a bank of its own for each test that wants one.

The stores are started once under `.local/test` and migrated once into a template; each bank is a copy of it, made in a few
hundredths of a second. After each test the bank's books are verified.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy import embedded
from deploy.embedded import Stores
from deploy.migrate import migrate
from tests.bank import BankUnderTest, copied

ROOT = Path(__file__).parent.parent
_numbers = itertools.count()


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """PostgreSQL and Valkey, for the whole run."""
    folder = ROOT / ".local" / "test"
    folder.mkdir(parents=True, exist_ok=True)
    yield embedded.start(folder, say=lambda line: None)
    embedded.stop(folder)


@pytest.fixture(scope="session")
async def template(stores: Stores) -> str:
    """The name of a migrated database, made anew when a migration or the tariffs change."""
    sources = sorted([*(ROOT / "models").rglob("*.sql"), *(ROOT / "models").rglob("*.py"), *(ROOT / "models").rglob("*.toml")])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    name = f"template_{digest}"
    admin = await asyncpg.connect(stores.admin_url)
    try:
        for row in await admin.fetch("SELECT datname FROM pg_database WHERE datname ~ '^(template_[0-9a-f]{12}|bank_[0-9]+_[0-9]+)$'"):
            if row["datname"] != name:
                await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
        if not await admin.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            await admin.execute("DROP DATABASE IF EXISTS template_unfinished WITH (FORCE)")
            await admin.execute("CREATE DATABASE template_unfinished OWNER tallystick_owner")
            await migrate(copied(stores.owner_url, "template_unfinished"), say=lambda line: None)
            await admin.execute(f'ALTER DATABASE template_unfinished RENAME TO "{name}"')
    finally:
        await admin.close()
    return name


@pytest.fixture
async def database(stores: Stores, template: str) -> AsyncIterator[str]:
    """The name of a fresh database of its own."""
    name = f"bank_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(stores.admin_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER tallystick_owner')
    yield name
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def owner_connection(stores: Stores, database: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection as the owner of a fresh migrated database."""
    connection = await asyncpg.connect(copied(stores.owner_url, database))
    yield connection
    await connection.close()


@pytest.fixture
async def bank(stores: Stores, database: str) -> AsyncIterator[BankUnderTest]:
    """A running bank of its own; its books are verified when the test is over."""
    async with BankUnderTest.open(stores, database) as opened:
        yield opened
        assert await opened.findings() == []
