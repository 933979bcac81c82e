"""What both embedded stores share: where their sockets are, and waiting for a process to be gone."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import psutil

__all__ = ["Say", "StoreError", "give_back", "socket_folder", "wait_until_gone"]

Say: TypeAlias = Callable[[str], object]

# The system's limit for a socket's path is 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_BYTES = 100
# A space, comma or quote in a path means something else in one of the places that name a socket.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")


class StoreError(RuntimeError):
    """An embedded store cannot be started or ended; the message says why."""


def socket_folder(data: Path, name: str, *, owner: str | None = None) -> Path:
    """The folder for the socket `name` of the store on `data`: there, or where that path is too long, a short private one.

    Raises:
        StoreError: the short one belongs to somebody else.
    """
    folder = _place(data, name)
    if folder == data:
        return data
    uid = os.geteuid() if owner is None else pwd.getpwnam(owner).pw_uid
    try:
        folder.mkdir(mode=0o700)
        if uid != os.geteuid():
            os.chown(folder, uid, -1)
    except FileExistsError:
        # The temporary folder is everybody's: a stranger's folder of this name could listen in.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise StoreError(f"{folder} is not a private folder of this user: remove it, or set TMPDIR to a folder of your own") from None
    return folder


def give_back(data: Path, name: str) -> None:
    """Remove the short folder for the socket of a store that has ended, if there is one and nothing is in it."""
    if (folder := _place(data, name)) != data:
        with suppress(OSError):
            folder.rmdir()


def _place(data: Path, name: str) -> Path:
    if len(os.fsencode(data / name)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(data)):
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tallystick-{digest}"


def wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    """Whether `process` ended within this time. A zombie has ended: in a container nobody may be there to bury it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
