"""A plain loop over the jobs: each in a task of its own, started again when it fails."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from kernel.errors import Unavailable
from services.bank import Bank
from worker.jobs import Job

__all__ = ["Loop"]

log = structlog.get_logger("worker")


class Loop:
    """A `Runner` without a store of its own: enough for work that finds by itself what there is to do."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let what is under way end, and start nothing more."""
        self._stopped.set()

    async def run(self, jobs: list[Job]) -> None:
        """Returns after `stop`."""
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._repeat(job))

    async def _repeat(self, job: Job) -> None:
        while not self._stopped.is_set():
            more = False
            try:
                more = await job.work(self._bank)
            except Unavailable as away:
                log.warning("job waits", job=job.name, reason=str(away))
            except Exception as defect:
                # A job that fails is tried again: stopping the chain for one defect would hide the next.
                log.error("job failed", job=job.name, exc_info=defect)
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), job.every_seconds)
