"""The token endpoint: who gets a plan, and that only a commit turns a plan into tokens.

Method: requests right but for one thing against a snapshot right but for one thing; outcomes as a commit would give them.
"""

from dataclasses import replace
from typing import Any

import pytest

from auth.server import token
from auth.server.answers import Answer, unavailable
from auth.server.clients import SessionLimits
from auth.server.plans import Denied, EndSession, Granted, RedeemCode, Rotate
from auth.sessions.records import EndReason
from tests.auth.server.parties import (
    APP,
    AUDITOR,
    AUTHORITY,
    CALLBACK,
    CODE,
    JKT,
    NOW,
    OTHER,
    OTHER_JKT,
    REDEMPTION,
    REFRESH,
    SECOND,
    SECRET,
    SESSION,
    SID,
    SIGN,
    VERIFIER,
    WEB,
    WEB_CALLBACK,
    basic,
    form,
    refused,
    snapshot,
)

GRANTED = Granted(session=SESSION, generation=4, refresh_token="the-successor", access_seconds=300)


def plan(
    values: dict[str, str], loaded: dict[str, Any] | None = None, header: str | None = None, **changes: str | None
) -> RedeemCode | Rotate | EndSession:
    known = {"jkt": JKT, "code": CODE, "session": SESSION} | (loaded or {})
    return token.plan(form(values, **changes), authorization=header, snapshot=snapshot(**known))


def answer(planned: RedeemCode | Rotate | EndSession, outcome: Granted | Denied) -> Answer:
    return token.answer(planned, outcome, authority=AUTHORITY, now=NOW, sign=SIGN)


# ---------------------------------------------------------------- a code


def test_a_code_opens_a_session_for_the_key_of_the_proof() -> None:
    assert plan(REDEMPTION) == RedeemCode(code="the-code", record=CODE, jkt=JKT, scope="accounts payments", limits=None)


def test_a_code_that_names_no_key_is_bound_by_its_redemption() -> None:
    planned = plan(REDEMPTION, {"code": replace(CODE, dpop_jkt=None), "jkt": OTHER_JKT})

    assert isinstance(planned, RedeemCode)
    assert planned.jkt == OTHER_JKT


def test_a_client_of_short_sessions_says_so_in_the_plan() -> None:
    limits = SessionLimits(idle_seconds=2, absolute_seconds=6)
    planned = plan(REDEMPTION, {"client": replace(APP, session_limits=limits)})

    assert isinstance(planned, RedeemCode)
    assert planned.limits == limits


def test_a_code_of_the_challenge_endpoint_has_no_redirect_uri_to_compare() -> None:
    for redirect_uri in (None, CALLBACK):
        assert isinstance(plan(REDEMPTION, {"code": replace(CODE, redirect_uri=None)}, redirect_uri=redirect_uri), RedeemCode)


@pytest.mark.parametrize("by_header", [True, False])
def test_a_confidential_client_redeems_with_its_secret(by_header: bool) -> None:
    loaded = {"client": WEB, "code": replace(CODE, client_id="web", redirect_uri=WEB_CALLBACK)}
    header, secret = (basic("web", SECRET), None) if by_header else (None, SECRET)

    assert isinstance(plan(REDEMPTION, loaded, header, client_id="web", redirect_uri=WEB_CALLBACK, client_secret=secret), RedeemCode)


@pytest.mark.parametrize(
    ("loaded", "changes"),
    [
        ({}, {"code_verifier": None}),
        ({}, {"code_verifier": "w" * 64}),
        ({}, {"code_verifier": VERIFIER[:-1]}),
        ({}, {"code_verifier": "short"}),
        ({}, {"code_verifier": "v" * 129}),
        ({}, {"code_verifier": "é" * 64}),
        ({}, {"code_verifier": CODE.code_challenge}),
        ({}, {"redirect_uri": None}),
        ({}, {"redirect_uri": f"{CALLBACK}/"}),
        ({}, {"redirect_uri": 'https://thief.example\\"'}),
        ({"code": None}, {}),
        ({"code": replace(CODE, expires_at=NOW)}, {}),
        ({"jkt": OTHER_JKT}, {}),
        ({"client": OTHER}, {"client_id": "other"}),
    ],
    ids=str,
)
def test_a_code_that_is_stolen_guessed_or_old_is_refused(loaded: dict[str, Any], changes: dict[str, str | None]) -> None:
    refused(lambda: plan(REDEMPTION, loaded, **changes), "invalid_grant")


@pytest.mark.parametrize(
    ("loaded", "changes"),
    [
        ({}, {}),
        ({}, {"code_verifier": "w" * 64}),
        ({"client": OTHER}, {"client_id": "other"}),
        ({"jkt": OTHER_JKT}, {}),
        ({"now": NOW + 300 * SECOND}, {}),
    ],
    ids=str,
)
def test_a_code_that_comes_twice_ends_what_it_was_redeemed_for(loaded: dict[str, Any], changes: dict[str, str | None]) -> None:
    planned = plan(REDEMPTION, {"code": replace(CODE, session_id=SID)} | loaded, **changes)

    assert isinstance(planned, EndSession)
    assert (planned.session_id, planned.reason) == (SID, EndReason.CODE_REUSED)
    refused(lambda: answer(planned, Denied(reason="ended")), "invalid_grant")


def test_who_is_not_the_client_ends_nothing_with_a_code_that_was_redeemed() -> None:
    refused(lambda: plan(REDEMPTION, {"code": replace(CODE, session_id=SID), "client": None}), "invalid_client", status=401)


def test_of_ten_that_redeem_at_once_one_is_answered_with_tokens() -> None:
    outcomes: list[Granted | Denied] = [GRANTED, *[Denied(reason="redeemed")] * 9]
    plans = [plan(REDEMPTION) for _ in outcomes]

    assert all(planned == plans[0] for planned in plans)
    assert answer(plans[0], outcomes[0]).status == 200
    for planned, outcome in zip(plans[1:], outcomes[1:], strict=True):
        refused(lambda planned=planned, outcome=outcome: answer(planned, outcome), "invalid_grant")


# ---------------------------------------------------------------- a refresh token


def test_a_refresh_token_is_rotated() -> None:
    assert plan(REFRESH) == Rotate(refresh_token="the-refresh-token", session=SESSION, jkt=JKT, scope="accounts payments")


def test_a_scope_may_be_narrowed_and_the_session_keeps_its_own() -> None:
    planned = plan(REFRESH, scope="payments")

    assert isinstance(planned, Rotate)
    assert (planned.scope, planned.session.scope) == ("payments", "accounts payments")


@pytest.mark.parametrize("scope", ["cards", "accounts payments cards", "Accounts", "   ", "accounts,payments", 'accounts"', "accounts\\"])
def test_a_scope_is_never_widened(scope: str) -> None:
    refused(lambda: plan(REFRESH, scope=scope), "invalid_scope")


def test_a_session_does_not_get_what_it_has_not_though_its_client_may() -> None:
    refused(lambda: plan(REFRESH, {"session": replace(SESSION, scope="accounts")}, scope="payments"), "invalid_scope")
    refused(lambda: plan(REFRESH, {"session": replace(SESSION, scope="")}, scope="accounts"), "invalid_scope")


def test_what_a_client_may_no_longer_have_leaves_its_sessions() -> None:
    planned = plan(REFRESH, {"client": replace(APP, scopes=("accounts",))})

    assert isinstance(planned, Rotate)
    assert planned.scope == "accounts"
    refused(lambda: plan(REFRESH, {"client": replace(APP, scopes=("cards",))}), "invalid_scope")


def test_another_key_is_for_the_commit_to_judge() -> None:
    planned = plan(REFRESH, {"jkt": OTHER_JKT})

    assert isinstance(planned, Rotate)
    assert planned.jkt == OTHER_JKT
    refused(lambda: answer(planned, Denied(reason="outside its device")), "invalid_grant")


def test_a_refresh_token_that_is_not_ours_is_refused() -> None:
    refused(lambda: plan(REFRESH, {"session": None}), "invalid_grant")
    refused(lambda: plan(REFRESH, refresh_token=None), "invalid_request")


def test_another_client_gets_nothing_and_with_another_key_shows_that_the_token_leaked() -> None:
    refused(lambda: plan(REFRESH, {"client": OTHER}, client_id="other"), "invalid_grant")

    planned = plan(REFRESH, {"client": OTHER, "jkt": OTHER_JKT}, client_id="other")
    assert isinstance(planned, EndSession)
    assert (planned.session_id, planned.reason) == (SID, EndReason.OTHER_DEVICE)
    refused(lambda: answer(planned, Denied(reason="ended")), "invalid_grant")


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("values", [REDEMPTION, REFRESH], ids=["code", "refresh"])
def test_without_a_proof_there_are_no_tokens(values: dict[str, str]) -> None:
    refused(lambda: plan(values, {"jkt": None}), "invalid_dpop_proof")


@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "client_credentials",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "Authorization_Code",
        "authorization_code refresh_token",
        'refresh_token"\\',
        "é",
    ],
)
def test_other_grants_are_not_supported(grant_type: str) -> None:
    values = {"grant_type": grant_type, "client_id": "app", "username": "amina", "password": "correct horse", "scope": "accounts"}

    refused(lambda: plan(values), "unsupported_grant_type")


def test_a_request_says_what_it_brings() -> None:
    refused(lambda: plan(REDEMPTION, grant_type=None), "invalid_request")
    refused(lambda: plan(REDEMPTION, code=None), "invalid_request")


@pytest.mark.parametrize("values", [REDEMPTION, REFRESH], ids=["code", "refresh"])
@pytest.mark.parametrize(
    ("client", "header", "changes"),
    [
        (None, None, {}),
        (APP, None, {"client_id": None}),
        (APP, None, {"client_id": "other"}),
        (APP, None, {"client_secret": "any"}),
        (APP, basic("app", "any"), {}),
        (WEB, None, {"client_id": "web"}),
        (WEB, None, {"client_id": "web", "client_secret": "wrong"}),
        (WEB, basic("web", "wrong"), {"client_id": "web"}),
        (WEB, basic("web", "%FF"), {"client_id": "web"}),
        (WEB, "Basic !", {"client_id": "web"}),
        (WEB, "Bearer x", {"client_id": "web"}),
    ],
)
def test_who_is_not_the_client_is_refused_in_one_way(values: dict[str, str], client: Any, header: str | None, changes: dict[str, str | None]) -> None:
    refusal = refused(lambda: plan(values, {"client": client}, header, **changes), "invalid_client", status=401)

    assert refusal.description == "the client could not be authenticated"
    assert any(name == "WWW-Authenticate" for name, _ in refusal.answer().headers)


def test_a_client_that_signs_nobody_in_gets_no_tokens() -> None:
    refused(lambda: plan(REDEMPTION, {"client": AUDITOR}, basic("auditor", SECRET), client_id=None), "unauthorized_client")


# ---------------------------------------------------------------- after the commit


def test_granted_tokens_are_bound_and_never_kept_by_a_cache() -> None:
    answered = answer(plan(REFRESH, scope="payments"), GRANTED)

    assert answered.status == 200
    assert answered.body is not None
    told = {name: value for name, value in answered.body.items() if name != "access_token"}
    assert told == {"token_type": "DPoP", "expires_in": 300, "refresh_token": "the-successor", "scope": "payments"}
    assert {("Cache-Control", "no-store"), ("Pragma", "no-cache")} <= set(answered.headers)


@pytest.mark.parametrize("values", [REDEMPTION, REFRESH], ids=["code", "refresh"])
def test_a_commit_that_says_no_is_not_told_in_detail(values: dict[str, str]) -> None:
    refusals = [
        refused(lambda reason=reason: answer(plan(values), Denied(reason=reason)), "invalid_grant") for reason in ("revoked", "reuse", "idle")
    ]

    assert {refusal.description for refusal in refusals} == {"the grant is not valid, or no longer"}


def test_a_store_that_is_away_costs_nobody_their_tokens() -> None:
    answered = unavailable(2)

    assert answered.status == 503
    assert answered.body is not None
    assert answered.body["error"] == "temporarily_unavailable"
    assert ("Retry-After", "2") in answered.headers


def test_plans_and_outcomes_do_not_show_what_opens_a_session() -> None:
    for shown in (plan(REDEMPTION), plan(REFRESH), GRANTED, plan(REDEMPTION, {"code": replace(CODE, session_id=SID)})):
        assert not any(secret in repr(shown) for secret in ("the-code", "the-refresh-token", "the-successor", SID))
