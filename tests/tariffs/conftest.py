"""The tariffs as their files have them, without a database: the rules over them are pure."""

from __future__ import annotations

import pytest

from models.tariffs import TariffRows
from models.tariffs_data import read
from services.tariffs import Tariffs


@pytest.fixture(scope="session")
def rows() -> TariffRows:
    """The rows of the files."""
    return TariffRows.of(read())


@pytest.fixture(scope="session")
def tariffs(rows: TariffRows) -> Tariffs:
    """The picture of the files."""
    return Tariffs(rows)
