"""The marker: a key that only a server with all its data has. Without it, that a session is missing means nothing."""

from __future__ import annotations

from auth.sessions.store import Store
from kernel.errors import Unavailable

__all__ = ["Marker"]

LATER_SECONDS = 30  # It takes a person to decide.


class Marker:
    """Says whether what is not in the store never was there."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    async def ensure(self, *, database_knows_sessions: bool) -> bool:
        """At the start: a store is marked where there was nothing to lose. Whether it is marked now.

        Raises:
            Unavailable
        """
        if not database_knows_sessions:
            await self.open_for_business()
        return bool(await self._store.ask("EXISTS", self._key))

    async def open_for_business(self) -> None:
        """From now on, who has no session here has none and signs in anew. An operator's decision after a loss of data.

        Raises:
            Unavailable
        """
        await self._store.ask("SET", self._key, "1")

    async def vouch(self) -> None:
        """Return only if something that was not found does not exist. Ask it after looking, not before.

        Raises:
            Unavailable: the store lost its data, or does not answer.
        """
        if not await self._store.ask("EXISTS", self._key):
            raise Unavailable("the session store lost its data", retry_after_seconds=LATER_SECONDS)
