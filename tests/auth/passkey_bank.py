"""A bank that passkeys are made for, what it asks phones for, and their answers taken apart."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from auth.passkeys import Passkey, PasskeyRefused, Reason, RelyingParty
from tests.auth.authenticator import Authenticator, decoded, encoded

__all__ = [
    "AMINA",
    "ANDROID",
    "BANK",
    "BRIAN",
    "CHALLENGE",
    "ORIGIN",
    "attestation",
    "changed",
    "making",
    "refused",
    "registered",
    "signature",
    "using",
]

ORIGIN = "https://app.bank.example"
ANDROID = "android:apk-key-hash:" + encoded(bytes(range(32)))
BANK = RelyingParty(id="bank.example", name="Bank", origins=frozenset({ORIGIN, "https://bank.example:8443", ANDROID}))
CHALLENGE = bytes(32)
AMINA, BRIAN = b"amina's own handle", b"brian's own handle"


def making(*existing: Passkey, challenge: bytes = CHALLENGE, handle: bytes = AMINA) -> dict[str, Any]:
    return BANK.registration_options(challenge=challenge, user_handle=handle, user_name="+2348030000001", display_name="Amina", existing=existing)


def using(*allowed: Passkey, challenge: bytes = CHALLENGE) -> dict[str, Any]:
    return BANK.authentication_options(challenge=challenge, allowed=allowed)


def registered(phone: Authenticator, **options: Any) -> Passkey:
    return BANK.register(phone.create(making(**options)), challenge=CHALLENGE)


def refused(call: Callable[[], object], reason: Reason) -> None:
    """Refused for this reason, and with no more words than that."""
    with pytest.raises(PasskeyRefused) as refusal:
        call()
    assert (refusal.value.reason, str(refusal.value)) == (reason, reason.value)


def changed(answer: str, **response: Any) -> str:
    """An answer with other members; None takes one out."""
    whole = json.loads(answer)
    members = whole["response"] | {name: encoded(value) if isinstance(value, bytes) else value for name, value in response.items()}
    return json.dumps(whole | {"response": {name: value for name, value in members.items() if value is not None}})


def attestation(answer: str) -> dict[str, Any]:
    """The attestation object of an answer, to be changed."""
    found: dict[str, Any] = cbor2.loads(decoded(json.loads(answer)["response"]["attestationObject"]))
    return found


def signature(key: ec.EllipticCurvePrivateKey, data: bytes, client: bytes) -> bytes:
    """Of an attestation, or of a use."""
    return key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
