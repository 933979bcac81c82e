"""A phone's keychain in software: makes passkeys and signs with them, as a browser or an app would hand their answers on.

It does what an honest one does, and refuses what an honest one refuses; each setting is one way of not being honest, or of being another
make. Options go in as JSON objects, answers come out as JSON texts.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ES256 = -7
PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


class AlreadyRegistered(Exception):
    """It holds one of the passkeys that are to be excluded."""


class NothingToUse(Exception):
    """It holds no passkey that the options allow."""


@dataclass(kw_only=True)
class Held:
    """One passkey: the half that never leaves the phone."""

    credential_id: bytes
    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey
    count: int


@dataclass(kw_only=True)
class Authenticator:
    """`counts` is what each use adds to a passkey's counter; synced ones add nothing."""

    origin: str
    verifies_user: bool = True
    user_is_present: bool = True
    is_synced: bool = False
    counts: int = 1
    first_count: int = 0
    embedded: bool = False
    rp_id: str | None = None  # Of another domain than the options say.
    passkeys: list[Held] = field(default_factory=list)

    def create(self, options: Mapping[str, Any], *, challenge: bytes | None = None, kind: str = "webauthn.create") -> str:
        """A new passkey's answer; `challenge` and `kind` stand in for the right ones."""
        excluded = {decoded(one["id"]) for one in options["excludeCredentials"]}
        if any(held.credential_id in excluded for held in self.passkeys):
            raise AlreadyRegistered
        if ES256 not in [one["alg"] for one in options["pubKeyCredParams"]]:
            raise NothingToUse
        held = Held(
            credential_id=secrets.token_bytes(20),
            rp_id=self.rp_id or options["rp"]["id"],
            user_handle=decoded(options["user"]["id"]),
            key=ec.generate_private_key(ec.SECP256R1()),
            count=self.first_count,
        )
        self.passkeys.append(held)
        client = self.client_data(kind, challenge or decoded(options["challenge"]))
        attested = bytes(16) + len(held.credential_id).to_bytes(2, "big") + held.credential_id + public_key(held.key)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self.data(held, ATTESTED) + attested})
        return answer(held, clientDataJSON=client, attestationObject=attestation, transports=["internal", "hybrid"])

    def get(self, options: Mapping[str, Any], *, challenge: bytes | None = None, kind: str = "webauthn.get") -> str:
        """The answer of the newest passkey that is allowed."""
        allowed = {decoded(one["id"]) for one in options.get("allowCredentials", [])}
        usable = [one for one in self.passkeys if one.rp_id == (self.rp_id or options["rpId"]) and (not allowed or one.credential_id in allowed)]
        if not usable:
            raise NothingToUse
        held = usable[-1]
        held.count += 0 if self.is_synced else self.counts
        client, data = self.client_data(kind, challenge or decoded(options["challenge"])), self.data(held)
        signature = held.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return answer(held, clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=held.user_handle)

    def client_data(self, kind: str, challenge: bytes) -> bytes:
        """What a browser adds: where this happens. Passkeys sign its hash."""
        return json.dumps({"type": kind, "challenge": encoded(challenge), "origin": self.origin, "crossOrigin": self.embedded}).encode()

    def data(self, held: Held, flags: int = 0) -> bytes:
        """What the authenticator adds: for which domain, with how much of its user, for which time."""
        flags |= (PRESENT if self.user_is_present else 0) | (VERIFIED if self.verifies_user else 0)
        flags |= (ELIGIBLE | BACKED_UP) if self.is_synced else 0
        return hashlib.sha256(held.rp_id.encode()).digest() + bytes([flags]) + held.count.to_bytes(4, "big")


def public_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """In COSE: key type EC2, ES256, P-256, x, y."""
    point = key.public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def answer(held: Held, **response: bytes | list[str]) -> str:
    """As `PublicKeyCredential.toJSON()` writes it."""
    name = encoded(held.credential_id)
    written = {key: encoded(value) if isinstance(value, bytes) else value for key, value in response.items()}
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": written})


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The way back."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
