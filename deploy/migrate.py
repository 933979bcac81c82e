"""`python -m deploy.migrate`: bring a database to this version: tables and functions, tariffs, the bank's own accounts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import asyncpg
from tortoise import Tortoise
from tortoise.migrations.api import migrate as run_migrations

from kernel.money import CURRENCIES
from kernel.settings import Settings
from models import tariffs
from models.database import tortoise_config
from services.ledger import PURPOSES, SHARDS

__all__ = ["migrate"]

Say = Callable[[str], object]


async def migrate(owner_url: str, say: Say) -> None:
    """Bring the database at `owner_url` to this version; what is there already stays. A line is said for each migration that runs."""

    def progress(event: str, name: str | None = None, *_: Any) -> None:
        if event == "apply_start" and name:
            say(f"migration {name} …")

    try:
        await run_migrations(config=tortoise_config(owner_url), progress=progress)
    finally:
        await Tortoise.close_connections()
    connection = await asyncpg.connect(owner_url)
    try:
        await tariffs.load(connection)
        await connection.execute("SELECT open_bank_accounts($1, $2, $3)", list(PURPOSES), list(CURRENCIES), SHARDS)
    finally:
        await connection.close()


def main() -> int:
    """0 when the database is up to date, 2 when no database was named."""
    settings = Settings()
    url = settings.owner_database_url or settings.database_url
    if url is None:
        print("TALLYSTICK_OWNER_DATABASE_URL is not set: name the database, as the role that owns its tables (docs/settings.md)", file=sys.stderr)
        return 2
    asyncio.run(migrate(url, lambda line: print(line, flush=True)))
    print("the database is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
