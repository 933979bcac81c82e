"""Sealing: what leaves the bank and has to come back unread and unchanged (quotes, addresses of statements)."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["LONGEST", "LONGEST_PAYLOAD", "SealBroken", "Sealer"]

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12  # 96 bits, drawn at random: one key is good for 2³² seals (NIST SP 800-38D, 8.3).
TAG_BYTES = 16
LONGEST = 8 * 1024  # Characters of a sealed text.
LONGEST_PAYLOAD = LONGEST * 3 // 4 - KEY_ID_BYTES - NONCE_BYTES - TAG_BYTES


class SealBroken(Exception):
    """Not sealed by us for this purpose, or changed since."""

    def __init__(self) -> None:
        # One text for every cause: who tries texts out learns nothing from it.
        super().__init__("not sealed here for this purpose, or changed since")


class Sealer:
    """AES-256-GCM under the newest key of a ring; what older keys sealed still opens.

    A sealed text is base64url(key id ‖ nonce ‖ ciphertext and tag); the purpose is authenticated with it, so that a quote
    never passes for something else.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"sealing keys have {KEY_BYTES} bytes each, and there is at least one")
        self._keys = {hashlib.sha256(b"key id" + key).digest()[:KEY_ID_BYTES]: AESGCM(key) for key in keys}
        if len(self._keys) != len(keys):
            raise ValueError("a sealing key stands twice in the list: each is listed once, newest first")
        self._newest = next(iter(self._keys))

    @classmethod
    def of(cls, text: str) -> Sealer:
        """From comma-separated base64, newest first.

        Raises:
            ValueError: it is not that.
        """
        try:
            keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
        except ValueError:
            # Without its cause: that could show a part of a key in a log.
            raise ValueError("TALLYSTICK_SEALING_KEYS is base64, comma-separated; `openssl rand -base64 32` makes a key") from None
        try:
            return cls(keys)
        except ValueError as error:
            raise ValueError(f"TALLYSTICK_SEALING_KEYS: {error}; `openssl rand -base64 32` makes a key") from error

    def seal(self, purpose: str, payload: bytes) -> str:
        """`payload` as text that only `open` with this purpose reads.

        Raises:
            ValueError: it is longer than `LONGEST_PAYLOAD` bytes, and could not be opened again.
        """
        if len(payload) > LONGEST_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes are too many to seal: at most {LONGEST_PAYLOAD}")
        nonce = os.urandom(NONCE_BYTES)
        return _text(self._newest + nonce + self._keys[self._newest].encrypt(nonce, payload, purpose.encode()))

    def open(self, purpose: str, text: str) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: for whatever reason; they all look the same.
        """
        if len(text) > LONGEST:
            raise SealBroken
        try:
            sealed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            # Decoding drops strange characters and the last one's spare bits: a sealed text has one spelling only.
            if _text(sealed) != text:
                raise SealBroken
            key = self._keys[sealed[:KEY_ID_BYTES]]
            return key.decrypt(sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :], purpose.encode())
        except (KeyError, ValueError, InvalidTag) as error:
            raise SealBroken from error


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
