"""What the bank hands out sealed comes back as it was, or not at all.

Method: property-based round trips and alterations (hypothesis), and the ring of keys through a rotation.
"""

import base64
import os
import string

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from kernel.sealing import LONGEST, LONGEST_PAYLOAD, SealBroken, Sealer
from kernel.settings import DEVELOPMENT_SEALING_KEY

OLD, NEW = os.urandom(32), os.urandom(32)
SEALER = Sealer([NEW])
SPELLING = string.ascii_letters + string.digits + "-_"


def in_settings(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


@given(purpose=st.text(max_size=20), payload=st.binary(max_size=300))
def test_what_was_sealed_opens_for_its_purpose_and_travels_in_an_address(purpose: str, payload: bytes) -> None:
    sealed = SEALER.seal(purpose, payload)

    assert SEALER.open(purpose, sealed) == payload
    assert set(sealed) <= set(SPELLING)


@given(payload=st.binary(max_size=60), data=st.data())
def test_a_sealed_text_with_any_character_changed_does_not_open(payload: bytes, data: st.DataObject) -> None:
    sealed = SEALER.seal("quote", payload)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda character: character != sealed[place]))

    with pytest.raises(SealBroken):
        SEALER.open("quote", sealed[:place] + other + sealed[place + 1 :])


@given(payload=st.binary(max_size=60), data=st.data())
def test_a_sealed_text_cut_or_lengthened_anywhere_does_not_open(payload: bytes, data: st.DataObject) -> None:
    sealed = SEALER.seal("quote", payload)
    place = data.draw(st.integers(0, len(sealed) - 1))
    more = data.draw(st.text(SPELLING + "=+/. \n", min_size=1, max_size=8))

    for altered in (sealed[:place], sealed + more, more + sealed, sealed[:place] + more + sealed[place:]):
        with pytest.raises(SealBroken):
            SEALER.open("quote", altered)


@given(text=st.text(max_size=200))
def test_a_text_that_nobody_sealed_does_not_open(text: str) -> None:
    with pytest.raises(SealBroken):
        SEALER.open("quote", text)


def test_the_last_characters_spare_bits_are_no_second_spelling() -> None:
    sealed = SEALER.seal("quote", b"")  # 32 bytes: two of the last character's bits mean nothing.
    decoded = base64.urlsafe_b64decode(sealed + "=")
    twins = [sealed[:-1] + last for last in SPELLING if base64.urlsafe_b64decode(sealed[:-1] + last + "=") == decoded]

    assert len(twins) == 4
    assert [twin for twin in twins if opens(twin)] == [sealed]


def opens(text: str) -> bool:
    try:
        SEALER.open("quote", text)
    except SealBroken:
        return False
    return True


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_quote_never_passes_for_something_else(purpose: str, other: str) -> None:
    sealed = SEALER.seal(purpose, b"100.00 NGN")

    if other != purpose:
        with pytest.raises(SealBroken):
            SEALER.open(other, sealed)


def test_the_same_payload_is_sealed_differently_each_time() -> None:
    assert len({SEALER.seal("quote", b"the same") for _ in range(100)}) == 100


def test_old_seals_open_until_their_key_is_taken_out_of_the_ring() -> None:
    before = Sealer.of(in_settings(OLD)).seal("quote", b"yesterday's")
    rotated = Sealer.of(in_settings(NEW, OLD))

    assert rotated.open("quote", before) == b"yesterday's"
    assert Sealer.of(in_settings(NEW)).open("quote", rotated.seal("quote", b"today's")) == b"today's"
    with pytest.raises(SealBroken):
        Sealer.of(in_settings(NEW)).open("quote", before)


def test_a_key_id_of_one_key_does_not_open_with_another() -> None:
    raw = bytearray(base64.urlsafe_b64decode(Sealer([OLD]).seal("quote", b"x" * 3) + "="))
    raw[:4] = base64.urlsafe_b64decode(SEALER.seal("quote", b"x" * 3) + "=")[:4]

    with pytest.raises(SealBroken):
        Sealer([NEW, OLD]).open("quote", base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode())


def test_the_longest_payload_opens_again_and_a_longer_one_is_not_sealed() -> None:
    sealed = SEALER.seal("quote", bytes(LONGEST_PAYLOAD))

    assert len(sealed) == LONGEST
    assert SEALER.open("quote", sealed) == bytes(LONGEST_PAYLOAD)
    with pytest.raises(ValueError, match=f"at most {LONGEST_PAYLOAD}"):
        SEALER.seal("quote", bytes(LONGEST_PAYLOAD + 1))


def test_a_text_over_the_limit_is_refused_even_where_our_key_sealed_it() -> None:
    key_id = base64.urlsafe_b64decode(SEALER.seal("quote", b"x" * 4))[:4]
    nonce = os.urandom(12)
    longer = key_id + nonce + AESGCM(NEW).encrypt(nonce, bytes(LONGEST_PAYLOAD + 3), b"quote")

    with pytest.raises(SealBroken):
        SEALER.open("quote", base64.urlsafe_b64encode(longer).decode())


def test_keys_may_stand_with_spaces_and_the_development_key_is_one() -> None:
    spaced = Sealer.of(f" {in_settings(NEW)} , {DEVELOPMENT_SEALING_KEY} ")

    assert spaced.open("quote", Sealer.of(DEVELOPMENT_SEALING_KEY).seal("quote", b"x")) == b"x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "32 bytes each"),
        ("not base64!", "is base64"),
        ("schlüssel", "is base64"),
        (in_settings(os.urandom(16)), "32 bytes each"),
        (in_settings(os.urandom(33)), "32 bytes each"),
        (in_settings(NEW) + ",", "32 bytes each"),
        (in_settings(NEW, OLD, NEW), "twice"),
    ],
)
def test_a_list_of_keys_that_is_none_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        Sealer.of(text)

    assert "openssl rand" in str(refused.value)
    assert in_settings(NEW) not in str(refused.value)
