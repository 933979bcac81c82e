"""What a phone's maker says about it: believed, doubted, or not to be had.

Method: the adapter asks the simulator over HTTP, with evidence that a development root signed, right but for one thing.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from pydantic import SecretStr

from kernel.settings import Environment
from providers.attestation import Attestation, AttestationUnavailable, Level, Platform, Reason, Verdict
from providers.attestation.http import LONGEST_EVIDENCE, HttpAttestation
from providers.attestation.simulator import create_app, evidence
from providers.simulators import serve
from tests.providers.contract_attestation import CONTRACT, AttestationParty
from tests.providers.sandboxes import sandbox

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = SecretStr("the-key-of-the-simulator")
ROOT, FOREIGN_ROOT = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
NONCE = b"a nonce of thirty-two bytes, yes"
JKT = ECKey.generate_key("P-256").thumbprint()


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with serve(create_app(api_key=KEY, root=ROOT), environment=Environment.TEST) as served:
        yield served


@pytest.fixture
async def attestation(address: str) -> AsyncIterator[Attestation]:
    async with HttpAttestation.open(address, api_key=KEY, now=lambda: NOW) as opened:
        yield opened


async def verdict(attestation: Attestation, sent: bytes) -> Verdict:
    return await attestation.verify(platform=Platform.ANDROID, evidence=sent, nonce=NONCE, key_jkt=JKT)


def failed(*reasons: Reason) -> Verdict:
    return Verdict(level=Level.FAILED, reasons=frozenset(reasons), checked_at=NOW)


# ---------------------------------------------------------------- the contract


@pytest.fixture(params=["simulator", "sandbox"])
async def party(request: pytest.FixtureRequest, address: str) -> AsyncIterator[AttestationParty]:
    if request.param == "simulator":
        url, key, platform = address, KEY.get_secret_value(), "ios"
        sent, nonce, key_jkt = evidence(ROOT, nonce=NONCE, key_jkt=JKT), NONCE, JKT
    else:
        # Evidence of a real phone, recorded with its nonce (both in base64).
        url, key, platform, recorded, given, key_jkt = sandbox("ATTESTATION", "URL", "KEY", "PLATFORM", "EVIDENCE", "NONCE", "JKT")
        sent, nonce = base64.b64decode(recorded), base64.b64decode(given)
    async with HttpAttestation.open(url, api_key=SecretStr(key), now=lambda: NOW) as opened:
        yield AttestationParty(attestation=opened, platform=Platform(platform), evidence=sent, nonce=nonce, key_jkt=key_jkt, now=NOW)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_the_contract_holds(promise: Callable[[AttestationParty], Awaitable[None]], party: AttestationParty) -> None:
    await promise(party)


# ---------------------------------------------------------------- verdicts


async def test_a_phone_whose_hardware_vouches_for_its_key_is_strong(attestation: Attestation) -> None:
    assert await verdict(attestation, evidence(ROOT, nonce=NONCE, key_jkt=JKT)) == Verdict(level=Level.STRONG, checked_at=NOW)


async def test_a_sound_phone_without_such_hardware_is_basic(attestation: Attestation) -> None:
    sent = evidence(ROOT, nonce=NONCE, key_jkt=JKT, script="fault:basic")

    assert await verdict(attestation, sent) == Verdict(level=Level.BASIC, checked_at=NOW)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("fault:emulator", Reason.EMULATOR),
        ("fault:rooted", Reason.ROOTED),
        ("fault:old-app", Reason.OLD_APP),
        ("fault:replayed-nonce", Reason.REPLAYED_NONCE),
        ("fault:news", Reason.OTHER),
        ("fault:distrusted", Reason.OTHER),
    ],
)
async def test_whatever_speaks_against_a_phone_fails_it_and_is_named(attestation: Attestation, script: str, reason: Reason) -> None:
    assert await verdict(attestation, evidence(ROOT, nonce=NONCE, key_jkt=JKT, script=script)) == failed(reason)


async def test_all_that_is_found_is_named(attestation: Attestation) -> None:
    sent = evidence(ROOT, nonce=b"another", key_jkt="another", script="fault:rooted")

    assert await verdict(attestation, sent) == failed(Reason.ROOTED, Reason.REPLAYED_NONCE, Reason.OTHER_KEY)


def of_another_type() -> bytes:
    return jws.serialize_compact({"alg": "ES256", "typ": "dpop+jwt"}, b"{}", ROOT, algorithms=["ES256"]).encode()


def with_its_own_key_in_the_header() -> bytes:
    header = {"alg": "ES256", "typ": "development-attestation+jws", "jwk": FOREIGN_ROOT.as_dict(private=False)}
    return jws.serialize_compact(header, b"{}", FOREIGN_ROOT, algorithms=["ES256"]).encode()


def with_another_signature() -> bytes:
    ours, theirs = (evidence(ROOT, nonce=nonce, key_jkt=JKT).rpartition(b".") for nonce in (NONCE, b"another"))
    return ours[0] + b"." + theirs[2]


@pytest.mark.parametrize(
    "forge",
    [
        lambda: evidence(FOREIGN_ROOT, nonce=NONCE, key_jkt=JKT),
        of_another_type,
        with_its_own_key_in_the_header,
        with_another_signature,
    ],
)
async def test_what_the_maker_did_not_sign_as_evidence_is_none(attestation: Attestation, forge: Callable[[], bytes]) -> None:
    assert await verdict(attestation, forge()) == failed(Reason.NOT_EVIDENCE)


# ---------------------------------------------------------------- no verdict


@pytest.mark.parametrize("script", ["fault:server-error", "fault:garbled"])
async def test_a_service_that_makes_no_sense_gives_no_verdict(attestation: Attestation, script: str) -> None:
    with pytest.raises(AttestationUnavailable):
        await verdict(attestation, evidence(ROOT, nonce=NONCE, key_jkt=JKT, script=script))


async def test_what_needs_no_service_does_not_ask_one() -> None:
    async with HttpAttestation.open("http://127.0.0.1:1", api_key=KEY, now=lambda: NOW) as nowhere:
        assert await verdict(nowhere, b"") == Verdict(level=Level.NONE, checked_at=NOW)
        assert await verdict(nowhere, bytes(LONGEST_EVIDENCE + 1)) == failed(Reason.NOT_EVIDENCE)
        with pytest.raises(AttestationUnavailable, match="cannot be reached"):
            await verdict(nowhere, bytes(LONGEST_EVIDENCE))


async def test_a_silent_service_gives_no_verdict(address: str) -> None:
    async with HttpAttestation.open(address, api_key=KEY, now=lambda: NOW, timeout_seconds=0.2) as impatient:
        with pytest.raises(AttestationUnavailable, match="gave no answer"):
            await verdict(impatient, evidence(ROOT, nonce=NONCE, key_jkt=JKT, script="fault:silent"))


async def test_a_service_that_does_not_know_us_gives_no_verdict(address: str) -> None:
    async with HttpAttestation.open(address, api_key=SecretStr("another"), now=lambda: NOW) as stranger:
        with pytest.raises(AttestationUnavailable, match="answered 401"):
            await verdict(stranger, evidence(ROOT, nonce=NONCE, key_jkt=JKT))
