"""What sessions and their kin are called in the store, as far as `auth.names` does not say it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from auth import names
from auth.envelope import base64url

__all__ = ["Keys", "sid_of"]


def sid_of(code: str) -> str:
    """The session that a code makes: known from the code alone, so that one step can end it when the code comes again.

    Raises:
        NotAName: it is no code.
    """
    return names.tag_of_handle(code) + base64url(hashlib.sha256(b"session of code " + code.encode()).digest()[: names.SID_BYTES])


class Keys(names.Keys):
    """All keys under one environment's prefix."""

    @property
    def marker(self) -> str:
        return f"{self._prefix}marker"

    @property
    def clock(self) -> str:
        """The offset of tests."""
        return f"{self._prefix}clock"

    @property
    def revocations(self) -> str:
        return f"{self._prefix}ev:revoke"

    def of_session(self, sid: str, proof: str | None = None) -> list[str]:
        """As the functions on a session take them: the session, its holder's list and epoch, the proof."""
        tag = names.tag_of_sid(sid)
        # Spelled here once more, since each request asks for them: by one check instead of four.
        begin, end = self._prefix, f"{{{tag}}}:"
        keys = [f"{begin}s:{end}{sid[len(tag) :]}", f"{begin}u:{end}s", f"{begin}u:{end}epoch"]
        if proof is not None:
            keys.append(self.proof(tag, proof))
        return keys

    def failures(self, subject: str) -> str:
        return f"{self._prefix}fl:{{{subject}}}"

    def network(self, subject: str) -> Sequence[str]:
        """Counts, and the sketches of users that are taken in turn."""
        return [f"{self._prefix}nw:{{{subject}}}{part}" for part in ("", ":0", ":1")]
