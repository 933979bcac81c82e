"""Passwords: which ones are good enough, and hashes of them that cost a thief much and the bank little else."""

from __future__ import annotations

import asyncio
import base64
import math
import os
import secrets
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from auth.peppers import Peppers
from kernel.errors import Unavailable

__all__ = ["LONGEST", "SHORTEST", "Passwords", "Threads", "Verdict", "Weakness", "weakness"]

Result = TypeVar("Result")

SHORTEST = 8  # In code points, after NFKC; as a password is never the only factor (NIST SP 800-63B-4, 3.1.1.2).
LONGEST = 128
LONGEST_RAW = LONGEST * 4  # NFKC makes at most four code points into one; what is longer is not even normalised.
PHONE_DIGITS = 7  # That many last digits of one's phone number are one's phone number.
PURPOSE = "password"

# OWASP's first choice for argon2id: some 21 ms of one core.
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32
# Of what is kept, as it says itself how it is to be compared: one damaged digit must not keep a thread busy for a day.
MOST_WORK = 32 * MEMORY_KIB * PASSES
MOST_LANES = 16

WAITING = 64  # At most some two seconds of work: better said at once than timed out later.
SECONDS_EACH = 0.03  # For telling who is sent away when to come back.
# Measured on two cores with hashes queued, another process that never rests, and an event loop that is half busy: 5 brought the
# loop's 99th percentile from 9 ms to 5, as without any hashes, and did not cost the hashes anything; 9 cost them a third.
NICER_BY = 5
NICEST = 19


class Weakness(StrEnum):
    """Why a password is not taken."""

    NOT_TEXT = "NOT_TEXT"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    COMMON = "COMMON"
    PERSONAL = "PERSONAL"


def weakness(password: str, *, names: Iterable[str] = (), phone: str | None = None) -> Weakness | None:
    """What is wrong with a new password; None takes it. No rule asks for kinds of characters (NIST SP 800-63B-4, 3.1.1.2).

    `names` are the customer's and the bank's: nobody's password is one of them, or the customer's phone number.
    """
    if len(password) > LONGEST_RAW:
        return Weakness.TOO_LONG
    plain = unicodedata.normalize("NFKC", password)
    if any(unicodedata.category(character) == "Cs" for character in plain):
        return Weakness.NOT_TEXT  # Half of a character, which JSON can bring and UTF-8 cannot write.
    if len(plain) < SHORTEST:
        return Weakness.TOO_SHORT
    if len(plain) > LONGEST:
        return Weakness.TOO_LONG
    folded = plain.casefold()
    if folded in _common() or _is_run(folded):
        return Weakness.COMMON
    if _squeezed(folded) in {spelling for name in names for spelling in _spellings(name)} or (phone is not None and _is_phone(plain, phone)):
        return Weakness.PERSONAL
    return None


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split())


def _is_run(text: str) -> bool:
    """One character over and over, or a row of neighbours: aaaaaaaa, 23456789, hgfedcba."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 and steps <= {-1, 0, 1}


def _squeezed(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _spellings(name: str) -> set[str]:
    words = [word for word in map(_squeezed, unicodedata.normalize("NFKC", name).casefold().split()) if word]
    return {"".join(words), "".join(reversed(words)), *words} - {""}


def _is_phone(password: str, phone: str) -> bool:
    """The number, with or without its country's code, however it is spaced."""
    if any(character.isalpha() for character in password):
        return False
    digits = "".join(str(int(character)) for character in password if character.isdecimal()).lstrip("0")  # Of any script.
    return len(digits) >= PHONE_DIGITS and _squeezed(phone).endswith(digits)


class Threads:
    """A few threads for work that keeps a core busy, with room for a few who wait; whoever comes after them is told so at once."""

    def __init__(self, *, count: int | None = None, waiting: int = WAITING) -> None:
        """`count` is half the cores where none is given: one of two."""
        self._count = count or max(1, (os.cpu_count() or 1) // 2)
        self._most = self._count + waiting
        self._executor = ThreadPoolExecutor(self._count, thread_name_prefix="passwords", initializer=_step_back)
        self._lock = threading.Lock()
        self._pending = 0
        self._done = 0
        self._cpu_seconds = 0.0
        self._is_open = True

    @property
    def pending(self) -> int:
        """How many pieces of work are under way or wait."""
        return self._pending

    @property
    def done(self) -> int:
        """How many pieces of work ran to their end."""
        return self._done

    @property
    def cpu_seconds(self) -> float:
        """The processor time that they took."""
        return self._cpu_seconds

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, or its exception.

        Whoever is cancelled while the work waits takes it along. Once it runs nothing stops it, and its place is free when it ends.

        Raises:
            Unavailable: too many wait, or the threads are closed.
        """
        self._enter()
        future = self._executor.submit(self._timed, work)
        # Of the thread's future, which ends with the thread's work, and not of asyncio's, which ends with whoever waits for it.
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Take on nothing more; returns when all that was taken on is done."""
        self._is_open = False
        await asyncio.to_thread(self._executor.shutdown)

    def _enter(self) -> None:
        with self._lock:
            if not self._is_open or self._pending >= self._most:
                raise Unavailable("too many passwords wait", retry_after_seconds=math.ceil(self._most * SECONDS_EACH / self._count))
            self._pending += 1

    def _leave(self) -> None:
        with self._lock:
            self._pending -= 1

    def _timed(self, work: Callable[[], Result]) -> Result:
        began = time.thread_time()
        try:
            return work()
        finally:
            with self._lock:
                self._done += 1
                self._cpu_seconds += time.thread_time() - began


def _step_back() -> None:
    """Let a thread of the pool give way to all others of the machine. Only Linux knows priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # Not allowed in every container, and nothing depends on it.
            os.setpriority(os.PRIO_PROCESS, thread, min(NICEST, os.getpriority(os.PRIO_PROCESS, thread) + NICER_BY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison found."""

    matches: bool
    is_outdated: bool = False  # It matches, and should be hashed anew: older parameters, or an older pepper.
    is_unreadable: bool = False  # What is kept is damaged, or its pepper is gone: somebody should be woken.


class Passwords:
    """Hashes, `pepper id$argon2id$…`: argon2id of an HMAC, so that a stolen table without the pepper allows no guesses at all."""

    def __init__(self, peppers: Peppers, threads: Threads) -> None:
        self._peppers = peppers
        self._threads = threads
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, hash_len=HASH_BYTES, salt_len=SALT_BYTES, type=Type.ID
        )
        self._nobodys = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${_random_text(SALT_BYTES)}${_random_text(HASH_BYTES)}"

    async def hash(self, password: str) -> str:
        """What to keep of a password that `weakness` let pass.

        Raises:
            Unavailable: too many wait.
            ValueError: `weakness` would not have let it pass.
        """
        plain = _plain(password)
        if plain is None:
            raise ValueError("this is no password")
        newest = self._peppers.newest
        peppered = self._peppers.mac(newest, PURPOSE, plain)
        return newest + await self._threads.run(lambda: self._hasher.hash(peppered))

    async def verify(self, kept: str | None, password: str) -> Verdict:
        """Whether this is the password; `kept` is None for somebody unknown, and the work is the same.

        An outdated hash is replaced by a new `hash`, by whoever keeps it and only while it is still this one: a password that was
        changed meanwhile must not come back.

        Raises:
            Unavailable: too many wait; nothing was compared.
        """
        plain = _plain(password)
        key_id, _, rest = (kept or "").partition("$")
        is_readable = key_id in self._peppers.ids
        encoded = f"${rest}" if is_readable and plain is not None else self._nobodys
        peppered = self._peppers.mac(key_id if is_readable else self._peppers.newest, PURPOSE, plain or b"")
        matches = await self._threads.run(lambda: self._compare(encoded, peppered))
        if matches:
            return Verdict(matches=True, is_outdated=key_id != self._peppers.newest or self._hasher.check_needs_rehash(encoded))
        return Verdict(matches=False, is_unreadable=kept is not None and (not is_readable or matches is None))

    def _compare(self, encoded: str, peppered: bytes) -> bool | None:
        """In a thread. None: `encoded` is no hash; so that nobody can tell by the time, one is compared in its stead."""
        try:
            parameters = extract_parameters(encoded)
            if parameters.memory_cost * parameters.time_cost > MOST_WORK or parameters.parallelism > MOST_LANES:
                raise InvalidHashError("asks for more work than any hash of ours")
            return self._hasher.verify(encoded, peppered)
        except VerifyMismatchError:
            return False
        except (VerificationError, ValueError):
            with suppress(VerifyMismatchError):
                self._hasher.verify(self._nobodys, peppered)
            return None


def _plain(password: str) -> bytes | None:
    """The bytes that are hashed; None for what can be nobody's password. The shortest are hashed too, whatever the rule was once."""
    if len(password) > LONGEST_RAW:
        return None
    plain = unicodedata.normalize("NFKC", password)
    try:
        return plain.encode() if len(plain) <= LONGEST else None
    except UnicodeEncodeError:
        return None


def _random_text(count: int) -> str:
    return base64.b64encode(secrets.token_bytes(count)).rstrip(b"=").decode()
