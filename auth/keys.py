"""Keys that access tokens are verified with, and the one that development signs with."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet

from kernel.settings import Settings

__all__ = ["ALGORITHM", "DEVELOPMENT_FILE", "DEVELOPMENT_FOLDER", "development_key", "verification_keys"]

ALGORITHM = "ES256"
CURVE = "P-256"
MOST_KEYS = 16  # Old and new ones of a rotation, of a few signers.
LONGEST_KEY_ID = 128

# Beside the code rather than where a command happens to be called: whoever signs and whoever verifies find the same key.
DEVELOPMENT_FOLDER = Path(__file__).resolve().parent.parent / ".local"
DEVELOPMENT_FILE = "development-key.json"


def verification_keys(settings: Settings) -> KeySet:
    """The public keys of `TALLYSTICK_KEY_SET`; outside production its default is the key of this machine.

    Raises:
        ValueError: the set is none, or has a key that may not verify access tokens.
    """
    if not settings.uses_development_key:
        return _key_set(settings.key_set.get_secret_value())
    if settings.is_production:
        raise ValueError("TALLYSTICK_KEY_SET is the development key: production needs the public keys of its authorization server")
    return KeySet([_public(development_key().as_dict(private=False))])


def _key_set(text: str) -> KeySet:
    try:
        listed = json.loads(text)["keys"]
        is_list = isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed)
    except (ValueError, KeyError, TypeError, RecursionError):
        is_list = False
    if not is_list:
        raise ValueError('TALLYSTICK_KEY_SET is a JWK set: {"keys": [{"kty": "EC", …}]}')  # Not its text: it may hold a secret.
    if not 1 <= len(listed) <= MOST_KEYS:
        raise ValueError(f"TALLYSTICK_KEY_SET has 1 to {MOST_KEYS} keys, not {len(listed)}")
    keys: list[Key] = [_public(entry) for entry in listed]
    if len({key.kid for key in keys}) != len(keys):
        raise ValueError("TALLYSTICK_KEY_SET has a kid twice: a token names the key that verifies it by its kid")
    return KeySet(keys)


def _public(entry: Mapping[str, Any]) -> ECKey:
    if (entry.get("kty"), entry.get("crv")) != ("EC", CURVE) or entry.get("alg", ALGORITHM) != ALGORITHM or entry.get("use", "sig") != "sig":
        raise ValueError(f"keys of TALLYSTICK_KEY_SET are for {ALGORITHM}: kty EC, crv {CURVE}, alg {ALGORITHM}, use sig")
    if "d" in entry:
        raise ValueError("TALLYSTICK_KEY_SET has public keys only: take the d out, and replace that key, since it was shown")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KEY_ID:
        raise ValueError(f"each key of TALLYSTICK_KEY_SET has a kid of 1 to {LONGEST_KEY_ID} characters")
    try:
        # What else the entry says (key_ops, certificates) is not for us to read.
        return ECKey.import_key({"kty": "EC", "crv": CURVE, "x": entry["x"], "y": entry["y"], "kid": kid, "alg": ALGORITHM, "use": "sig"})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the key {kid!r} of TALLYSTICK_KEY_SET is no point of the curve {CURVE}: its x and y are wrong") from error


def development_key(folder: Path = DEVELOPMENT_FOLDER) -> ECKey:
    """The private key of this machine, made at the first call. Whoever comes first makes it; the others read it.

    Raises:
        ValueError: the file is there and holds no such key.
    """
    file = folder / DEVELOPMENT_FILE
    if not file.exists():
        _make(file)
    try:
        key = ECKey.import_key(json.loads(file.read_text(encoding="utf-8")))
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError(f"{file} is damaged: delete it, and a new one is made") from error
    if not key.is_private or key.curve_name != CURVE or not key.kid:
        raise ValueError(f"{file} is not the development key: delete it, and a new one is made")
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    made = ECKey.generate_key(CURVE, parameters={"kid": "development", "alg": ALGORITHM, "use": "sig"})
    handle, unfinished = tempfile.mkstemp(prefix=f"{DEVELOPMENT_FILE}.", dir=file.parent)  # Readable by its owner alone.
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(made.as_dict(private=True), out)
            out.flush()
            os.fsync(out.fileno())
        # A link appears whole and never replaces: where another was first, theirs is the key.
        with suppress(FileExistsError):
            os.link(unfinished, file)
    finally:
        os.unlink(unfinished)
