"""Who takes part in these tests: a bank, its clients, a customer, and what is known of them at noon."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey

from auth.server import forms, minting
from auth.server.answers import Answer, Refused
from auth.server.authority import Authority
from auth.server.clients import Client, ClientKind, digest
from auth.server.forms import Form
from auth.server.records import Authenticated, CodeRecord, PushedRequest, SessionRecord, Snapshot, TokenKind, TokenRecord
from auth.tiers import Tier
from kernel import ids

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ISSUER = "https://bank.example"
FORM = "application/x-www-form-urlencoded"
CALLBACK = "com.tallystick.app:/callback"
WEB_CALLBACK = "https://web.example/callback?tenant=1"
SECRET = "kZ1u7-3hGq_not-a-guess"

AUTHORITY = Authority(issuer=ISSUER, audience="tallystick", resource=f"{ISSUER}/graphql", scopes=("accounts", "payments", "cards"))
KEY = ECKey.generate_key("P-256", parameters={"kid": "spring", "alg": "ES256", "use": "sig"})
SIGN = minting.signer(KEY)

APP = Client(id="app", name="Tallystick", redirect_uris=(CALLBACK,), scopes=("accounts", "payments"), first_party=True)
OTHER = Client(id="other", name="Another app", redirect_uris=(CALLBACK,), scopes=("accounts", "payments"))
WEB = Client(
    id="web",
    name="The web bank",
    kind=ClientKind.CONFIDENTIAL,
    redirect_uris=(WEB_CALLBACK,),
    scopes=("accounts", "payments"),
    secret_digest=digest(SECRET),
)
AUDITOR = Client(id="auditor", name="An API", kind=ClientKind.CONFIDENTIAL, may_introspect=True, secret_digest=digest(SECRET))

JKT, OTHER_JKT = "k" * 43, "x" * 43
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SID = "t" * 16 + "s" * 22
CUSTOMER = ids.new()
WHO = Authenticated(customer_id=CUSTOMER, auth_time=NOW - 10 * SECOND, tier=Tier.GENERAL)

CODE = CodeRecord(
    client_id="app", redirect_uri=CALLBACK, scope="accounts payments", code_challenge=CHALLENGE, dpop_jkt=JKT, who=WHO, expires_at=NOW + 60 * SECOND
)
SESSION = SessionRecord(
    id=SID, client_id="app", customer_id=CUSTOMER, scope="accounts payments", jkt=JKT, auth_time=WHO.auth_time, acr="urn:bank:mfa"
)
TOKEN = TokenRecord(
    kind=TokenKind.ACCESS, session=SESSION, scope="accounts", alive=True, issued_at=NOW - SECOND, expires_at=NOW + 60 * SECOND, id="7b1c"
)

ASKED = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "scope": "accounts payments",
    "state": "af0ifjsldkj",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
REDEMPTION = {"grant_type": "authorization_code", "client_id": "app", "code": "the-code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
REFRESH = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": "the-refresh-token"}


def snapshot(**loaded: Any) -> Snapshot:
    """At noon, with what was loaded."""
    return replace(Snapshot(authority=AUTHORITY, now=NOW, client=APP), **loaded)


def form(values: dict[str, str], **changes: str | None) -> Form:
    """As a body brings it in; a change to None takes a parameter out."""
    return forms.of_body(FORM, urlencode([(name, value) for name, value in (values | changes).items() if value is not None]).encode())


def pushed(**changes: Any) -> PushedRequest:
    return replace(PushedRequest(client_id="app", parameters=ASKED, expires_at=NOW + 60 * SECOND), **changes)


def basic(id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()


def refused(call: Any, error: str, *, status: int = 400) -> Refused:
    """The refusal of this call, which leads nowhere and has the form of RFC 6749."""
    with pytest.raises(Refused) as caught:
        call()
    answer = caught.value.answer()
    assert (caught.value.error, caught.value.location, answer.status) == (error, None, status), caught.value
    assert answer.body is not None
    assert answer.body.keys() == {"error", "error_description"}
    assert all(" " <= character <= "~" and character not in '"\\' for character in "".join(answer.body.values()))
    assert ("Cache-Control", "no-store") in answer.headers
    return caught.value


def sent_back(call: Any) -> dict[str, str]:
    """What the client is told by a redirect to its own redirect URI."""
    with pytest.raises(Refused) as caught:
        call()
    return query(caught.value.answer())


def query(answer: Answer) -> dict[str, str]:
    """The parameters of a redirect that goes where it should."""
    assert (answer.status, answer.body) == (303, None)
    location = dict(answer.headers)["Location"]
    assert location.startswith((f"{CALLBACK}?", f"{WEB_CALLBACK}&")), location
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
