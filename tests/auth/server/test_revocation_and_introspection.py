"""Handing a token in: to end its session, or to ask what it says."""

from dataclasses import replace
from typing import Any

import pytest

from auth.server import introspection, revocation
from auth.server.answers import Answer
from auth.server.plans import EndSession
from auth.server.records import TokenKind, TokenRecord
from auth.sessions.records import EndReason
from kernel import ids
from tests.auth.server.parties import (
    APP,
    AUDITOR,
    CUSTOMER,
    ISSUER,
    JKT,
    NOW,
    OTHER,
    SECRET,
    SESSION,
    SID,
    TOKEN,
    WEB,
    basic,
    form,
    refused,
    snapshot,
)

HANDED_IN = {"client_id": "app", "token": "the-token"}
REFRESH_TOKEN = replace(TOKEN, kind=TokenKind.REFRESH, issued_at=None, id=None)


def revoke(loaded: dict[str, Any] | None = None, header: str | None = None, /, **changes: str | None) -> EndSession | None:
    return revocation.plan(form(HANDED_IN, **changes), authorization=header, snapshot=snapshot(**({"token": TOKEN} | (loaded or {}))))


def introspect(loaded: dict[str, Any] | None = None, header: str | None = basic("auditor", SECRET), /, **changes: str | None) -> Answer:
    known = {"client": AUDITOR, "token": TOKEN} | (loaded or {})
    return introspection.answer(form(HANDED_IN, **({"client_id": None} | changes)), authorization=header, snapshot=snapshot(**known))


# ---------------------------------------------------------------- revocation


@pytest.mark.parametrize("record", [TOKEN, REFRESH_TOKEN, replace(TOKEN, expires_at=NOW), replace(TOKEN, alive=False)])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "something else", '"\\'])
def test_either_token_ends_the_session_whatever_the_hint(record: TokenRecord, hint: str | None) -> None:
    assert revoke({"token": record}, token_type_hint=hint) == EndSession(session_id=SID, reason=EndReason.SIGNED_OUT)


def test_an_unknown_token_is_no_error() -> None:
    assert revoke({"token": None}) is None
    assert revoke({"token": None}, token='\\"') is None
    assert (revocation.answer().status, revocation.answer().body) == (200, {})


def test_another_client_ends_nothing() -> None:
    refused(lambda: revoke({"client": OTHER}, client_id="other"), "invalid_grant")
    refused(lambda: revoke({"client": WEB}, basic("web", SECRET), client_id=None), "invalid_grant")


def test_a_request_without_a_token_is_refused() -> None:
    refused(lambda: revoke(token=None), "invalid_request")


@pytest.mark.parametrize(
    ("loaded", "header", "changes"),
    [
        ({}, None, {"client_id": None}),
        ({"client": None}, None, {}),
        ({"client": WEB, "token": replace(TOKEN, session=replace(SESSION, client_id="web"))}, None, {"client_id": "web"}),
        ({"client": WEB}, basic("web", "wrong"), {"client_id": None}),
    ],
)
def test_who_is_no_client_ends_nothing(loaded: dict[str, Any], header: str | None, changes: dict[str, str | None]) -> None:
    refused(lambda: revoke(loaded, header, **changes), "invalid_client", status=401)


# ---------------------------------------------------------------- introspection


def test_a_client_that_may_know_is_told_what_a_token_says() -> None:
    answered = introspect()

    assert answered.status == 200
    assert answered.body == {
        "active": True,
        "iss": ISSUER,
        "sub": ids.encode("cus", CUSTOMER),
        "aud": "tallystick",
        "client_id": "app",
        "scope": "accounts",
        "token_type": "DPoP",
        "iat": int(NOW.timestamp()) - 1,
        "exp": int(NOW.timestamp()) + 60,
        "auth_time": int(NOW.timestamp()) - 10,
        "acr": "urn:bank:mfa",
        "sid": SID,
        "jti": "7b1c",
        "cnf": {"jkt": JKT},
    }


def test_a_refresh_token_is_told_of_without_what_only_access_tokens_have() -> None:
    body = introspect({"token": REFRESH_TOKEN}).body
    assert body is not None

    assert body["active"]
    assert not body.keys() & {"token_type", "aud", "iat", "jti"}


def test_a_secret_in_the_body_will_do() -> None:
    body = introspect({}, None, client_id="auditor", client_secret=SECRET).body
    assert body is not None

    assert body["active"]


@pytest.mark.parametrize("record", [None, replace(TOKEN, alive=False), replace(TOKEN, expires_at=NOW), replace(REFRESH_TOKEN, alive=False)])
def test_of_a_token_that_is_dead_or_unknown_only_that_is_told(record: TokenRecord | None) -> None:
    assert introspect({"token": record}).body == {"active": False}
    assert introspect({"token": record}, token_type_hint='odd"\\').body == {"active": False}


@pytest.mark.parametrize(
    ("client", "header", "changes"),
    [
        (None, None, {}),
        (AUDITOR, None, {}),
        (APP, None, {"client_id": "app"}),
        (OTHER, None, {"client_id": "other"}),
        (WEB, basic("web", SECRET), {}),
        (WEB, None, {"client_id": "web", "client_secret": SECRET}),
        (AUDITOR, None, {"client_id": "auditor"}),
        (AUDITOR, None, {"client_id": "auditor", "client_secret": "wrong"}),
        (AUDITOR, basic("auditor", "wrong"), {}),
        (AUDITOR, basic("nobody", SECRET), {}),
        (AUDITOR, "Bearer the-token", {}),
        (AUDITOR, "Basic /////w==", {}),
    ],
)
def test_nobody_else_is_told_anything(client: Any, header: str | None, changes: dict[str, str | None]) -> None:
    refusal = refused(lambda: introspect({"client": client}, header, **changes), "invalid_client", status=401)

    assert any(name == "WWW-Authenticate" for name, _ in refusal.answer().headers)


def test_a_question_without_a_token_is_refused() -> None:
    refused(lambda: introspect(token=None), "invalid_request")
