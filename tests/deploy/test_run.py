"""`make run`, ended and killed at awkward moments.

Method: the command itself in a folder of its own, with the whole demo bank; processes, the port and the note it keeps are looked
at from outside. The first bank is killed while it loads, so all that follow stand on a recovered one.
"""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from deploy import embedded
from deploy import running as notes
from tests.deploy.processes import Command, processes_of, running, until

READY = "Ctrl-C ends everything."


@pytest.fixture(scope="module")
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Path]:
    """A folder with a demo bank whose loading was cut off by a kill and then finished."""
    made = tmp_path_factory.mktemp("bank")
    with bank(made, port, made / "first") as first:
        first.until_said("demo bank: ")
        first.kill()
    with bank(made, port, made / "second") as second:
        second.until_said(READY)
        second.process.terminate()
        second.ended()
    yield made
    embedded.stop(made)


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


# ---------------------------------------------------------------- beginning


def test_a_taken_port_gives_one_line_that_says_how_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, bank(tmp_path, taken.getsockname()[1], tmp_path / "said") as command:
        assert command.ended() == 2

        assert command.said.count("\n") == 1
        assert f"port {taken.getsockname()[1]}" in command.said
        assert "make run PORT=" in command.said
    assert not (tmp_path / "postgres").exists()


def test_a_second_bank_on_the_same_folder_gives_one_line_that_names_the_first(tmp_path: Path, port: int) -> None:
    with notes.claim(tmp_path, 8123, print), bank(tmp_path, port, tmp_path / "said") as command:
        assert command.ended() == 2

        assert command.said.count("\n") == 1
        assert "http://127.0.0.1:8123/graphql" in command.said
        assert "make stop" in command.said


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_gives_one_line(tmp_path: Path, port: str) -> None:
    with running(tmp_path / "said", "-m", "deploy.run", "--port", port, "--folder", str(tmp_path)) as command:
        assert command.ended() == 2

        assert command.said.startswith("TALLYSTICK_PORT: ")
        assert command.said.count("\n") == 1


def test_a_database_that_is_not_there_gives_one_line_and_leaves_nothing_running(tmp_path: Path, port: int) -> None:
    elsewhere = {"TALLYSTICK_DATABASE_URL": f"postgres://a:b@127.0.0.1:{port}/bank", "TALLYSTICK_REDIS_URL": f"redis://127.0.0.1:{port}"}
    with bank(tmp_path, port, tmp_path / "said", **elsewhere) as command:
        assert command.ended() == 1

        assert "TALLYSTICK_DATABASE_URL" in command.said
        assert "Traceback" not in command.said
    assert not processes_of(tmp_path)


# ---------------------------------------------------------------- ending


def test_ctrl_c_ends_everything_it_started(folder: Path, port: int, tmp_path: Path) -> None:
    with bank(folder, port, tmp_path / "said") as command:
        command.until_said(READY)
        started = [*children(folder), *processes_of(folder)]
        assert len(started) > 3

        command.process.send_signal(signal.SIGINT)

        assert command.ended() == 0
        assert all_ended(started)
        assert not processes_of(folder)
        assert is_free(port)
        assert notes.read(folder) is None
        assert "Traceback" not in command.said


def test_a_bank_that_was_loaded_once_is_not_loaded_again_and_serves(folder: Path, port: int, tmp_path: Path) -> None:
    with bank(folder, port, tmp_path / "said") as command:
        command.until_said(READY)

        assert "demo bank: " not in command.said
        assert f"http://127.0.0.1:{port}/graphql" in command.said
        assert sum(line.startswith(("1 ", "2 ", "3 ")) for line in command.said.splitlines()) == 3
        assert asked(port, "/health/live")[0] == 200
        assert json.loads(asked(port, "/health/ready")[1])["ready"] is True


def test_a_bank_that_was_killed_leaves_its_port_and_the_next_one_finds_its_way(folder: Path, port: int, tmp_path: Path) -> None:
    with bank(folder, port, tmp_path / "killed") as command:
        command.until_said(READY)
        left = children(folder)
        command.kill()
        with bank(folder, port, tmp_path / "next") as following:
            following.until_said(READY)

            assert all_ended(left)
            assert not set(left) & set(children(folder))
            assert json.loads(asked(port, "/health/ready")[1])["ready"] is True


def test_the_children_of_a_killed_bank_end_by_themselves(folder: Path, port: int, tmp_path: Path) -> None:
    with bank(folder, port, tmp_path / "said") as command:
        command.until_said(READY)
        left = children(folder)

        command.kill()

        until(lambda: all_ended(left) and is_free(port), "the children end", seconds=15)
        assert notes.read(folder) is not None


@pytest.mark.parametrize(("place", "name"), [(0, "the API"), (1, "the worker")])
def test_a_child_that_dies_ends_the_run_with_a_line_that_names_it(folder: Path, port: int, tmp_path: Path, place: int, name: str) -> None:
    with bank(folder, port, tmp_path / "said") as command:
        command.until_said(READY)

        children(folder)[place].kill()

        assert command.ended() == 1
        assert f"{name} was killed by SIGKILL" in command.said
        assert not processes_of(folder)


def test_a_bank_whose_make_was_killed_ends_too(folder: Path, port: int, tmp_path: Path) -> None:
    made = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'deploy.run', *sys.argv[1:]])"
    arguments = ["-c", made, "--port", str(port), "--folder", str(folder)]
    with running(tmp_path / "said", *arguments, MAKELEVEL="1") as make:
        make.until_said(READY)
        left = [*children(folder), *processes_of(folder)]

        make.kill()

        until(lambda: all_ended(left), "the bank ends", seconds=20)


def test_stop_ends_the_bank_and_its_stores(folder: Path, port: int, tmp_path: Path) -> None:
    with bank(folder, port, tmp_path / "said") as command:
        command.until_said(READY)
        left = [*children(folder), *processes_of(folder)]

        with running(tmp_path / "stopped", "-m", "deploy.stop", "--folder", str(folder)) as stop:
            assert stop.ended() == 0

            assert stop.said.endswith("nothing runs here\n")
        assert all_ended(left)
        assert command.ended() == 0
