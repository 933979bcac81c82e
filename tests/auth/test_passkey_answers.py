"""Answers of phones that are broken, or made by hand: a refusal with its reason, and nothing else ever.

Method: answers of an authenticator in software with one part replaced, by hand or at random.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from auth.passkeys import LONGEST, PasskeyRefused, Reason, claimed
from tests.auth.authenticator import Authenticator, decoded, encoded, public_key
from tests.auth.passkey_bank import BANK, CHALLENGE, ORIGIN, attestation, changed, making, refused, registered, signature, using

# ---------------------------------------------------------------- what was made


def test_an_attestation_that_vouches_for_nobody_may_stay() -> None:
    phone = Authenticator(origin=ORIGIN)
    answer = phone.create(making())
    sound, client = attestation(answer), decoded(json.loads(answer)["response"]["clientDataJSON"])

    def signed_by(key: ec.EllipticCurvePrivateKey) -> str:
        statement = {"alg": -7, "sig": signature(key, sound["authData"], client)}
        return changed(answer, attestationObject=cbor2.dumps(sound | {"fmt": "packed", "attStmt": statement}))

    assert BANK.register(signed_by(phone.passkeys[0].key), challenge=CHALLENGE).credential_id == phone.passkeys[0].credential_id
    refused(lambda: BANK.register(signed_by(ec.generate_private_key(ec.SECP256R1())), challenge=CHALLENGE), Reason.ATTESTATION)


def test_an_attestation_with_a_certificate_is_refused_even_where_everything_in_it_is_right() -> None:
    phone, maker = Authenticator(origin=ORIGIN), ec.generate_private_key(ec.SECP256R1())
    answer = phone.create(making())
    sound, client = attestation(answer), decoded(json.loads(answer)["response"]["clientDataJSON"])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a maker of keys")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(maker.public_key()).serial_number(1)
    certificate = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(maker, hashes.SHA256())
    statement = {"alg": -7, "sig": signature(maker, sound["authData"], client), "x5c": [certificate.public_bytes(Encoding.DER)]}

    vouched = changed(answer, attestationObject=cbor2.dumps(sound | {"fmt": "packed", "attStmt": statement}))

    refused(lambda: BANK.register(vouched, challenge=CHALLENGE), Reason.ATTESTATION)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fmt": "tpm"}, Reason.ATTESTATION),
        ({"fmt": "android-safetynet"}, Reason.ATTESTATION),
        ({"fmt": "unheard of"}, Reason.ATTESTATION),
        ({"fmt": ["none"]}, Reason.ATTESTATION),
        ({"attStmt": {"sig": b"x"}}, Reason.ATTESTATION),
        ({"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x"}}, Reason.ATTESTATION),
        ({"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": [b"y"]}}, Reason.ATTESTATION),
        ({"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": []}}, Reason.ATTESTATION),
        ({"attStmt": 7}, Reason.MALFORMED),
        ({"authData": b"short"}, Reason.MALFORMED),
        ({"authData": "text"}, Reason.MALFORMED),
    ],
)
def test_other_attestations_are_refused(change: dict[str, Any], reason: Reason) -> None:
    answer = Authenticator(origin=ORIGIN).create(making())
    other = changed(answer, attestationObject=cbor2.dumps(attestation(answer) | change))

    refused(lambda: BANK.register(other, challenge=CHALLENGE), reason)


def made_with(key: bytes, *, credential_id: bytes | None = None, flags: int = 0x45) -> str:
    """An answer to registration with this COSE key in it, or none."""
    phone = Authenticator(origin=ORIGIN)
    answer = phone.create(making())
    id = phone.passkeys[0].credential_id if credential_id is None else credential_id
    head = attestation(answer)["authData"][:32] + bytes([flags]) + bytes(4)
    data = head + (bytes(16) + len(id).to_bytes(2, "big") + id + key if flags & 0x40 else b"")
    return changed(answer, attestationObject=cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}))


GOOD_KEY = public_key(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (made_with(cbor2.dumps(cbor2.loads(GOOD_KEY) | {3: -36})), Reason.ALGORITHM),  # ES512
        (made_with(cbor2.dumps(cbor2.loads(GOOD_KEY) | {3: -65535})), Reason.ALGORITHM),  # RSA with SHA-1
        (made_with(cbor2.dumps(cbor2.loads(GOOD_KEY) | {3: [-7]})), Reason.ALGORITHM),
        (made_with(cbor2.dumps({1: 2})), Reason.ALGORITHM),
        (made_with(cbor2.dumps(7)), Reason.ALGORITHM),
        (made_with(b""), Reason.MALFORMED),
        (made_with(GOOD_KEY + b"\0"), Reason.MALFORMED),
        (made_with(GOOD_KEY, credential_id=b"of another"), Reason.WRONG_CREDENTIAL),
        (made_with(GOOD_KEY, credential_id=b""), Reason.WRONG_CREDENTIAL),
        (made_with(GOOD_KEY, flags=0x05), Reason.WRONG_CREDENTIAL),  # No credential at all.
        (made_with(GOOD_KEY, flags=0x55), Reason.MALFORMED),  # Backed up, though it never can be.
    ],
)
def test_a_key_that_cannot_be_used_is_refused(answer: str, reason: Reason) -> None:
    refused(lambda: BANK.register(answer, challenge=CHALLENGE), reason)


@pytest.mark.parametrize(("length", "is_taken"), [(0, False), (1, True), (1023, True), (1024, False)])
def test_a_credential_id_has_a_limit(length: int, is_taken: bool) -> None:
    name = {"id": encoded(bytes(length)), "rawId": encoded(bytes(length))}
    answer = json.dumps(json.loads(made_with(GOOD_KEY, credential_id=bytes(length))) | name)

    if is_taken:
        assert BANK.register(answer, challenge=CHALLENGE).credential_id == bytes(length)
    else:
        refused(lambda: BANK.register(answer, challenge=CHALLENGE), Reason.WRONG_CREDENTIAL)


# ---------------------------------------------------------------- what was sent


def sent(*, id: str = "YQ", raw_id: str = "YQ", kind: str = "public-key", client: object = "e30") -> str:
    """The shape of an answer, with next to nothing in it."""
    response = {"clientDataJSON": client, "authenticatorData": "", "attestationObject": "", "signature": ""}
    return json.dumps({"id": id, "rawId": raw_id, "type": kind, "response": response})


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "{",
        '{"id": "a"}',
        '{"id": "a", "rawId": "YQ", "type": "public-key", "response": []}',
        sent(kind="password"),
        sent(raw_id="Y"),
        sent(raw_id="Yg"),
        sent(id="\ud800", raw_id="\ud800"),
        sent(client=7),
        sent(client=""),
        "[" * LONGEST,
        '{"id": ' * (LONGEST // 7),
        " " * (LONGEST + 1),
    ],
)
def test_what_is_no_answer_is_refused(answer: str) -> None:
    passkey = registered(Authenticator(origin=ORIGIN))

    refused(lambda: claimed(answer), Reason.MALFORMED)
    refused(lambda: BANK.authenticate(answer, challenge=CHALLENGE, passkey=passkey), Reason.MALFORMED)
    refused(lambda: BANK.register(answer, challenge=CHALLENGE), Reason.MALFORMED)


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (b"", Reason.MALFORMED),
        (b"[]", Reason.MALFORMED),
        (b'{"type": "webauthn.get"}', Reason.MALFORMED),
        (b'{"type": "webauthn.get", "challenge": "A", "origin": ""}', Reason.MALFORMED),
        (b'{"type": "webauthn.get", "challenge": null, "origin": ""}', Reason.WRONG_CHALLENGE),
        (b"\xff\xfe", Reason.MALFORMED),
        (b'{"type": ["webauthn.get"], "challenge": "AA", "origin": ""}', Reason.WRONG_CEREMONY),
    ],
)
def test_client_data_that_no_browser_writes_is_refused(client: bytes, reason: Reason) -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    answer = changed(phone.get(using()), clientDataJSON=client)

    refused(lambda: BANK.authenticate(answer, challenge=CHALLENGE, passkey=passkey), reason)


def test_the_longest_answer_is_read_and_one_character_more_is_not() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    answer = phone.get(using()).ljust(LONGEST)

    assert claimed(answer).credential_id == passkey.credential_id
    refused(lambda: claimed(answer + " "), Reason.MALFORMED)


# ---------------------------------------------------------------- at random

KNOWN = Authenticator(origin=ORIGIN)
KNOWN_PASSKEY = registered(KNOWN)
MADE, USED = Authenticator(origin=ORIGIN).create(making()), KNOWN.get(using())


@given(st.sampled_from(["clientDataJSON", "attestationObject"]), st.data())
def test_a_broken_registration_causes_a_refusal_or_nothing_at_all(name: str, data: st.DataObject) -> None:
    broken = changed(MADE, **{name: mutated(decoded(json.loads(MADE)["response"][name]), data)})

    try:
        BANK.register(broken, challenge=CHALLENGE)
    except PasskeyRefused:
        assert broken != MADE


@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.data())
def test_a_broken_authentication_is_refused(name: str, data: st.DataObject) -> None:
    sound = decoded(json.loads(USED)["response"][name])
    broken = mutated(sound, data)

    if broken == sound:
        BANK.authenticate(changed(USED, **{name: broken}), challenge=CHALLENGE, passkey=KNOWN_PASSKEY)
    else:
        with pytest.raises(PasskeyRefused):
            BANK.authenticate(changed(USED, **{name: broken}), challenge=CHALLENGE, passkey=KNOWN_PASSKEY)


def mutated(sound: bytes, data: st.DataObject) -> bytes:
    """Some bytes replaced by others, maybe more or fewer."""
    start = data.draw(st.integers(0, len(sound)))
    end = data.draw(st.integers(start, min(len(sound), start + 8)))
    return sound[:start] + data.draw(st.binary(max_size=8)) + sound[end:]
