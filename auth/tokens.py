"""Access tokens: JWTs as in RFC 9068, signed with ES256."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from starlette.datastructures import Headers

from auth.keys import ALGORITHM, verification_keys
from kernel import ids
from kernel.errors import RequestRefused
from kernel.settings import Settings

__all__ = ["DEVELOPMENT_LIFE", "LEEWAY", "LONGEST", "Principal", "Tokens", "bearer", "issue"]

# A working day: `make token` is for people who explore, on their own machine, with a key that never leaves it. Nothing can
# revoke such a token, so it does not outlast the day either.
DEVELOPMENT_LIFE = timedelta(hours=12)

LEEWAY = timedelta(seconds=5)  # Between the clocks of who signs and who verifies.
LONGEST = 4096  # Characters; ours have some 500.
LONGEST_TEXT = 256  # Of jti and client_id.
REMEMBERED = 10_000  # Some 10 MB.

TYPES = {"at+jwt", "application/at+jwt"}  # RFC 9068, 2.1. So an ID token or a proof of the same signer is no access token.
HEADER = {"alg", "typ", "kid"}
BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)  # RFC 6750, 2.1.
SCOPES = re.compile(r"(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?")  # RFC 6749, 3.3; or none.


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a token speaks for."""

    customer_id: UUID
    scopes: frozenset[str]
    expires_at: datetime
    token_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    """A token whose signature and claims hold, apart from the time."""

    principal: Principal
    begins_at: datetime

    def holds_at(self, now: datetime) -> bool:
        # The leeway goes to `now`: the ends of time in a token have no room for it.
        return self.begins_at <= now + LEEWAY and now - LEEWAY < self.principal.expires_at


def _refused() -> RequestRefused:
    # One answer for everything: a forger learns nothing of what was wrong.
    return RequestRefused("UNAUTHENTICATED", "the access token is not valid", status=401)


class Tokens:
    """Verifies tokens, and remembers those that it verified: a signature costs a hundred times as much as a look-up."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str, most: int = REMEMBERED) -> None:
        self._keys = keys
        self._key_ids = {key.kid for key in keys}
        self._issuer = issuer
        self._audience = audience
        self._most = most
        self._known: OrderedDict[bytes, _Verified] = OrderedDict()  # The one that was used last stands last.

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """As settings name keys, issuer and audience.

        Raises:
            ValueError: `TALLYSTICK_KEY_SET` is not what it should be.
        """
        return cls(verification_keys(settings), issuer=settings.issuer, audience=settings.audience)

    @property
    def remembered(self) -> int:
        """How many tokens are remembered now."""
        return len(self._known)

    def verify(self, token: str, *, now: datetime) -> Principal:
        """Who the token speaks for; `now` is the bank's time.

        Raises:
            RequestRefused: UNAUTHENTICATED.
        """
        if len(token) > LONGEST or not token.isascii():
            raise _refused()
        # Not the token itself: what lies in memory for long should be of no use to who reads it.
        mark = hashlib.sha256(token.encode()).digest()
        verified = self._known.get(mark)
        if verified is None:
            verified = self._read(token)
            if not verified.holds_at(now):
                raise _refused()
            self._known[mark] = verified
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        elif not verified.holds_at(now):
            del self._known[mark]
            raise _refused()
        else:
            self._known.move_to_end(mark)
        return verified.principal

    def _read(self, token: str) -> _Verified:
        try:
            self._check_header(token)
            decoded = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            return self._check_claims(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError) as error:
            raise _refused() from error

    def _check_header(self, token: str) -> None:
        """Nothing of a header reaches the library but what we sign with: no keys, addresses of keys or extensions."""
        first, *rest = token.split(".")
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
        if len(rest) != 2 or not isinstance(header, dict) or header.keys() != HEADER:
            raise ValueError("not the header of an access token")
        typ, kid = header["typ"], header["kid"]
        if header["alg"] != ALGORITHM or not isinstance(typ, str) or typ.lower() not in TYPES or not isinstance(kid, str) or kid not in self._key_ids:
            raise ValueError("not the header of an access token that we can verify")

    def _check_claims(self, claims: Mapping[str, Any]) -> _Verified:
        """RFC 9068, 2.2 and 4; a claim that is missing is a KeyError."""
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if claims["iss"] != self._issuer or self._audience not in audience:
            raise ValueError("of another issuer, or for another audience")
        _text(claims["client_id"])
        scopes = claims.get("scope", "")
        if not isinstance(scopes, str) or not SCOPES.fullmatch(scopes):
            raise ValueError("a scope is words with one space between them")
        issued_at = _time(claims["iat"])
        principal = Principal(
            customer_id=ids.decode("cus", _text(claims["sub"])),
            scopes=frozenset(scopes.split()),
            expires_at=_time(claims["exp"]),
            token_id=_text(claims["jti"]),
        )
        return _Verified(principal=principal, begins_at=max(issued_at, _time(claims.get("nbf", claims["iat"]))))


def _text(claim: Any) -> str:
    if not isinstance(claim, str) or not 1 <= len(claim) <= LONGEST_TEXT:
        raise ValueError(f"a text of 1 to {LONGEST_TEXT} characters")
    return claim


def _time(claim: Any) -> datetime:
    if isinstance(claim, bool) or not isinstance(claim, int):
        raise TypeError("a time of a token is a whole number of seconds")
    return datetime.fromtimestamp(claim, UTC)


def issue(key: ECKey, *, issuer: str, audience: str, customer_id: UUID, now: datetime, life: timedelta) -> str:
    """A token for development and tests, good for `life` from `now`; the authorization server makes the real ones."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": ids.encode("cus", customer_id),
        "client_id": "development",
        "scope": "bank",
        "iat": int(now.timestamp()),
        "exp": int((now + life).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def bearer(headers: Headers) -> str | None:
    """The token of the Authorization header; None where there is no such header.

    Raises:
        RequestRefused: UNAUTHENTICATED; it is something else than one bearer token.
    """
    match headers.getlist("authorization"):
        case []:
            return None
        case [one] if found := BEARER.fullmatch(one):
            return found[1]
        case _:
            raise _refused()
