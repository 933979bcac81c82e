"""Jobs: what has to be done again and again, and the port that runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from services.bank import Bank

__all__ = ["Job", "Runner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`work` does a bounded piece and says whether there is more; it may run twice, in several processes."""

    name: str
    every_seconds: float
    work: Callable[[Bank], Awaitable[bool]]


class Runner(Protocol):
    """Runs jobs until it is stopped."""

    async def run(self, jobs: list[Job]) -> None: ...

    def stop(self) -> None: ...
