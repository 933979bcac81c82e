"""Grants: an authorization code with PKCE, and a refresh token; both only for the holder of a key (RFC 6749, 7636, 9449)."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    AuthorizationCodeGrant,
    AuthorizationServer,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge  # type: ignore[import-untyped]

from auth.server.clients import Client
from auth.server.plans import EndSession, IssueCode
from auth.server.records import Authenticated, CodeRecord, SessionRecord
from auth.server.requests import Request
from auth.sessions.records import EndReason

__all__ = ["CHALLENGE", "CODE_LIFE", "S256", "CodeGrant", "RefreshGrant"]

CODE_LIFE = timedelta(seconds=60)

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # A SHA-256 in base64url; a challenge, and a thumbprint of a key too.
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, 4.1.
PLANNED = "planned"  # In place of a code or a token: those are made when the commit is through.


class ProofMissing(OAuth2Error):  # type: ignore[misc]
    error = "invalid_dpop_proof"
    description = "tokens are bound to a key: the request needs a DPoP proof"


class S256(CodeChallenge):  # type: ignore[misc]
    """PKCE as we demand it: of everybody, with S256, and before there is a code.

    Authlib lets a request without a challenge through to a code, and takes a missing method for `plain`.
    """

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    CODE_CHALLENGE_METHODS = {  # noqa: RUF012  # Read, never written.
        "S256": lambda verifier, challenge: hmac.compare_digest(create_s256_code_challenge(verifier), challenge)
    }

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(data.get("code_challenge", "")):
            raise InvalidRequestError("PKCE is required: a code_challenge of the method S256")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        # Missing and malformed ones are wrong ones: invalid_grant for all of them, where Authlib tells them apart.
        if not VERIFIER.fullmatch(grant.request.form.get("code_verifier", "")):
            raise InvalidGrantError("the code_verifier is not that of the code")
        super().validate_code_verifier(grant, result)


class _OneRequest:
    """The server as the grant of one request sees it: it looks clients up in that request's snapshot."""

    def __init__(self, server: AuthorizationServer, request: Request) -> None:
        self._server = server
        self.query_client = request.find_client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


class _Bound:
    """A grant at the token endpoint: nobody gets a token without a key that it is bound to."""

    request: Request

    def authenticate_token_endpoint_client(self) -> Client:
        client: Client = super().authenticate_token_endpoint_client()  # type: ignore[misc]
        if self.request.snapshot.jkt is None:
            raise ProofMissing
        return client


class CodeGrant(_Bound, AuthorizationCodeGrant):  # type: ignore[misc]
    def __init__(self, request: Request, server: AuthorizationServer) -> None:
        super().__init__(request, _OneRequest(server, request))

    @staticmethod
    def validate_authorization_redirect_uri(request: Request, client: Client) -> str:
        redirect_uri = request.payload.redirect_uri
        if redirect_uri is None and client.first_party:
            return ""  # At the challenge endpoint there is no browser to be redirected.
        if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("the redirect_uri is not one of the client's")
        return str(redirect_uri)

    def generate_authorization_code(self) -> str:
        return PLANNED

    def save_authorization_code(self, code: str, request: Request) -> None:
        data, snapshot = request.payload.data, request.snapshot
        record = CodeRecord(
            client_id=request.client.id,
            redirect_uri=data.get("redirect_uri"),
            scope=request.scope,
            code_challenge=data["code_challenge"],
            dpop_jkt=data.get("dpop_jkt"),
            who=request.user,
            expires_at=snapshot.now + CODE_LIFE,
        )
        request.plans.append(IssueCode(record=record, state=data.get("state"), issuer=snapshot.authority.issuer))

    def query_authorization_code(self, code: str, client: Client) -> CodeRecord | None:
        snapshot = self.request.snapshot
        record = snapshot.code
        if record is None:
            return None
        if record.session_id is not None:
            # A code that comes twice has been in other hands: what it was first redeemed for ends (RFC 6749, 4.1.2).
            self.request.plans.append(EndSession(session_id=record.session_id, reason=EndReason.CODE_REUSED))
            return None
        is_its_own = record.client_id == client.id and record.dpop_jkt in (None, snapshot.jkt)
        return record if is_its_own and snapshot.now < record.expires_at else None

    def authenticate_user(self, authorization_code: CodeRecord) -> Authenticated:
        return authorization_code.who

    def delete_authorization_code(self, authorization_code: CodeRecord) -> None:
        """Part of the plan to redeem it."""


class RefreshGrant(_Bound, RefreshTokenGrant):  # type: ignore[misc]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> SessionRecord | None:
        """Its session, however that stands: whether the token is the current one is decided where it is replaced."""
        session, client = self.request.snapshot.session, self.request.client
        if session is not None and not session.check_client(client) and session.jkt != self.request.snapshot.jkt:
            # Another client with another key: a good MAC proves that the token leaked.
            self.request.plans.append(EndSession(session_id=session.id, reason=EndReason.OTHER_DEVICE))
        return session

    def authenticate_user(self, refresh_token: SessionRecord) -> Any:
        return refresh_token.customer_id

    def revoke_old_credential(self, refresh_token: SessionRecord) -> None:
        """Part of the plan to rotate it."""
