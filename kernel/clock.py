"""The bank's clock: the store's time and offset, as last read, carried on by the monotonic clock.

The store's clock decides everything. What SQL decides asks `bank_now()` itself; Python asks here. Only test mode may set the offset.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """Tells the store's time between two readings of it."""

    def __init__(self) -> None:
        self._read_at: float | None = None
        self._store_time = datetime.fromtimestamp(0, UTC)

    def set(self, store_time: datetime) -> None:
        """Note what `bank_now()` just said."""
        self._store_time = store_time
        self._read_at = time.monotonic()

    def now(self) -> datetime:
        """The bank's time, UTC and aware.

        Raises:
            RuntimeError: the store was never asked.
        """
        if self._read_at is None:
            raise RuntimeError("the clock was read before the store was asked for its time")
        return self._store_time + timedelta(seconds=time.monotonic() - self._read_at)
