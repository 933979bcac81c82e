"""Records: what a caller loads before a request is judged. Nothing in this package loads anything itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from auth.server.authority import Authority
from auth.server.clients import Client
from auth.tiers import Tier

__all__ = [
    "Authenticated",
    "AuthorizationRequest",
    "CodeRecord",
    "PushedRequest",
    "SessionRecord",
    "Snapshot",
    "TokenKind",
    "TokenRecord",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Who signed in, when, and how well."""

    customer_id: UUID
    auth_time: datetime
    tier: Tier
    device_id: UUID | None = None

    @property
    def acr(self) -> str:
        return self.tier.acr


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What a client asks for, checked. It waits in a store while a person signs in, and is checked again afterwards."""

    client_id: str
    scope: str
    code_challenge: str  # Of method S256: there is no other.
    redirect_uri: str | None = None  # None: asked for at the challenge endpoint, which answers without a browser.
    state: str | None = None
    dpop_jkt: str | None = None
    acr_values: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    login_hint: str | None = field(default=None, repr=False)

    def stored(self) -> dict[str, str]:
        """As parameters again, for a store; `authorization.resumed` is the way back."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "scope": self.scope,
            "code_challenge": self.code_challenge,
            "code_challenge_method": "S256",
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "dpop_jkt": self.dpop_jkt,
            "acr_values": " ".join(self.acr_values),
            "max_age": None if self.max_age_seconds is None else str(self.max_age_seconds),
            "login_hint": self.login_hint,
        }
        return {name: value for name, value in parameters.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """A request that was pushed (RFC 9126) and not used yet."""

    client_id: str
    parameters: Mapping[str, str] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRecord:
    """A code that was issued. The record outlives its redemption for a while, so that a second one is known for what it is."""

    client_id: str
    redirect_uri: str | None
    scope: str
    code_challenge: str
    dpop_jkt: str | None
    who: Authenticated
    expires_at: datetime
    session_id: str | None = field(default=None, repr=False)  # The session that it was redeemed for.

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session on a device: what its tokens say of it. The commit and not this record decides whether it lives."""

    id: str = field(repr=False)
    client_id: str
    customer_id: UUID
    scope: str
    jkt: str
    auth_time: datetime
    acr: str

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.id

    def get_scope(self) -> str:
        return self.scope


class TokenKind(StrEnum):
    ACCESS = "access_token"
    REFRESH = "refresh_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token that was handed in to be revoked or introspected, with a good signature; None in its place where it has none."""

    kind: TokenKind
    session: SessionRecord
    scope: str
    alive: bool  # Its session is, and no generation has replaced it.
    expires_at: datetime
    issued_at: datetime | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that one request is judged by: what its parameters name, as it stood when it was loaded; None where there is none."""

    authority: Authority
    now: datetime
    client: Client | None = None  # That of `clients.claimed`.
    jkt: str | None = None  # Thumbprint of the key of the DPoP proof; the proof was verified.
    code: CodeRecord | None = None
    session: SessionRecord | None = None  # That of a refresh token whose MAC is ours.
    pushed: PushedRequest | None = None
    token: TokenRecord | None = None
