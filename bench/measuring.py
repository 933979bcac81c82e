"""What all benchmarks share: figures, the table, and closed loops of callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

__all__ = ["Figure", "Report", "median", "rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure; `goal` is the least that is wanted, None where the figure is only noted."""

    name: str
    figure: float
    unit: str
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.figure >= self.goal


@dataclass(slots=True)
class Report:
    """Figures as they come: printed at once, kept for the file."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, figure: float, unit: str, goal: float | None = None) -> None:
        made = Figure(name=name, figure=round(figure, 3), unit=unit, goal=goal)
        self.figures.append(made)
        verdict = "" if made.met is None else f"   goal {goal:g}: {'met' if made.met else 'NOT MET'}"
        print(f"  {name:<72} {made.figure:>10,.2f} {unit}{verdict}", flush=True)

    def write(self, path: Path) -> None:
        """As JSON: [{name, figure, unit, goal, met}]."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps([asdict(figure) | {"met": figure.met} for figure in self.figures], option=orjson.OPT_INDENT_2))


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


async def rate(work: Callable[[], Awaitable[None]], *, callers: int, seconds: float) -> float:
    """How many times a second `work` is done by so many callers, each starting again when it is answered."""
    done = 0
    stop = time.perf_counter() + seconds

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < stop:
            await work()
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - started)
