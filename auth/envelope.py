"""Envelopes: values that lie in a store encrypted, each readable only in the place that it was sealed for.

A sealed value is `v1.kid.nonce.ciphertext`, by AES-256-GCM. Its place is authenticated with it, so that it opens nowhere else: not in
another session, another field or another environment. Each session has a data key of its own (HKDF-SHA-256 of a master key), so
that nonces may be drawn at random however much is sealed (NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
import re
from collections.abc import Sequence
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.sealing import KEY_BYTES, KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken

__all__ = ["LONGEST", "LONGEST_PAYLOAD", "Envelope", "KeyRing", "Reason", "Unreadable", "base64url", "framed", "from_base64url"]

VERSION = "v1"
VERSIONS = re.compile(r"v[1-9][0-9]{0,3}")
KID_CHARACTERS = 2 * KEY_ID_BYTES
NONCE_CHARACTERS = NONCE_BYTES * 4 // 3
SEALED = re.compile(rf"([0-9a-f]{{{KID_CHARACTERS}}})\.([A-Za-z0-9_-]{{{NONCE_CHARACTERS}}})\.([A-Za-z0-9_-]+)")
LENGTH_BYTES = 4  # Before each part of a place.
LONGEST_PAYLOAD = 64 * 1024  # Bytes. A session has some 2 000; a page of an answer that is kept fits too.
LONGEST = len(f"{VERSION}...") + KID_CHARACTERS + NONCE_CHARACTERS + math.ceil((LONGEST_PAYLOAD + TAG_BYTES) * 4 / 3)  # Characters.


class Reason(StrEnum):
    """Why a value cannot be read: for the alarm, never for a client."""

    MALFORMED = "malformed"
    VERSION = "version"  # Sealed by a later release, or by one that is long gone.
    UNKNOWN_KEY = "unknown_key"  # The master key was taken out, or was never ours.
    TAG = "tag"  # Changed, or moved here from another place.


class Unreadable(SealBroken):
    """A sealed value that does not open; its text is the same for every reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__()
        self.reason = reason


class KeyRing:
    """Master keys, newest first. Each is known by an id that is made from it, so that no list can mix ids up."""

    def __init__(self, masters: Sequence[bytes]) -> None:
        if not masters or any(len(master) != KEY_BYTES for master in masters):
            raise ValueError(f"master keys have {KEY_BYTES} bytes each, and there is at least one")
        self._masters = {hashlib.sha256(b"master id" + master).digest()[:KEY_ID_BYTES].hex(): master for master in masters}
        if len(self._masters) != len(masters):
            raise ValueError("a master key stands twice in the list: each is listed once, newest first")
        self.ids = tuple(self._masters)
        self.newest = self.ids[0]

    @classmethod
    def of(cls, text: str, *, name: str) -> KeyRing:
        """From comma-separated base64, newest first; `name` is that of the setting.

        Raises:
            ValueError: it is not that.
        """
        try:
            masters = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
        except ValueError:
            # Without its cause: that could show a part of a key in a log.
            raise ValueError(f"{name} is base64, comma-separated; `openssl rand -base64 32` makes a key") from None
        try:
            return cls(masters)
        except ValueError as error:
            raise ValueError(f"{name}: {error}; `openssl rand -base64 32` makes a key") from error

    def derive(self, kid: str, purpose: str, context: str = "") -> bytes:
        """A key of 32 bytes for one purpose and context: HKDF-SHA-256 with info = purpose ‖ context.

        A purpose is a constant of ours, and none begins with another.

        Raises:
            KeyError: no master key of the ring has this id.
        """
        info = (purpose + context).encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._masters[kid])


class Envelope:
    """Seals under the newest key of a ring; what older keys sealed still opens.

    A place is the name of a key in the store and a field of it. `sid` names the session whose data key it is; a value that belongs to
    no session (a code, a pushed request) has a data key by the name of its key.
    """

    def __init__(self, masters: KeyRing, *, environment: str, schema_version: int) -> None:
        self._masters = masters
        self._environment = environment
        self._schema_version = schema_version  # Of what is inside: a reader of another one would misread it.

    def seal(self, key: str, field: str, value: bytes, /, *, sid: str | None = None) -> str:
        """`value` as text that opens in this place only.

        Raises:
            ValueError: it is longer than `LONGEST_PAYLOAD` bytes, and could not be opened again.
        """
        if len(value) > LONGEST_PAYLOAD:
            raise ValueError(f"{len(value)} bytes are too many to seal: at most {LONGEST_PAYLOAD}")
        kid, nonce = self._masters.newest, os.urandom(NONCE_BYTES)
        ciphertext = self._cipher(kid, sid or key).encrypt(nonce, value, self._place(key, field))
        return f"{VERSION}.{kid}.{base64url(nonce)}.{base64url(ciphertext)}"

    def open(self, key: str, field: str, sealed: str, /, *, sid: str | None = None) -> bytes:
        """What was sealed for this place.

        Raises:
            Unreadable: treat it as no value at all, and raise an alarm with its reason.
        """
        kid, nonce, ciphertext = _read(sealed)
        try:
            return self._cipher(kid, sid or key).decrypt(nonce, ciphertext, self._place(key, field))
        except KeyError:
            raise Unreadable(Reason.UNKNOWN_KEY) from None
        except InvalidTag:
            raise Unreadable(Reason.TAG) from None

    def needs_reseal(self, sealed: str) -> bool:
        """Whether an older key than the newest sealed it; whether it opens is not looked at.

        Raises:
            Unreadable: MALFORMED or VERSION.
        """
        return _read(sealed)[0] != self._masters.newest

    def _cipher(self, kid: str, context: str) -> AESGCM:
        return AESGCM(self._masters.derive(kid, "envelope", context))

    def _place(self, key: str, field: str) -> bytes:
        return framed(self._environment, key, field, str(self._schema_version))


def _read(sealed: str) -> tuple[str, bytes, bytes]:
    """Key id, nonce and ciphertext."""
    if len(sealed) > LONGEST:
        raise Unreadable(Reason.MALFORMED)
    version, _, rest = sealed.partition(".")
    if version != VERSION:
        raise Unreadable(Reason.VERSION if VERSIONS.fullmatch(version) else Reason.MALFORMED)
    parts = SEALED.fullmatch(rest)
    if parts is None:
        raise Unreadable(Reason.MALFORMED)
    try:
        nonce, ciphertext = from_base64url(parts[2]), from_base64url(parts[3])
    except ValueError:
        raise Unreadable(Reason.MALFORMED) from None
    return parts[1], nonce, ciphertext


def framed(*parts: str) -> bytes:
    """The parts, each behind its length: no two lists of parts give the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(LENGTH_BYTES, "big") + part for part in encoded)


def base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of a text that is spelled just as `base64url` would spell it.

    Raises:
        ValueError: it is not.
    """
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    # Decoding drops strange characters and the last one's spare bits.
    if base64url(raw) != text:
        raise ValueError("not base64url, or not as it is spelled here")
    return raw
