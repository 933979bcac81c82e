"""Who gets in with what they call an access token.

Method: tokens made by hand, right but for one thing, at times that the test chooses; a random header may cause nothing but a refusal.
"""

import base64
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, KeySet
from pydantic import SecretStr

from auth.keys import development_key
from auth.tokens import DEVELOPMENT_LIFE, LEEWAY, LONGEST, Principal, Tokens, issue
from kernel import ids
from kernel.errors import RequestRefused
from kernel.settings import Settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ISSUER, AUDIENCE = "https://bank.example", "tallystick"
KEY = ECKey.generate_key("P-256", parameters={"kid": "spring", "alg": "ES256", "use": "sig"})
NEXT_KEY = ECKey.generate_key("P-256", parameters={"kid": "summer", "alg": "ES256", "use": "sig"})
FOREIGN_KEY = ECKey.generate_key("P-256", parameters={"kid": "spring", "alg": "ES256", "use": "sig"})
CUSTOMER = ids.new()

HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "spring"}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": ids.encode("cus", CUSTOMER),
    "client_id": "app",
    "scope": "accounts payments",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    "jti": "7b1c",
}


def public(*keys: ECKey) -> KeySet:
    return KeySet([ECKey.import_key(key.as_dict(private=False)) for key in keys])


def door(*keys: ECKey, most: int = 100) -> Tokens:
    return Tokens(public(*(keys or (KEY,))), issuer=ISSUER, audience=AUDIENCE, most=most)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object = CLAIMS, header: object = HEADER, *, key: ECKey = KEY) -> str:
    """Any header and claims at all, signed with ES256 as they stand."""
    text = f"{part(header)}.{part(claims)}"
    algorithm = jws.JWSRegistry.algorithms["ES256"]
    return f"{text}.{part(algorithm.sign(text.encode(), key))}"


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def refused(token: str, *, now: datetime = NOW, by: Tokens | None = None) -> None:
    """Not let in, with the answer that every bad token gets."""
    with pytest.raises(RequestRefused) as refusal:
        (by or door()).verify(token, now=now)
    assert (refusal.value.code, refusal.value.status, str(refusal.value)) == ("UNAUTHENTICATED", 401, "the access token is not valid")


# ---------------------------------------------------------------- it works


def test_a_good_token_tells_who_it_speaks_for() -> None:
    assert door().verify(signed(), now=NOW) == Principal(
        customer_id=CUSTOMER, scopes=frozenset({"accounts", "payments"}), expires_at=NOW + timedelta(minutes=5), token_id="7b1c"
    )


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        (CLAIMS | {"aud": ["another", AUDIENCE]}, HEADER),
        (CLAIMS | {"nbf": CLAIMS["iat"], "auth_time": CLAIMS["iat"], "acr": "urn:bank:mfa"}, HEADER),
        (CLAIMS, HEADER | {"typ": "application/at+jwt"}),
        (CLAIMS, HEADER | {"typ": "AT+JWT"}),
    ],
)
def test_what_the_standard_leaves_open_is_let_in(claims: dict[str, Any], header: dict[str, Any]) -> None:
    assert door().verify(signed(claims, header), now=NOW).customer_id == CUSTOMER


def test_a_token_without_a_scope_may_do_nothing_special() -> None:
    assert door().verify(signed(without(CLAIMS, "scope")), now=NOW).scopes == frozenset()


def test_after_a_rotation_both_keys_verify_until_the_old_one_is_taken_out() -> None:
    old, new = signed(), signed(header=HEADER | {"kid": "summer"}, key=NEXT_KEY)

    for token in (old, new):
        assert door(KEY, NEXT_KEY).verify(token, now=NOW).customer_id == CUSTOMER
    refused(old, by=door(NEXT_KEY))


def test_an_issued_token_is_good_for_its_life() -> None:
    token = issue(KEY, issuer=ISSUER, audience=AUDIENCE, customer_id=CUSTOMER, now=NOW, life=DEVELOPMENT_LIFE)

    assert door().verify(token, now=NOW).expires_at == NOW + timedelta(hours=12)
    assert door().verify(token, now=NOW + DEVELOPMENT_LIFE - SECOND).customer_id == CUSTOMER
    refused(token, now=NOW + DEVELOPMENT_LIFE + LEEWAY)


def test_two_issued_tokens_have_ids_of_their_own() -> None:
    tokens = [issue(KEY, issuer=ISSUER, audience=AUDIENCE, customer_id=CUSTOMER, now=NOW, life=DEVELOPMENT_LIFE) for _ in range(2)]

    assert len({door().verify(token, now=NOW).token_id for token in tokens}) == 2


def test_settings_name_keys_issuer_and_audience() -> None:
    key_set = json.dumps(public(KEY, NEXT_KEY).as_dict())
    tokens = Tokens.of(Settings(key_set=SecretStr(key_set), issuer=ISSUER, audience=AUDIENCE))
    assert tokens.verify(signed(), now=NOW).customer_id == CUSTOMER

    development = Tokens.of(Settings(issuer=ISSUER, audience=AUDIENCE, key_set=SecretStr("development")))
    token = issue(development_key(), issuer=ISSUER, audience=AUDIENCE, customer_id=CUSTOMER, now=NOW, life=SECOND)
    assert development.verify(token, now=NOW).customer_id == CUSTOMER
    refused(token, by=tokens)


# ---------------------------------------------------------------- forged


def unsigned() -> str:
    return f"{part(HEADER | {'alg': 'none'})}.{part(CLAIMS)}."


def with_the_public_key_as_secret(secret: bytes) -> str:
    text = f"{part(HEADER | {'alg': 'HS256'})}.{part(CLAIMS)}"
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(text.encode())
    return f"{text}.{part(mac.finalize())}"


def with_its_own_key_in_the_header() -> str:
    return signed(header=HEADER | {"jwk": FOREIGN_KEY.as_dict(private=False)}, key=FOREIGN_KEY)


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        lambda: with_the_public_key_as_secret(KEY.as_pem(private=False)),
        lambda: with_the_public_key_as_secret(KEY.as_der(private=False)),
        lambda: with_the_public_key_as_secret(json.dumps(KEY.as_dict(private=False)).encode()),
        with_its_own_key_in_the_header,
        lambda: signed(key=FOREIGN_KEY),
        lambda: signed(key=NEXT_KEY),
        lambda: signed(header=HEADER | {"kid": "summer"}, key=NEXT_KEY),
        lambda: signed(header=HEADER | {"alg": "ES384"}),
        lambda: signed(header=HEADER | {"alg": "none"}),
        lambda: signed(header=HEADER | {"alg": ["ES256"]}),
        lambda: signed().rpartition(".")[0] + ".",
        lambda: signed().rpartition(".")[0] + "." + part(bytes(64)),
        lambda: signed() + "A",
        lambda: signed(CLAIMS | {"jti": "2"}).rpartition(".")[0] + "." + signed().rpartition(".")[2],
    ],
)
def test_a_forged_token_is_refused(forge: Callable[[], str]) -> None:
    refused(forge())


@pytest.mark.parametrize(
    "header",
    [
        without(HEADER, "kid"),
        without(HEADER, "typ"),
        without(HEADER, "alg"),
        HEADER | {"kid": "../../etc/passwd"},
        HEADER | {"kid": "' OR 1=1 --"},
        HEADER | {"kid": None},
        HEADER | {"kid": ["spring"]},
        HEADER | {"kid": {"spring": 1}},
        HEADER | {"typ": "JWT"},
        HEADER | {"typ": "dpop+jwt"},
        HEADER | {"typ": "logout+jwt"},
        HEADER | {"typ": None},
        HEADER | {"typ": ["at+jwt"]},
        HEADER | {"crit": ["b64"], "b64": False},
        HEADER | {"crit": ["exp"]},
        HEADER | {"jku": "https://thief.example/keys"},
        HEADER | {"x5u": "https://thief.example/certificate"},
        HEADER | {"jwk": KEY.as_dict(private=False)},
        [],
        "at+jwt",
        None,
        {},
        b"\xff\xfe",
        b"[" * 2500,
        b'{"a":' * 500,
        b"1" * 2800,
    ],
)
def test_a_header_other_than_ours_is_refused_even_when_it_is_signed(header: object) -> None:
    refused(signed(header=header))


# ---------------------------------------------------------------- signed, but not good here or now


@pytest.mark.parametrize("name", sorted(CLAIMS.keys() - {"scope"}))
def test_a_token_without_a_claim_it_must_have_is_refused(name: str) -> None:
    refused(signed(without(CLAIMS, name)))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://bank.example/"},
        {"iss": "http://127.0.0.1:8000"},
        {"iss": [ISSUER]},
        {"aud": "another"},
        {"aud": []},
        {"aud": ["another"]},
        {"aud": {AUDIENCE: 1}},
        {"aud": None},
        {"sub": ids.encode("acc", CUSTOMER)},
        {"sub": str(CUSTOMER)},
        {"sub": "cus_"},
        {"sub": 7},
        {"sub": None},
        {"client_id": ""},
        {"client_id": 7},
        {"client_id": "c" * 257},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 257},
        {"scope": ["accounts"]},
        {"scope": "accounts  payments"},
        {"scope": 'say "hello"'},
        {"scope": None},
        {"exp": str(CLAIMS["exp"])},
        {"exp": None},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**30},
        {"exp": -(10**30)},
        {"iat": "now"},
        {"iat": True},
        {"iat": CLAIMS["iat"] - 0.5},
        {"iat": 10**12},
        {"nbf": "now"},
        {"nbf": None},
    ],
)
def test_a_signed_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(CLAIMS | changes))


@pytest.mark.parametrize("claims", [[], "x", None, 7, b"", b"\xff", b"{", b"[" * 2500])
def test_a_signed_text_that_is_no_set_of_claims_is_refused(claims: object) -> None:
    refused(signed(claims))


def test_a_token_ends_with_its_time_and_the_leeway() -> None:
    expires_at = NOW + timedelta(minutes=5)

    assert door().verify(signed(), now=expires_at + LEEWAY - SECOND).expires_at == expires_at
    refused(signed(), now=expires_at + LEEWAY)
    refused(signed(), now=expires_at + timedelta(days=300))


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_from_the_future_is_refused_until_its_time_comes(name: str) -> None:
    begins_at = NOW + timedelta(minutes=1)
    token = signed(CLAIMS | {name: int(begins_at.timestamp())})

    refused(token, now=begins_at - LEEWAY - SECOND)
    assert door().verify(token, now=begins_at - LEEWAY).customer_id == CUSTOMER


@pytest.mark.parametrize("seconds", [-62135596800, 253402300799])
def test_the_ends_of_time_are_times(seconds: int) -> None:
    refused(signed(CLAIMS | {"iat": seconds, "exp": seconds}))


# ---------------------------------------------------------------- huge, garbage


def test_a_huge_token_is_refused_before_it_is_read() -> None:
    padded = signed(CLAIMS | {"padding": "p" * LONGEST})
    fitting = signed(CLAIMS | {"padding": "p" * 2000})

    assert door().verify(fitting, now=NOW).customer_id == CUSTOMER
    refused(padded)
    refused("a" * 10_000_000)
    refused("." * LONGEST)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "a.b.c.d", "null", "é.é.é", "\x00.\x00.\x00", "=.=.=", part({}) * 3])
def test_garbage_is_refused(token: str) -> None:
    refused(token)


@given(st.text(max_size=200) | st.from_regex(r"\A[A-Za-z0-9_-]{0,90}(\.[A-Za-z0-9_-]{0,90}){0,4}\Z"))
def test_random_text_is_refused_and_nothing_worse(token: str) -> None:
    refused(token)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["ES256", "at+jwt", "spring", "none"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*HEADER, *CLAIMS, "crit", "b64", "jwk"]), inner, max_size=6),
    max_leaves=12,
)


@given(header=json_values, claims=json_values)
def test_random_headers_are_refused_even_when_they_are_signed(header: Any, claims: Any) -> None:
    refused(signed(claims, header))


@given(name=st.sampled_from(sorted(CLAIMS.keys() - {"scope", "client_id", "jti"})), value=json_values)
def test_a_random_claim_is_let_in_only_when_it_is_the_right_one(name: str, value: Any) -> None:
    try:
        principal = door().verify(signed(CLAIMS | {name: value}), now=NOW)
    except RequestRefused:
        return
    assert principal.customer_id == CUSTOMER
    assert name in {"iat", "exp"} or AUDIENCE in value


# ---------------------------------------------------------------- remembered tokens


def test_a_remembered_token_does_not_outlive_its_time() -> None:
    tokens, token = door(), signed()
    expires_at = NOW + timedelta(minutes=5)

    assert tokens.verify(token, now=NOW) is tokens.verify(token, now=NOW + SECOND)
    refused(token, now=expires_at + LEEWAY, by=tokens)
    assert tokens.remembered == 0
    refused(token, now=expires_at + LEEWAY, by=tokens)


def test_a_remembered_token_is_not_good_before_its_time() -> None:
    tokens, token = door(), signed()

    tokens.verify(token, now=NOW)
    refused(token, now=NOW - timedelta(minutes=1), by=tokens)


def test_a_refused_token_is_not_remembered() -> None:
    tokens = door()

    refused(signed(key=FOREIGN_KEY), by=tokens)
    refused(signed(), now=NOW - timedelta(days=1), by=tokens)
    assert tokens.remembered == 0


def test_the_token_that_was_used_longest_ago_is_forgotten_first() -> None:
    tokens = door(most=2)
    first, second, third = (signed(CLAIMS | {"jti": str(uuid.uuid4())}) for _ in range(3))
    known = {name: tokens.verify(token, now=NOW) for name, token in (("first", first), ("second", second))}
    tokens.verify(first, now=NOW)
    tokens.verify(third, now=NOW)

    assert tokens.remembered == 2
    assert tokens.verify(first, now=NOW) is known["first"]
    assert tokens.verify(second, now=NOW) is not known["second"]
