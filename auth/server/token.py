"""The token endpoint: a code or a refresh token becomes a plan, and what the commit says of it becomes tokens or `invalid_grant`."""

from __future__ import annotations

from datetime import datetime

from auth.server import minting
from auth.server.answers import NO_STORE, Answer, Refused
from auth.server.authority import Authority, Endpoint
from auth.server.core import CORE, refusals
from auth.server.forms import Form
from auth.server.plans import Denied, EndSession, Granted, RedeemCode, Rotate
from auth.server.records import Snapshot
from auth.server.requests import Request

__all__ = ["answer", "plan"]


def plan(form: Form, *, authorization: str | None, snapshot: Snapshot) -> RedeemCode | Rotate | EndSession:
    """What is to be committed. An `EndSession` is as good as a refusal, and has to be committed all the same.

    Raises:
        Refused: nothing is to be committed.
    """
    if "grant_type" not in form:
        raise Refused("invalid_request", "the grant_type is missing")
    request = Request(form, endpoint=Endpoint.TOKEN, snapshot=snapshot, authorization=authorization)
    try:
        with refusals():
            CORE.create_token_response(request)
    except Refused as refusal:
        for planned in request.plans:
            if isinstance(planned, EndSession):
                return EndSession(session_id=planned.session_id, reason=planned.reason, refusal=refusal)
        raise
    [planned] = request.plans
    assert isinstance(planned, RedeemCode | Rotate)  # Nothing else is planned without a refusal.
    return planned


def answer(plan: RedeemCode | Rotate | EndSession, outcome: Granted | Denied, *, authority: Authority, now: datetime, sign: minting.Sign) -> Answer:
    """Tokens, if the commit granted them; they are made only now.

    Raises:
        Refused: the commit said no, or ended a session.
    """
    if isinstance(plan, EndSession):
        raise plan.refusal or _refused()
    if isinstance(outcome, Denied):
        raise _refused()
    access_token = minting.access_token(
        outcome.session,
        scope=plan.scope,
        generation=outcome.generation,
        life_seconds=outcome.access_seconds,
        authority=authority,
        now=now,
        sign=sign,
    )
    body = {
        "access_token": access_token,
        "token_type": "DPoP",
        "expires_in": outcome.access_seconds,
        "refresh_token": outcome.refresh_token,
        "scope": plan.scope,
    }
    return Answer(status=200, body=body, headers=NO_STORE)


def _refused() -> Refused:
    # One text for every reason: a thief learns nothing of which it was.
    return Refused("invalid_grant", "the grant is not valid, or no longer")
