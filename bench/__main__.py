"""`make bench`: everything that is promised as a ratio, measured in one run; also written to `.local/bench.json`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import uvloop

from bench import growth, home, payments, servers
from bench.measuring import Report
from deploy import embedded
from kernel import logs
from kernel.settings import Settings

FILE = Path(__file__).parent.parent / ".local" / "bench.json"
ENTRIES = 1_000_000


async def main(chosen: list[str]) -> None:
    logs.configure(Settings(log_level="WARNING"))
    started = time.monotonic()
    report = Report()
    stores = servers.start()
    try:
        if "payments" in chosen:
            print("payments", flush=True)
            await payments.measure(stores, await servers.bank_of(stores, ENTRIES), report)
        if "home" in chosen:
            print("home screen", flush=True)
            await home.measure(stores, await servers.bank_of(stores, ENTRIES), report)
        if "growth" in chosen:
            print("growth", flush=True)
            await growth.measure(stores, report)
    finally:
        embedded.stop(servers.FOLDER)
    report.write(FILE)
    print(f"done in {time.monotonic() - started:.0f} s; written to .local/bench.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("parts", nargs="*", default=["payments", "home", "growth"], help="payments, home, growth")
    uvloop.run(main(parser.parse_args().parts))
