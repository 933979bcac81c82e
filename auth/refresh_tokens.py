"""Refresh tokens: `family.n.kid.MAC`. Nothing secret of them is stored, and each one's successor can be made again.

The family is the session's id, n counts its refreshes, and the MAC is HMAC-SHA-256 of both under a key of the family, which is
HKDF-SHA-256 of the master key that `kid` names.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from auth.envelope import KeyRing, base64url
from auth.names import NotAName, tag_of_sid

__all__ = ["LARGEST_N", "NotARefreshToken", "RefreshToken", "RefreshTokens"]

LARGEST_N = 10**9 - 1  # Thirty days of a refresh every few milliseconds.
TOKEN = re.compile(r"([A-Za-z0-9_-]{38})\.(0|[1-9][0-9]{0,8})\.([0-9a-f]{8})\.([A-Za-z0-9_-]{43})")


class NotARefreshToken(Exception):
    """Not made here, or changed since: it says nothing about any session, and must not harm one."""

    def __init__(self) -> None:
        # One text for every cause: who guesses learns nothing from it.
        super().__init__("not a refresh token of this bank")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """What a token says, once its MAC holds. Whether it is the session's current one, the store knows."""

    sid: str = field(repr=False)
    n: int


class RefreshTokens:
    """Makes tokens under the newest master key of a ring, and reads those of all its keys."""

    def __init__(self, masters: KeyRing) -> None:
        self._masters = masters

    def make(self, sid: str, n: int) -> str:
        """The session's n-th token. The same one each time, until a newer master key changes its spelling.

        Raises:
            ValueError: that is no session's id, or `n` is not from 0 to `LARGEST_N`.
        """
        tag_of_sid(sid)
        if not 0 <= n <= LARGEST_N:
            raise ValueError(f"n is from 0 to {LARGEST_N}")
        return self._token(self._masters.newest, sid, str(n))

    def read(self, text: str) -> RefreshToken:
        """What a token of ours says.

        Raises:
            NotARefreshToken: for whatever reason; they all look the same.
        """
        parts = TOKEN.fullmatch(text)
        if parts is None:
            raise NotARefreshToken
        sid, n, kid, _ = parts.groups()
        try:
            tag_of_sid(sid)
            expected = self._token(kid, sid, n)
        except (NotAName, KeyError):
            raise NotARefreshToken from None
        # Compared as they are spelled: so the MAC has one spelling only.
        if not hmac.compare_digest(expected.encode(), text.encode()):
            raise NotARefreshToken
        return RefreshToken(sid=sid, n=int(n))

    def _token(self, kid: str, sid: str, n: str) -> str:
        # A sid has a fixed length, so that no other sid and n are the same text.
        mac = hmac.digest(self._masters.derive(kid, "refresh", sid), (sid + n).encode(), "sha256")
        return f"{sid}.{n}.{kid}.{base64url(mac)}"
