"""The embedded stores of one folder: PostgreSQL and Valkey, started or found running, with the bank's roles and database.

They listen on sockets only, in folders that only this user may enter.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deploy import postgres, valkey
from deploy.postgres import Mode
from deploy.sockets import Say, StoreError

__all__ = ["Mode", "StoreError", "Stores", "attach", "pg_binary", "postgres_pid", "restart_postgres", "start", "start_valkey", "stop"]

# The owner runs migrations; the API logs in as a member of the group that migrations grant to.
ROLES = """
SELECT format('CREATE ROLE %s', role) FROM (VALUES
    (1, 'tallystick_owner', 'tallystick_owner LOGIN CREATEROLE'),
    (2, 'tallystick_app', 'tallystick_app NOLOGIN'),
    (3, 'tallystick_api', 'tallystick_api LOGIN IN ROLE tallystick_app')
) AS wanted (place, name, role) WHERE name NOT IN (SELECT rolname FROM pg_roles) ORDER BY place \\gexec
SELECT 'CREATE DATABASE tallystick OWNER tallystick_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tallystick') \\gexec
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where the stores are: as the tables' owner, as the application, as PostgreSQL's superuser; and Valkey."""

    owner_url: str
    app_url: str
    admin_url: str
    redis_url: str


def start(folder: Path, say: Say = print) -> Stores:
    """Start the stores under `folder`, or attach to those that run. They go on running until `stop`.

    Raises:
        StoreError: one does not start; the message has the end of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        sockets = postgres.start(folder / "postgres", say)
        try:
            postgres.psql(sockets, ROLES)
        except StoreError:  # It may have been ending when we found it.
            sockets = postgres.start(folder / "postgres", say)
            postgres.psql(sockets, ROLES)
        return _stores(sockets, valkey.start(folder / "valkey", say))


def start_valkey(folder: Path, say: Say = print) -> str:
    """Start only Valkey under `folder`, or attach to it; its URL.

    Raises:
        StoreError: it does not start; the message has the end of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return valkey.url(valkey.start(folder / "valkey", say))


def attach(folder: Path) -> Stores | None:
    """The stores under `folder` if both run and answer; starts nothing."""
    folder = folder.resolve()
    sockets, socket = postgres.attach(folder / "postgres"), valkey.attach(folder / "valkey")
    return None if sockets is None or socket is None else _stores(sockets, socket)


def stop(folder: Path) -> bool:
    """End the stores under `folder`, and no others; whether any ran."""
    folder = folder.resolve()
    if not folder.exists():
        return False
    with _alone(folder):
        ended = [valkey.stop(folder / "valkey"), postgres.stop(folder / "postgres")]
    return any(ended)


def restart_postgres(folder: Path, mode: Mode = "immediate", say: Say = print) -> None:
    """End PostgreSQL under `folder` and start it again; `immediate` makes it recover as after a crash."""
    folder = folder.resolve()
    with _alone(folder):
        postgres.stop(folder / "postgres", mode)
        postgres.start(folder / "postgres", say)


def postgres_pid(folder: Path) -> int | None:
    """The process id of PostgreSQL under `folder`."""
    return postgres.pid(folder.resolve() / "postgres")


def pg_binary(name: str) -> Path:
    """A program of PostgreSQL's own (`pgbench`, `psql`, `pg_ctl`), of the server's version."""
    return postgres.binary(name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time starts or ends stores here; the lock ends with the process, however that ends."""
    with (folder / "stores.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stores(sockets: Path, socket: Path) -> Stores:
    def url(role: str, database: str) -> str:
        return f"postgres://{role}@/{database}?host={quote(str(sockets))}&port=5432"

    return Stores(
        owner_url=url("tallystick_owner", "tallystick"),
        app_url=url("tallystick_api", "tallystick"),
        admin_url=url(postgres.SUPERUSER, "postgres"),
        redis_url=valkey.url(socket),
    )
