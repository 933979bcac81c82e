"""`python -m deploy.migrate`: bring a database to this version: tables and functions, tariffs, the bank's own accounts.

With the name of a migration it goes there, forward or back; a way back that would drop what was written drops it.

All of it is one transaction: Tortoise alone notes a migration as done in a transaction after the one that does it, and a
process killed between the two leaves a database that nothing can migrate any more.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.exceptions import DBConnectionError
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.transactions import in_transaction

from deploy.sockets import Say
from kernel.money import CURRENCIES
from kernel.settings import Settings
from models import tariffs
from models.database import tortoise_config
from services.ledger import PURPOSES, SHARDS

__all__ = ["LATEST", "NOTHING", "UNREACHABLE", "migrate"]

LATEST, NOTHING = "__latest__", "__first__"  # As Tortoise calls the end, and what is before the beginning.

LOCK = 0x7461_6C6C_79  # Any number, as long as it is the same for all who migrate: they take turns.
PROGRESS_SECONDS = 1.0

# No server there, no such database, or no such role.
UNREACHABLE = (OSError, DBConnectionError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.CannotConnectNowError)


async def migrate(owner_url: str, say: Say, *, to: str = LATEST) -> None:
    """Bring the database at `owner_url` to a migration, wholly or not at all. Says which migration runs, once a second at most.

    Raises:
        ValueError: there is no migration `to`.
    """
    config = tortoise_config(owner_url)
    async with TortoiseContext() as context:
        await context.init(config=config)
        async with in_transaction() as transaction:
            async with transaction.acquire_connection() as connection:
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            # The executor reads its table of what was done before it makes it, which would abort a transaction.
            await MigrationRecorder(transaction).ensure_schema(AsyncpgSchemaEditor(transaction, atomic=False))
            executor = MigrationExecutor(transaction, config["apps"])
            await executor.migrate([MigrationTarget(app_label=app, name=to) for app in config["apps"]], progress=_Progress(say))
            if to != LATEST:
                return
            async with transaction.acquire_connection() as connection:
                await tariffs.load(connection)
                await connection.execute("SELECT open_bank_accounts($1, $2, $3)", list(PURPOSES), list(CURRENCIES), SHARDS)


class _Progress:
    """Tells which migration runs."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._told = -PROGRESS_SECONDS

    def __call__(self, event: str, app: str, name: str, /, *_: Any) -> None:
        if event in {"apply_start", "rollback_start"} and time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            self._say(f"migrating the database: {name} …")


def main(to: str = LATEST) -> int:
    """0 when the database is there, 2 when none was named or it cannot be reached."""
    settings = Settings()
    url = settings.owner_database_url or settings.database_url
    if url is None:
        print("TALLYSTICK_OWNER_DATABASE_URL is not set: name the database, as the role that owns its tables (docs/settings.md)", file=sys.stderr)
        return 2
    try:
        asyncio.run(migrate(url, lambda line: print(line, flush=True), to=to))
    except UNREACHABLE as error:
        print(f"PostgreSQL does not let us in ({error}): see TALLYSTICK_OWNER_DATABASE_URL in docs/settings.md", file=sys.stderr)
        return 2
    print("the database is up to date" if to == LATEST else f"the database is at {to}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
