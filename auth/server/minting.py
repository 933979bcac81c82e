"""Minting: access tokens as in RFC 9068, bound to a key (RFC 9449, 6), made when a commit has granted them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from joserfc import jwt
from joserfc.jwk import ECKey

from auth.envelope import base64url
from auth.keys import ALGORITHM
from auth.server.authority import Authority
from auth.server.records import SessionRecord
from kernel import ids

__all__ = ["LONGEST_LIFE_SECONDS", "Sign", "access_token", "signer"]

LONGEST_LIFE_SECONDS = 300
ID_BYTES = 8  # Unique, not secret: within five minutes of one session.

Sign: TypeAlias = Callable[[dict[str, Any]], str]


def signer(key: ECKey) -> Sign:
    """Signs claims with this key, whose kid names it."""
    header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
    return lambda claims: jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def access_token(session: SessionRecord, *, scope: str, generation: int, life_seconds: int, authority: Authority, now: datetime, sign: Sign) -> str:
    """A token of this session, minted with this generation of its refresh token. Every request carries it: its claims are few and short."""
    if not 0 < life_seconds <= LONGEST_LIFE_SECONDS:
        raise ValueError(f"an access token lives 1 to {LONGEST_LIFE_SECONDS} seconds, not {life_seconds}")
    issued_at = int(now.timestamp())
    return sign(
        {
            "iss": authority.issuer,
            "sub": ids.encode("cus", session.customer_id),
            "aud": authority.audience,
            "exp": issued_at + life_seconds,
            "iat": issued_at,
            "jti": base64url(os.urandom(ID_BYTES)),
            "client_id": session.client_id,
            "scope": scope,
            "auth_time": int(session.auth_time.timestamp()),
            "acr": session.acr,
            "sid": session.id,
            "cnf": {"jkt": session.jkt},
            "n": generation,
        }
    )
