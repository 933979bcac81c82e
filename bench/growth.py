"""Growth: posting and the home screen at ten thousand, a hundred thousand and a million entries."""

from __future__ import annotations

import time

from app import open_bank
from bench.home import QUERY
from bench.measuring import Report, median
from bench.payments import holders, orders, service_rate
from bench.servers import bank_of, named
from deploy.embedded import Stores
from kernel.settings import Environment, Settings
from resolvers.context import Context
from schema.roots import SCHEMA

__all__ = ["SIZES", "measure"]

SIZES = (10_000, 100_000, 1_000_000)
CALLERS = 64
ROUNDS = 3
SCREENS = 60


async def measure(stores: Stores, report: Report) -> None:
    """The figures of each size as parts of the smallest one's."""
    rates: dict[int, list[float]] = {size: [] for size in SIZES}
    screens: dict[int, list[float]] = {size: [] for size in SIZES}
    banks = {size: await bank_of(stores, size) for size in SIZES}
    for turn in range(ROUNDS):
        for size in SIZES:
            posted, shown = await _one(stores, banks[size], turn)
            rates[size].append(posted)
            screens[size].append(shown)
    for size in SIZES:
        report.add(f"posting at {size:,} entries", median(rates[size]) / median(rates[SIZES[0]]), f"× at {SIZES[0]:,}")
    for size in SIZES:
        report.add(f"home screen at {size:,} entries: time", median(screens[size]) / median(screens[SIZES[0]]), f"× at {SIZES[0]:,}")


async def _one(stores: Stores, database: str, turn: int) -> tuple[float, float]:
    settings = Settings(env=Environment.TEST, database_url=named(stores.app_url, database), redis_url=stores.redis_url, log_level="WARNING")
    async with open_bank(settings) as bank:
        async with bank.database.reads.connection() as connection:
            chosen = await holders(connection)
        posted = await service_rate(bank, await orders(bank, chosen, False, turn, CALLERS), CALLERS)
        times = []
        for holder in chosen[:SCREENS]:
            started = time.perf_counter()
            async with Context(bank, customer_id=holder.customer_id, language="en") as context:
                result = await SCHEMA.execute(QUERY, context_value=context)
            times.append(time.perf_counter() - started)
            assert result.errors is None, result.errors
    return posted, median(times)
