"""Proofs of possession made by hand: right, but for what a test makes wrong, at times that it chooses."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from auth.dpop import KnownKeys, Nonces, Proof, ProofError, ProofRefused, ath, target, verify_proof
from auth.envelope import KeyRing, base64url

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)  # In the middle of a step.
SECOND = timedelta(seconds=1)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # Of P-256 (SEC 2, 2.4.2).

KEY, THIEFS_KEY = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
JWK: dict[str, Any] = dict(KEY.as_dict(private=False))
JKT, THIEFS_JKT = KEY.thumbprint(), THIEFS_KEY.thumbprint()
MASTER, OLD_MASTER = os.urandom(32), os.urandom(32)
NONCES = Nonces(KeyRing([MASTER]))
TOKEN = "header.payload.signature"
URL = target("https://bank.example", "/oauth/token")

HEADER: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": JWK}
CLAIMS: dict[str, Any] = {
    "jti": "e1j3V_bKic8-LAEB",
    "htm": "POST",
    "htu": "https://bank.example/oauth/token",
    "iat": int(NOW.timestamp()),
    "ath": ath(TOKEN),
    "nonce": NONCES.fresh(now=NOW, jkt=JKT),
}


class Unreached(KnownKeys):
    """Fails the test that gets as far as the signature."""

    def verify(self, jwk: Mapping[str, str], *, signed: bytes, signature: bytes) -> bool:
        raise AssertionError("a signature was verified for a proof that can be refused without")


def part(value: object) -> str:
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def signed(claims: object = CLAIMS, header: object = HEADER, *, key: ECKey = KEY) -> str:
    """Any header and claims at all, signed with ES256 as they stand."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(jws.JWSRegistry.algorithms['ES256'].sign(text.encode(), key))}"


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def verified(
    *proofs: str,
    method: str = "POST",
    url: str = URL,
    now: datetime = NOW,
    nonces: Nonces = NONCES,
    keys: KnownKeys | None = None,
    access_token: str | None = TOKEN,
) -> Proof:
    return verify_proof(proofs, method=method, url=url, now=now, nonces=nonces, keys=keys or KnownKeys(), access_token=access_token)


def refused(*proofs: str, error: ProofError = ProofError.INVALID, before_crypto: bool = True, **how: Any) -> ProofRefused:
    """Not let through, and by default before any signature was looked at; the text may stand in an error_description."""
    with pytest.raises(ProofRefused) as refusal:
        verified(*proofs, keys=Unreached() if before_crypto else KnownKeys(), **how)
    assert refusal.value.error == error
    assert (refusal.value.nonce is not None) == (error is ProofError.NONCE)
    # RFC 6749, 5.2: what a description may have in it.
    assert all(" " <= character <= "~" and character not in '"\\' for character in refusal.value.description)
    return refusal.value
