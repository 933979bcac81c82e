"""Events: what happened, with all that is known about it at the time, so that it can be judged again later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter

from auth.risk.places import UNKNOWN, Place
from auth.tiers import Tier

__all__ = ["NOT_ATTESTED", "Attestation", "Event", "Flag", "Kind", "NetworkDecision", "Proof", "Scope", "SessionSeen", "Verdict"]


class Kind(StrEnum):
    LOGIN = "login"
    REFRESH = "refresh"
    STEP_UP = "step_up"
    SENSITIVE_OPERATION = "sensitive_operation"


class Flag(StrEnum):
    """What leaves nothing to judge."""

    TOKEN_OUTSIDE_DEVICE = "token_outside_device"  # noqa: S105 - Not a password.
    REFRESH_REUSED = "refresh_reused"
    BAD_ACR = "bad_acr"
    TWO_DEVICES_ONE_SESSION = "two_devices_one_session"


class Verdict(StrEnum):
    """What the platform said of a device and the app on it."""

    GENUINE = "genuine"
    MISSING = "missing"
    FAILED = "failed"
    EMULATOR = "emulator"
    ROOTED = "rooted"
    OLD_APP = "old_app"


class NetworkDecision(StrEnum):
    """What to do with logins from a network."""

    ALLOW = "allow"
    CHALLENGE = "challenge"
    REFUSE = "refuse"


class Scope(StrEnum):
    """What the logins of a network are counted by."""

    PREFIX = "prefix"
    ASN = "asn"
    FINGERPRINT = "fingerprint"


class Proof(StrEnum):
    """What the customer proved with this event: at a login, its factors; at a step-up, what it asked for; at an operation, its approval."""

    NONE = "none"
    MFA = "mfa"
    APPROVAL_KEY = "approval_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A verdict, and when it was given: praise without a time is not believed."""

    verdict: Verdict
    checked_at: datetime | None = None


NOT_ATTESTED = Attestation(verdict=Verdict.MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """A session as it was before the event; `confirmed_at` is its last step-up."""

    id: str  # A name for it, never the secret that opens it: events are kept.
    began_at: datetime
    last_seen_at: datetime
    country: str | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a customer's account."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: UUID
    kind: Kind
    at: datetime
    tier: Tier  # Of the session, or the one that a login or a step-up is for.
    device: str
    device_known: bool  # Its key is registered with this customer.
    proof: Proof = Proof.NONE
    prefix: str | None = None  # The network, never the whole address.
    place: Place = UNKNOWN
    attestation: Attestation = NOT_ATTESTED
    flags: tuple[Flag, ...] = ()
    failed_factors: Mapping[str, int] = field(default_factory=dict)  # Failures within the last hour, by factor.
    network: NetworkDecision = NetworkDecision.ALLOW  # What `networks.judge` said of where it comes from.
    password_sprayed: bool = False
    session: SessionSeen | None = None  # None for a login: its session begins with it.
    other_sessions: tuple[SessionSeen, ...] = ()

    def to_json(self) -> bytes:
        return _EVENT.dump_json(self, exclude_none=True)

    @classmethod
    def from_json(cls, text: bytes) -> Event:
        """What `to_json` wrote.

        Raises:
            ValueError: it is not that.
        """
        return _EVENT.validate_json(text)


_EVENT = TypeAdapter(Event)
