"""Bringing a database up to date: wholly or not at all, once, whoever asks at the same time.

Method: empty databases on a real server, migrated from the first migration on; what is in them is asked of PostgreSQL's catalogue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.embedded import Stores
from deploy.migrate import migrate
from kernel.money import CURRENCIES
from services.ledger import PURPOSES
from tests.bank import copied
from tests.deploy.processes import running

NAME = "empty"


@pytest.fixture
async def empty(stores: Stores) -> AsyncIterator[str]:
    """The address of a database with nothing in it, as its owner."""
    admin = await asyncpg.connect(stores.admin_url)
    await admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {NAME} OWNER tallystick_owner")
    yield copied(stores.owner_url, NAME)
    await admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    await admin.close()


async def tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    await connection.close()
    return [row["tablename"] for row in rows]


async def done(url: str) -> list[str]:
    """The migrations that are noted as done, in their order."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT name FROM tortoise_migrations ORDER BY applied_at")
    await connection.close()
    return [row["name"] for row in rows]


async def test_a_second_migration_finds_everything_done(empty: str) -> None:
    said: list[str] = []
    await migrate(empty, say=said.append)
    first, noted = await tables(empty), await done(empty)
    assert said[0].startswith("migrating the database: 0001")

    await migrate(empty, say=said.append)

    assert len(said) < 10
    assert (await tables(empty), await done(empty)) == (first, noted)
    assert noted == sorted(noted)


async def test_two_who_migrate_at_once_take_turns(empty: str) -> None:
    await asyncio.gather(migrate(empty, say=lambda line: None), migrate(empty, say=lambda line: None))

    connection = await asyncpg.connect(empty)
    opened = await connection.fetchval("SELECT count(*) FROM accounts WHERE holder_id IS NULL")
    await connection.close()
    assert opened == len(PURPOSES) * len(CURRENCIES)


async def test_a_migration_killed_half_way_leaves_nothing_and_can_be_run_again(empty: str, tmp_path: Path) -> None:
    blocker = await asyncpg.connect(empty)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("CREATE TABLE entries ()")  # The migration that makes this table waits for it.
    with running(tmp_path / "said", "-m", "deploy.migrate", TALLYSTICK_OWNER_DATABASE_URL=empty) as command:
        while not await blocker.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'", NAME):
            assert command.process.poll() is None, command.said
            await blocker.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)")
        command.kill()
    await transaction.rollback()
    await blocker.close()
    assert await tables(empty) == []

    await migrate(empty, say=lambda line: None)

    assert "entries" in await tables(empty)


async def test_a_database_that_is_not_there_gives_one_line(tmp_path: Path) -> None:
    with running(tmp_path / "said", "-m", "deploy.migrate", TALLYSTICK_OWNER_DATABASE_URL="postgres://a:b@127.0.0.1:1/bank") as command:
        assert command.ended() == 2

        assert command.said.count("\n") == 1
        assert "TALLYSTICK_OWNER_DATABASE_URL" in command.said
