"""Folders for stores. Not pytest's own: it closes them to others, and as root PostgreSQL runs as another user."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.processes import end_all_of

__all__ = ["home", "place"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of a test's own; stores that it leaves there are ended."""
    with tempfile.TemporaryDirectory(prefix="tallystick-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)
        end_all_of(Path(made))


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that the tests of a module share; stores that they leave there are ended."""
    with tempfile.TemporaryDirectory(prefix="tallystick-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)
        end_all_of(Path(made))
