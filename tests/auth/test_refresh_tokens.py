"""Refresh tokens are made again the same, and no other text passes for one.

Method: property-based round trips and alterations (hypothesis), the formula written out a second time, and the ring of masters
through a rotation.
"""

import base64
import hashlib
import hmac
import os
import string

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from auth.envelope import KeyRing
from auth.names import new_sid, new_tag
from auth.refresh_tokens import LARGEST_N, NotARefreshToken, RefreshToken, RefreshTokens

OLD, NEW = os.urandom(32), os.urandom(32)
TOKENS = RefreshTokens(KeyRing([NEW]))
SID = new_sid(new_tag())
SPELLING = string.ascii_letters + string.digits + "-_"
numbers = st.integers(0, LARGEST_N)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(sid: str, n: str, *, master: bytes = NEW, kid: str | None = None) -> str:
    """A token by the formula, whatever is in it."""
    family_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"refresh" + sid.encode()).derive(master)
    mac = hmac.new(family_key, (sid + n).encode(), hashlib.sha256).digest()
    return f"{sid}.{n}.{kid or KeyRing([master]).newest}.{b64(mac)}"


def refused(text: str, *, by: RefreshTokens = TOKENS) -> None:
    """Not read, with the answer that every bad token gets."""
    with pytest.raises(NotARefreshToken) as refusal:
        by.read(text)
    assert str(refusal.value) == "not a refresh token of this bank"


# ---------------------------------------------------------------- it works


@given(n=numbers)
def test_a_token_says_what_it_was_made_of(n: int) -> None:
    sid = new_sid(new_tag())

    assert TOKENS.read(TOKENS.make(sid, n)) == RefreshToken(sid=sid, n=n)


@given(n=numbers)
def test_a_token_is_the_formula(n: int) -> None:
    assert TOKENS.make(SID, n) == by_hand(SID, str(n))


def test_a_lost_answer_is_given_again_by_any_process() -> None:
    assert TOKENS.make(SID, 7) == TOKENS.make(SID, 7) == RefreshTokens(KeyRing([NEW, OLD])).make(SID, 7)


def test_the_store_finds_the_session_by_the_token_alone() -> None:
    assert TOKENS.make(SID, 1).startswith(SID + ".1.")


@pytest.mark.parametrize("n", [-1, LARGEST_N + 1])
def test_a_number_that_could_not_be_read_is_not_made(n: int) -> None:
    with pytest.raises(ValueError, match=f"0 to {LARGEST_N}"):
        TOKENS.make(SID, n)


@pytest.mark.parametrize("sid", ["", "sid", SID[:-1], SID + "A", SID[:-1] + "B", SID[:-1] + "."])
def test_only_a_session_has_tokens(sid: str) -> None:
    with pytest.raises(ValueError, match="session's id"):
        TOKENS.make(sid, 1)


# ---------------------------------------------------------------- forged, changed, respelled


@given(n=numbers, bit=st.integers(0, 7), data=st.data())
def test_a_token_with_any_bit_flipped_is_refused(n: int, bit: int, data: st.DataObject) -> None:
    token = TOKENS.make(SID, n).encode()
    place = data.draw(st.integers(0, len(token) - 1))
    flipped = token[:place] + bytes([token[place] ^ (1 << bit)]) + token[place + 1 :]

    refused(flipped.decode("latin-1"))


@given(n=numbers, data=st.data())
def test_a_token_cut_or_lengthened_anywhere_is_refused(n: int, data: st.DataObject) -> None:
    token = TOKENS.make(SID, n)
    place = data.draw(st.integers(0, len(token) - 1))
    more = data.draw(st.text(SPELLING + "=+/. \n", min_size=1, max_size=8))

    for altered in (token[:place], token[place + 1 :], token + more, more + token, token[:place] + more + token[place:]):
        refused(altered)


@given(n=numbers, other=numbers)
def test_the_mac_of_one_number_or_session_is_none_of_another(n: int, other: int) -> None:
    mac = TOKENS.make(SID, n).rpartition(".")[2]
    elsewhere = TOKENS.make(new_sid(SID[:16]), n)

    refused(elsewhere.rpartition(".")[0] + "." + mac)
    if other != n:
        refused(TOKENS.make(SID, other).rpartition(".")[0] + "." + mac)


@pytest.mark.parametrize("n", ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "1e3", "1.0", "0x1", "¹", "١", "１", "1000000000", "9" * 5000])
def test_a_number_has_one_spelling_even_under_a_good_mac(n: str) -> None:
    refused(by_hand(SID, n))


@pytest.mark.parametrize("sid", ["", SID[:-1], SID + "A", SID[:-1] + "B", "../../etc/passwd", "' OR 1=1 --", SID[:-1] + "é"])
def test_a_family_has_one_spelling_even_under_a_good_mac(sid: str) -> None:
    refused(by_hand(sid, "1"))


def test_the_last_characters_spare_bits_are_no_second_spelling() -> None:
    token = TOKENS.make(SID, 1)
    decoded = base64.urlsafe_b64decode(token.rpartition(".")[2] + "=")
    twins = [token[:-1] + last for last in SPELLING if base64.urlsafe_b64decode(token.rpartition(".")[2][:-1] + last + "=") == decoded]

    assert len(twins) == 4
    for twin in twins:
        if twin != token:
            refused(twin)


@pytest.mark.parametrize("kid", ["", "00000000", "../../etc", "' OR 1=1", "g" * 8, "a" * 7, "a" * 9])
def test_a_key_that_is_unknown_makes_no_token(kid: str) -> None:
    refused(by_hand(SID, "1", kid=kid or "."))


def test_a_key_id_in_capitals_is_no_second_spelling() -> None:
    sid, n, kid, mac = TOKENS.make(SID, 1).split(".")

    refused(f"{sid}.{n}.{kid.upper() if kid.upper() != kid else 'A' * 8}.{mac}")


@given(text=st.text(max_size=200))
def test_a_text_that_nobody_made_is_refused(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "...", "." * 100_000, "a" * 100_000, f"{SID}.1", f"{SID}.1..", "eyJhbGciOiJub25lIn0.e30.", SID + "." + "1" * 100_000, "\x00", "\ud800"],
)
def test_garbage_and_other_tokens_are_refused(text: str) -> None:
    refused(text)


# ---------------------------------------------------------------- masters


def test_old_tokens_are_read_until_their_master_is_taken_out_of_the_ring() -> None:
    before = RefreshTokens(KeyRing([OLD])).make(SID, 3)
    rotated = RefreshTokens(KeyRing([NEW, OLD]))

    assert rotated.read(before) == RefreshToken(sid=SID, n=3)
    assert rotated.make(SID, 4) == TOKENS.make(SID, 4)
    refused(before)


def test_a_master_of_another_environment_makes_no_token_here() -> None:
    refused(RefreshTokens(KeyRing([os.urandom(32)])).make(SID, 1))


def test_the_key_id_of_one_master_does_not_read_what_another_made() -> None:
    refused(by_hand(SID, "1", master=OLD, kid=KeyRing([NEW]).newest), by=RefreshTokens(KeyRing([NEW, OLD])))


def test_a_token_that_is_shown_in_a_log_does_not_show_its_session() -> None:
    assert SID not in repr(TOKENS.read(TOKENS.make(SID, 5)))
    assert "n=5" in repr(TOKENS.read(TOKENS.make(SID, 5)))


def test_macs_are_compared_in_constant_time() -> None:
    assert "compare_digest" in RefreshTokens.read.__code__.co_names
