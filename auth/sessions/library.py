"""The functions that Valkey runs for us, under a name that follows from their text.

Two versions of the bank can so use one server: each finds its own functions, and none replaces those of the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Library"]

PARTS = ("base", "sessions", "codes", "artefacts", "rates")
HEAD = "#!lua name=tallystick_sessions\n"
CHOICE = "local SUFFIX, TEST_CLOCK = '', false"


@dataclass(frozen=True, slots=True)
class Library:
    """One version of the functions."""

    suffix: str
    source: str = field(repr=False)

    @classmethod
    def production(cls) -> Library:
        """Time is the server's own."""
        return _library(test_clock=False)

    @classmethod
    def test(cls) -> Library:
        """Time is the server's and an offset that `advance` moves; for one server, not for a cluster."""
        return _library(test_clock=True)

    def function(self, name: str) -> str:
        """The name that the server knows a function by."""
        return name + self.suffix


def _library(*, test_clock: bool) -> Library:
    text = "\n".join((Path(__file__).parent / "functions" / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)
    assert text.startswith(HEAD)
    assert text.count(CHOICE) == 1
    suffix = f"_{hashlib.sha256(text.encode()).hexdigest()[:8]}{'_test' if test_clock else ''}"
    named = text.replace(HEAD, HEAD.replace("\n", f"{suffix}\n"), 1)
    return Library(suffix, named.replace(CHOICE, f"local SUFFIX, TEST_CLOCK = '{suffix}', {'true' if test_clock else 'false'}"))
