"""The header that brings an access token: one, of one form, or none at all.

Method: headers as a server gets them, byte for byte.
"""

import pytest
from starlette.datastructures import Headers

from auth.tokens import bearer
from kernel.errors import RequestRefused


def headers(*values: str) -> Headers:
    return Headers(raw=[(b"authorization", value.encode("latin-1")) for value in values])


def test_without_a_header_nobody_is_signed_in() -> None:
    assert bearer(Headers({"accept": "*/*"})) is None


@pytest.mark.parametrize("value", ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g==", "BEARER   a.b-c_d~e+f/g== "])
def test_the_scheme_is_read_in_any_case(value: str) -> None:
    assert bearer(headers(value)) == "a.b-c_d~e+f/g=="


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer a", "Bearer a"],
        ["Bearer a", "Basic b"],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Bearera"],
        ["Bearer a b"],
        ["Bearer a,b"],
        ["Bearer a, Bearer b"],
        ["Bearer =a"],
        ["Bearer\ta"],
        ["Bearer é"],
        ["Bearer a\n"],
        ["Basic YTpi"],
        ["DPoP a"],
        ["a"],
        ["Bearer " + "a" * 100_000 + "!"],
    ],
)
def test_a_header_that_is_not_one_bearer_token_is_refused(values: list[str]) -> None:
    with pytest.raises(RequestRefused) as refusal:
        bearer(headers(*values))

    assert (refusal.value.code, refusal.value.status) == ("UNAUTHENTICATED", 401)
