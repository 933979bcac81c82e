"""Passkeys (WebAuthn): a key in the customer's phone that signs in, once its owner was recognised there by finger, face or PIN."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_backup_flags,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationObject,
    AuthenticationCredential,
    AuthenticatorData,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    ClientDataType,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

__all__ = ["CHALLENGE_BYTES", "LONGEST", "Claim", "Passkey", "PasskeyRefused", "Reason", "RelyingParty", "Signal", "Used", "claimed"]

CHALLENGE_BYTES = 16  # At least (Web Authentication, 13.4.3).
LONGEST = 16 * 1024  # Characters of an answer; those of phones have some 1,000.
LONGEST_CREDENTIAL_ID = 1023  # Bytes (Web Authentication, 7.1).
LONGEST_USER_HANDLE = 64
TIMEOUT = timedelta(minutes=5)  # A wish to the phone; the challenge's own life decides.

ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256]
FORMATS = {"none", "packed"}  # None is asked for; "packed" without certificates may stay, as it vouches for nobody.
HTTPS_ORIGIN = re.compile(r"https://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?P<port>:[1-9][0-9]{0,4})?")
LOCAL_ORIGIN = re.compile(r"http://(?P<host>localhost)(?P<port>:[1-9][0-9]{0,4})?")  # Secure to a browser, and no name for production.
ANDROID_ORIGIN = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")  # SHA-256 of the certificate that signed the app.


class Reason(StrEnum):
    """Why an answer was refused. For the audit log: whoever sent it is told one thing for all of them."""

    MALFORMED = "MALFORMED"
    WRONG_CEREMONY = "WRONG_CEREMONY"  # A registration for an authentication, or the other way round.
    WRONG_CHALLENGE = "WRONG_CHALLENGE"
    WRONG_ORIGIN = "WRONG_ORIGIN"
    EMBEDDED = "EMBEDDED"  # In a frame of somebody else's page.
    WRONG_RELYING_PARTY = "WRONG_RELYING_PARTY"
    USER_NOT_PRESENT = "USER_NOT_PRESENT"
    USER_NOT_VERIFIED = "USER_NOT_VERIFIED"
    ALGORITHM = "ALGORITHM"
    ATTESTATION = "ATTESTATION"
    WRONG_CREDENTIAL = "WRONG_CREDENTIAL"
    SIGNATURE = "SIGNATURE"


class PasskeyRefused(Exception):
    """The answer proves nothing."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Signal(StrEnum):
    """What is odd about an answer that proves its key."""

    COUNTER_ROLLED_BACK = "COUNTER_ROLLED_BACK"  # There may be a copy of the key.
    ELIGIBILITY_CHANGED = "ELIGIBILITY_CHANGED"  # Forbidden by the standard, and seen of honest phones while their keychain sets itself up.


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """What the bank keeps of a registered one."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool  # It may live on several devices of its owner's.
    aaguid: str  # The make of what holds it, as far as that can be believed.
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whose passkey an answer says it is; nothing is proven by it."""

    credential_id: bytes
    user_handle: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A passkey that proved itself."""

    credential_id: bytes
    user_handle: bytes | None
    sign_count: int  # To be kept; never less than it was.
    is_backed_up: bool
    signals: frozenset[Signal]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """The bank, as passkeys know it: they belong to its domain `id`, and sign for these origins only, each to the letter.

    An origin is `https://` and a host, which is `id` or below it, or `android:apk-key-hash:` and the hash of an app's certificate.
    """

    id: str
    name: str
    origins: frozenset[str]

    def __post_init__(self) -> None:
        for origin in self.origins:
            found = HTTPS_ORIGIN.fullmatch(origin) or LOCAL_ORIGIN.fullmatch(origin)
            is_ours = found is not None and f".{found['host']}".endswith(f".{self.id}") and found["port"] != ":443"
            if not is_ours and not ANDROID_ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin of {self.id!r}: https://<host>, without a path, or android:apk-key-hash:<hash>")
        if not self.origins or not self.id or not self.name:
            raise ValueError("a relying party has an id, a name and at least one origin")

    def registration_options(
        self, *, challenge: bytes, user_handle: bytes, user_name: str, display_name: str, existing: Iterable[Passkey] = ()
    ) -> dict[str, Any]:
        """What a phone needs to make a passkey, as JSON; it makes none beside one of `existing`.

        `user_handle` comes back with each use. It tells no person apart who does not know the bank's ids.
        """
        _check_challenge(challenge)
        if not 1 <= len(user_handle) <= LONGEST_USER_HANDLE:
            raise ValueError(f"a user handle has 1 to {LONGEST_USER_HANDLE} bytes")
        options = generate_registration_options(
            rp_id=self.id,
            rp_name=self.name,
            user_id=user_handle,
            user_name=user_name,
            user_display_name=display_name,
            challenge=challenge,
            timeout=_milliseconds(TIMEOUT),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in existing],
            supported_pub_key_algs=ALGORITHMS,
        )
        return _json(options_to_json(options))

    def register(self, answer: str, *, challenge: bytes) -> Passkey:
        """The passkey that a phone made for `challenge`, which the caller has just used up. Its id may be somebody's already.

        Raises:
            PasskeyRefused: and why.
        """
        _check_challenge(challenge)
        credential, attested, client = _read_registration(answer)
        self._check(client, attested.auth_data, ClientDataType.WEBAUTHN_CREATE, challenge)
        _check_made(credential, attested)
        with _refusing(Reason.ATTESTATION):
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
        return Passkey(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            is_synced=attested.auth_data.flags.be,
            aaguid=verified.aaguid,
            transports=tuple(transport.value for transport in credential.response.transports or ()),
        )

    def authentication_options(self, *, challenge: bytes, allowed: Iterable[Passkey] = ()) -> dict[str, Any]:
        """What a phone needs to use a passkey, as JSON. Without `allowed` it offers all that it has for the bank.

        Nobody who has not signed in yet is told which passkeys a customer has: `allowed` is for a customer who has.
        """
        _check_challenge(challenge)
        options = generate_authentication_options(
            rp_id=self.id,
            challenge=challenge,
            timeout=_milliseconds(TIMEOUT),
            allow_credentials=[_descriptor(passkey) for passkey in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _json(options_to_json(options))

    def authenticate(self, answer: str, *, challenge: bytes, passkey: Passkey) -> Used:
        """That `passkey`, found by what is `claimed`, signed `challenge`, which the caller has just used up.

        The caller keeps the count only where it still is the one in `passkey`, or asks again with the new one; and refuses a user handle
        that is not the owner's.

        Raises:
            PasskeyRefused: and why.
        """
        _check_challenge(challenge)
        credential, data, client = _read_authentication(answer)
        self._check(client, data, ClientDataType.WEBAUTHN_GET, challenge)
        if credential.raw_id != passkey.credential_id:
            raise PasskeyRefused(Reason.WRONG_CREDENTIAL)
        with _refusing(Reason.SIGNATURE):
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=0,  # The library would refuse a rollback before it looks at the signature: see _signals.
                require_user_verification=True,
            )
        return Used(
            credential_id=verified.credential_id,
            user_handle=credential.response.user_handle,
            sign_count=max(passkey.sign_count, verified.new_sign_count),
            is_backed_up=verified.credential_backed_up,
            signals=_signals(passkey, data),
        )

    def _check(self, client: CollectedClientData, data: AuthenticatorData, ceremony: ClientDataType, challenge: bytes) -> None:
        """The library does most of this again; here each refusal has its reason, and frames are refused too."""
        for holds, reason in (
            (client.type == ceremony, Reason.WRONG_CEREMONY),
            (client.challenge == challenge, Reason.WRONG_CHALLENGE),
            (isinstance(client.origin, str) and client.origin in self.origins, Reason.WRONG_ORIGIN),
            (not client.cross_origin, Reason.EMBEDDED),
            (data.rp_id_hash == hashlib.sha256(self.id.encode()).digest(), Reason.WRONG_RELYING_PARTY),
            (data.flags.up, Reason.USER_NOT_PRESENT),
            (data.flags.uv, Reason.USER_NOT_VERIFIED),
        ):
            if not holds:
                raise PasskeyRefused(reason)


def claimed(answer: str) -> Claim:
    """Whose passkey an answer to authentication says it is, to find what is kept of it.

    Raises:
        PasskeyRefused: MALFORMED.
    """
    credential, _, _ = _read_authentication(answer)
    return Claim(credential_id=credential.raw_id, user_handle=credential.response.user_handle)


@contextmanager
def _refusing(reason: Reason) -> Iterator[None]:
    """The library's parsers meet a stranger's bytes, and let out whatever exception those cause: one kind for all of them."""
    try:
        yield
    except Exception as error:
        raise PasskeyRefused(reason) from error


def _read_registration(answer: str) -> tuple[RegistrationCredential, AttestationObject, CollectedClientData]:
    _check_length(answer)
    with _refusing(Reason.MALFORMED):
        credential = parse_registration_credential_json(answer)
        _check_name(credential)
        attested = parse_attestation_object(credential.response.attestation_object)
        parse_backup_flags(attested.auth_data.flags)
        return credential, attested, parse_client_data_json(credential.response.client_data_json)


def _read_authentication(answer: str) -> tuple[AuthenticationCredential, AuthenticatorData, CollectedClientData]:
    _check_length(answer)
    with _refusing(Reason.MALFORMED):
        credential = parse_authentication_credential_json(answer)
        _check_name(credential)
        data = parse_authenticator_data(credential.response.authenticator_data)
        parse_backup_flags(data.flags)
        return credential, data, parse_client_data_json(credential.response.client_data_json)


def _check_name(credential: RegistrationCredential | AuthenticationCredential) -> None:
    if credential.id != bytes_to_base64url(credential.raw_id):
        raise ValueError("an answer names its passkey twice, and these are two")


def _check_length(answer: str) -> None:
    if len(answer) > LONGEST:
        raise PasskeyRefused(Reason.MALFORMED)


def _check_challenge(challenge: bytes) -> None:
    # The library draws one of its own in place of an empty one.
    if len(challenge) < CHALLENGE_BYTES:
        raise ValueError(f"a challenge has at least {CHALLENGE_BYTES} bytes")


def _check_made(credential: RegistrationCredential, attested: AttestationObject) -> None:
    made = attested.auth_data.attested_credential_data
    # The library takes the attested id and never looks whether the answer speaks of the same.
    if made is None or made.credential_id != credential.raw_id or not 1 <= len(made.credential_id) <= LONGEST_CREDENTIAL_ID:
        raise PasskeyRefused(Reason.WRONG_CREDENTIAL)
    with _refusing(Reason.ALGORITHM):
        ALGORITHMS.index(decode_credential_public_key(made.credential_public_key).alg)
    # With certificates come parsers of many kinds, to learn what nothing here asks: that a device is sound, its own attestation tells.
    if not isinstance(attested.fmt, str) or attested.fmt not in FORMATS or attested.att_stmt.x5c is not None:
        raise PasskeyRefused(Reason.ATTESTATION)


def _signals(passkey: Passkey, data: AuthenticatorData) -> frozenset[Signal]:
    signals = set()
    # Synced passkeys do not count: zero stays zero (Web Authentication, 6.1.1).
    if (data.sign_count or passkey.sign_count) and data.sign_count <= passkey.sign_count:
        signals.add(Signal.COUNTER_ROLLED_BACK)
    if data.flags.be != passkey.is_synced:
        signals.add(Signal.ELIGIBILITY_CHANGED)
    return frozenset(signals)


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=[AuthenticatorTransport(one) for one in passkey.transports])


def _milliseconds(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def _json(text: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text)
    return options
