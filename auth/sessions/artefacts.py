"""One-time artefacts: pushed requests and challenges, which are taken once, and the rounds of a sign-in, each answered once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from auth.envelope import Envelope, Unreadable
from auth.names import NotAName, tag_of_handle
from auth.sessions.answers import moment
from auth.sessions.keys import Keys
from auth.sessions.marker import Marker
from auth.sessions.store import Store

__all__ = ["ROUNDS_LIFE", "TRIES", "Advance", "Advanced", "Artefacts", "Kind", "Round"]

ROUNDS_LIFE = timedelta(minutes=10)
TRIES = 5
VALUE = "value"

log = structlog.get_logger("auth.sessions")


class Kind(StrEnum):
    """What is taken once."""

    PUSHED_REQUEST = "pushed_request"
    CHALLENGE = "challenge"


class Advance(StrEnum):
    ADVANCED = "advanced"
    GONE = "gone"  # Answered before, too late, or never there.
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Where a sign-in stands."""

    value: bytes = field(repr=False)
    tries_left: int
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    status: Advance
    tries_left: int = 0
    ends_at: datetime | None = None


class Artefacts:
    """Values are sealed under their handle's name. All operations raise `Unavailable`, as those of `Sessions` do."""

    def __init__(self, store: Store, marker: Marker, keys: Keys, envelope: Envelope) -> None:
        self._store = store
        self._marker = marker
        self._keys = keys
        self._envelope = envelope

    async def put(self, kind: Kind, handle: str, value: bytes, *, life: timedelta) -> None:
        """Keep a value until it is taken, or its time is over."""
        key = self._key(kind, handle)
        await self._store.call("put", [key], life // timedelta(milliseconds=1), self._envelope.seal(key, VALUE, value))

    async def take(self, kind: Kind, handle: str) -> bytes | None:
        """The value, to the first who asks."""
        return await self._get("take", kind, handle)

    async def peek(self, kind: Kind, handle: str) -> bytes | None:
        """The value, which stays."""
        return await self._get("peek", kind, handle)

    async def begin(self, handle: str, value: bytes, *, tries: int = TRIES, life: timedelta = ROUNDS_LIFE) -> None:
        """The first round of a sign-in; its tries and its time are for all rounds together."""
        key = self._keys.auth_session(handle)
        await self._store.call("begin_rounds", [key], life // timedelta(milliseconds=1), tries, self._envelope.seal(key, VALUE, value))

    async def find_round(self, handle: str) -> Round | None:
        """Where the sign-in stands. Whatever follows from it counts only if `advance` or `finish` then says so."""
        try:
            key = self._keys.auth_session(handle)
        except NotAName:
            return None
        answer = await self._store.call("find_round", [key])
        if answer == "gone":
            await self._marker.vouch()
            return None
        _, tries, ends_at, sealed = answer.split(" ")
        value = self._opened(key, sealed)
        return None if value is None else Round(value=value, tries_left=int(tries), ends_at=moment(ends_at))

    async def advance(self, handle: str, new_handle: str, value: bytes, *, failed: bool) -> Advanced:
        """End a round and begin the next, which has one try less where this one failed. Of two answers to one round, one does this."""
        assert tag_of_handle(handle) == tag_of_handle(new_handle)
        new_key = self._keys.auth_session(new_handle)
        sealed = self._envelope.seal(new_key, VALUE, value)
        answer = await self._store.call("end_round", [self._keys.auth_session(handle), new_key], int(failed), sealed)
        status, *rest = answer.split(" ")
        if status == "gone":
            await self._marker.vouch()
        return Advanced(status=Advance(status), tries_left=int(rest[0]), ends_at=moment(rest[1])) if rest else Advanced(status=Advance(status))

    async def finish(self, handle: str) -> bool:
        """End the last round; False for who comes second, or too late."""
        answer = await self._store.call("end_round", [self._keys.auth_session(handle)])
        if answer == "gone":
            await self._marker.vouch()
        return bool(answer == "finished")

    async def _get(self, function: str, kind: Kind, handle: str) -> bytes | None:
        try:
            key = self._key(kind, handle)
        except NotAName:
            return None
        sealed = await self._store.call(function, [key])
        if not sealed:
            await self._marker.vouch()
            return None
        return self._opened(key, sealed)

    def _key(self, kind: Kind, handle: str) -> str:
        return self._keys.pushed_request(handle) if kind is Kind.PUSHED_REQUEST else self._keys.challenge(handle)

    def _opened(self, key: str, sealed: str) -> bytes | None:
        try:
            return self._envelope.open(key, VALUE, sealed)
        except Unreadable as error:
            # As good as not there, and an alarm: nothing of ours changes or moves a value, but a master key may have been taken out.
            log.error("a sealed value does not open", reason=error.reason.value)
            return None
