"""A circuit breaker: whoever does not answer again and again is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["FAILURES", "REST_SECONDS", "Breaker"]

FAILURES = 5  # In a row: one answer in between says that the party is there.
REST_SECONDS = 10.0


class Breaker:
    """Lets calls pass until `FAILURES` of them failed in a row; after `REST_SECONDS`, one call tries and decides for the rest."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._rests_until = 0.0

    def allows(self) -> bool:
        """Whether to call now. Who is told so calls, and tells how it went; a call that is given up tells nothing."""
        if self._failures < FAILURES:
            return True
        if self._now() < self._rests_until:
            return False
        # The others rest on while this call tries; should it never tell, another may try after as long again.
        self._rests_until = self._now() + REST_SECONDS
        return True

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        self._rests_until = self._now() + REST_SECONDS
