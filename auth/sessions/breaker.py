"""A circuit breaker: a store that failed some times in a row is left alone for a moment, and who asks is told at once."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Breaker"]

FAILURES = 3
REST_SECONDS = 1.0


class Breaker:
    """Counts failures in a row. After a rest one call may try; a failure begins the next rest."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._rests_until = 0.0
        self.failing_since: float | None = None  # By `monotonic`; None while the store answers.

    @property
    def rests(self) -> bool:
        """Nobody should call now."""
        return self._failures >= FAILURES and self._monotonic() < self._rests_until

    def succeeded(self) -> None:
        self._failures, self.failing_since = 0, None

    def failed(self) -> None:
        now = self._monotonic()
        self._failures += 1
        self._rests_until = now + REST_SECONDS
        if self.failing_since is None:
            self.failing_since = now
