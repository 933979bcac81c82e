"""Each migration has a way back, which leaves the database as it was before.

Method: an empty database goes forward one migration at a time and back again; what PostgreSQL's catalogue holds is compared.
"""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

import models.migrations
from deploy.embedded import Stores
from deploy.migrate import LATEST, NOTHING, migrate
from tests.bank import copied

NAME = "back"
MIGRATIONS = sorted(file.stem for file in Path(models.migrations.__file__).parent.glob("0*.py"))

CATALOGUE = """
SELECT 'column', attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'grant', relname || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT tgisinternal
UNION ALL
SELECT 'function', pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc WHERE pronamespace = 'public'::regnamespace
 ORDER BY 1, 2
"""


async def catalogue(url: str) -> set[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return {(row[0], row[1]) for row in await connection.fetch(CATALOGUE)}
    finally:
        await connection.close()


async def test_each_migration_can_be_taken_back_and_made_again(stores: Stores) -> None:
    admin = await asyncpg.connect(stores.admin_url)
    await admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {NAME} OWNER tallystick_owner")
    url = copied(stores.owner_url, NAME)
    try:
        await migrate(url, say=lambda line: None, to=MIGRATIONS[0])
        await migrate(url, say=lambda line: None, to=NOTHING)
        before = [await catalogue(url)]
        for name in MIGRATIONS:
            await migrate(url, say=lambda line: None, to=name)
            before.append(await catalogue(url))

        for name, then in zip([NOTHING, *MIGRATIONS[:-1]][::-1], before[-2::-1], strict=True):
            await migrate(url, say=lambda line: None, to=name)
            assert await catalogue(url) == then, f"the way back to {name}"

        await migrate(url, say=lambda line: None, to=LATEST)
        assert await catalogue(url) == before[-1]
    finally:
        await admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        await admin.close()


async def test_a_migration_that_is_not_there_changes_nothing(stores: Stores) -> None:
    with pytest.raises(ValueError, match="Unknown migration"):
        await migrate(copied(stores.owner_url, "tallystick"), say=lambda line: None, to="0000_nowhere")
