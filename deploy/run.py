"""`make run`: stores, migrations and the demo bank, then the API and the worker, watched until somebody ends them.

Whatever ends this process, the next run finds its way: the children end when it does, and the stores are found running or
recover from their own logs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from pydantic import ValidationError

from deploy import embedded, running
from deploy.child import DRAIN_SECONDS
from deploy.sockets import StoreError
from kernel.settings import Settings

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".local"
READY_SECONDS = 60
LOOK_SECONDS = 0.2
PROGRESS_SECONDS = 1.0


class Refused(Exception):
    """It cannot begin; the message is the one line that says what to do."""


class Ended(Exception):
    """The run is over before anybody asked for it; the message is the one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    owner: str
    app: str
    redis: str


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when somebody ended it, 1 when something did, 2 when it could not begin."""
    options = argparse.ArgumentParser(prog="make run")
    options.add_argument("--port")
    options.add_argument("--folder", type=Path, default=FOLDER)
    chosen = options.parse_args(arguments)
    try:
        settings = _settings(chosen.port)
        folder = chosen.folder.resolve()
        with running.claim(folder, settings.port, _say) as mine:
            _port_is_free(settings.host, settings.port)
            return _run(settings, folder, mine)
    except (Refused, running.AlreadyRunning) as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def _settings(port: str | None) -> Settings:
    """Settings from the environment, with this port; in development, addresses that are not set follow the port."""
    try:
        settings = Settings() if port is None else Settings.model_validate({"port": port})
        if settings.is_production:
            return settings
        here = f"http://127.0.0.1:{settings.port}"
        follow = {name: here for name in ("base_url", "issuer") if name not in settings.model_fields_set}
        return settings.model_copy(update=follow)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"TALLYSTICK_{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise Refused(f"{name}{first['msg']} (docs/settings.md)") from error


def _port_is_free(host: str, port: int) -> None:
    another = "choose another with `make run PORT=…`"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As the server does: connections of the last run are no hindrance.
        try:
            probe.bind((host, port))
        except PermissionError:
            raise Refused(f"port {port} is for the system's own services: {another}") from None
        except OSError as error:
            raise Refused(f"port {port} on {host} cannot be had ({error.strerror}): {another}") from None


def _run(settings: Settings, folder: Path, mine: running.Note) -> int:
    _listen_to_signals()
    children: dict[str, subprocess.Popen[bytes]] = {}
    status = 0
    try:
        urls = _stores(settings, folder)
        lines = _bank(settings, urls)
        environment = _environment(settings, urls)
        _say("starting the API and the worker …")
        children["the API"] = _child(_uvicorn(settings), environment)
        children["the worker"] = _child(["worker"], environment)
        began = tuple((child.pid, psutil.Process(child.pid).create_time()) for child in children.values())
        running.note(folder, replace(mine, children=began))
        _until_ready(settings, children)
        for line in lines:
            _say(line)
        _watch(children)
    except KeyboardInterrupt:
        pass
    except (Ended, StoreError) as end:
        print(end, file=sys.stderr, flush=True)
        status = 1
    finally:
        status = max(status, _end(children, folder, mine))
    return status


def _listen_to_signals() -> None:
    """Whatever asks us to end does it like Ctrl-C; so does the end of the `make` above us, killed or not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell starts what it puts in the background without one.
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) is not signal.SIG_IGN:  # `nohup` means it.
            signal.signal(name, lambda *_: signal.raise_signal(signal.SIGINT))
    if "MAKELEVEL" in os.environ:
        threading.Thread(target=_end_with, args=(os.getppid(),), name="make", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)


# ---------------------------------------------------------------- before it serves


def _stores(settings: Settings, folder: Path) -> Urls:
    """The stores that settings name; embedded ones for those they do not."""
    app, owner, redis = settings.database_url, settings.owner_database_url or settings.database_url, settings.redis_url
    if app is None or owner is None:
        _say("starting PostgreSQL and Valkey …")
        stores = embedded.start(folder, _say)
        return Urls(owner=stores.owner_url, app=stores.app_url, redis=redis or stores.redis_url)
    return Urls(owner=owner, app=app, redis=redis or embedded.start_valkey(folder, _say))


def _bank(settings: Settings, urls: Urls) -> list[str]:
    """Migrate, load the demo bank where there is none; the lines that say how to reach it."""
    _say("bringing the database up to date …")
    # The bank's own modules take a second to load: a taken port is told, and the stores start, before that.
    from deploy.migrate import UNREACHABLE, migrate

    try:
        asyncio.run(migrate(urls.owner, _say))
    except UNREACHABLE as error:
        raise Ended(f"PostgreSQL does not let us in ({error}): see TALLYSTICK_DATABASE_URL in docs/settings.md") from error
    lines = [f"GraphiQL: http://{_reached_at(settings)}/graphql"]
    if settings.is_production:
        return lines
    return [*lines, "demo customers (`make token CUSTOMER=1` prints an access token):", *asyncio.run(_demo(urls)), "Ctrl-C ends everything."]


async def _demo(urls: Urls) -> list[str]:
    from deploy import demo

    await demo.load(owner_url=urls.owner, app_url=urls.app, redis_url=urls.redis, say=_say)
    return await demo.sign_ins(urls.app)


# ---------------------------------------------------------------- while it serves


def _uvicorn(settings: Settings) -> list[str]:
    listen = ["--host", settings.host, "--port", str(settings.port)]
    quick = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return ["uvicorn", "app:create_app", "--factory", *quick, "--timeout-graceful-shutdown", str(DRAIN_SECONDS), *listen]


def _environment(settings: Settings, urls: Urls) -> dict[str, str]:
    """What the children are told; the owner's address is not for them."""
    told = os.environ | {
        "TALLYSTICK_DATABASE_URL": urls.app,
        "TALLYSTICK_REDIS_URL": urls.redis,
        "TALLYSTICK_PORT": str(settings.port),
        "TALLYSTICK_BASE_URL": settings.base_url,
        "TALLYSTICK_ISSUER": settings.issuer,
    }
    told.pop("TALLYSTICK_OWNER_DATABASE_URL", None)
    return told


def _child(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A child in a session of its own: Ctrl-C reaches us, and we end it in our order."""
    command = [sys.executable, "-m", "deploy.child", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, start_new_session=True)


def _until_ready(settings: Settings, children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Wait until the API can serve.

    Raises:
        Ended: it does not come up.
    """
    began, told = time.monotonic(), 0.0
    while not _is_ready(f"http://{_reached_at(settings)}/health/ready"):
        _all_alive(children)
        waited = time.monotonic() - began
        if waited > READY_SECONDS:
            raise Ended(f"the API is not ready after {READY_SECONDS} s; what it logged stands above")
        if waited - told > PROGRESS_SECONDS:
            told = waited
            _say(f"starting the API … {waited:.0f} s")
        time.sleep(LOOK_SECONDS / 2)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PROGRESS_SECONDS) as reply:  # noqa: S310  Our own address.
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _reached_at(settings: Settings) -> str:
    """Host and port as a client on this machine writes them."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  Only read, not listened on.
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _watch(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Look after the children until Ctrl-C.

    Raises:
        Ended: a child ended by itself.
    """
    while True:
        _all_alive(children)
        time.sleep(LOOK_SECONDS)


def _all_alive(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if (status := child.poll()) is not None:
            how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            raise Ended(f"{name} {how}, so everything ends; what it logged stands above")


def _end(children: Mapping[str, subprocess.Popen[bytes]], folder: Path, mine: running.Note) -> int:
    """End the children, then the stores, and give 0 when they did; another Ctrl-C does not leave half of it."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    running.note(folder, replace(mine, ending=True))
    _say("ending …")
    for child in children.values():
        child.terminate()
    deadline = time.monotonic() + DRAIN_SECONDS + PROGRESS_SECONDS
    for child in children.values():
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    try:
        embedded.stop(folder)
    except StoreError as left:
        print(left, file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    # In one write: the children's logs go to the same terminal.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
