"""Which bank runs on a folder: a lock that ends with its process, and a note of its port and its children."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from deploy.child import DRAIN_SECONDS
from deploy.sockets import Say, wait_until_gone

__all__ = ["AlreadyRunning", "Note", "claim", "is_held", "note", "read", "see_out"]

LOCK = "run.lock"
NOTE = "run.json"
GLANCE_SECONDS = 1.5  # A bank whose `make` was killed notices it within this time.
ENDING_SECONDS = 60
CHILD_SECONDS = DRAIN_SECONDS + 5
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A bank that runs or ran here. `children` are process ids with the times they began, since ids are used again."""

    pid: int
    port: int
    children: tuple[tuple[int, float], ...] = ()
    ending: bool = False


class AlreadyRunning(Exception):
    """Another process runs the bank of this folder."""

    def __init__(self, other: Note | None) -> None:
        self.other = other
        super().__init__(
            "a bank is starting or running here already"
            + (f": process {other.pid}, http://127.0.0.1:{other.port}/graphql" if other else "")
            + "; end it with `make stop`"
        )


@contextmanager
def claim(folder: Path, port: int, say: Say) -> Iterator[Note]:
    """Be the one bank on `folder`; first the last one's children are seen out, if it was killed.

    Raises:
        AlreadyRunning: another is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        _wait_for(lock.fileno(), folder, say)
        last, mine = read(folder), Note(pid=os.getpid(), port=port)
        if last is not None:
            note(folder, replace(mine, children=last.children))
            see_out(last, say)
        note(folder, mine)
        try:
            yield mine
        finally:
            (folder / NOTE).unlink(missing_ok=True)


def note(folder: Path, current: Note) -> None:
    """Write the note; whoever reads it sees the old one or the new one, whole."""
    unfinished = folder / f"{NOTE}.unfinished"
    unfinished.write_text(json.dumps(asdict(current)), encoding="utf-8")
    unfinished.replace(folder / NOTE)


def read(folder: Path) -> Note | None:
    """The note of the bank that runs on `folder`, or of one that was killed; None where the last one ended by itself."""
    try:
        found = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        return replace(Note(**found), children=tuple((int(pid), float(began)) for pid, began in found["children"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_held(folder: Path) -> bool:
    """Whether a bank runs on `folder` now."""
    try:
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False


def see_out(last: Note, say: Say) -> None:
    """Wait until the children of a bank that was killed have ended; those that hang are killed too."""
    for pid, began in last.children:
        with suppress(psutil.NoSuchProcess):
            child = psutil.Process(pid)
            if child.create_time() != began or wait_until_gone(child, PROGRESS_SECONDS):
                continue
            say("waiting for what is left of the last bank, which was killed …")
            if not wait_until_gone(child, CHILD_SECONDS):
                child.kill()


def _wait_for(lock: int, folder: Path, say: Say) -> None:
    began, told = time.monotonic(), False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = read(folder)
            waited, is_ending = time.monotonic() - began, other is not None and other.ending
            if waited > (ENDING_SECONDS if is_ending else GLANCE_SECONDS):
                raise AlreadyRunning(other) from None
            if is_ending and not told and waited > PROGRESS_SECONDS:
                told = True
                say("waiting for the last bank, which is ending …")
            time.sleep(0.05)
