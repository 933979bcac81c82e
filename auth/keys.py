"""Keys that access tokens are verified with, and the one that development signs with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, Key, KeySet

from kernel.settings import Settings

__all__ = ["DEVELOPMENT_FOLDER", "development_key", "verification_keys"]

DEVELOPMENT_FOLDER = Path(__file__).parent.parent / ".local"
_FILE = "development-key.json"


def verification_keys(settings: Settings) -> KeySet:
    """The public keys of `TALLYSTICK_KEY_SET`.

    Raises:
        ValueError: the set is none, or has a key that may not verify access tokens.
    """
    if settings.uses_development_key:
        return KeySet([development_key()])
    try:
        listed = json.loads(settings.key_set.get_secret_value())["keys"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError('TALLYSTICK_KEY_SET is a JWK set: {"keys": [...]}') from error
    keys: list[Key] = [_public(entry) for entry in listed]
    if not keys or len({key.kid for key in keys}) != len(keys):
        raise ValueError("TALLYSTICK_KEY_SET has at least one key, and each a kid of its own")
    return KeySet(keys)


def _public(entry: dict[str, Any]) -> ECKey:
    if entry.get("kty") != "EC" or entry.get("crv") != "P-256" or entry.get("alg", "ES256") != "ES256" or entry.get("use", "sig") != "sig":
        raise ValueError("keys of TALLYSTICK_KEY_SET are for ES256: kty EC, crv P-256, use sig")
    if "d" in entry:
        raise ValueError("TALLYSTICK_KEY_SET has public keys only: take the d out, and replace that key")
    if not entry.get("kid"):
        raise ValueError("each key of TALLYSTICK_KEY_SET has a kid")
    return ECKey.import_key(entry)


def development_key(folder: Path = DEVELOPMENT_FOLDER) -> ECKey:
    """The private key of this machine, made at the first call. Whoever comes first makes it; the others read it."""
    file = folder / _FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = ECKey.generate_key("P-256", parameters={"kid": "development", "alg": "ES256", "use": "sig"})
        own = folder / f"{_FILE}.{os.getpid()}"
        own.touch(mode=0o600)
        own.write_text(json.dumps(made.as_dict(private=True)), encoding="utf-8")
        try:
            os.link(own, file)  # Fails where another process was first; then theirs is the key.
        except FileExistsError:
            pass
        finally:
            own.unlink()
    return ECKey.import_key(json.loads(file.read_text(encoding="utf-8")))
