"""Access tokens: JWTs as in RFC 9068, signed with ES256."""

from __future__ import annotations

import hashlib
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from starlette.datastructures import Headers

from auth.keys import verification_keys
from kernel import ids
from kernel.errors import RequestRefused
from kernel.settings import Settings

__all__ = ["DEVELOPMENT_LIFE", "Principal", "Tokens", "bearer", "issue"]

# A working day: `make token` is for people who explore, on their own machine, with a key that never leaves it.
DEVELOPMENT_LIFE = timedelta(hours=12)

ALGORITHMS = ["ES256"]
LEEWAY = timedelta(seconds=5)  # Between the clocks of who signs and who verifies.
LONGEST = 4096
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a token speaks for."""

    customer_id: UUID
    scopes: frozenset[str]
    expires_at: datetime
    token_id: str


def _refused() -> RequestRefused:
    # One answer for everything: a forger learns nothing of what was wrong.
    return RequestRefused("UNAUTHENTICATED", "the access token is not valid; sign in again", status=401)


class Tokens:
    """Verifies tokens, and remembers those that it verified: a signature costs a hundred times as much as a look-up."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        return cls(verification_keys(settings), issuer=settings.issuer, audience=settings.audience)

    def verify(self, token: str, *, now: datetime) -> Principal:
        """Who the token speaks for; `now` is the bank's time.

        Raises:
            RequestRefused: UNAUTHENTICATED.
        """
        if len(token) > LONGEST or not token.isascii():
            raise _refused()
        mark = hashlib.sha256(token.encode()).digest()
        principal = self._known.get(mark)
        if principal is None:
            principal = self._read(token, now)
            self._known[mark] = principal
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if principal.expires_at + LEEWAY <= now:
            raise _refused()
        return principal

    def _read(self, token: str, now: datetime) -> Principal:
        try:
            decoded = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            if str(decoded.header.get("typ", "")).lower() not in {"at+jwt", "application/at+jwt"} or not decoded.header.get("kid"):
                raise _refused()
            return self._principal(decoded.claims, now)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError) as error:
            raise _refused() from error

    def _principal(self, claims: dict[str, Any], now: datetime) -> Principal:
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        issued_at, expires_at = _time(claims["iat"]), _time(claims["exp"])
        begins = _time(claims.get("nbf", claims["iat"]))
        if claims["iss"] != self._issuer or self._audience not in audience or max(issued_at, begins) > now + LEEWAY:
            raise _refused()
        if not isinstance(claims["client_id"], str):
            raise _refused()
        return Principal(
            customer_id=ids.decode("cus", str(claims["sub"])),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            expires_at=expires_at,
            token_id=str(claims["jti"]),
        )


def _time(claim: Any) -> datetime:
    if isinstance(claim, bool) or not isinstance(claim, int):
        raise TypeError("a time of a token is a number of seconds")
    return datetime.fromtimestamp(claim, UTC)


def issue(key: ECKey, *, issuer: str, audience: str, customer_id: UUID, now: datetime, life: timedelta) -> str:
    """A token for development and tests; the authorization server makes the real ones."""
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
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}, claims, key, algorithms=ALGORITHMS)


def bearer(headers: Headers) -> str | None:
    """The token of the Authorization header; None where there is no such header.

    Raises:
        RequestRefused: UNAUTHENTICATED; it is something else than one bearer token.
    """
    given = headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.strip() or " " in token.strip():
        raise _refused()
    return token.strip()
