"""Revocations: a stream that tells every process which sessions ended, so that none has to be asked about again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from auth.sessions.answers import milliseconds
from auth.sessions.keys import Keys
from auth.sessions.library import Library
from auth.sessions.records import EndReason
from auth.sessions.store import Store
from kernel.errors import Unavailable

__all__ = ["Resumed", "Revocation", "Revocations", "announce"]

LONGEST = 10_000  # Entries of the stream; older ones go.
BLOCK_SECONDS = 1.0  # A listener that heard nothing for so long asks again, and so knows that there was nothing.
PATIENCE_SECONDS = 1.0  # And so long it waits for an answer that is due.
PAUSE_SECONDS = (0.1, 0.5)  # Between tries to connect: not all processes at the same moment.
MOST = 256  # Entries at a time.
NOTHING = "0-0"  # Before all entries.

log = structlog.get_logger("auth.sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Sessions that ended: some by name, or all of a holder's that were signed in before an epoch (milliseconds) but one."""

    reason: EndReason
    sids: tuple[str, ...] = field(default=(), repr=False)
    tag: str | None = field(default=None, repr=False)
    epoch: int = 0
    keep: str | None = field(default=None, repr=False)

    def reaches(self, sid: str, auth_time: datetime) -> bool:
        """Whether a session, or a token of it that says so of its sign-in, ended by this."""
        if self.tag is None:
            return sid in self.sids
        return sid.startswith(self.tag) and sid != self.keep and milliseconds(auth_time) < self.epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The listener is connected, first or again. With a gap, something may have been missed: everything has to be looked at again."""

    has_gap: bool


async def announce(store: Store, keys: Keys, revocation: Revocation) -> None:
    """Tell all listeners.

    Raises:
        Unavailable
    """
    fields = {
        "reason": revocation.reason.value,
        "sids": " ".join(revocation.sids),
        "tag": revocation.tag or "",
        "epoch": str(revocation.epoch),
        "keep": revocation.keep or "",
    }
    words = [word for pair in fields.items() for word in pair]
    await store.ask("XADD", keys.revocations, "MAXLEN", "~", LONGEST, "*", *words)


class Revocations:
    """One listener of a process. It reads the stream from where it was, so a lost connection loses nothing."""

    def __init__(self, url: str, library: Library, keys: Keys, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        # A connection of its own: it waits for most of the time.
        self._store = Store(url, library, timeout_seconds=BLOCK_SECONDS + PATIENCE_SECONDS, monotonic=monotonic)
        self._key = keys.revocations
        self._monotonic = monotonic
        self._at: str | None = None  # The last entry that was read; None before the first connection.
        self.synced_at: float | None = None  # By `monotonic`: all revocations of before are known here.
        self.hear: list[Callable[[Revocation | Resumed], None]] = []  # Called before who iterates is told.

    async def follow(self) -> AsyncIterator[Revocation | Resumed]:
        """What happens from now on, without end. It connects again by itself."""
        is_heard = True
        while True:
            try:
                async for event in self._connected():
                    is_heard = True
                    yield event
            except Unavailable as away:
                if is_heard:
                    log.warning("revocations are not heard", reason=str(away))
                is_heard = False
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - Not a secret.

    async def close(self) -> None:
        await self._store.close(at_once=True)

    async def _connected(self) -> AsyncIterator[Revocation | Resumed]:
        resumed = Resumed(has_gap=await self._resume())
        self._tell(resumed)
        yield resumed
        while True:
            block = int(BLOCK_SECONDS * 1000)
            read = await self._store.ask("XREAD", "COUNT", MOST, "BLOCK", block, "STREAMS", self._key, self._at or NOTHING)
            read_at = self._monotonic()
            entries = read[0][1] if read else []
            events = [_read_event(fields) for _, fields in entries]
            for event in events:
                self._tell(event)
            if entries:
                self._at = entries[-1][0]
            # Not after who iterates had the events: they may take their time.
            self.synced_at = read_at if len(entries) < MOST else self.synced_at
            for event in events:
                yield event

    def _tell(self, event: Revocation | Resumed) -> None:
        for hear in self.hear:
            hear(event)

    async def _resume(self) -> bool:
        """Find the place to read on from; whether something may lie between it and where this listener was."""
        oldest, newest, length = await asyncio.gather(
            self._store.ask("XRANGE", self._key, "-", "+", "COUNT", 1),
            self._store.ask("XREVRANGE", self._key, "+", "-", "COUNT", 1),
            self._store.ask("XLEN", self._key),
        )
        before, last = self._at, newest[0][0] if newest else NOTHING
        if before is None or _order(last) < _order(before):
            self._at = last  # The first time, or the store is not what it was.
            return True
        if not oldest or _order(oldest[0][0]) <= _order(before):
            return False
        return before != NOTHING or length >= LONGEST


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds_part, number = entry_id.split("-")
    return int(milliseconds_part), int(number)


def _read_event(words: list[str]) -> Revocation:
    fields = dict(zip(words[::2], words[1::2], strict=True))
    return Revocation(
        reason=EndReason(fields["reason"]),
        sids=tuple(fields["sids"].split()),
        tag=fields["tag"] or None,
        epoch=int(fields["epoch"]),
        keep=fields["keep"] or None,
    )
