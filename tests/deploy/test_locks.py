"""The lock files: what was tested is what is installed, on any machine.

Method: they are read beside pyproject.toml.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.processes import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
ENTRY = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def locked(name: str) -> dict[str, str]:
    """Each package of a lock file with its version."""
    return {canonicalize_name(package): version for package, version, _ in ENTRY.findall(text(name))}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def wanted(*, development: bool) -> list[Requirement]:
    project = tomllib.loads(Path(ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = project["project"]["dependencies"] + (project["dependency-groups"]["dev"] if development else [])
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_the_project_asks_for(name: str) -> None:
    versions = locked(name)

    for requirement in wanted(development=name == LOCKS[1]):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), f"{requirement}: run `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_version_with_hashes_and_says_nothing_of_a_machine(name: str) -> None:
    comment, _, entries = text(name).partition("\n")

    assert comment.startswith("# Written by `make lock`")
    assert ENTRY.sub("", entries) == ""
    assert len(ENTRY.findall(entries)) > 30


def test_what_is_tested_is_what_is_deployed() -> None:
    deployed, tested = locked(LOCKS[0]), locked(LOCKS[1])

    assert deployed.items() <= tested.items()
