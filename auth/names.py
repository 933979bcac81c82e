"""Names: of sessions and one-time artefacts as clients hold them, and of the keys under which the store keeps what they stand for.

All of one holder begins with the holder's tag, so that the store's keys follow from what a client sends and share one slot of a
cluster. A tag is a keyed hash: neither a client nor the store learns who the customer is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from uuid import UUID

from auth.envelope import base64url
from kernel.sealing import KEY_BYTES

__all__ = [
    "Keys",
    "NotAName",
    "holder_tag",
    "new_handle",
    "new_sid",
    "new_tag",
    "tag_of_handle",
    "tag_of_sid",
]

TAG_BYTES = 12
SID_BYTES = 16  # Of its secret part: 128 bits, and each try costs a request.
HANDLE_BYTES = 32

# In base64url: 16, 22 and 43 characters. The last one of a secret has bits that mean nothing: they are zero, so that each name has one
# spelling.
TAG = re.compile(r"[A-Za-z0-9_-]{16}")
SID = re.compile(r"([A-Za-z0-9_-]{16})([A-Za-z0-9_-]{21}[AQgw])")
HANDLE = re.compile(r"([A-Za-z0-9_-]{16})[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
HASH = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url.
SUBJECT = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
PREFIX = re.compile(r"(?:[a-z0-9-]{1,32}:){1,4}")


class NotAName(ValueError):
    """Not spelled as a name of this kind is; its text does not repeat what was sent."""


def holder_tag(key: bytes, customer_id: UUID) -> str:
    """The tag of a customer. The key stays for good: under another one all sessions would be lost."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key of the tags has {KEY_BYTES} bytes")
    return base64url(hmac.digest(key, customer_id.bytes, "sha256")[:TAG_BYTES])


def new_tag() -> str:
    """A random tag, for what is made before it is known who the customer is."""
    return secrets.token_urlsafe(TAG_BYTES)


def new_sid(tag: str) -> str:
    """A session's id, which is also the name of its family of refresh tokens."""
    return _tag(tag) + secrets.token_urlsafe(SID_BYTES)


def new_handle(tag: str) -> str:
    """A code, or the name of a pushed request, of a round of signing in, of a challenge."""
    return _tag(tag) + secrets.token_urlsafe(HANDLE_BYTES)


def tag_of_sid(sid: str) -> str:
    """
    Raises:
        NotAName: it is no session's id.
    """
    return _sid(sid)[0]


def tag_of_handle(handle: str) -> str:
    """
    Raises:
        NotAName: it is no handle.
    """
    if found := HANDLE.fullmatch(handle):
        return found[1]
    raise NotAName("not a handle")


class Keys:
    """The store's keys under one environment's prefix. Each method refuses what is not spelled as it should be: NotAName.

    So nothing that a client sends can name a key of another kind or holder, or move one to another slot.
    """

    def __init__(self, prefix: str) -> None:
        if not PREFIX.fullmatch(prefix):
            raise ValueError("a prefix is small letters, digits and dashes, with a colon behind each part: tallystick:test:")
        self._prefix = prefix

    def session(self, sid: str) -> str:
        tag, rest = _sid(sid)
        return self._key("s", tag, rest)

    def code(self, handle: str) -> str:
        return self._artefact("code", handle)

    def pushed_request(self, handle: str) -> str:
        return self._artefact("par", handle)

    def auth_session(self, handle: str) -> str:
        return self._artefact("auths", handle)

    def challenge(self, handle: str) -> str:
        return self._artefact("chal", handle)

    def sessions(self, tag: str) -> str:
        """The holder's sessions, a sorted set."""
        return self._key("u", _tag(tag), "s")

    def epoch(self, tag: str) -> str:
        """From when on the holder's sign-ins count."""
        return self._key("u", _tag(tag), "epoch")

    def proof(self, tag: str, jti_hash: str) -> str:
        """The mark of a proof that was seen."""
        if not HASH.fullmatch(jti_hash):
            raise NotAName("not a hash")
        return self._key("p", _tag(tag), jti_hash)

    def rate(self, subject: str) -> str:
        """The rate cell of a subject, whose name is a tag or a keyed hash where it is a person's: keys hold nothing personal."""
        if not SUBJECT.fullmatch(subject):
            raise NotAName("not a subject")
        return f"{self._prefix}rl:{{{subject}}}"

    def _artefact(self, kind: str, handle: str) -> str:
        # By its hash: who reads the store's keys must not be able to use them.
        return self._key(kind, tag_of_handle(handle), hashlib.sha256(handle.encode()).hexdigest())

    def _key(self, kind: str, tag: str, rest: str) -> str:
        return f"{self._prefix}{kind}:{{{tag}}}:{rest}"


def _tag(tag: str) -> str:
    if not TAG.fullmatch(tag):
        raise NotAName("not a tag")
    return tag


def _sid(sid: str) -> tuple[str, str]:
    if found := SID.fullmatch(sid):
        return found[1], found[2]
    raise NotAName("not a session's id")
