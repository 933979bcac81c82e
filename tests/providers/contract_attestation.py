"""What every adapter of `providers.attestation.Attestation` keeps to, whoever the service is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from providers.attestation import Attestation, Level, Platform, Reason, Verdict

__all__ = ["CONTRACT", "AttestationParty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationParty:
    """An adapter whose clock says `now`, and evidence that is good for this nonce and key."""

    attestation: Attestation
    platform: Platform
    evidence: bytes
    nonce: bytes
    key_jkt: str
    now: datetime

    async def verdict(self, *, evidence: bytes | None = None, nonce: bytes | None = None, key_jkt: str | None = None) -> Verdict:
        """Of the good evidence, but for what is given."""
        return await self.attestation.verify(
            platform=self.platform,
            evidence=self.evidence if evidence is None else evidence,
            nonce=nonce or self.nonce,
            key_jkt=key_jkt or self.key_jkt,
        )


async def good_evidence_is_believed(party: AttestationParty) -> None:
    verdict = await party.verdict()

    assert verdict.level in {Level.STRONG, Level.BASIC}
    assert verdict.reasons == frozenset()
    assert verdict.checked_at == party.now


async def asked_again_it_says_the_same(party: AttestationParty) -> None:
    assert await party.verdict() == await party.verdict()


async def evidence_for_another_nonce_fails(party: AttestationParty) -> None:
    verdict = await party.verdict(nonce=b"n" * 32)

    assert verdict == Verdict(level=Level.FAILED, reasons=frozenset({Reason.REPLAYED_NONCE}), checked_at=party.now)


async def evidence_for_another_key_fails(party: AttestationParty) -> None:
    verdict = await party.verdict(key_jkt="A" * 43)

    assert verdict == Verdict(level=Level.FAILED, reasons=frozenset({Reason.OTHER_KEY}), checked_at=party.now)


async def what_is_no_evidence_fails(party: AttestationParty) -> None:
    cut = party.evidence[: len(party.evidence) // 2]
    for junk in (b"junk", b"\x00\xff" * 100, b"a.b.c", b"..", cut, bytes(1_000_000)):
        verdict = await party.verdict(evidence=junk)
        assert verdict == Verdict(level=Level.FAILED, reasons=frozenset({Reason.NOT_EVIDENCE}), checked_at=party.now)


async def without_evidence_there_is_none(party: AttestationParty) -> None:
    assert await party.verdict(evidence=b"") == Verdict(level=Level.NONE, checked_at=party.now)


CONTRACT: tuple[Callable[[AttestationParty], Awaitable[None]], ...] = (
    good_evidence_is_believed,
    asked_again_it_says_the_same,
    evidence_for_another_nonce_fails,
    evidence_for_another_key_fails,
    what_is_no_evidence_fails,
    without_evidence_there_is_none,
)
