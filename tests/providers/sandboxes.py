"""Credentials of parties' sandboxes: `TALLYSTICK_SANDBOX_…` in the environment; without them, only the simulators are asked."""

from __future__ import annotations

import os

import pytest

__all__ = ["sandbox"]


def sandbox(port: str, *names: str) -> list[str]:
    """The values of `TALLYSTICK_SANDBOX_<PORT>_<NAME>`; where one is missing, the test is skipped."""
    variables = [f"TALLYSTICK_SANDBOX_{port}_{name}" for name in names]
    if missing := [variable for variable in variables if variable not in os.environ]:
        pytest.skip(f"no sandbox: {', '.join(missing)} not set")
    return [os.environ[variable] for variable in variables]
