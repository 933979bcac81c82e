"""The authorization endpoint: which requests let somebody sign in, and where every other one ends.

Method: requests as a browser would bring them, right but for one thing; a page that leads nowhere has no location, a redirect only
ever goes to the registered redirect URI, letter by letter.
"""

from dataclasses import replace
from typing import Any

import pytest

from auth.server import authorization, forms, pushed
from auth.server.answers import Refused
from auth.server.plans import Begin, IssueCode
from auth.server.records import AuthorizationRequest
from auth.tiers import Tier
from tests.auth.server import parties
from tests.auth.server.parties import (
    APP,
    ASKED,
    CALLBACK,
    CHALLENGE,
    ISSUER,
    JKT,
    NOW,
    OTHER,
    SECOND,
    WEB,
    WEB_CALLBACK,
    WHO,
    form,
    query,
    refused,
    sent_back,
    snapshot,
)

REQUEST = AuthorizationRequest(client_id="app", scope="accounts payments", code_challenge=CHALLENGE, redirect_uri=CALLBACK, state="af0ifjsldkj")
BY_REFERENCE = {"client_id": "app", "request_uri": f"{authorization.REQUEST_URI}h"}


def begin(values: dict[str, str] = ASKED, loaded: Any = None, /, **changes: str | None) -> Begin:
    return authorization.begin(form(values, **changes), snapshot=snapshot(**(loaded or {})))


# ---------------------------------------------------------------- it works


def test_a_request_lets_somebody_sign_in_and_ends_in_a_code_for_the_client() -> None:
    request = authorization.begun(begin(), was_there=True)
    plan = authorization.grant(request, WHO, snapshot=snapshot(now=NOW + SECOND))

    assert request == REQUEST
    assert replace(parties.CODE, dpop_jkt=None, expires_at=NOW + 61 * SECOND) == plan.record
    assert query(authorization.answer(plan, "the-code")) == {"code": "the-code", "state": "af0ifjsldkj", "iss": ISSUER}


def test_without_a_state_none_is_sent_and_the_issuer_is_sent_all_the_same() -> None:
    plan = authorization.grant(begin(state=None).request, WHO, snapshot=snapshot())

    assert query(authorization.answer(plan, "c")) == {"code": "c", "iss": ISSUER}


def test_what_a_redirect_uri_has_of_a_query_stays_as_it_is() -> None:
    request = begin(ASKED, {"client": WEB}, client_id="web", redirect_uri=WEB_CALLBACK).request
    plan = authorization.grant(request, WHO, snapshot=snapshot(client=WEB))

    assert dict(authorization.answer(plan, "c").headers)["Location"] == f"{WEB_CALLBACK}&code=c&state=af0ifjsldkj&iss=https%3A%2F%2Fbank.example"


def test_a_state_comes_back_as_it_was_sent() -> None:
    state = 'a b&c=d%#é+"\\<>'

    assert query(authorization.answer(authorization.grant(begin(state=state).request, WHO, snapshot=snapshot()), "c"))["state"] == state


def test_without_a_scope_the_client_gets_its_own() -> None:
    assert begin(scope=None).request.scope == "accounts payments"
    assert begin(scope="payments").request.scope == "payments"
    assert begin(scope="payments payments").request.scope == "payments"


def test_a_request_outlives_a_store() -> None:
    request = begin(dpop_jkt=JKT, acr_values="urn:bank:mfa urn:bank:device", max_age="0", login_hint="+254 700").request

    assert (request.dpop_jkt, request.acr_values, request.max_age_seconds) == (JKT, ("urn:bank:mfa", "urn:bank:device"), 0)
    assert authorization.resumed(request.stored(), snapshot=snapshot()) == request


def test_parameters_that_nobody_knows_are_ignored() -> None:
    assert begin(nonce="n", prompt="login", resource=f"{ISSUER}/graphql", response_mode="query", code="stolen").request == REQUEST


def test_a_code_is_bound_to_the_key_that_was_named() -> None:
    assert authorization.grant(begin(dpop_jkt=JKT).request, WHO, snapshot=snapshot()).record.dpop_jkt == JKT


def test_a_customer_may_say_no() -> None:
    told = query(authorization.deny(REQUEST, snapshot=snapshot()).answer())

    assert told == {"error": "access_denied", "error_description": "the request was not granted", "state": "af0ifjsldkj", "iss": ISSUER}


# ---------------------------------------------------------------- a page that leads nowhere


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        f"{CALLBACK}/",
        f"{CALLBACK}x",
        f"{CALLBACK}/../thief",
        f"{CALLBACK}?a=b",
        f"{CALLBACK}#",
        f"{CALLBACK}#fragment",
        f"{CALLBACK} ",
        f"{CALLBACK}\\",
        f'{CALLBACK}"',
        f"{CALLBACK}%00",
        f"{CALLBACK}%2F..",
        f"{CALLBACK}é",
        CALLBACK.upper(),
        CALLBACK.replace("app", "App"),
        CALLBACK.replace(":/", "://"),
        "com.tallystick.app:/callbac",
        "https://thief.example/callback",
        "https://thief.example\\@bank.example",
        "https://com.tallystick.app:/callback@thief.example",
        "//thief.example",
        "javascript:alert(1)",
        WEB_CALLBACK,
        " ".join([CALLBACK, CALLBACK]),
    ],
)
def test_a_redirect_uri_that_is_not_registered_is_never_gone_to(redirect_uri: str | None) -> None:
    refused(lambda: begin(redirect_uri=redirect_uri), "invalid_request")
    refused(lambda: begin(redirect_uri=redirect_uri, response_type="token"), "invalid_request")


@pytest.mark.parametrize("raw", [b"%00", b"%0d%0aSet-Cookie:x", b"\x00", b"%ff", b"x" * 20_000])
def test_bytes_that_no_redirect_uri_has_are_refused_before(raw: bytes) -> None:
    refused(lambda: forms.of_query(b"client_id=app&redirect_uri=" + CALLBACK.encode() + raw), "invalid_request")


@pytest.mark.parametrize("client_id", [None, "", "nobody", "APP", "app ", "web", "app\\", '"'])
def test_an_unknown_client_gets_a_page(client_id: str | None) -> None:
    refused(lambda: begin(client_id=client_id), "invalid_request")
    refused(lambda: begin(ASKED, {"client": None}, client_id=client_id), "invalid_request")


def test_a_redirect_uri_of_another_client_gets_a_page() -> None:
    refused(lambda: begin(ASKED, {"client": WEB}, client_id="web"), "invalid_request")


def test_a_state_that_is_too_long_to_come_back_gets_a_page() -> None:
    refused(lambda: begin(state="s" * 1025), "invalid_request")
    assert begin(state="s" * 1024).request.state == "s" * 1024


# ---------------------------------------------------------------- told to the client


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": "v" * 64}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": "too short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + '"'}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": "code code"}, "unsupported_response_type"),
        ({"response_type": 'say "code"\\'}, "unsupported_response_type"),
        ({"scope": "cards"}, "invalid_scope"),
        ({"scope": "accounts cards"}, "invalid_scope"),
        ({"scope": "accounts  payments"}, "invalid_scope"),
        ({"scope": "Accounts"}, "invalid_scope"),
        ({"scope": 'accounts "'}, "invalid_scope"),
        ({"scope": "accounts\u00a0payments"}, "invalid_scope"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"resource": "https://thief.example"}, "invalid_target"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"dpop_jkt": "k" * 42 + '"'}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"max_age": "9" * 5000}, "invalid_request"),
        ({"acr_values": " ".join("abcdefghi")}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_to_the_client_with_state_and_issuer(changes: dict[str, str | None], error: str) -> None:
    told = sent_back(lambda: begin(**changes))

    assert told.keys() == {"error", "error_description", "state", "iss"}
    assert (told["error"], told["state"], told["iss"]) == (error, "af0ifjsldkj", ISSUER)


def test_without_a_state_the_issuer_is_told_all_the_same() -> None:
    assert sent_back(lambda: begin(state=None, scope="cards")).keys() == {"error", "error_description", "iss"}


# ---------------------------------------------------------------- giving consent


def test_consent_is_checked_against_the_client_as_it_is_now() -> None:
    narrowed = replace(APP, scopes=("accounts",))
    moved = replace(APP, redirect_uris=("com.tallystick.app:/new",))

    assert sent_back(lambda: authorization.grant(REQUEST, WHO, snapshot=snapshot(client=narrowed)))["error"] == "invalid_scope"
    refused(lambda: authorization.grant(REQUEST, WHO, snapshot=snapshot(client=moved)), "invalid_request")
    refused(lambda: authorization.grant(REQUEST, WHO, snapshot=snapshot(client=None)), "invalid_client", status=401)
    refused(lambda: authorization.grant(REQUEST, WHO, snapshot=snapshot(client=OTHER)), "invalid_client", status=401)


def test_a_request_that_a_store_gives_back_changed_gets_no_code() -> None:
    for change in ({"code_challenge": "v" * 20}, {"redirect_uri": "https://thief.example"}, {"redirect_uri": None, "client_id": "other"}):
        changed = replace(REQUEST, **change)
        with pytest.raises(Refused):
            authorization.grant(changed, WHO, snapshot=snapshot(client=OTHER if changed.client_id == "other" else APP))


@pytest.mark.parametrize(
    ("asked", "tier", "age_seconds", "is_met"),
    [
        ({"acr_values": ("urn:bank:mfa",)}, Tier.GENERAL, 10, True),
        ({"acr_values": ("urn:bank:device",)}, Tier.GENERAL, 10, True),
        ({"acr_values": ("urn:other", "urn:bank:device")}, Tier.BROWSE, 10, True),
        ({"acr_values": ("urn:bank:mfa",)}, Tier.BROWSE, 10, False),
        ({"acr_values": ("urn:other",)}, Tier.GENERAL, 10, False),
        ({"max_age_seconds": 300}, Tier.GENERAL, 300, True),
        ({"max_age_seconds": 300}, Tier.GENERAL, 301, False),
        ({"max_age_seconds": 0}, Tier.GENERAL, 1, False),
        ({}, Tier.BROWSE, 10**6, True),
    ],
)
def test_a_client_that_asked_for_a_stronger_or_fresher_sign_in_gets_no_code_for_less(
    asked: dict[str, Any], tier: Tier, age_seconds: int, is_met: bool
) -> None:
    who = replace(WHO, tier=tier, auth_time=NOW - age_seconds * SECOND)
    request = replace(REQUEST, **asked)

    if is_met:
        assert isinstance(authorization.grant(request, who, snapshot=snapshot()), IssueCode)
    else:
        told = sent_back(lambda: authorization.grant(request, who, snapshot=snapshot()))
        assert (told["error"], told["iss"]) == ("unmet_authentication_requirements", ISSUER)


# ---------------------------------------------------------------- pushed requests


def test_a_pushed_request_is_used_up_by_its_use() -> None:
    plan = begin(BY_REFERENCE, {"pushed": parties.pushed()})

    assert (plan.request, plan.uses_up) == (REQUEST, BY_REFERENCE["request_uri"])
    assert authorization.begun(plan, was_there=True) == REQUEST
    refused(lambda: authorization.begun(plan, was_there=False), "invalid_request_uri")


def test_what_the_browser_says_beside_a_request_uri_counts_for_nothing() -> None:
    beside = {"redirect_uri": "https://thief.example", "scope": "cards", "state": "forged", "code_challenge": "x" * 43, "response_type": "token"}

    assert begin(BY_REFERENCE | beside, {"pushed": parties.pushed()}).request == REQUEST


@pytest.mark.parametrize(
    ("loaded", "changes"),
    [
        ({"pushed": None}, {}),
        ({"pushed": None}, {"request_uri": "https://thief.example/request.jwt"}),
        ({"pushed": None}, {"request_uri": 'urn:"\\'}),
        ({"pushed": parties.pushed(client_id="other")}, {}),
        ({"pushed": parties.pushed(expires_at=NOW)}, {}),
    ],
)
def test_a_request_uri_that_is_forged_or_used_or_anothers_gets_a_page(loaded: dict[str, Any], changes: dict[str, str]) -> None:
    refused(lambda: begin(BY_REFERENCE | ASKED, loaded, **changes), "invalid_request_uri")


def test_another_client_cannot_use_a_request_that_was_pushed() -> None:
    refused(lambda: begin(BY_REFERENCE, {"client": OTHER, "pushed": parties.pushed()}, client_id="other"), "invalid_request_uri")
    refused(lambda: begin(BY_REFERENCE, {"client": OTHER, "pushed": parties.pushed()}, client_id="app"), "invalid_request")


def test_a_pushed_request_does_not_refer_to_another() -> None:
    parameters = ASKED | {"request_uri": BY_REFERENCE["request_uri"]}

    assert sent_back(lambda: begin(BY_REFERENCE, {"pushed": parties.pushed(parameters=parameters)}))["error"] == "request_not_supported"


def test_a_request_uri_names_its_handle() -> None:
    uri = pushed.answer("tag-and-secret").body
    assert uri is not None

    assert authorization.handle_of({"request_uri": uri["request_uri"]}) == "tag-and-secret"
    assert authorization.handle_of({"request_uri": "https://bank.example"}) is None
    assert authorization.handle_of({}) is None
