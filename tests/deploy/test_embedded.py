"""The embedded stores, whatever ended the ones before them.

Method: real servers in folders of their own. Each accident is brought about by what would cause it (a kill, a file as it was
left), then the stores are started as always, and asked for what was written before.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from deploy import embedded
from deploy.embedded import Stores
from deploy.sockets import StoreError, socket_folder
from models.database import tortoise_config
from tests.deploy.processes import end_all_of, processes_of, running, servers_of, stranger, until

START = "import sys, time, pathlib, deploy.embedded as e; e.start(pathlib.Path(sys.argv[1])); print('started', flush=True); time.sleep(60)"


@pytest.fixture
def folder(home: Path) -> Path:
    """A folder whose stores each test finds running and leaves as it likes."""
    return home


@pytest.fixture
def stores(folder: Path) -> Stores:
    return embedded.start(folder, say=silent)


def silent(line: str) -> None:
    """Progress is not what these tests are about."""


async def write(stores: Stores, word: str) -> None:
    """Write to both stores, and come back when both have it on disk."""
    connection = await asyncpg.connect(stores.owner_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text PRIMARY KEY)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()
    client = Redis.from_url(stores.redis_url)
    await client.set(word, word)
    await client.waitaof(num_local=1, num_replicas=0, timeout=5000)
    await client.aclose()


async def read(stores: Stores, word: str) -> tuple[bool, bool]:
    """Whether PostgreSQL and Valkey have it."""
    connection = await asyncpg.connect(stores.owner_url)
    found = await connection.fetchval("SELECT count(*) FROM words WHERE word = $1", word)
    await connection.close()
    client = Redis.from_url(stores.redis_url)
    kept = await client.get(word)
    await client.aclose()
    return found == 1, kept == word.encode()


def pid_file(folder: Path) -> Path:
    return folder / "postgres" / "postmaster.pid"


# ---------------------------------------------------------------- what they are


async def test_what_was_acknowledged_is_on_disk_and_the_api_owns_nothing(stores: Stores) -> None:
    connection = await asyncpg.connect(stores.app_url)
    wanted = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off", "max_wal_size": "2GB"}

    assert {name: await connection.fetchval("SELECT current_setting($1)", name) for name in wanted} == wanted
    buffers = await connection.fetchval("SELECT pg_size_bytes(current_setting('shared_buffers'))")
    assert buffers // 2**20 == min(1024, max(128, psutil.virtual_memory().total // 8 // 2**20))
    assert await connection.fetchval("SELECT pg_has_role('tallystick_api', 'tallystick_app', 'MEMBER')")
    assert not await connection.fetchval("SELECT bool_or(rolsuper OR rolcreatedb) FROM pg_roles WHERE rolname ~ '^tallystick'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE mine ()")

    await connection.close()


async def test_sessions_are_kept_and_never_evicted(stores: Stores) -> None:
    client = Redis.from_url(stores.redis_url, decode_responses=True)
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "port": "0"}

    assert {name: (await client.config_get(name))[name] for name in wanted} == wanted

    await client.aclose()


async def test_the_orm_reaches_the_same_database_by_the_same_address(stores: Stores) -> None:
    connection = await asyncpg.connect(stores.app_url)
    credentials = tortoise_config(stores.app_url)["connections"]["default"]["credentials"]

    again = await asyncpg.connect(**{name: value for name, value in credentials.items() if name in {"host", "port", "user", "database"}})

    where = "SELECT current_database() || current_user || pg_postmaster_start_time()"
    assert await again.fetchval(where) == await connection.fetchval(where)
    await again.close()
    await connection.close()


def test_nobody_else_can_reach_them(folder: Path, stores: Stores) -> None:
    for socket in (folder / "postgres" / ".s.PGSQL.5432", folder / "valkey" / "valkey.sock"):
        assert socket.is_socket()
        assert socket.parent.stat().st_mode & 0o077 == 0
    assert not [connection for process in servers_of(folder).values() for connection in process.net_connections("inet")]


# ---------------------------------------------------------------- accidents


async def test_the_stores_outlive_a_starter_that_is_killed_and_are_found_again(folder: Path, tmp_path: Path) -> None:
    embedded.stop(folder)
    with running(tmp_path / "said", "-c", START, str(folder)) as starter:
        starter.until_said("started")
        starter.kill()
    pid = embedded.postgres_pid(folder)

    found = embedded.attach(folder)

    assert pid is not None
    assert found is not None
    assert embedded.start(folder, say=silent) == found
    assert embedded.postgres_pid(folder) == pid


async def test_two_who_start_at_once_get_the_same_stores(folder: Path, tmp_path: Path) -> None:
    embedded.stop(folder)
    with running(tmp_path / "one", "-c", START, str(folder)) as one, running(tmp_path / "two", "-c", START, str(folder)) as two:
        one.until_said("started")
        two.until_said("started")

        assert set(servers_of(folder)) == {"postgres", "valkey-server"}


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_loses_nothing(folder: Path, stores: Stores, mode: embedded.Mode) -> None:
    await write(stores, f"restarted {mode}")
    before = embedded.postgres_pid(folder)

    embedded.restart_postgres(folder, mode, say=silent)

    assert embedded.postgres_pid(folder) not in {None, before}
    assert await read(stores, f"restarted {mode}") == (True, True)


async def test_killed_servers_recover_past_the_sockets_they_left(folder: Path, stores: Stores) -> None:
    await write(stores, "killed")
    end_all_of(folder)
    assert (folder / "valkey" / "valkey.sock").exists()
    assert pid_file(folder).exists()

    assert embedded.attach(folder) is None
    assert await read(embedded.start(folder, say=silent), "killed") == (True, True)


async def test_a_pid_file_that_names_a_stranger_is_not_believed(folder: Path, stores: Stores) -> None:
    await write(stores, "stranger")
    left = pid_file(folder).read_text().splitlines()
    # PostgreSQL knows by itself that a process of another user is a stranger.
    user = psutil.Process(int(left[0])).username()
    embedded.stop(folder)
    with stranger(user) as other:
        named = str(other.pid)
        pid_file(folder).write_text("\n".join([named, *left[1:]]) + "\n")
        (folder / "postgres" / ".s.PGSQL.5432.lock").write_text("\n".join([named, *left[1:5]]) + "\n")

        assert embedded.attach(folder) is None
        assert embedded.postgres_pid(folder) is None
        found = embedded.start(folder, say=silent)

        assert other.poll() is None
        assert await read(found, "stranger") == (True, True)


@pytest.mark.parametrize("half", ["", "12", "not a number\n/tmp\n"])
async def test_a_half_written_pid_file_does_not_stand_in_the_way(folder: Path, stores: Stores, half: str) -> None:
    await write(stores, f"half {half!r}")
    embedded.stop(folder)
    pid_file(folder).write_text(half)

    assert await read(embedded.start(folder, say=silent), f"half {half!r}") == (True, True)


async def test_a_start_while_the_servers_are_ending_waits_for_others(folder: Path, stores: Stores) -> None:
    await write(stores, "ending")
    servers = servers_of(folder)
    servers["postgres"].send_signal(signal.SIGINT)
    servers["valkey-server"].send_signal(signal.SIGTERM)

    assert await read(embedded.start(folder, say=silent), "ending") == (True, True)


def test_a_cluster_whose_making_was_cut_off_is_made_anew(place: Path) -> None:
    (place / "postgres.unfinished.left").mkdir()
    (place / "postgres.unfinished.left" / "PG_VERSION").write_text("18\n")

    stores = embedded.start(place, say=silent)

    assert embedded.attach(place) == stores
    assert not (place / "postgres.unfinished.left").exists()
    embedded.stop(place)


async def test_stores_whose_folder_was_deleted_beneath_them_are_replaced(place: Path) -> None:
    embedded.start(place / "bank", say=silent)
    old = {process.pid for process in processes_of(place)}
    shutil.rmtree(place / "bank")

    stores = embedded.start(place / "bank", say=silent)

    until(lambda: not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in old), "the old ones end")
    await write(stores, "new")
    embedded.stop(place / "bank")
    assert not processes_of(place)


# ---------------------------------------------------------------- places


async def test_a_long_path_with_odd_letters_works_too_and_stop_ends_only_its_own(folder: Path, stores: Stores, place: Path) -> None:
    odd = place / ("so long a name, it's more than any socket's " * 3) / "é #1"
    long = embedded.start(odd, say=silent)
    await write(long, "long")
    sockets = Path(long.redis_url.removeprefix("unix://")).parent

    assert embedded.attach(odd) == long
    assert not sockets.is_relative_to(place)
    assert sockets.stat().st_mode & 0o077 == 0

    embedded.stop(odd)

    assert embedded.attach(odd) is None
    assert not processes_of(odd)
    assert not sockets.exists()
    assert embedded.attach(folder) == stores
    assert await read(embedded.start(odd, say=silent), "long") == (True, True)
    embedded.stop(odd)


def test_a_socket_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 120)
    short = socket_folder(data, "valkey.sock")
    short.chmod(0o755)
    try:
        with pytest.raises(StoreError, match="not a private folder"):
            socket_folder(data, "valkey.sock")
    finally:
        short.rmdir()


def test_stores_of_an_environment_that_points_elsewhere_are_not_led_astray(folder: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOST": "nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGOPTIONS": "-c nothing.such"}.items():
        monkeypatch.setenv(name, value)

    embedded.stop(folder)

    assert embedded.start(folder, say=silent) == stores


def test_a_folder_with_something_else_in_it_is_left_alone(place: Path) -> None:
    (place / "postgres").mkdir()
    (place / "postgres" / "letters.txt").write_text("dear bank")

    with pytest.raises(StoreError, match="move it away"):
        embedded.start(place, say=silent)

    assert (place / "postgres" / "letters.txt").read_text() == "dear bank"


def test_there_are_postgresqls_own_programs_of_the_servers_version() -> None:
    for name in ("psql", "pgbench", "pg_ctl"):
        said = subprocess.run([embedded.pg_binary(name), "--version"], capture_output=True, text=True, check=True).stdout
        assert " 18." in said
