"""`make run`, ended and killed at awkward moments.

Method: the command itself in a folder of its own, with the whole demo bank; processes, the port and the note it keeps are looked
at from outside. The first bank is killed while it loads, so all that follow stand on a recovered one. They share one
folder: a bank takes some seconds to load.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy import embedded, run
from deploy import running as notes
from services.verify import verify
from tests.deploy.processes import Command, processes_of, running, until

READY = "Ctrl-C ends everything."


@pytest.fixture(scope="module")
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A bank that was killed while it loaded, finished by the next run, and lost the `make` above it while it served."""

    folder: Path
    orphans: list[psutil.Process]


@pytest.fixture(scope="module")
def loaded(home: Path, port: int) -> Loaded:
    folder = home / "bank"
    with bank(folder, port, home / "first") as first:
        first.until_said("demo bank: ")
        first.kill()
    made = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'deploy.run', *sys.argv[1:]])"
    with running(home / "second", "-c", made, "--port", str(port), "--folder", str(folder), MAKELEVEL="1") as make:
        make.until_said(READY)
        orphans = [*children(folder), *processes_of(folder)]
        make.kill()
    return Loaded(folder=folder, orphans=orphans)


@contextmanager
def bank(folder: Path, port: int, output: Path, **environment: str) -> Iterator[Command]:
    """A bank on `folder` that does not outlive the test."""
    with running(output, "-m", "deploy.run", "--port", str(port), "--folder", str(folder), **environment) as command:
        yield command


def children(folder: Path) -> list[psutil.Process]:
    """The API and the worker, as the bank on `folder` noted them."""
    current = notes.read(folder)
    assert current is not None
    return [psutil.Process(pid) for pid, _ in current.children]


def all_ended(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def asked(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
        return reply.status, reply.read().decode()


# ---------------------------------------------------------------- it cannot begin


def test_a_taken_port_gives_one_line_that_says_how_to_choose_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        assert run.main(["--port", port, "--folder", str(tmp_path)]) == 2

    said = "".join(capsys.readouterr())
    assert said.count("\n") == 1
    assert f"port {port} " in said
    assert "make run PORT=" in said
    assert not (tmp_path / "postgres").exists()


def test_a_second_bank_on_the_same_folder_gives_one_line_that_names_the_first(tmp_path: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with notes.claim(tmp_path, 8123, print):
        assert run.main(["--port", str(port), "--folder", str(tmp_path)]) == 2

    said = "".join(capsys.readouterr())
    assert said.count("\n") == 1
    assert "http://127.0.0.1:8123/graphql" in said
    assert "make stop" in said


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_gives_one_line(tmp_path: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--port", port, "--folder", str(tmp_path)]) == 2

    said = "".join(capsys.readouterr())
    assert said.startswith("TALLYSTICK_PORT: ")
    assert said.count("\n") == 1


def test_a_database_that_is_not_there_gives_a_line_and_leaves_nothing_running(tmp_path: Path, port: int) -> None:
    elsewhere = {"TALLYSTICK_DATABASE_URL": f"postgres://a:b@127.0.0.1:{port}/bank", "TALLYSTICK_REDIS_URL": f"redis://127.0.0.1:{port}"}
    with bank(tmp_path, port, tmp_path / "said", **elsewhere) as command:
        assert command.ended() == 1

        assert "TALLYSTICK_DATABASE_URL" in command.said
        assert "Traceback" not in command.said
    assert not processes_of(tmp_path)


# ---------------------------------------------------------------- it is ended, one way or another


def test_a_bank_whose_make_was_killed_ends_too(loaded: Loaded, port: int) -> None:
    until(lambda: all_ended(loaded.orphans) and is_free(port), "the bank ends", seconds=20)


async def test_a_bank_that_was_killed_while_it_loaded_was_finished_and_its_books_are_right(loaded: Loaded) -> None:
    stores = embedded.start(loaded.folder, say=lambda line: None)
    connection = await asyncpg.connect(stores.owner_url)

    assert await verify(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM postings") > 1000

    await connection.close()


def test_a_killed_bank_is_followed_at_once_by_one_that_serves_and_ends_whole_at_ctrl_c(loaded: Loaded, port: int, tmp_path: Path) -> None:
    with bank(loaded.folder, port, tmp_path / "killed") as command:
        command.until_said(READY)
        left = children(loaded.folder)
        command.kill()
    with bank(loaded.folder, port, tmp_path / "next") as following:
        following.until_said(READY)
        assert all_ended(left)
        assert "demo bank: " not in following.said
        assert f"http://127.0.0.1:{port}/graphql" in following.said
        assert sum(line.startswith(("1 ", "2 ", "3 ")) for line in following.said.splitlines()) == 3
        assert asked(port, "/health/live")[0] == 200
        assert json.loads(asked(port, "/health/ready")[1])["ready"] is True
        started = [*children(loaded.folder), *processes_of(loaded.folder)]
        assert len(started) > 3

        following.process.send_signal(signal.SIGINT)

        assert following.ended() == 0
        assert all_ended(started)
        assert is_free(port)
        assert notes.read(loaded.folder) is None
        assert "Traceback" not in following.said


def test_a_child_that_dies_ends_the_run_with_a_line_that_names_it(loaded: Loaded, port: int, tmp_path: Path) -> None:
    with bank(loaded.folder, port, tmp_path / "said") as command:
        command.until_said(READY)

        children(loaded.folder)[1].kill()

        assert command.ended() == 1
        assert "the worker was killed by SIGKILL" in command.said
        assert not processes_of(loaded.folder)


def test_stop_ends_the_bank_and_its_stores(loaded: Loaded, port: int, tmp_path: Path) -> None:
    with bank(loaded.folder, port, tmp_path / "said") as command:
        command.until_said(READY)
        left = [*children(loaded.folder), *processes_of(loaded.folder)]

        with running(tmp_path / "stopped", "-m", "deploy.stop", "--folder", str(loaded.folder)) as stop:
            assert stop.ended() == 0

            assert stop.said.endswith("nothing runs here\n")
        assert all_ended(left)
        assert command.ended() == 0


def test_a_child_ends_by_itself_when_its_parent_is_killed(port: int, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "deploy.child", "http.server", str(port), "--bind", "127.0.0.1"]
    parent = f"import subprocess, time; subprocess.Popen({arguments!r}, stdin=subprocess.PIPE); time.sleep(60)"
    with running(tmp_path / "said", "-c", parent) as command:
        until(lambda: not is_free(port), "the child listens")

        command.kill()

        until(lambda: is_free(port), "the child ends", seconds=5)
