"""Access tokens as the server mints them: what they say, how long they live, and how many bytes every request carries."""

from dataclasses import replace

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from auth.server import minting
from auth.tokens import Tokens
from kernel import ids
from tests.auth.server.parties import AUTHORITY, CUSTOMER, ISSUER, JKT, KEY, NOW, SECOND, SESSION, SID, SIGN

# Of what they have to say, all but some 60 bytes of claims is fixed by RFC 7515, 9068 and 9449: signature, thumbprint, id, handle, times.
LONGEST = 620


def mint(generation: int = 4, life_seconds: int = 300) -> str:
    return minting.access_token(SESSION, scope="accounts", generation=generation, life_seconds=life_seconds, authority=AUTHORITY, now=NOW, sign=SIGN)


def test_a_token_says_whose_it_is_and_which_key_it_needs() -> None:
    decoded = jwt.decode(mint(), KEY, algorithms=["ES256"])

    assert decoded.header == {"alg": "ES256", "typ": "at+jwt", "kid": "spring"}
    assert len(decoded.claims.pop("jti")) == 11
    assert decoded.claims == {
        "iss": ISSUER,
        "sub": ids.encode("cus", CUSTOMER),
        "aud": "tallystick",
        "exp": int(NOW.timestamp()) + 300,
        "iat": int(NOW.timestamp()),
        "client_id": "app",
        "scope": "accounts",
        "auth_time": int(NOW.timestamp()) - 10,
        "acr": "urn:bank:mfa",
        "sid": SID,
        "cnf": {"jkt": JKT},
        "n": 4,
    }


def test_the_bank_lets_in_who_holds_it_until_it_expires() -> None:
    door = Tokens(KeySet([ECKey.import_key(KEY.as_dict(private=False))]), issuer=ISSUER, audience="tallystick")
    principal = door.verify(mint(life_seconds=120), now=NOW)

    assert (principal.customer_id, principal.scopes, principal.expires_at) == (CUSTOMER, frozenset({"accounts"}), NOW + 120 * SECOND)


def test_two_tokens_have_ids_of_their_own() -> None:
    assert mint() != mint()
    assert len({jwt.decode(mint(), KEY, algorithms=["ES256"]).claims["jti"] for _ in range(100)}) == 100


@pytest.mark.parametrize("life_seconds", [0, -1, 301, 3600])
def test_no_token_lives_longer_than_five_minutes(life_seconds: int) -> None:
    with pytest.raises(ValueError, match="lives 1 to 300 seconds"):
        mint(life_seconds=life_seconds)


def test_a_token_is_short_even_at_its_longest() -> None:
    session = replace(SESSION, client_id="tallystick-app", acr="urn:bank:device")
    token = minting.access_token(session, scope="accounts", generation=99_999, life_seconds=300, authority=AUTHORITY, now=NOW, sign=SIGN)

    assert len(mint()) < LONGEST
    assert len(token) <= LONGEST
