"""Anything at all, as a body, a header or parameters: it is understood or refused, and never more than that.

Method: property tests. Whatever is sent, nothing but a `Refused` is raised, no code is planned without a challenge of S256, and no redirect
goes anywhere but to the registered redirect URI.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from auth.server import authorization, clients, forms, introspection, pushed, revocation, token
from auth.server.answers import Refused
from auth.server.forms import Form
from auth.server.plans import EndSession, RedeemCode, Rotate
from tests.auth.server.parties import (
    APP,
    ASKED,
    AUDITOR,
    CALLBACK,
    CHALLENGE,
    CODE,
    FORM,
    JKT,
    OTHER_JKT,
    REDEMPTION,
    REFRESH,
    SECRET,
    SESSION,
    SID,
    TOKEN,
    WEB,
    WHO,
    basic,
    snapshot,
)
from tests.auth.server.parties import pushed as kept

VALUES = [*ASKED.values(), *REDEMPTION.values(), *REFRESH.values(), SECRET, "web", "plain", "token", f"{authorization.REQUEST_URI}h"]
NAMES = [*ASKED, *REDEMPTION, *REFRESH, "client_secret", "request_uri", "request", "dpop_jkt", "max_age", "acr_values", "resource", "token"]
WILD = st.text(max_size=80) | st.sampled_from(['"', "\\", "\x00", "\ud800", "é", "%", "\n", " ", "a" * 20_000])
names = st.sampled_from(NAMES) | st.text(max_size=20)
values = st.sampled_from(VALUES) | WILD
starts = st.sampled_from([{}, ASKED, REDEMPTION, REFRESH, {"client_id": "app", "token": "t"}])
parameters = st.builds(lambda start, changes: start | changes, starts, st.dictionaries(names, values, max_size=4))
headers = st.none() | st.sampled_from([basic("web", SECRET), basic("auditor", SECRET), "Basic "]) | st.text(max_size=60)
snapshots = st.builds(
    snapshot,
    client=st.sampled_from([APP, WEB, AUDITOR, None]),
    jkt=st.sampled_from([JKT, OTHER_JKT, None]),
    code=st.sampled_from([CODE, replace(CODE, session_id=SID), None]),
    session=st.sampled_from([SESSION, None]),
    token=st.sampled_from([TOKEN, None]),
    pushed=st.sampled_from([kept(), None]),
)


def unless_refused(call: Callable[[], Any]) -> Any:
    """What the call gives; None where it is refused. A refusal is whole, and leads to the client or nowhere."""
    try:
        return call()
    except Refused as refusal:
        answer = refusal.answer()
    location = dict(answer.headers).get("Location", f"{CALLBACK}?")
    assert location.startswith(f"{CALLBACK}?")
    assert location.isascii()
    assert answer.status in {303, 400, 401}
    return None


@given(body=st.binary(max_size=300) | st.text(alphabet="a=&%+0fF", max_size=100).map(str.encode), content_type=st.just(FORM) | st.none() | st.text())
@example(body=b"a=%00", content_type=FORM)
def test_any_bytes_are_a_form_or_refused(body: bytes, content_type: str | None) -> None:
    for read in (lambda: forms.of_body(content_type, body), lambda: forms.of_query(body)):
        found = unless_refused(read)
        if found is not None:
            assert all(value and "\x00" not in name + value for name, value in found.items())


@given(parameters=parameters, header=headers, loaded=snapshots)
@example(parameters=ASKED, header=None, loaded=snapshot())
@example(parameters=REDEMPTION, header=None, loaded=snapshot(code=CODE, jkt=JKT))
def test_any_parameters_get_a_plan_or_are_refused(parameters: dict[str, str], header: str | None, loaded: Any) -> None:
    asked = unless_refused(lambda: Form(parameters.items()))
    if asked is None:
        return
    unless_refused(lambda: clients.claimed(asked, header))
    unless_refused(lambda: revocation.plan(asked, authorization=header, snapshot=loaded))
    unless_refused(lambda: introspection.answer(asked, authorization=header, snapshot=loaded))
    planned = unless_refused(lambda: token.plan(asked, authorization=header, snapshot=loaded))
    match planned:
        case RedeemCode():
            assert (asked["code_verifier"], loaded.jkt) == (REDEMPTION["code_verifier"], JKT)
        case Rotate():
            assert set(planned.scope.split()) <= set(SESSION.scope.split())
        case EndSession():
            assert planned.refusal is not None
        case _:
            assert planned is None


@given(parameters=parameters, header=headers, loaded=snapshots)
@example(parameters=ASKED, header=None, loaded=snapshot())
@example(parameters=ASKED, header=None, loaded=snapshot(jkt=JKT))
def test_no_parameters_get_a_code_without_a_challenge(parameters: dict[str, str], header: str | None, loaded: Any) -> None:
    asked = unless_refused(lambda: Form(parameters.items()))
    if asked is None:
        return
    begun = unless_refused(lambda: authorization.begin(asked, snapshot=loaded))
    plan = unless_refused(lambda: pushed.push(asked, authorization=header, snapshot=loaded))
    requests = [
        begun and begun.request,
        plan and authorization.resumed(plan.pushed.parameters, snapshot=loaded),
        unless_refused(lambda: pushed.challenge(asked, authorization=header, snapshot=loaded)),
    ]
    for request in filter(None, requests):
        issued = unless_refused(partial(authorization.grant, request, WHO, snapshot=loaded))
        if issued is not None:
            assert len(issued.record.code_challenge) == len(CHALLENGE)
            assert loaded.pushed is not None or asked["code_challenge_method"] == "S256"
            assert issued.record.redirect_uri in (CALLBACK, None)
            location = dict(authorization.answer(issued, "c").headers).get("Location", f"{CALLBACK}?")
            assert location.startswith(f"{CALLBACK}?")
