"""`python -m worker`: runs the jobs until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import uvloop

from app import open_bank, open_redis
from kernel import logs
from kernel.settings import Settings
from worker.ledger import jobs
from worker.loop import Loop


async def main() -> None:
    settings = Settings()
    logs.configure(settings)
    redis = open_redis(settings)
    async with open_bank(settings) as bank:
        loop = Loop(bank)
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, loop.stop)
        await loop.run(jobs(redis))
    await redis.aclose()


if __name__ == "__main__":
    uvloop.run(main())
