"""`make lock`: write the lock files from pyproject.toml, with a hash for every file and nothing of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["LOCKS", "main"]

ROOT = Path(__file__).parent.parent
# What is tested is what is deployed: the development lock is held to the versions of the other one.
LOCKS = {"requirements.lock": (), "requirements-dev.lock": ("--group", "dev", "--constraint", "requirements.lock")}
HEAD = "# Written by `make lock` from pyproject.toml.\n"


def main() -> int:
    """0 when both are written."""
    plain = ["--generate-hashes", "--python-version", "3.11", "--universal", "--no-header", "--no-annotate", "--no-emit-index-url"]
    plain += ["--no-emit-find-links", "--quiet"]
    for name, groups in LOCKS.items():
        print(f"{name} …", flush=True)
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *groups, *plain, "--output-file", name]
        status = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode
        if status != 0:
            return status
        file = ROOT / name
        file.write_text(HEAD + file.read_text(encoding="utf-8").removeprefix(HEAD), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
