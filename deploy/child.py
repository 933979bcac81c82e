"""`python -m deploy.child MODULE …`: runs a module that ends when its parent does, however the parent ends.

The parent holds the other end of our standard input and never writes to it. When the parent is gone, killed or not, the
system closes that end, on every system alike.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

__all__ = ["DRAIN_SECONDS"]

DRAIN_SECONDS = 10  # For requests that are under way.
_HARD_SECONDS = DRAIN_SECONDS + 2


def _end_with_parent() -> None:
    while os.read(sys.__stdin__.fileno(), 1):  # type: ignore[union-attr]
        continue
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_HARD_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
