"""The authority: who this authorization server is, and where its endpoints are."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from auth.tiers import DEVICE_ACR, MFA_ACR

__all__ = ["ACRS", "Authority", "Endpoint", "is_loopback"]

# Weakest first.
ACRS = (DEVICE_ACR, MFA_ACR)


class Endpoint(StrEnum):
    """Paths below the issuer."""

    AUTHORIZATION = "/oauth/authorize"
    TOKEN = "/oauth/token"  # noqa: S105  # A path.
    PUSHED = "/oauth/par"
    CHALLENGE = "/oauth/challenge"
    REVOCATION = "/oauth/revoke"
    INTROSPECTION = "/oauth/introspect"
    KEYS = "/oauth/jwks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One per process, from settings. Every address is made from `issuer`: a Host header is anybody's to write."""

    issuer: str
    audience: str  # Of access tokens.
    resource: str  # The address of the API that they are for.
    scopes: tuple[str, ...]

    def __post_init__(self) -> None:
        for url in (self.issuer, self.resource):
            parts = urlsplit(url)
            if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
                raise ValueError(f"{url!r} is not https; only loopback may do without")
            if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
                raise ValueError(f"{url!r} is not an address without query, fragment and user")
        if self.issuer.endswith("/"):
            raise ValueError(f"the issuer {self.issuer!r} ends in a slash: clients compare it letter by letter")

    def url(self, endpoint: Endpoint) -> str:
        return f"{self.issuer}{endpoint}"


def is_loopback(host: str | None) -> bool:
    """An address of this machine, as a number: `localhost` may be resolved to another."""
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
