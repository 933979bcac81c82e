"""Proofs that are too many, too large, or spelled in odd ways, and texts that are no proofs.

Method: as in test_dpop.py; random texts, bytes and values may cause nothing but a refusal.
"""

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.dpop import LONGEST, ProofRefused
from auth.envelope import base64url
from tests.auth.proofs import CLAIMS, HEADER, JKT, JWK, THIEFS_KEY, part, refused, signed, verified


def test_a_request_has_exactly_one_proof() -> None:
    refused()
    refused(signed(), signed())
    refused(signed(), signed(CLAIMS | {"jti": "2"}))
    refused(f"{signed()}, {signed()}")
    refused(f"{signed()},{signed()}")
    refused(f"{signed()} {signed()}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "." * 100_000,
        "a" * 100_000,
        "[" * 100_000,
        "é" * 50,
        "\ud800",
        "a" * 40 + "." + "b" * 40 + "." + "c" * 85,
        "a" * 40 + "." + "b" * 40 + "." + "c" * 86,
        json.dumps({"payload": "e30", "signatures": []}),
        part({"payload": "e30"}) + "....",
    ],
)
def test_garbage_is_refused(text: str) -> None:
    refused(text)


@given(text=st.text(max_size=300))
def test_a_text_that_nobody_signed_is_refused(text: str) -> None:
    refused(text)


@given(header=st.binary(max_size=100), claims=st.binary(max_size=100))
def test_any_bytes_as_header_and_claims_cause_nothing_but_a_refusal(header: bytes, claims: bytes) -> None:
    refused(f"{base64url(header) or 'e30'}.{base64url(claims) or 'e30'}.{part(bytes(64))}")
    refused(f"{part(HEADER)}.{base64url(claims) or 'e30'}.{part(bytes(64))}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(CLAIMS)), value=json_values)
def test_any_value_as_a_claim_causes_nothing_but_a_refusal(name: str, value: object) -> None:
    try:
        verified(signed(CLAIMS | {name: value}))
    except ProofRefused:
        return
    assert name in ("jti", "iat") or value == CLAIMS[name]  # Another id and another second are as good.


def test_a_proof_over_the_limit_is_refused_before_it_is_read() -> None:
    room = LONGEST - len(signed(CLAIMS | {"padding": ""}))
    fitting, longer = (signed(CLAIMS | {"padding": "p" * length}) for length in (room * 3 // 4 - 3, room * 3 // 4 + 4))

    assert len(fitting) <= LONGEST < len(longer)
    assert verified(fitting).jkt == JKT
    refused(longer)
    refused(signed(CLAIMS | {"padding": "p" * 75_000}))
    refused(signed(header=HEADER | {"kid": "k" * 75_000}))


@pytest.mark.parametrize(
    "nested",
    [
        b"[" * 2500,
        b"[" * 1200 + b"]" * 1200,
        b'{"a":' * 400 + b"1" + b"}" * 400,
        b"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
        b"1" * 2500,
        b'"' + b"\\" * 2500,
    ],
)
def test_what_nests_deeply_or_never_ends_is_refused(nested: bytes) -> None:
    refused(signed(b'{"jti":' + nested + b"}"))
    refused(signed(header=b'{"typ":' + nested + b"}"))
    refused(signed(nested))
    refused(signed(header=nested))


def test_a_proof_may_nest_a_little() -> None:
    assert verified(signed(CLAIMS | {"more": [[[[1]]]]})).jkt == JKT
    refused(signed(CLAIMS | {"more": json.loads("[" * 16 + "]" * 16)}))


def twice(values: dict[str, Any], name: str, value: object) -> bytes:
    """JSON with a name that stands in it twice, the good value last."""
    return (json.dumps({name: value})[:-1] + ", " + json.dumps(values)[1:]).encode()


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_claim_that_stands_twice_is_refused(name: str) -> None:
    refused(signed(twice(CLAIMS, name, CLAIMS[name])))
    refused(signed(twice(CLAIMS, name, "other")))


@pytest.mark.parametrize("name", sorted(HEADER))
def test_a_member_of_the_header_that_stands_twice_is_refused(name: str) -> None:
    refused(signed(header=twice(HEADER, name, "other")))
    refused(signed(header=twice(HEADER, name, HEADER[name])))


def test_a_member_of_the_key_that_stands_twice_is_refused() -> None:
    jwk = twice(JWK, "x", THIEFS_KEY.as_dict()["x"])
    escaped = jwk.replace(b'"x"', b'"\\u0078"', 1)
    for doubled in (jwk, escaped):
        refused(signed(header=b'{"typ":"dpop+jwt","alg":"ES256","jwk":' + doubled + b"}"))


@pytest.mark.parametrize(
    "claims",
    [
        [],
        "x",
        None,
        7,
        [CLAIMS],
        b"",
        b"\xff",
        b"{",
        b"{}{}",
        b"{} x",
        b"\x00{}",
        b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode(),
        b'{"iat":NaN}',
        b'{"iat":Infinity}',
    ],
)
def test_a_signed_text_that_is_no_set_of_claims_is_refused(claims: object) -> None:
    refused(signed(claims))


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b'"\xff"', b'"\xc3\x28"', b'"\xed\xa0\x80"', b'"\n"', b"01", b"1."])
def test_what_is_no_json_is_refused_even_where_nobody_reads_it(value: bytes) -> None:
    assert verified(signed(json.dumps(CLAIMS)[:-1].encode() + b',"more":"\xc3\xa9"}')).jkt == JKT
    refused(signed(json.dumps(CLAIMS)[:-1].encode() + b',"more":' + value + b"}"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_json_in_another_encoding_is_refused(encoding: str) -> None:
    refused(signed(json.dumps(CLAIMS).encode(encoding)))
    refused(signed(header=json.dumps(HEADER).encode(encoding)))


def test_a_part_with_spare_bits_or_padding_has_no_second_spelling() -> None:
    header, claims, signature = signed().split(".")
    decoded = base64.urlsafe_b64decode(signature + "==")
    spellings = [signature[:-1] + last for last in string.ascii_letters + string.digits + "-_"]
    twins = [spelling for spelling in spellings if base64.urlsafe_b64decode(spelling + "==") == decoded]

    assert len(twins) == 16
    for twin in {*twins, signature + "==", signature + "\n"} - {signature}:
        refused(f"{header}.{claims}.{twin}")
    refused(f"{header}=.{claims}.{signature}")
    refused(f"{header}.{claims}\n.{signature}")
