"""What may be registered as a client, and how a request says which one it comes from."""

from dataclasses import replace
from typing import Any

import pytest

from auth.server.authority import Authority
from auth.server.clients import Claim, ClientKind, claimed, digest
from auth.server.forms import Form
from tests.auth.server.parties import APP, AUDITOR, AUTHORITY, SECRET, WEB, basic, form, refused


@pytest.mark.parametrize(
    "uri",
    [
        "https://web.example/callback",
        "https://web.example:8443/a?b=c",
        "http://127.0.0.1:7000/callback",
        "http://[::1]/",
        "com.tallystick.app:/callback",
    ],
)
def test_a_redirect_uri_that_leads_to_the_client_is_registered(uri: str) -> None:
    assert replace(APP, redirect_uris=(uri,)).check_redirect_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "callback",
        "http://web.example/callback",
        "http://localhost/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "tallystick:/callback",
        "com.tallystick.app://callback/x",
        "https://user@web.example/",
        "https://web.example/#fragment",
        "https://web.example/\\x",
        "https://web.example/ x",
        "https://web.example/\x00",
        "https://",
        "https://[web.example/",
        "https://wéb.example/",
    ],
)
def test_a_redirect_uri_that_could_lead_elsewhere_is_not(uri: str) -> None:
    with pytest.raises(ValueError, match="is neither https"):
        replace(APP, redirect_uris=(uri,))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": ""}, "a client id has"),
        ({"id": "a b"}, "a client id has"),
        ({"id": "a:b"}, "a client id has"),
        ({"id": "a" * 65}, "a client id has"),
        ({"secret_digest": digest(SECRET)}, "a public one has none"),
        ({"kind": ClientKind.CONFIDENTIAL}, "has a secret"),
        ({"may_introspect": True}, "only a confidential client"),
        ({"scopes": ()}, "scopes are words"),
        ({"scopes": ("a b",)}, "scopes are words"),
        ({"scopes": ('"',)}, "scopes are words"),
    ],
)
def test_a_client_that_contradicts_itself_is_not_registered(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(APP, **changes)


def test_a_client_does_not_show_its_secret() -> None:
    assert "secret" not in repr(WEB)
    assert WEB.check_client_secret(SECRET)
    assert not WEB.check_client_secret(SECRET + "x")
    assert not APP.check_client_secret("")


def test_a_request_claims_a_client_in_one_way() -> None:
    assert claimed(form({"client_id": "app"}), None) == Claim(client_id="app", method="none")
    assert claimed(Form([]), None) == Claim(client_id=None, method="none")
    assert claimed(form({"client_id": "web", "client_secret": SECRET}), None) == Claim(client_id="web", method="client_secret_post")
    assert claimed(Form([]), basic("web", SECRET)) == Claim(client_id="web", method="client_secret_basic")
    assert claimed(form({"client_id": "web"}), basic("we%62", SECRET)) == Claim(client_id="web", method="client_secret_basic")


def test_two_ways_or_two_clients_are_refused() -> None:
    refused(lambda: claimed(form({"client_secret": SECRET}), basic("web", SECRET)), "invalid_request")
    refused(lambda: claimed(form({"client_id": "app"}), basic("web", SECRET)), "invalid_request")


@pytest.mark.parametrize(
    "header",
    [
        *("", "Basic", "Basic ", "Basic  ", "Basic !", "Basic YQ", "Basic YTpi, Basic YTpi", "Bearer abc", "DPoP abc", "Basic " + "A" * 3000),
        *("Basic /////w==", "Basic w6k6eA==", "Basic Og==", "Basic YTo=", "Basic OmI=", "Basic ADpi", "Basic é", "basic\tYTpi", "\ud800"),
    ],
)
def test_a_header_that_is_no_basic_one_is_refused(header: str) -> None:
    refusal = refused(lambda: claimed(Form([]), header), "invalid_client", status=401)

    assert any(name == "WWW-Authenticate" for name, _ in refusal.answer().headers)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": "http://bank.example"}, "is not https"),
        ({"issuer": "http://localhost:8000"}, "is not https"),
        ({"issuer": "https://bank.example/"}, "ends in a slash"),
        ({"issuer": "https://bank.example?x=1"}, "without query"),
        ({"issuer": "https://bank.example#x"}, "without query"),
        ({"issuer": "https://a@bank.example"}, "without query"),
        ({"issuer": "https://"}, "without query"),
        ({"resource": "http://bank.example/graphql"}, "is not https"),
    ],
)
def test_an_authority_has_an_address_that_clients_can_trust(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(AUTHORITY, **changes)


def test_on_the_machine_itself_no_encryption_is_needed() -> None:
    issuer = "http://127.0.0.1:8000"

    assert Authority(issuer=issuer, audience="tallystick", resource=f"{issuer}/graphql", scopes=()).issuer == issuer


def test_a_client_that_only_introspects_signs_nobody_in() -> None:
    assert not AUDITOR.check_grant_type("authorization_code")
    assert not AUDITOR.check_response_type("code")
