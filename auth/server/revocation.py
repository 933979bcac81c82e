"""The revocation endpoint (RFC 7009): whichever of its tokens a client hands in, the session behind it ends."""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError  # type: ignore[import-untyped]
from authlib.oauth2.rfc7009 import RevocationEndpoint  # type: ignore[import-untyped]

from auth.server.answers import NO_STORE, Answer
from auth.server.authority import Endpoint
from auth.server.clients import Client
from auth.server.core import CORE, refusals
from auth.server.forms import Form
from auth.server.plans import EndSession
from auth.server.records import SessionRecord, Snapshot
from auth.server.requests import Request
from auth.sessions.records import EndReason

__all__ = ["answer", "plan"]


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    def check_params(self, request: Request, client: Client) -> None:
        # The hint is not looked at, as section 2.1 allows: a token says itself which kind it is.
        if "token" not in request.form:
            raise InvalidRequestError("the token is missing")

    def authenticate_token(self, request: Request, client: Client) -> SessionRecord | None:
        self.check_params(request, client)
        token = request.snapshot.token
        if token is not None and not token.session.check_client(client):
            raise InvalidGrantError("the token is another client's")  # Section 2.1; nothing ends.
        return None if token is None else token.session

    def revoke_token(self, token: SessionRecord, request: Request) -> None:
        request.plans.append(EndSession(session_id=token.id, reason=EndReason.SIGNED_OUT))


_ENDPOINT = _Revocation(CORE)


def plan(form: Form, *, authorization: str | None, snapshot: Snapshot) -> EndSession | None:
    """The session to end; None where there is none, which is no error (section 2.2).

    Raises:
        Refused: the client could not be authenticated, or handed in nothing, or the token of another.
    """
    request = Request(form, endpoint=Endpoint.REVOCATION, snapshot=snapshot, authorization=authorization)
    with refusals():
        _ENDPOINT(request)
    ended = next(iter(request.plans), None)
    assert ended is None or isinstance(ended, EndSession)  # Nothing else is planned at this endpoint.
    return ended


def answer() -> Answer:
    """The same whether anything ended or not."""
    return Answer(status=200, body={}, headers=NO_STORE)
