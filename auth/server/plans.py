"""Plans: what is to be committed, each in one atomic step, and what a commit may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from auth.server.answers import Refused
from auth.server.clients import SessionLimits
from auth.server.records import AuthorizationRequest, CodeRecord, PushedRequest, SessionRecord
from auth.sessions.records import EndReason

__all__ = ["Begin", "Denied", "EndSession", "Granted", "IssueCode", "Plan", "PushRequest", "RedeemCode", "Rotate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Let a person sign in for this request. A pushed one is used up by it: commit only if it was still there."""

    request: AuthorizationRequest
    uses_up: str | None = field(default=None, repr=False)  # The request URI.


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """Keep this request until it is used."""

    pushed: PushedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCode:
    """Keep this record under a fresh code."""

    record: CodeRecord
    state: str | None
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemCode:
    """Open a session for this code, if nobody did before: the session's key is `jkt`, its scope `scope`."""

    code: str = field(repr=False)
    record: CodeRecord
    jkt: str
    scope: str
    limits: SessionLimits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """Give out the successor of this refresh token. Whether its key, its generation and its session hold is for the commit to say."""

    refresh_token: str = field(repr=False)
    session: SessionRecord
    jkt: str
    scope: str  # Of the access token; the session keeps its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """End this session with all its tokens, then answer with the refusal, if there is one."""

    session_id: str = field(repr=False)
    reason: EndReason
    refusal: Refused | None = None


Plan: TypeAlias = Begin | PushRequest | IssueCode | RedeemCode | Rotate | EndSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The commit opened or went on with this session, at generation `generation` of its refresh token."""

    session: SessionRecord
    generation: int
    refresh_token: str = field(repr=False)
    access_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The commit said no. The reason is for the audit, never for the client."""

    reason: str
