"""Attestation by a verification service: JSON with the evidence in, a level of integrity and findings out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self

from pydantic import SecretStr

from providers.attestation import AttestationUnavailable, Level, Platform, Reason, Verdict
from providers.http import Party

__all__ = ["LONGEST_EVIDENCE", "TIMEOUT_SECONDS", "HttpAttestation"]

TIMEOUT_SECONDS = 3.0  # Signing in waits for it, and has more to do.
LONGEST_EVIDENCE = 32 * 1024  # Bytes. A chain of certificates has some 10 kB.

PLATFORMS = {Platform.ANDROID: "ANDROID", Platform.IOS: "IOS"}
INTEGRITY = {
    "MEETS_STRONG_INTEGRITY": Level.STRONG,
    "MEETS_DEVICE_INTEGRITY": Level.BASIC,
    "MEETS_BASIC_INTEGRITY": Level.BASIC,
    "NO_INTEGRITY": Level.FAILED,
}
FINDINGS = {
    "EMULATOR_DETECTED": Reason.EMULATOR,
    "ROOT_DETECTED": Reason.ROOTED,
    "APP_OUTDATED": Reason.OLD_APP,
    "NONCE_REUSED": Reason.REPLAYED_NONCE,
    "NONCE_MISMATCH": Reason.REPLAYED_NONCE,
    "KEY_MISMATCH": Reason.OTHER_KEY,
    "SIGNATURE_INVALID": Reason.NOT_EVIDENCE,
}


class HttpAttestation:
    """The adapter; the port is `providers.attestation.Attestation`."""

    def __init__(self, party: Party, *, api_key: SecretStr, now: Callable[[], datetime], timeout_seconds: float) -> None:
        self._party = party
        self._api_key = api_key
        self._now = now
        self._timeout_seconds = timeout_seconds

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, api_key: SecretStr, now: Callable[[], datetime], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> AsyncIterator[Self]:
        """With a pool of connections to `url`; `now` is the bank's clock, which verdicts are dated by."""
        async with Party.open(url, unavailable=AttestationUnavailable) as party:
            yield cls(party, api_key=api_key, now=now, timeout_seconds=timeout_seconds)

    async def verify(self, *, platform: Platform, evidence: bytes, nonce: bytes, key_jkt: str) -> Verdict:
        if not evidence:
            return Verdict(level=Level.NONE, checked_at=self._now())
        if len(evidence) > LONGEST_EVIDENCE:
            return Verdict(level=Level.FAILED, reasons=frozenset({Reason.NOT_EVIDENCE}), checked_at=self._now())
        answer = await self._party.post(
            "/v1/attestations",
            timeout_seconds=self._timeout_seconds,
            headers={"Authorization": f"Bearer {self._api_key.get_secret_value()}"},
            json={
                "platform": PLATFORMS[platform],
                "evidence": base64.b64encode(evidence).decode(),
                "nonce": base64.b64encode(nonce).decode(),
                "keyThumbprint": key_jkt,
            },
            answers={200},
        )
        level, reasons = _read(answer)
        return Verdict(level=level, reasons=reasons, checked_at=self._now())


def _read(answer: Any) -> tuple[Level, frozenset[Reason]]:
    match answer:
        case {"integrity": str(integrity), "findings": list(findings)} if integrity in INTEGRITY:
            reasons = frozenset(FINDINGS.get(str(finding), Reason.OTHER) for finding in findings)
            # Whatever is found speaks against the phone, even where its hardware is sound.
            if reasons or INTEGRITY[integrity] is Level.FAILED:
                return Level.FAILED, reasons or frozenset({Reason.OTHER})
            return INTEGRITY[integrity], reasons
        case _:
            raise AttestationUnavailable("answered in a form that is not known", maybe_done=True)
