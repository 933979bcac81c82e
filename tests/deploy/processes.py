"""What the tests of standing up ask the system: which processes belong to a folder, whether one ends, what a command said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

__all__ = ["ROOT", "Command", "end_all_of", "processes_of", "running", "servers_of", "stranger", "until"]

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 60.0


def until(condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.02)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Whatever runs with its working folder under `folder`: the stores, of which each works in its own."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder.resolve()):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def servers_of(folder: Path) -> dict[str, psutil.Process]:
    """The stores of a folder by the name of their program, without the processes that they come and go with."""
    found = {}
    inside = {process.pid for process in processes_of(folder)}
    for pid in inside:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.ppid() not in inside:
                assert process.name() not in found, f"two of {process.name()} work in {folder}"
                found[process.name()] = process
    return found


def end_all_of(folder: Path) -> None:
    """End what a test left running under its folder, gently or not."""
    for process in processes_of(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until(lambda: not processes_of(folder), "the stores end")


class Command:
    """A Python command with its output in a file, so that neither waits for the other."""

    def __init__(self, output: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self._output = output
        with output.open("wb") as file:
            command, told = [sys.executable, *arguments], os.environ | environment
            self.process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def said(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def until_said(self, text: str) -> None:
        """Wait for a line, and fail at once when the command ends without it."""
        until(lambda: text in self.said or self.process.poll() is not None, f"{text!r} in {self.said!r}")
        assert text in self.said, f"it ended with {self.process.poll()} and said: {self.said}"

    def ended(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """As `kill -9` does: nothing of the command's own runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(output: Path, *arguments: str, **environment: str) -> Iterator[Command]:
    """A Python command that does not outlive the test."""
    command = Command(output, list(arguments), environment)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.terminate()
            command.ended()


@contextmanager
def stranger(user: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `user` that has nothing to do with a bank."""
    process = subprocess.Popen(["sleep", "60"], cwd="/", user=user)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
