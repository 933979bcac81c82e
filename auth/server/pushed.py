"""Back-channel authorization requests: pushed ones (RFC 9126), and those of our own app at the challenge endpoint (first-party apps)."""

from __future__ import annotations

from datetime import timedelta

from auth.server.answers import NO_STORE, Answer, Refused
from auth.server.authority import Endpoint
from auth.server.authorization import REQUEST_URI, checked
from auth.server.clients import Client
from auth.server.core import CORE, refusals
from auth.server.forms import Form
from auth.server.plans import PushRequest
from auth.server.records import AuthorizationRequest, PushedRequest, Snapshot
from auth.server.requests import Request

__all__ = ["PUSHED_LIFE", "answer", "challenge", "push"]

PUSHED_LIFE = timedelta(seconds=60)


def push(form: Form, *, authorization: str | None, snapshot: Snapshot) -> PushRequest:
    """Check a request as the authorization endpoint would, and plan to keep it.

    Raises:
        Refused: without a location: the client itself reads it.
    """
    client = _authenticated(form, authorization, snapshot, Endpoint.PUSHED)
    if "request_uri" in form:
        raise Refused("invalid_request", "a request_uri cannot be pushed")
    if "redirect_uri" not in form:
        raise Refused("invalid_request", "the redirect_uri is missing")
    request = _checked(form, client, snapshot)
    pushed = PushedRequest(client_id=client.id, parameters=request.stored(), expires_at=snapshot.now + PUSHED_LIFE)
    return PushRequest(pushed=pushed)


def answer(handle: str) -> Answer:
    """Where the request is kept: `handle` is the one that the commit keeps it under."""
    body = {"request_uri": f"{REQUEST_URI}{handle}", "expires_in": int(PUSHED_LIFE.total_seconds())}
    return Answer(status=201, body=body, headers=NO_STORE)


def challenge(form: Form, *, authorization: str | None, snapshot: Snapshot) -> AuthorizationRequest:
    """The request that opens a round of challenges. Its code is bound to the key of the proof, and is answered without a redirect.

    Raises:
        Refused: without a location.
    """
    client = _authenticated(form, authorization, snapshot, Endpoint.CHALLENGE)
    if not client.first_party:
        raise Refused("unauthorized_client", "only the bank's own apps may ask for a password")
    if snapshot.jkt is None:
        raise Refused("invalid_dpop_proof", "the request needs a DPoP proof")
    return _checked(Form((name, value) for name, value in form.items() if name != "redirect_uri"), client, snapshot)


def _authenticated(form: Form, authorization: str | None, snapshot: Snapshot, endpoint: Endpoint) -> Client:
    request = Request(form, endpoint=endpoint, snapshot=snapshot, authorization=authorization)
    with refusals():
        return CORE.authenticate_client(request, ())


def _checked(form: Form, client: Client, snapshot: Snapshot) -> AuthorizationRequest:
    named = form.get("dpop_jkt")
    if named is not None and snapshot.jkt is not None and named != snapshot.jkt:
        raise Refused("invalid_dpop_proof", "the proof is not by the key that dpop_jkt names")  # RFC 9449, 10.1.
    jkt = snapshot.jkt or named
    # Client and key are those of the authentication and the proof, whatever else the form says.
    said = dict(form) | {"client_id": client.id} | ({"dpop_jkt": jkt} if jkt else {})
    return checked(Form(said.items()), snapshot=snapshot)
