"""`make stop`: end the bank that runs here, and the embedded stores that it or a test left."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from deploy import embedded, running
from deploy.run import FOLDER

__all__ = ["main"]


def main() -> int:
    """0 when nothing of this folder runs any more."""
    options = argparse.ArgumentParser(prog="make stop")
    options.add_argument("--folder", type=Path, default=FOLDER)
    folder = options.parse_args().folder.resolve()
    try:
        _end_the_bank(folder)
        for place in _with_stores(folder):
            if embedded.stop(place):
                print(f"ended the stores of {place}")
    except (running.AlreadyRunning, embedded.StoreError) as left:
        print(left, file=sys.stderr)
        return 1
    print("nothing runs here")
    return 0


def _end_the_bank(folder: Path) -> None:
    """Ask the bank on `folder` to end and wait for it; see out the children of one that was killed."""
    bank = running.read(folder)
    if bank is None and not running.is_held(folder):
        return
    if bank is not None and running.is_held(folder):
        print(f"ending the bank on port {bank.port} …", flush=True)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(bank.pid).terminate()
    deadline = time.monotonic() + running.ENDING_SECONDS
    while running.is_held(folder):
        if time.monotonic() > deadline:
            raise running.AlreadyRunning(bank)
        time.sleep(0.1)
    if bank is not None:
        running.see_out(bank, print)


def _with_stores(folder: Path) -> list[Path]:
    """This folder and those in it that hold stores: the demo bank's, the tests', the benchmarks'."""
    inside = [place for place in folder.iterdir() if place.is_dir()] if folder.exists() else []
    return [place for place in (folder, *inside) if (place / "postgres").exists() or (place / "valkey").exists()]


if __name__ == "__main__":
    sys.exit(main())
