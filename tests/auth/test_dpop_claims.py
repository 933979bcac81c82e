"""A proof is for one request: its method, its address, its token, its time."""

import hashlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.dpop import LONGEST_JTI, MOST_AGE, MOST_AHEAD, NONCE_STEP, SEEN_FOR, ath, target
from tests.auth.proofs import CLAIMS, JKT, NONCES, NOW, SECOND, TOKEN, refused, signed, verified, without

# ---------------------------------------------------------------- claims


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat", "ath"])
def test_a_proof_without_a_claim_it_must_have_is_refused(name: str) -> None:
    refused(signed(without(CLAIMS, name)))


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": ""},
        {"jti": 7},
        {"jti": None},
        {"jti": ["a"]},
        {"jti": "j" * (LONGEST_JTI + 1)},
        {"jti": "é"},
        {"jti": "\ud800"},
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": "Post"},
        {"htm": "POST "},
        {"htm": ""},
        {"htm": None},
        {"htm": ["POST"]},
        {"iat": None},
        {"iat": str(CLAIMS["iat"])},
        {"iat": True},
        {"iat": CLAIMS["iat"] + 0.5},
        {"iat": 0},
        {"iat": -1},
        {"iat": 10**30},
        {"iat": -(10**30)},
        {"iat": CLAIMS["iat"] * 1000},
        {"iat": float("nan")},
        {"iat": float("inf")},
        {"ath": ath("another")},
        {"ath": ""},
        {"ath": None},
        {"ath": 7},
        {"ath": [ath(TOKEN)]},
        {"ath": ath(TOKEN) + "="},
        {"ath": ath(TOKEN)[:-1]},
        {"ath": ath(TOKEN).lower()},
        {"ath": ath(TOKEN)[:-1] + "é"},
        {"ath": "\ud800"},
        {"ath": hashlib.sha256(TOKEN.encode()).hexdigest()},
    ],
)
def test_a_proof_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(CLAIMS | changes))


def test_the_longest_jti_is_one() -> None:
    assert verified(signed(CLAIMS | {"jti": "j" * LONGEST_JTI})).jkt == JKT


def test_a_proof_for_one_method_is_none_for_another() -> None:
    refused(signed(), method="GET")
    assert verified(signed(CLAIMS | {"htm": "GET"}), method="GET").jkt == JKT


def test_a_proof_for_one_access_token_is_none_for_another() -> None:
    refused(signed(), access_token="header.payload.other")


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "htu",
    [
        "https://bank.example/oauth/token",
        "HTTPS://bank.example/oauth/token",
        "https://BANK.Example/oauth/token",
        "https://bank.example:443/oauth/token",
        "https://bank.example:/oauth/token",
        "https://bank.example/oauth/token?a=b&c=/d?e",
        "https://bank.example/oauth/token?",
        "https://bank.example/oauth/token#part",
        "https://bank.example/oauth/token?a=b#part?",
    ],
)
def test_an_address_that_only_looks_different_is_the_same(htu: str) -> None:
    assert verified(signed(CLAIMS | {"htu": htu})).jkt == JKT


@pytest.mark.parametrize(
    "htu",
    [
        "https://bank.example/oauth/token/",
        "https://bank.example/oauth//token",
        "https://bank.example//oauth/token",
        "https://bank.example/oauth/./token",
        "https://bank.example/oauth/../oauth/token",
        "https://bank.example/oauth/Token",
        "https://bank.example/oauth/%74oken",
        "https://bank.example/oauth%2Ftoken",
        "https://bank.example/oauth/token;a=b",
        "https://bank.example/oauth/token%3Fa=b",
        "https://bank.example/oauth\\token",
        "https://bank.example\\/oauth/token",
        "https://bank.example/graphql",
        "https://bank.example/",
        "https://bank.example",
        "http://bank.example/oauth/token",
        "http://bank.example:443/oauth/token",
        "https://bank.example:80/oauth/token",
        "https://bank.example:8443/oauth/token",
        "https://bank.example:0443/oauth/token",
        "https://bank.example:443:443/oauth/token",
        "https://bank.example.:443/oauth/token",
        "https://bank.example@thief.example/oauth/token",
        "https://thief.example@bank.example/oauth/token",
        "https://:@bank.example/oauth/token",
        "https://thief.example/oauth/token",
        "https://bank.example.thief.example/oauth/token",
        "https://thief.example#@bank.example/oauth/token",
        "https://thief.example?bank.example/oauth/token",
        " https://bank.example/oauth/token",
        "https://bank.example/oauth/token ",
        "https://bank.example/oauth/token\n",
        "https://bank.example/oauth/token\x00",
        "https://bank.example/oa\tuth/token",
        "https:/bank.example/oauth/token",
        "https:bank.example/oauth/token",
        "//bank.example/oauth/token",
        "/oauth/token",
        "http\u017f://bank.example/oauth/token",
        "https://ban\u212a.example/oauth/token",
        "https://bänk.example/oauth/token",
        "https://bank\u3002example/oauth/token",
        "https://[bank.example]/oauth/token",
        "https://bank.example/oauth/token?\n",
        "https://bank.example/oauth/token" + "?" + "a" * 1024,
        "",
        "*",
    ],
)
def test_an_address_that_is_another_or_none_is_refused(htu: str) -> None:
    refused(signed(CLAIMS | {"htu": htu}))


@pytest.mark.parametrize("htu", [None, 7, True, ["https://bank.example/oauth/token"], {"https://bank.example/oauth/token": 1}])
def test_an_address_is_a_text(htu: object) -> None:
    refused(signed(CLAIMS | {"htu": htu}))


@given(htu=st.text(max_size=60) | st.from_regex(r"https?://[a-z.:@\[\]0-9]{0,20}(/[a-z%./?#]{0,20})?", fullmatch=True))
def test_no_made_up_address_passes_for_the_banks(htu: str) -> None:
    refused(signed(CLAIMS | {"htu": htu}), url=target("https://bank.example", "/oauth/a-path-that-nobody-guesses"))


@pytest.mark.parametrize(
    ("base_url", "path", "spelled"),
    [
        ("https://bank.example", "/graphql", "https://bank.example:443/graphql"),
        ("https://bank.example/", "/graphql", "https://bank.example:443/graphql"),
        ("https://Bank.Example:8443/api", "/graphql", "https://bank.example:8443/api/graphql"),
        ("http://127.0.0.1:8000", "/oauth/token", "http://127.0.0.1:8000/oauth/token"),
        ("http://[::1]:8000", "/oauth/token", "http://[::1]:8000/oauth/token"),
        ("https://bank.example", "", "https://bank.example:443/"),
        ("https://bank.example/", "", "https://bank.example:443/"),
    ],
)
def test_an_endpoints_address_comes_from_settings_and_has_one_spelling(base_url: str, path: str, spelled: str) -> None:
    assert target(base_url, path) == spelled
    claims = without(CLAIMS, "ath") | {"htu": base_url.removesuffix("/") + path}
    assert verified(signed(claims), url=spelled, access_token=None).jkt == JKT


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("", "/graphql"),
        ("bank.example", "/graphql"),
        ("ftp://bank.example", "/graphql"),
        ("https://", "/graphql"),
        ("https://user@bank.example", "/graphql"),
        ("https://bank.example?a", "/graphql"),
        ("https://bank.example#a", "/graphql"),
        ("https://bank.example", "/graphql?a"),
        ("https://bank.example", "graphql"),
        ("https://bank.example", ":8000/graphql"),
        ("https://bank.example", ".thief.example/graphql"),
    ],
)
def test_settings_that_make_no_address_are_refused_at_start(base_url: str, path: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        target(base_url, path)


# ---------------------------------------------------------------- time


def at(iat: datetime, *, now: datetime) -> str:
    """A proof that says it was made at `iat`, with a nonce that is good now."""
    return signed(CLAIMS | {"iat": int(iat.timestamp()), "nonce": NONCES.fresh(now=now, jkt=JKT)})


def test_a_proof_is_neither_old_nor_from_the_future() -> None:
    assert verified(at(NOW - MOST_AGE, now=NOW)).iat == NOW - MOST_AGE
    assert verified(at(NOW + MOST_AHEAD, now=NOW)).iat == NOW + MOST_AHEAD
    refused(at(NOW - MOST_AGE - SECOND, now=NOW))
    refused(at(NOW + MOST_AHEAD + SECOND, now=NOW))


def test_a_proof_is_remembered_for_longer_than_it_is_good() -> None:
    assert SEEN_FOR > MOST_AGE + MOST_AHEAD
    assert SEEN_FOR > 2 * NONCE_STEP
