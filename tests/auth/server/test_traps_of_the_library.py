"""What Authlib does by itself and this server must not do: each trap by name, as it was met.

Method: first that the library still behaves so, where that can be shown, so that a release which mends it is noticed; then that we do not.
Warnings are errors here: what is deprecated today is gone in the next release.
"""

import ast
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedResponseTypeError  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.util import extract_basic_authorization  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]

from auth.server import authorization, core, introspection, pushed, revocation, token
from auth.server.answers import Refused
from auth.server.authority import Endpoint
from auth.server.forms import Form
from auth.server.grants import S256
from auth.server.plans import EndSession, IssueCode, RedeemCode
from auth.server.requests import Request
from tests.auth.server import parties
from tests.auth.server.parties import (
    APP,
    ASKED,
    AUDITOR,
    CODE,
    JKT,
    OTHER,
    REDEMPTION,
    REFRESH,
    SECRET,
    SESSION,
    SID,
    TOKEN,
    WHO,
    basic,
    form,
    refused,
    sent_back,
    snapshot,
)

pytestmark = pytest.mark.filterwarnings("error")
PACKAGE = Path(core.__file__).parent


def ask(**changes: str | None) -> IssueCode:
    request = authorization.begin(form(ASKED, **changes), snapshot=snapshot()).request
    return authorization.grant(request, WHO, snapshot=snapshot())


class _Unchallenged:
    """A grant whose request has no challenge."""

    request = Request(Form([]), endpoint=Endpoint.AUTHORIZATION, snapshot=snapshot())


def test_pkce_is_demanded_where_the_code_is_asked_for_and_not_where_it_is_redeemed() -> None:
    CodeChallenge(required=True).validate_code_challenge(_Unchallenged, "")  # It lets this through to a code.

    assert sent_back(lambda: ask(code_challenge=None, code_challenge_method=None))["error"] == "invalid_request"


def test_a_missing_method_is_not_taken_for_plain() -> None:
    assert (CodeChallenge.DEFAULT_CODE_CHALLENGE_METHOD, CodeChallenge.SUPPORTED_CODE_CHALLENGE_METHOD) == ("plain", ["plain", "S256"])

    assert (tuple(S256.SUPPORTED_CODE_CHALLENGE_METHOD), set(S256.CODE_CHALLENGE_METHODS)) == (("S256",), {"S256"})
    assert sent_back(lambda: ask(code_challenge_method=None))["error"] == "invalid_request"
    assert sent_back(lambda: ask(code_challenge_method="plain"))["error"] == "invalid_request"


@pytest.mark.parametrize("character", ["\\", '"', "é"])
def test_a_character_that_an_error_may_not_quote_is_a_refusal_and_no_failure(character: str) -> None:
    with pytest.raises(ValueError, match="forbidden characters"):
        InvalidRequestError(f"Redirect URI {character} is not supported by client.")
    with pytest.raises(ValueError, match="forbidden characters"):
        UnsupportedResponseTypeError("the description", character)

    refused(lambda: ask(redirect_uri=f"{parties.CALLBACK}{character}"), "invalid_request")
    assert sent_back(lambda: ask(response_type=character))["error"] == "unsupported_response_type"
    for name in (*ASKED, *REDEMPTION, "token_type_hint", "resource", "dpop_jkt", "login_hint", "acr_values"):
        odd = Form((ASKED | REDEMPTION | {"token": "t"} | {name: character}).items())
        for call in (
            lambda odd=odd: authorization.begin(odd, snapshot=snapshot()),
            lambda odd=odd: pushed.push(odd, authorization=None, snapshot=snapshot()),
            lambda odd=odd: token.plan(odd, authorization=None, snapshot=snapshot(code=CODE, jkt=JKT)),
            lambda odd=odd: revocation.plan(odd, authorization=None, snapshot=snapshot(token=TOKEN)),
        ):
            with suppress(Refused):
                call()


def test_whatever_the_library_still_fails_on_is_a_refusal() -> None:
    def fail() -> None:
        with core.refusals():
            InvalidRequestError('"')

    refused(fail, "invalid_request")


@pytest.mark.parametrize("header", ["Basic ", "Basic /////w==", "Basic é"])
def test_a_malformed_basic_header_is_a_refusal_and_no_failure(header: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        extract_basic_authorization({"Authorization": header})

    refused(lambda: token.plan(form(REDEMPTION), authorization=header, snapshot=snapshot(code=CODE, jkt=JKT)), "invalid_client", status=401)


def test_a_code_that_is_used_twice_also_ends_the_session_of_its_first_use() -> None:
    planned = token.plan(form(REDEMPTION), authorization=None, snapshot=snapshot(code=replace(CODE, session_id=SID), jkt=JKT))

    assert isinstance(planned, EndSession)
    assert planned.session_id == SID


def test_addresses_are_made_from_the_issuer() -> None:
    request = Request(form(REDEMPTION), endpoint=Endpoint.TOKEN, snapshot=snapshot())

    assert request.uri == f"{parties.ISSUER}/oauth/token"


def test_a_wrong_verifier_is_told_as_an_invalid_grant_though_it_is_missing_or_malformed() -> None:
    for verifier in (None, "short", "w" * 64):
        refused(
            lambda verifier=verifier: token.plan(form(REDEMPTION, code_verifier=verifier), authorization=None, snapshot=snapshot(code=CODE, jkt=JKT)),
            "invalid_grant",
        )


def test_an_error_that_is_sent_back_names_the_issuer_too() -> None:
    assert sent_back(lambda: ask(scope="cards"))["iss"] == parties.ISSUER


def test_the_server_keeps_nothing_of_a_request() -> None:
    before = {name: repr(value) for name, value in vars(core.CORE).items() if name != "_hooks"}

    ask()
    token.plan(form(REDEMPTION), authorization=None, snapshot=snapshot(code=CODE, jkt=JKT))
    token.plan(form(REFRESH), authorization=None, snapshot=snapshot(session=SESSION, jkt=JKT))
    revocation.plan(form({"client_id": "app", "token": "t"}), authorization=None, snapshot=snapshot(token=TOKEN))
    introspection.answer(form({"token": "t"}), authorization=basic("auditor", SECRET), snapshot=snapshot(client=AUDITOR, token=TOKEN))

    assert {name: repr(value) for name, value in vars(core.CORE).items() if name != "_hooks"} == before
    assert not any(core.CORE._hooks.values())


def test_a_client_is_looked_up_in_its_own_request() -> None:
    planned = token.plan(form(REDEMPTION), authorization=None, snapshot=snapshot(client=APP, code=CODE, jkt=JKT))
    refused(
        lambda: token.plan(form(REDEMPTION), authorization=None, snapshot=snapshot(client=OTHER, code=CODE, jkt=JKT)), "invalid_client", status=401
    )

    assert isinstance(planned, RedeemCode)


def test_the_jose_of_the_library_is_never_loaded() -> None:
    modules = sorted(file.stem for file in PACKAGE.glob("*.py") if file.stem != "__init__")
    code = f"import sys; [__import__('auth.server.' + name) for name in {modules}]; print([name for name in sys.modules if 'authlib.jose' in name])"
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent.parent, timeout=60)

    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")


def test_nothing_in_the_package_waits_for_anything() -> None:
    for file in PACKAGE.glob("*.py"):
        waits = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith)]
        assert not waits, file
