"""`make verify`: check the books, and say what is wrong and where."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import asyncpg

from deploy import embedded
from kernel.settings import Settings
from services.verify import CHECKS, verify

__all__ = ["main"]


async def main() -> int:
    """0 where the books are right, 1 where they are not, 2 where there is no database."""
    url = Settings().database_url
    if url is None:
        stores = embedded.attach(Path(".local"))
        if stores is None:
            print("no bank is running here: start one with `make run`, or set TALLYSTICK_DATABASE_URL", file=sys.stderr)
            return 2
        url = stores.app_url
    started = time.monotonic()
    connection = await asyncpg.connect(url)
    try:
        findings = await verify(connection, say=lambda rule: print(f"  {rule} …", flush=True))
    finally:
        await connection.close()
    for finding in findings:
        print(f"WRONG: {finding.rule}: {finding.place}")
    verdict = f"{len(findings)} findings" if findings else f"the books are right: {len(CHECKS)} rules hold"
    print(f"{verdict} ({time.monotonic() - started:.1f} s)")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
