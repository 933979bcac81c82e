"""`make` runs this with a bare Python: makes `.venv` and installs exactly what the lock file names, hash by hash.

Only the standard library is here to be imported. Everything is said on stderr: what `make token` prints is the token alone.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.lock"
ENVIRONMENT = ROOT / ".venv"
INSTALLED = ENVIRONMENT / "installed"
PROGRESS_SECONDS = 2.0


def main() -> int:
    """0 when `.venv` holds what the lock file names."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    python = ENVIRONMENT / "bin" / "python"
    if _is_new_enough(python):
        if INSTALLED.exists() and INSTALLED.read_text() == digest:
            INSTALLED.touch()
            return 0
    else:
        _say(f"making an environment for Python {sys.version_info.major}.{sys.version_info.minor} in .venv …")
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    status = _install(python)
    if status == 0:
        INSTALLED.write_text(digest)
    return status


def _is_new_enough(python: Path) -> bool:
    """Whether there is an environment already, with pip, that can be brought up to date."""
    asked = [str(python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _install(python: Path) -> int:
    """Run pip on the lock file and tell how far it is."""
    wanted = len(re.findall(r"^[\w.\[\]-]+==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    _say(f"installing {wanted} packages into .venv; this happens once …")
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["--require-hashes", "-r", str(LOCK)]
    done, told = 0, time.monotonic()
    said: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line)
            done += line.startswith(("Collecting ", "Requirement already satisfied: "))
            if line.startswith("Installing collected packages"):
                _say("  unpacking …")
            elif done < wanted and line.startswith("Collecting ") and time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                _say(f"  {done} of {wanted}")
    if pip.returncode != 0:
        _say("".join(said[-15:]) + "The packages could not be installed; what pip said last stands above.")
    return pip.returncode


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
