"""The introspection endpoint (RFC 7662): what a token says and whether it lives, for confidential clients that may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError  # type: ignore[import-untyped]
from authlib.oauth2.rfc7662 import IntrospectionEndpoint  # type: ignore[import-untyped]

from auth.server.answers import NO_STORE, Answer
from auth.server.authority import Authority, Endpoint
from auth.server.clients import Client
from auth.server.core import CORE, refusals
from auth.server.forms import Form
from auth.server.records import Snapshot, TokenKind, TokenRecord
from auth.server.requests import Request
from kernel import ids

__all__ = ["answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """A token at a time, as Authlib asks after it."""

    record: TokenRecord
    snapshot: Snapshot

    def is_expired(self) -> bool:
        return self.snapshot.now >= self.record.expires_at

    def is_revoked(self) -> bool:
        return not self.record.alive


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    def authenticate_token(self, request: Request, client: Client) -> _Token | None:
        if "token" not in request.form:
            raise InvalidRequestError("the token is missing")
        record = request.snapshot.token
        return None if record is None else _Token(record=record, snapshot=request.snapshot)

    def introspect_token(self, token: _Token) -> dict[str, Any]:
        return _told(token.record, token.snapshot.authority)


_ENDPOINT = _Introspection(CORE)


def answer(form: Form, *, authorization: str | None, snapshot: Snapshot) -> Answer:
    """What the token says; of one that is unknown or has ended, only that.

    Raises:
        Refused: 401 for everybody but a confidential client that may introspect.
    """
    request = Request(form, endpoint=Endpoint.INTROSPECTION, snapshot=snapshot, authorization=authorization)
    with refusals():
        status, body, _ = _ENDPOINT(request)
    return Answer(status=status, body=body, headers=NO_STORE)


def _told(record: TokenRecord, authority: Authority) -> dict[str, Any]:
    session = record.session
    told: dict[str, Any] = {
        "active": True,
        "iss": authority.issuer,
        "sub": ids.encode("cus", session.customer_id),
        "client_id": session.client_id,
        "scope": record.scope,
        "exp": int(record.expires_at.timestamp()),
        "auth_time": int(session.auth_time.timestamp()),
        "acr": session.acr,
        "sid": session.id,
        "cnf": {"jkt": session.jkt},
    }
    if record.kind is TokenKind.ACCESS:
        told |= {"token_type": "DPoP", "aud": authority.audience}
    if record.issued_at is not None:
        told["iat"] = int(record.issued_at.timestamp())
    if record.id is not None:
        told["jti"] = record.id
    return told
