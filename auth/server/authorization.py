"""The authorization endpoint: what a client asks for is checked, a person signs in, and a code goes back through the browser.

    begin ─ commit ─ begun ─ (somebody signs in) ─ grant ─ commit ─ answer
                                                 └ deny

RFC 6749, 4.1; RFC 9126 for pushed requests; RFC 9207: every answer names its issuer; RFC 9449, 10: a code bound to a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from auth.server.answers import NO_STORE, Answer, Refused, redirect
from auth.server.authority import ACRS, Endpoint
from auth.server.clients import Client
from auth.server.core import CORE
from auth.server.forms import Form
from auth.server.grants import CHALLENGE
from auth.server.plans import Begin, IssueCode
from auth.server.records import Authenticated, AuthorizationRequest, Snapshot
from auth.server.requests import Request

__all__ = ["REQUEST_URI", "answer", "begin", "begun", "checked", "deny", "grant", "handle_of", "resumed"]

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"  # RFC 9126, 2.2; the handle of the pushed request follows.
LONGEST_STATE = 1024  # Characters; it goes back in an address.
LONGEST_HINT = 256
MOST_ACRS = 8
SECONDS = re.compile(r"[0-9]{1,9}")


def handle_of(form: Mapping[str, str]) -> str | None:
    """The handle of the pushed request that a form refers to; None where it refers to none of ours."""
    uri = form.get("request_uri", "")
    return uri.removeprefix(REQUEST_URI) if uri.startswith(REQUEST_URI) else None


def begin(form: Form, *, snapshot: Snapshot) -> Begin:
    """Check what came to the authorization endpoint, in a query or a body.

    Raises:
        Refused: without a location where client or redirect URI are wrong, as a page that leads nowhere; else with one.
    """
    client, uses_up = _client(form, snapshot), form.get("request_uri")
    if uses_up is not None:
        form = _pushed(client, snapshot)  # Whatever stands beside the request URI was not pushed, and counts for nothing.
    redirect_uri = form.get("redirect_uri")
    if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
        raise Refused("invalid_request", "the redirect_uri is not one of the client's")
    state = _state(form)
    try:
        request = checked(form, snapshot=snapshot)
    except Refused as refusal:
        raise refusal.sent_to(redirect_uri, state=state, issuer=snapshot.authority.issuer) from refusal
    return Begin(request=request, uses_up=uses_up)


def begun(plan: Begin, *, was_there: bool) -> AuthorizationRequest:
    """The request to sign in for; `was_there` is what the commit found of the pushed one, and True where none was pushed.

    Raises:
        Refused: somebody else used it up in between.
    """
    if not was_there:
        raise _no_such_request()
    return plan.request


def resumed(stored: Mapping[str, str], *, snapshot: Snapshot) -> AuthorizationRequest:
    """The request that `stored()` made, checked against the client as it is now.

    Raises:
        Refused: without a location.
    """
    return checked(Form(stored.items()), snapshot=snapshot)


def grant(request: AuthorizationRequest, who: Authenticated, *, snapshot: Snapshot) -> IssueCode:
    """Give this customer's consent: plan a code.

    Raises:
        Refused: the client may no longer ask for this, or the customer did not sign in as well as it asked for.
    """
    try:
        _check_strength(request, who, snapshot)
        wanted = Request(Form(request.stored().items()), endpoint=Endpoint.AUTHORIZATION, snapshot=snapshot)
        CORE.authorize(wanted, who)
    except Refused as refusal:
        raise _told(refusal, request, snapshot) from refusal
    [plan] = wanted.plans
    assert isinstance(plan, IssueCode)  # Nothing else is planned at this endpoint.
    return plan


def deny(request: AuthorizationRequest, *, snapshot: Snapshot, error: str = "access_denied") -> Refused:
    """The customer said no, or could not be let in."""
    return _told(Refused(error, "the request was not granted"), request, snapshot)


def answer(plan: IssueCode, code: str) -> Answer:
    """The answer with the code that the commit keeps the record under."""
    if plan.record.redirect_uri is None:
        return Answer(status=200, body={"authorization_code": code}, headers=NO_STORE)
    return redirect(plan.record.redirect_uri, {"code": code} | ({"state": plan.state} if plan.state else {}) | {"iss": plan.issuer})


def checked(form: Form, *, snapshot: Snapshot) -> AuthorizationRequest:
    """An authorization request, by way of Authlib.

    Raises:
        Refused: without a location.
    """
    _check_kind(form, snapshot)
    scope = CORE.authorize(Request(form, endpoint=Endpoint.AUTHORIZATION, snapshot=snapshot))
    acr_values, max_age, hint = tuple(form.get("acr_values", "").split()), form.get("max_age"), form.get("login_hint")
    if len(acr_values) > MOST_ACRS or (max_age is not None and not SECONDS.fullmatch(max_age)):
        raise Refused("invalid_request", "acr_values or max_age is not what it should be")
    dpop_jkt = form.get("dpop_jkt")
    if dpop_jkt is not None and not CHALLENGE.fullmatch(dpop_jkt):
        raise Refused("invalid_request", "the dpop_jkt is no SHA-256 thumbprint")
    return AuthorizationRequest(
        client_id=form["client_id"],
        scope=scope,
        code_challenge=form["code_challenge"],
        redirect_uri=form.get("redirect_uri"),
        state=_state(form),
        dpop_jkt=dpop_jkt,
        acr_values=acr_values,
        max_age_seconds=None if max_age is None else int(max_age),
        login_hint=hint if hint and len(hint) <= LONGEST_HINT else None,
    )


def _client(form: Form, snapshot: Snapshot) -> Client:
    client = snapshot.client
    if client is None or form.get("client_id") != client.id:
        raise Refused("invalid_request", "there is no such client")
    return client


def _state(form: Form) -> str | None:
    state = form.get("state")
    if state is not None and len(state) > LONGEST_STATE:
        raise Refused("invalid_request", "the state is too long")
    return state


def _pushed(client: Client, snapshot: Snapshot) -> Form:
    pushed = snapshot.pushed
    if pushed is None or pushed.client_id != client.id or snapshot.now >= pushed.expires_at:
        raise _no_such_request()
    return Form(pushed.parameters.items())


def _no_such_request() -> Refused:
    return Refused("invalid_request_uri", "the request_uri is unknown, used or expired")


def _check_kind(form: Form, snapshot: Snapshot) -> None:
    """What Authlib does not look at, or fails on: it quotes a response_type in its error, whatever characters that has."""
    if "request" in form or "request_uri" in form:
        raise Refused("request_not_supported", "requests are pushed, not signed")
    if "response_type" not in form:
        raise Refused("invalid_request", "the response_type is missing")
    if form["response_type"] != "code":
        raise Refused("unsupported_response_type", "the response_type is code")
    if form.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "the response_mode is query")
    if form.get("resource", snapshot.authority.resource) != snapshot.authority.resource:
        raise Refused("invalid_target", "there is no such resource here")


def _check_strength(request: AuthorizationRequest, who: Authenticated, snapshot: Snapshot) -> None:
    """RFC 9470, 5: a client that asked for a stronger or a fresher sign-in does not get a code for less."""
    good_enough = ACRS[: ACRS.index(who.acr) + 1]
    if request.acr_values and not any(acr in good_enough for acr in request.acr_values):
        raise Refused("unmet_authentication_requirements", "none of the acr_values was met")
    if request.max_age_seconds is not None and (snapshot.now - who.auth_time).total_seconds() > request.max_age_seconds:
        raise Refused("unmet_authentication_requirements", "the sign-in is older than max_age")


def _told(refusal: Refused, request: AuthorizationRequest, snapshot: Snapshot) -> Refused:
    """To the client if the redirect URI is still one of its own, else to whoever sits before the browser."""
    client, uri = snapshot.client, request.redirect_uri
    if uri is None or client is None or client.id != request.client_id or not client.check_redirect_uri(uri):
        return refusal
    return refusal.sent_to(uri, state=request.state, issuer=snapshot.authority.issuer)
