"""Requests that a client sends itself: pushed ones, and those of the bank's own app at the challenge endpoint."""

from typing import Any

import pytest

from auth.server import authorization, pushed
from auth.server.plans import PushRequest
from auth.server.records import AuthorizationRequest
from tests.auth.server.parties import (
    APP,
    ASKED,
    CALLBACK,
    CHALLENGE,
    JKT,
    NOW,
    OTHER,
    OTHER_JKT,
    SECOND,
    SECRET,
    WEB,
    WEB_CALLBACK,
    WHO,
    basic,
    form,
    refused,
    snapshot,
)

BY_THE_WEB = {"client_id": "web", "redirect_uri": WEB_CALLBACK}


def push(authorization_header: str | None = None, loaded: dict[str, Any] | None = None, /, **changes: str | None) -> PushRequest:
    return pushed.push(form(ASKED, **changes), authorization=authorization_header, snapshot=snapshot(**(loaded or {})))


def challenge(loaded: dict[str, Any] | None = None, /, **changes: str | None) -> AuthorizationRequest:
    return pushed.challenge(form(ASKED, **changes), authorization=None, snapshot=snapshot(**({"jkt": JKT} | (loaded or {}))))


def used(plan: PushRequest) -> AuthorizationRequest:
    by_reference = form({"client_id": plan.pushed.client_id, "request_uri": f"{authorization.REQUEST_URI}h"})
    client = WEB if plan.pushed.client_id == "web" else APP
    return authorization.begin(by_reference, snapshot=snapshot(client=client, pushed=plan.pushed)).request


def test_a_pushed_request_is_kept_for_a_minute() -> None:
    plan = push()

    assert (plan.pushed.client_id, plan.pushed.expires_at) == ("app", NOW + 60 * SECOND)
    answer = pushed.answer("handle")
    assert (answer.status, answer.body) == (201, {"request_uri": "urn:ietf:params:oauth:request_uri:handle", "expires_in": 60})


def test_what_was_pushed_is_what_somebody_signs_in_for() -> None:
    assert used(push()) == authorization.begin(form(ASKED), snapshot=snapshot()).request


@pytest.mark.parametrize("by_header", [True, False])
def test_a_confidential_client_pushes_with_its_secret_and_the_secret_is_not_kept(by_header: bool) -> None:
    if by_header:
        plan = push(basic("web", SECRET), {"client": WEB}, client_id=None, redirect_uri=WEB_CALLBACK)
    else:
        plan = push(None, {"client": WEB}, client_secret=SECRET, **BY_THE_WEB)

    assert SECRET not in str(dict(plan.pushed.parameters))
    assert used(plan).client_id == "web"


def test_the_key_of_the_proof_is_the_key_of_the_code() -> None:
    assert used(push(None, {"jkt": JKT})).dpop_jkt == JKT
    assert used(push(None, {"jkt": JKT}, dpop_jkt=JKT)).dpop_jkt == JKT
    assert used(push(dpop_jkt=JKT)).dpop_jkt == JKT
    refused(lambda: push(None, {"jkt": JKT}, dpop_jkt=OTHER_JKT), "invalid_dpop_proof")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:h"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://thief.example"}, "invalid_request"),
        ({"redirect_uri": f"{CALLBACK}\\"}, "invalid_request"),
        ({"redirect_uri": f'{CALLBACK}"'}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "cards"}, "invalid_scope"),
        ({"dpop_jkt": "x"}, "invalid_request"),
        ({"state": "s" * 1025}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_pushed_request_is_told_to_the_client_itself(changes: dict[str, str | None], error: str) -> None:
    refused(lambda: push(**changes), error)


@pytest.mark.parametrize(
    ("header", "loaded", "changes"),
    [
        (None, {"client": None}, {}),
        (None, {}, {"client_id": None}),
        (None, {}, {"client_id": "other"}),
        (None, {"client": WEB}, BY_THE_WEB),
        (None, {"client": WEB}, BY_THE_WEB | {"client_secret": "wrong"}),
        (basic("web", "wrong"), {"client": WEB}, BY_THE_WEB),
        (basic("app", "any"), {}, {}),
        (None, {}, {"client_secret": "any"}),
    ],
)
def test_who_is_not_the_client_pushes_nothing(header: str | None, loaded: dict[str, Any], changes: dict[str, str | None]) -> None:
    refused(lambda: push(header, loaded, **changes), "invalid_client", status=401)


# ---------------------------------------------------------------- the bank's own app


def test_the_banks_own_app_gets_its_code_without_a_browser() -> None:
    request = challenge(redirect_uri=None, state=None)
    plan = authorization.grant(request, WHO, snapshot=snapshot())

    assert (plan.record.redirect_uri, plan.record.dpop_jkt, plan.record.code_challenge) == (None, JKT, CHALLENGE)
    assert authorization.answer(plan, "the-code").body == {"authorization_code": "the-code"}
    assert authorization.resumed(request.stored(), snapshot=snapshot()) == request


def test_a_redirect_uri_means_nothing_there() -> None:
    assert challenge(redirect_uri="https://thief.example").redirect_uri is None


@pytest.mark.parametrize(
    ("loaded", "changes", "error"),
    [
        ({"client": OTHER}, {"client_id": "other"}, "unauthorized_client"),
        ({"jkt": None}, {}, "invalid_dpop_proof"),
        ({}, {"dpop_jkt": OTHER_JKT}, "invalid_dpop_proof"),
        ({}, {"code_challenge": None}, "invalid_request"),
        ({}, {"code_challenge_method": "plain"}, "invalid_request"),
        ({}, {"response_type": None}, "invalid_request"),
        ({}, {"response_type": "token"}, "unsupported_response_type"),
        ({}, {"scope": "accounts cards"}, "invalid_scope"),
    ],
)
def test_others_and_other_requests_are_refused_there(loaded: dict[str, Any], changes: dict[str, str | None], error: str) -> None:
    refused(lambda: challenge(loaded, **changes), error)


def test_who_is_no_client_is_refused_there() -> None:
    refused(lambda: challenge({"client": None}), "invalid_client", status=401)


def test_only_the_banks_own_app_may_go_without_a_redirect_uri() -> None:
    request = AuthorizationRequest(client_id="other", scope="accounts", code_challenge=CHALLENGE)

    refused(lambda: authorization.grant(request, WHO, snapshot=snapshot(client=OTHER)), "invalid_request")
