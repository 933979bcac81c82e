"""Peppers: keys outside the database, without which what it keeps of passwords and recovery codes cannot even be guessed at."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

__all__ = ["KEY_BYTES", "Peppers"]

KEY_BYTES = 32
KEY_ID_BYTES = 4


class Peppers:
    """HMAC-SHA-256 under the keys of a ring, newest first. A hash is kept with the id of its key, so that keys can change.

    Unlike a sealing key, a pepper cannot be taken out early: what was hashed under it can never be compared again.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"peppers have {KEY_BYTES} bytes each, and there is at least one")
        self._keys = {hashlib.sha256(b"pepper id" + key).digest()[:KEY_ID_BYTES].hex(): key for key in keys}
        if len(self._keys) != len(keys):
            raise ValueError("a pepper stands twice in the list: each is listed once, newest first")
        self.ids = tuple(self._keys)
        self.newest = self.ids[0]

    @classmethod
    def of(cls, text: str) -> Peppers:
        """From comma-separated base64, newest first.

        Raises:
            ValueError: it is not that.
        """
        try:
            keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
        except ValueError:
            # Without its cause: that could show a part of a key in a log.
            raise ValueError("TALLYSTICK_PEPPERS is base64, comma-separated; `openssl rand -base64 32` makes a pepper") from None
        try:
            return cls(keys)
        except ValueError as error:
            raise ValueError(f"TALLYSTICK_PEPPERS: {error}; `openssl rand -base64 32` makes a pepper") from error

    def mac(self, key_id: str, purpose: str, secret: bytes) -> bytes:
        """32 bytes; `purpose` is a word of ours that keeps passwords apart from codes.

        Raises:
            KeyError: no pepper of the ring has this id.
        """
        return hmac.digest(self._keys[key_id], purpose.encode() + b"\0" + secret, "sha256")
