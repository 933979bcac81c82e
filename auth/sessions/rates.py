"""Rates: how often somebody may try, how often it failed, and what one network does to many accounts.

They guard credentials, so where the store does not answer they do not say yes: all raise `Unavailable`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta

from auth.sessions.keys import Keys
from auth.sessions.store import Store

__all__ = ["NetworkCounts", "Rates"]

SUBJECT_BYTES = 12
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCounts:
    """Sign-ins from one network in this five minutes and the five before."""

    tried: int
    failed: int
    users: int  # Distinct ones, within a few percent.


class Rates:
    """A subject says what is counted and for whom, such as `otp:<customer>`; only its keyed hash gets into the store."""

    def __init__(self, store: Store, keys: Keys, *, subject_key: bytes) -> None:
        self._store = store
        self._keys = keys
        self._subject_key = subject_key

    async def allow(self, subject: str, *, period: timedelta, burst: int) -> timedelta | None:
        """Count one try: so many at once, then evenly so many a period. None, or how long to wait; a refused try is not counted."""
        wait = int(await self._store.call("allow", [self._keys.rate(self._hashed(subject))], period // MILLISECOND, burst))
        return timedelta(milliseconds=wait) if wait else None

    async def failed(self, subject: str) -> int:
        """Count one failure; how many there were in the last hour, within five minutes."""
        return int(await self._store.call("failures", [self._keys.failures(self._hashed(subject))], 1))

    async def failures(self, subject: str) -> int:
        """How many failures there were in the last hour, within five minutes."""
        return int(await self._store.call("failures", [self._keys.failures(self._hashed(subject))], 0))

    async def signed_in(self, network: str, user: str, *, failed: bool) -> NetworkCounts:
        """Count one try to sign in from a network, for a user who need not exist."""
        return await self._counts(network, self._hashed(user), failed)

    async def network(self, network: str) -> NetworkCounts:
        """What a network did lately."""
        return await self._counts(network, "", False)

    async def _counts(self, network: str, user: str, failed: bool) -> NetworkCounts:
        answer = await self._store.call("stuffing", self._keys.network(self._hashed(network)), user, int(failed))
        tried, failures, users = answer.split(" ")
        return NetworkCounts(tried=int(tried), failed=int(failures), users=int(users))

    def _hashed(self, subject: str) -> str:
        # Keyed: there are few enough addresses and accounts to try them all.
        return hmac.digest(self._subject_key, subject.encode(), "sha256")[:SUBJECT_BYTES].hex()
