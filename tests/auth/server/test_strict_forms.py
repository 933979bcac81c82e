"""Bodies and queries, read strictly: what is no plain form never reaches what judges it.

Method: bytes as a hostile client would send them; each is either read as written or refused with 400 in the form of RFC 6749.
"""

import pytest

from auth.server import forms
from auth.server.forms import LONGEST, LONGEST_VALUE, MOST, Form
from tests.auth.server.parties import FORM, refused


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=utf-8", f'{FORM};charset="UTF-8" '])
def test_a_form_is_read(content_type: str) -> None:
    found = forms.of_body(content_type, b"grant_type=refresh_token&scope=a+b%20c&login_hint=%C3%A9&state=a=b")

    assert dict(found) == {"grant_type": "refresh_token", "scope": "a b c", "login_hint": "é", "state": "a=b"}


def test_a_query_is_read_in_the_same_way() -> None:
    assert dict(forms.of_query(b"client_id=app&&state=x")) == {"client_id": "app", "state": "x"}


def test_a_parameter_without_a_value_counts_as_left_out() -> None:
    found = forms.of_body(FORM, b"scope=&state&client_id=app")

    assert dict(found) == {"client_id": "app"}
    assert "scope" not in found


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=utf-8; charset=utf-7",
        f"{FORM}, application/json",
        f"{FORM}\n",
        f"{FORM}x",
    ],
)
def test_another_media_type_is_refused(content_type: str | None) -> None:
    refused(lambda: forms.of_body(content_type, b'{"grant_type": "refresh_token"}'), "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b'{"grant_type": "refresh_token"}',
        b"a=1&a=1",
        b"a=1&a=2",
        b"a=&a=1",
        b"a=1&%61=2",
        b"a=\xff",
        b"a=%ff",
        b"a=%C3",
        b"a=%C0%AF",
        b"a=%ED%A0%80",
        "a=é".encode(),
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%u0041",
        b"a=\x00",
        b"a=%00",
        b"a%00=1",
        b"a=%0D%0ALocation:%20https://thief.example",
        b"a=%7F",
        b"a=%C2%85",
        b"a=1\n",
        b"a=1 2",
        b"a=" + b"x" * (LONGEST_VALUE + 1),
        b"a=" + b"x" * 20_000,
        b"a" * 65 + b"=1",
        b"a=" + b"%41" * LONGEST,
        b"&" * LONGEST,
        b"&".join(b"p%d=1" % n for n in range(MOST + 1)),
        b"x" * 10_000_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_no_strict_form_is_refused(body: bytes) -> None:
    refused(lambda: forms.of_body(FORM, body), "invalid_request")
    refused(lambda: forms.of_query(body), "invalid_request")


def test_as_much_as_allowed_is_allowed() -> None:
    assert len(forms.of_body(FORM, b"&".join(b"p%d=1" % n for n in range(MOST)))) == MOST
    assert len(forms.of_body(FORM, b"a=" + b"x" * LONGEST_VALUE)["a"]) == LONGEST_VALUE


@pytest.mark.parametrize("pairs", [[("a", "\x00")], [("a", "\ud800")], [("\udfff", "b")], [("a", "1"), ("a", "2")], [("a", "x" * 20_000)]])
def test_a_form_made_of_pairs_is_held_to_the_same(pairs: list[tuple[str, str]]) -> None:
    refused(lambda: Form(pairs), "invalid_request")


def test_a_form_does_not_show_what_is_in_it() -> None:
    assert repr(Form([("client_id", "app"), ("password", "correct horse")])) == "Form(client_id, password)"
