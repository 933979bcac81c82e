"""Clients: who may ask for tokens, and how a request says which client it comes from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from auth.server.answers import Refused, unknown_client
from auth.server.authority import is_loopback

__all__ = ["SCOPE", "Claim", "Client", "ClientKind", "SessionLimits", "claimed", "digest"]

ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")  # RFC 6749, 3.3.
URI = re.compile(r"[A-Za-z0-9._~:/?\[\]!$&'()*+,;=%-]+")  # Neither fragment nor user, and nothing that parsers disagree about.
BASIC = re.compile(r"basic +([A-Za-z0-9+/]{1,1024}={0,2})", re.IGNORECASE)
PAIR = re.compile(r"[\x21-\x7e]+:[\x21-\x7e]+")  # RFC 6749, 2.3.1: both are urlencoded.


class ClientKind(StrEnum):
    PUBLIC = "public"
    CONFIDENTIAL = "confidential"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """For the sessions of one client, where they are shorter than those of the tier."""

    idle_seconds: int
    absolute_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One registered client. The methods below are what Authlib asks a client."""

    id: str
    name: str
    kind: ClientKind = ClientKind.PUBLIC
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    first_party: bool = False  # May ask for a password itself, at the challenge endpoint.
    may_introspect: bool = False
    # SHA-256 and nothing slower: secrets are drawn at random, of 128 bits and more, so there is no list of likely ones to try.
    secret_digest: bytes | None = field(default=None, repr=False)
    session_limits: SessionLimits | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise ValueError(f"a client id has 1 to 64 letters, digits and ._~-; {self.id!r} has others")
        if (self.kind is ClientKind.CONFIDENTIAL) != (self.secret_digest is not None):
            raise ValueError(f"client {self.id}: a confidential client has a secret, a public one has none")
        if self.may_introspect and self.kind is not ClientKind.CONFIDENTIAL:
            raise ValueError(f"client {self.id}: only a confidential client may introspect")
        if not all(SCOPE.fullmatch(scope) and " " not in scope for scope in self.scopes) or (self._signs_in and not self.scopes):
            raise ValueError(f"client {self.id}: its scopes are words, one at least where it signs customers in")
        for uri in self.redirect_uris:
            if not _may_be_redirected_to(uri):
                raise ValueError(f"client {self.id}: {uri!r} is neither https, nor loopback, nor a scheme with a dot (RFC 8252, 7.1)")

    @property
    def _signs_in(self) -> bool:
        return bool(self.redirect_uris) or self.first_party

    def kept(self, scope: str) -> str:
        """What this client may still have of a scope that it was given."""
        return " ".join(word for word in dict.fromkeys(scope.split()) if word in self.scopes)

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        """None: a request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope that is given for the one that is asked for: all that the client has for none, and None for one word too many."""
        if not scope:
            return " ".join(self.scopes)
        if not SCOPE.fullmatch(scope) or not set(scope.split()) <= set(self.scopes):
            return None
        return " ".join(dict.fromkeys(scope.split()))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Letter by letter (RFC 9700, 2.1): whatever normalises, normalises for an attacker too."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret_digest is not None and hmac.compare_digest(digest(client_secret), self.secret_digest)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        if endpoint == "introspection" and not self.may_introspect:
            return False
        return (method == "none") == (self.kind is ClientKind.PUBLIC)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self._signs_in

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"authorization_code", "refresh_token"} and self._signs_in


def digest(secret: str) -> bytes:
    """As the record of a client keeps its secret."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Which client a request says it comes from, and how it would prove that; nothing is proved yet."""

    client_id: str | None
    method: str  # As RFC 7591 names them.


def claimed(form: Mapping[str, str], authorization: str | None) -> Claim:
    """What form and Authorization header claim; of all that a request has, one way only.

    Raises:
        Refused: invalid_request where there are two ways, or two clients; invalid_client where the header is no Basic one.
    """
    if authorization is None:
        return Claim(client_id=form.get("client_id"), method="client_secret_post" if "client_secret" in form else "none")
    client_id = _basic(authorization)
    if "client_secret" in form or form.get("client_id", client_id) != client_id:
        raise Refused("invalid_request", "a client authenticates in one way and as one client")
    return Claim(client_id=client_id, method="client_secret_basic")


def _basic(authorization: str) -> str:
    """The client id of a Basic header. Authlib fails on a header that is malformed, so none reaches it."""
    found = BASIC.fullmatch(authorization)
    try:
        pair = base64.b64decode(found[1], validate=True).decode("ascii") if found else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise unknown_client() from error
    if not PAIR.fullmatch(pair):
        raise unknown_client()
    return unquote(pair.partition(":")[0])


def _may_be_redirected_to(uri: str) -> bool:
    if not URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    match parts.scheme:
        case "https":
            return bool(parts.hostname)
        case "http":
            return is_loopback(parts.hostname)
        case private:
            return "." in private and not parts.netloc
