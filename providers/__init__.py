"""Third parties, one folder a port: the port, its adapters, its simulator."""

from __future__ import annotations

__all__ = ["PartyUnavailable"]


class PartyUnavailable(Exception):
    """A third party gave no answer to go by; each port has its own kind.

    `maybe_done` is False only where the party is known not to have acted. Silence is no refusal: what was asked for may have
    happened, or may happen yet. `retry_after_seconds` is what the party itself asked for, if it did.
    """

    def __init__(self, reason: str, *, maybe_done: bool, retry_after_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.maybe_done = maybe_done
        self.retry_after_seconds = retry_after_seconds
