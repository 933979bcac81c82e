"""Who gets through with what they call a proof of possession.

Method: proofs made by hand, right but for one thing. Unless a signature is what is wrong, the keys are ones that fail the test when they
are asked to verify: what can be refused without is refused before.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from auth.dpop import ALGORITHM, KnownKeys, ProofRefused, ath, jkt, public_jwk
from tests.auth.proofs import CLAIMS, HEADER, JKT, JWK, KEY, NONCES, NOW, ORDER, THIEFS_JKT, THIEFS_KEY, part, refused, signed, verified, without

# ---------------------------------------------------------------- it works


def test_a_good_proof_tells_whose_key_it_is() -> None:
    proof = verified(signed())

    assert (proof.jkt, proof.iat) == (JKT, NOW)
    assert proof.jwk == {name: JWK[name] for name in ("kty", "crv", "x", "y")}
    assert len(proof.jti_hash) == 43


def test_the_example_of_the_standard_has_the_thumbprint_and_hash_that_it_says() -> None:
    # RFC 9449, 4.1, 6.1 and 7.1.
    jwk = {"kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256"}
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"

    assert jkt(public_jwk(jwk)) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert ath(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_a_thumbprint_is_the_librarys() -> None:
    for _ in range(20):
        key = ECKey.generate_key("P-256")
        assert jkt(public_jwk(key.as_dict(private=False))) == key.thumbprint()


def test_a_proof_without_an_access_token_needs_no_ath() -> None:
    assert verified(signed(without(CLAIMS, "ath")), access_token=None).jkt == JKT
    assert verified(signed(), access_token=None).jkt == JKT


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"jwk": JWK | {"kid": "../../etc/passwd"}},
        HEADER | {"jwk": JWK | {"ext": True, "key_ops": ["verify"]}},
        HEADER | {"jwk": JWK | {"use": "sig", "alg": "ES256", "x5u": "https://thief.example/certificate"}},
    ],
)
def test_what_else_a_jwk_says_is_left_out_and_makes_no_other_key(header: dict[str, Any]) -> None:
    assert verified(signed(header=header)) == verified(signed())


def test_other_claims_are_not_our_business() -> None:
    assert verified(signed(CLAIMS | {"exp": 1, "sub": "somebody", "more": {"a": [1]}})).jkt == JKT


# ---------------------------------------------------------------- forged


def with_the_public_key_as_secret(secret: bytes) -> str:
    text = f"{part(HEADER | {'alg': 'HS256'})}.{part(CLAIMS)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda: f"{part(HEADER | {'alg': 'none'})}.{part(CLAIMS)}.",
        lambda: signed(header=HEADER | {"alg": "none"}),
        lambda: signed(header=HEADER | {"alg": "None"}),
        lambda: signed(header=HEADER | {"alg": "HS256"}),
        lambda: signed(header=HEADER | {"alg": "ES384"}),
        lambda: signed(header=HEADER | {"alg": "RS256"}),
        lambda: signed(header=HEADER | {"alg": ["ES256"]}),
        lambda: signed(header=HEADER | {"alg": None}),
        lambda: with_the_public_key_as_secret(KEY.as_pem(private=False)),
        lambda: with_the_public_key_as_secret(KEY.as_der(private=False)),
        lambda: with_the_public_key_as_secret(json.dumps(JWK).encode()),
        lambda: signed().rpartition(".")[0] + ".",
        lambda: signed() + "A",
        lambda: signed()[:-1],
    ],
)
def test_a_proof_that_is_signed_in_another_way_is_refused(forge: Callable[[], str]) -> None:
    refused(forge())


@pytest.mark.parametrize(
    "forge",
    [
        lambda: signed(key=THIEFS_KEY),
        lambda: signed(CLAIMS | {"jti": "2"}).rpartition(".")[0] + "." + signed().rpartition(".")[2],
        lambda: signed().rpartition(".")[0] + "." + part(bytes(64)),
        lambda: signed().rpartition(".")[0] + "." + part(b"\xff" * 64),
        lambda: signed().rpartition(".")[0] + "." + part(ORDER.to_bytes(32, "big") * 2),
        lambda: signed().rpartition(".")[0] + "." + part(bytes(32) + (1).to_bytes(32, "big")),
    ],
)
def test_a_proof_whose_signature_is_another_keys_or_nobodys_is_refused(forge: Callable[[], str]) -> None:
    keys = KnownKeys()
    assert verified(signed(), keys=keys).jkt == JKT

    refused(forge(), before_crypto=False)
    with pytest.raises(ProofRefused, match="signature"):
        verified(forge(), keys=keys)  # Nor when the key that it names is known.


@given(bit=st.integers(0, 5), data=st.data())
def test_a_proof_with_any_bit_flipped_is_refused(bit: int, data: st.DataObject) -> None:
    proof = signed().encode()
    place = data.draw(st.integers(0, len(proof) - 1))
    flipped = proof[:place] + bytes([proof[place] ^ (1 << bit)]) + proof[place + 1 :]

    with pytest.raises(ProofRefused):
        verified(flipped.decode("latin-1"))


@given(data=st.data())
def test_a_proof_cut_or_lengthened_anywhere_is_refused(data: st.DataObject) -> None:
    proof = signed()
    place = data.draw(st.integers(0, len(proof) - 1))
    more = data.draw(st.text("abcXYZ019-_=+/. \n", min_size=1, max_size=8))

    for altered in (proof[:place], proof[place + 1 :], proof + more, more + proof, proof[:place] + more + proof[place:]):
        with pytest.raises(ProofRefused):
            verified(altered)


@pytest.mark.parametrize(
    "header",
    [
        without(HEADER, "typ"),
        without(HEADER, "alg"),
        without(HEADER, "jwk"),
        HEADER | {"typ": "JWT"},
        HEADER | {"typ": "at+jwt"},
        HEADER | {"typ": "DPoP+JWT"},
        HEADER | {"typ": "application/dpop+jwt"},
        HEADER | {"typ": None},
        HEADER | {"typ": ["dpop+jwt"]},
        HEADER | {"crit": ["b64"], "b64": False},
        HEADER | {"crit": ["exp"]},
        HEADER | {"crit": []},
        HEADER | {"kid": JKT},
        HEADER | {"kid": "../../etc/passwd"},
        HEADER | {"kid": "' OR 1=1 --"},
        HEADER | {"jku": "https://thief.example/keys"},
        HEADER | {"x5u": "https://thief.example/certificate"},
        HEADER | {"x5c": ["MII="]},
        HEADER | {"x5t": "AAAA"},
        without(HEADER, "jwk") | {"kid": JKT},
        without(HEADER, "jwk") | {"jku": "https://thief.example/keys"},
        [],
        "dpop+jwt",
        None,
        {},
    ],
)
def test_a_header_that_says_more_less_or_other_things_is_refused_even_when_it_is_signed(header: object) -> None:
    refused(signed(header=header))


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "logout+jwt"])
def test_a_token_of_another_kind_is_no_proof(typ: str) -> None:
    refused(signed(CLAIMS, {"typ": typ, "alg": "ES256", "kid": "spring"}))


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "jwk",
    [
        KEY.as_dict(private=True),
        OctKey.generate_key(256).as_dict(),
        JWK | {"k": "AAAA"},
        RSAKey.generate_key(2048).as_dict(private=False),
        RSAKey.generate_key(2048).as_dict(private=True),
        ECKey.generate_key("P-384").as_dict(private=False),
        JWK | {"kty": "OKP", "crv": "Ed25519"},
        JWK | {"kty": "oct"},
        JWK | {"crv": "P-384"},
        JWK | {"crv": "secp256k1"},
        JWK | {"kty": ["EC"]},
        JWK | {"d": ""},
        JWK | {"d": None},
        JWK | {"oth": []},
        without(JWK, "x"),
        without(JWK, "y"),
        without(JWK, "crv"),
        without(JWK, "kty"),
        JWK | {"x": 7},
        JWK | {"x": None},
        JWK | {"x": ""},
        JWK | {"x": JWK["x"] + "="},
        JWK | {"x": "A" + JWK["x"]},
        JWK | {"x": JWK["x"][:-1]},
        JWK | {"x": JWK["x"][:-1] + "\n"},
        JWK | {"x": JWK["x"][:-1] + "é"},
        JWK | {"x": JWK["x"][:-1] + "B"},
        JWK | {"x": "+" * 43},
        [JWK],
        json.dumps(JWK),
        None,
        {},
    ],
)
def test_a_key_that_is_no_public_key_of_the_curve_is_refused(jwk: object) -> None:
    refused(signed(header=HEADER | {"jwk": jwk}))
    with pytest.raises(ValueError, match=r"jwk|base64url"):
        public_jwk(jwk)


@pytest.mark.parametrize(
    ("x", "y"),
    [(JWK["y"], JWK["x"]), ("A" * 43, "A" * 43), (JWK["x"], THIEFS_KEY.as_dict()["y"]), (part(b"\xff" * 32), JWK["y"])],
    ids=["swapped", "zero", "of two keys", "beyond the field"],
)
def test_a_key_that_is_no_point_of_the_curve_is_refused(x: str, y: str) -> None:
    refused(signed(CLAIMS | {"nonce": NONCES.fresh(now=NOW)}, HEADER | {"jwk": JWK | {"x": x, "y": y}}), before_crypto=False)


def test_a_proof_of_another_key_holds_but_names_that_key() -> None:
    header = HEADER | {"jwk": THIEFS_KEY.as_dict(private=False)}
    proof = signed(CLAIMS | {"nonce": NONCES.fresh(now=NOW, jkt=THIEFS_JKT)}, header, key=THIEFS_KEY)

    assert verified(proof).jkt == THIEFS_JKT != JKT


def test_only_so_many_keys_are_remembered_and_only_those_that_verified_something() -> None:
    keys = KnownKeys(most=2)
    owners = [ECKey.generate_key("P-256") for _ in range(3)]
    for owner in [*owners, owners[0]]:
        jwk = owner.as_dict(private=False)
        proof = signed(CLAIMS | {"nonce": NONCES.fresh(now=NOW)}, HEADER | {"jwk": jwk}, key=owner)
        assert verified(proof, keys=keys).jkt == owner.thumbprint()
    assert keys.remembered == 2

    empty = KnownKeys()
    with pytest.raises(ProofRefused):
        verified(signed(key=THIEFS_KEY), keys=empty)
    assert empty.remembered == 0


def test_a_key_is_not_forgotten_while_it_is_used() -> None:
    keys = KnownKeys(most=2)
    public = public_jwk(JWK)
    sign = jws.JWSRegistry.algorithms[ALGORITHM].sign
    assert keys.verify(public, signed=b"x", signature=sign(b"x", KEY))
    first = keys._known[JKT]
    for _ in range(5):
        other = ECKey.generate_key("P-256")
        assert keys.verify(public_jwk(other.as_dict(private=False)), signed=b"x", signature=sign(b"x", other))
        assert keys.verify(public, signed=b"x", signature=sign(b"x", KEY))

    assert keys._known[JKT] is first
