"""Attestation: the port. What a phone's maker says about a phone, its app and the key inside it; what follows is the caller's policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from providers import PartyUnavailable

__all__ = ["Attestation", "AttestationUnavailable", "Level", "Platform", "Reason", "Verdict"]


class Platform(StrEnum):
    ANDROID = "android"
    IOS = "ios"


class Level(StrEnum):
    STRONG = "strong"  # Hardware vouches for the key.
    BASIC = "basic"  # The system looks sound; no hardware vouches for it.
    FAILED = "failed"  # There was evidence, and it speaks against the phone or for another one.
    NONE = "none"  # There was no evidence.


class Reason(StrEnum):
    EMULATOR = "emulator"
    ROOTED = "rooted"
    OLD_APP = "old-app"
    REPLAYED_NONCE = "replayed-nonce"  # Evidence of another moment.
    OTHER_KEY = "other-key"
    NOT_EVIDENCE = "not-evidence"  # Not signed by the maker, or not to be read at all.
    OTHER = "other"  # Something that we have no word for.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reasons` say why it is FAILED, and are empty for the other levels."""

    level: Level
    reasons: frozenset[Reason] = frozenset()
    checked_at: datetime


class AttestationUnavailable(PartyUnavailable):
    """There is no verdict, good or bad."""


class Attestation(Protocol):
    async def verify(self, *, platform: Platform, evidence: bytes, nonce: bytes, key_jkt: str) -> Verdict:
        """What `evidence` of this platform says about the holder of the key with the thumbprint `key_jkt` (RFC 7638).

        `nonce` is the one that we gave for this evidence. Changes nothing anywhere, and may be asked again.

        Raises:
            AttestationUnavailable: no answer to go by.
        """
        ...
