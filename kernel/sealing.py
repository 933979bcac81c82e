"""Sealing: what leaves the bank and has to come back unread and unchanged (quotes, addresses of statements)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["SealBroken", "Sealer"]

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
LONGEST = 8 * 1024


class SealBroken(Exception):
    """Not sealed by us for this purpose, or changed since."""


class Sealer:
    """AES-256-GCM under the newest key of a ring; what older keys sealed still opens.

    A sealed text is base64url(key id ‖ nonce ‖ ciphertext and tag); the purpose is authenticated with it, so that a quote
    never passes for something else.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"sealing keys have {KEY_BYTES} bytes each, and there is at least one")
        self._keys = {hashlib.sha256(b"key id" + key).digest()[:KEY_ID_BYTES]: AESGCM(key) for key in keys}
        self._newest = next(iter(self._keys))

    @classmethod
    def of(cls, text: str) -> Sealer:
        """From comma-separated base64, newest first.

        Raises:
            ValueError: it is not that.
        """
        try:
            return cls([base64.b64decode(part.strip(), validate=True) for part in text.split(",")])
        except binascii.Error as error:
            raise ValueError("sealing keys are base64, comma-separated") from error

    def seal(self, purpose: str, payload: bytes) -> str:
        """`payload` as text that only `open` with this purpose reads."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._newest + nonce + self._keys[self._newest].encrypt(nonce, payload, purpose.encode())
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, purpose: str, text: str) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: for whatever reason; they all look the same.
        """
        if len(text) > LONGEST:
            raise SealBroken
        try:
            sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            key = self._keys[sealed[:KEY_ID_BYTES]]
            return key.decrypt(sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :], purpose.encode())
        except (KeyError, ValueError, InvalidTag) as error:
            raise SealBroken from error
