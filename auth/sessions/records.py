"""What goes into the operations on sessions, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from auth.tiers import Tier, TierLimits

__all__ = [
    "EndReason",
    "FoundCode",
    "FoundSession",
    "Needed",
    "NewSession",
    "RedeemStatus",
    "Redeemed",
    "RiskAction",
    "RotateStatus",
    "Rotated",
    "SessionStatus",
    "Standing",
    "Touch",
    "Touched",
]


class EndReason(StrEnum):
    """Why a session ended: found by the store, or said by who ended it. For records and alarms, never for the client."""

    IDLE = "idle"
    ABSOLUTE = "absolute"
    SUPERSEDED = "superseded"  # Its holder's epoch is younger than its sign-in.
    OTHER_DEVICE = "other_device"  # Its refresh token came with another key: it leaked.
    REUSED = "reused"  # A refresh token came that had been replaced for good.
    LATE = "late"  # A retry by the right device, after the window: a lost answer, no thief.
    CODE_REUSED = "code_reused"
    BROKEN = "broken"  # Its sealed value was changed, moved, or is of a key that was taken away.
    CROWDED = "crowded"  # The holder has too many.
    SIGNED_OUT = "signed_out"
    DEVICE_REVOKED = "device_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    FACTOR_CHANGED = "factor_changed"
    RECOVERED = "recovered"
    LOCKED = "locked"
    RISK = "risk"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> EndReason:
        return cls.OTHER  # A newer version of the bank, on the same store, may know more.


class RiskAction(StrEnum):
    """What the last assessment wants of this session."""

    ALLOW = "allow"
    STEP_UP = "step_up"  # Until it is stepped up.
    HOLD = "hold"  # Until somebody decides.


class Needed(StrEnum):
    """What has to be done before the request can have the tier that it wants."""

    NOTHING = "nothing"
    NEW_TOKEN = "new_token"  # noqa: S105 - The session has the tier; the token is from before.
    STEP_UP = "step_up"
    HOLD = "hold"


class SessionStatus(StrEnum):
    ALIVE = "alive"
    GONE = "gone"
    ENDED = "ended"
    OTHER_DEVICE = "other_device"  # Not its key. The session goes on: access tokens are seen by more eyes than refresh tokens.
    STALE_TOKEN = "stale_token"  # noqa: S105 - From before the holder's epoch.
    PROOF_SEEN = "proof_seen"


class RotateStatus(StrEnum):
    ROTATED = "rotated"
    REPLAYED = "replayed"  # The successor again, after a lost answer.
    HEALED = "healed"  # The store had lost its last second.
    GONE = "gone"
    ENDED = "ended"
    PROOF_SEEN = "proof_seen"
    OTHER_DEVICE = "other_device"  # This and what follows ended the session; all but LATE are alarms.
    REUSED = "reused"
    LATE = "late"
    BROKEN = "broken"

    @property
    def grants(self) -> bool:
        """Tokens may be minted."""
        return self in {RotateStatus.ROTATED, RotateStatus.REPLAYED, RotateStatus.HEALED}


class RedeemStatus(StrEnum):
    REDEEMED = "redeemed"
    GONE = "gone"
    EXPIRED = "expired"
    PROOF_SEEN = "proof_seen"
    OTHER_DEVICE = "other_device"  # The code stays good for the device that it is for.
    SUPERSEDED = "superseded"  # The holder's epoch is younger than the sign-in.
    REPLAYED = "replayed"  # What the first redemption made has ended: an alarm.


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a living session may do."""

    tier: Tier
    acr: str
    auth_time: datetime
    risk: int
    action: RiskAction


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """What a code makes. `details` are the caller's own: who, which device, where from."""

    jkt: str
    tier: Tier
    acr: str
    auth_time: datetime
    limits: Mapping[Tier, TierLimits]
    details: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCode:
    """A code that can be redeemed, or was."""

    content: bytes = field(repr=False)
    sid: str = field(repr=False)  # Of the session that it makes or made.
    was_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    status: RedeemStatus
    sid: str | None = field(default=None, repr=False)
    ended: tuple[str, ...] = field(default=(), repr=False)  # Sessions that ended by it: of the code's first use, or too many.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """`n` is the counter of the refresh token to give out, and that the access token is to carry."""

    status: RotateStatus
    standing: Standing | None = None
    n: int = 0
    replayed: int = 0  # How often a successor was told again, in all.
    details: bytes | None = field(default=None, repr=False)
    reason: EndReason | None = None
    ended_now: bool = False  # It lived until this call: to be recorded and told.


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One request, as its access token and its proof say. `jkt` is the key that proved itself."""

    sid: str = field(repr=False)
    jkt: str
    n: int
    auth_time: datetime
    wanted: Tier = Tier.BROWSE
    proof: str | None = field(default=None, repr=False)  # Hash of the proof's jti; None: a socket is looked after.
    is_activity: bool = False  # A person did something; polling in the background is none.
    only_reads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    status: SessionStatus
    standing: Standing | None = None  # With the tier that this token can use.
    needed: Needed = Needed.NOTHING
    reason: EndReason | None = None
    ended_now: bool = False
    from_memory: bool = False  # The store is away; this is what it said less than half a minute ago.

    @property
    def is_allowed(self) -> bool:
        """The request may go on."""
        return self.status is SessionStatus.ALIVE and self.needed is Needed.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSession:
    """A living session, for its holder's list and for who needs its details."""

    sid: str = field(repr=False)
    standing: Standing
    created_at: datetime
    seen_at: datetime  # When a person last did something, within a few seconds.
    ends_at: datetime  # If nobody does anything more.
    details: bytes = field(repr=False)
