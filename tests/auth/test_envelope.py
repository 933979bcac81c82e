"""What lies in the store encrypted opens where it was sealed, or nowhere.

Method: property-based round trips, alterations and moves (hypothesis), and the ring of masters through a rotation. Each refusal is
asked for its reason, which is for the alarm, and for its text, which is always the same.
"""

import base64
import os
import string

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from auth.envelope import LONGEST, LONGEST_PAYLOAD, Envelope, KeyRing, Reason, Unreadable, base64url, framed, from_base64url
from auth.names import Keys, new_sid, new_tag
from kernel.sealing import SealBroken

OLD, NEW = os.urandom(32), os.urandom(32)
TAG = new_tag()
SID, OTHER_SID = new_sid(TAG), new_sid(TAG)
KEYS = Keys("tallystick:test:")
KEY, OTHER_KEY = KEYS.session(SID), KEYS.session(OTHER_SID)
SPELLING = string.ascii_letters + string.digits + "-_"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def envelope(*masters: bytes, environment: str = "test", schema_version: int = 1) -> Envelope:
    return Envelope(KeyRing(masters or (NEW,)), environment=environment, schema_version=schema_version)


ENVELOPE = envelope()


def refused(
    sealed: str, *, reason: Reason | None = None, by: Envelope = ENVELOPE, key: str = KEY, field: str = "blob", sid: str | None = SID
) -> None:
    """Not opened, for this reason, with the text that every bad value gets."""
    with pytest.raises(Unreadable) as refusal:
        by.open(key, field, sealed, sid=sid)
    assert str(refusal.value) == "not sealed here for this purpose, or changed since"
    assert isinstance(refusal.value, SealBroken)
    assert reason in (None, refusal.value.reason)


def sealed_by_hand(value: bytes, *, master: bytes = NEW, kid: str | None = None) -> str:
    """A value by the formula, of whatever length."""
    nonce = os.urandom(12)
    data_key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"envelope" + SID.encode()).derive(master)
    ciphertext = AESGCM(data_key).encrypt(nonce, value, framed("test", KEY, "blob", "1"))
    return f"v1.{kid or KeyRing([master]).newest}.{base64url(nonce)}.{base64url(ciphertext)}"


# ---------------------------------------------------------------- it works


@given(value=st.binary(max_size=500), field=texts, sid=st.sampled_from([SID, OTHER_SID, None]))
def test_what_was_sealed_opens_in_its_place(value: bytes, field: str, sid: str | None) -> None:
    sealed = ENVELOPE.seal(KEY, field, value, sid=sid)

    assert ENVELOPE.open(KEY, field, sealed, sid=sid) == value
    assert set(sealed) <= set(SPELLING + ".")


@given(value=st.binary(max_size=100))
def test_a_sealed_value_is_the_formula(value: bytes) -> None:
    assert ENVELOPE.open(KEY, "blob", sealed_by_hand(value), sid=SID) == value


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert len({ENVELOPE.seal(KEY, "blob", b"the same", sid=SID) for _ in range(100)}) == 100


def test_a_sealed_value_shows_nothing_of_what_is_in_it() -> None:
    value = b'{"customer":"0190a7b0"}'

    assert value not in from_base64url(ENVELOPE.seal(KEY, "blob", value, sid=SID).rpartition(".")[2])


def test_the_longest_value_opens_again_and_a_longer_one_is_not_sealed() -> None:
    sealed = ENVELOPE.seal(KEY, "blob", bytes(LONGEST_PAYLOAD), sid=SID)

    assert len(sealed) == LONGEST
    assert ENVELOPE.open(KEY, "blob", sealed, sid=SID) == bytes(LONGEST_PAYLOAD)
    with pytest.raises(ValueError, match=f"at most {LONGEST_PAYLOAD}"):
        ENVELOPE.seal(KEY, "blob", bytes(LONGEST_PAYLOAD + 1), sid=SID)
    refused(sealed_by_hand(bytes(LONGEST_PAYLOAD + 1)), reason=Reason.MALFORMED)


# ---------------------------------------------------------------- changed


@given(value=st.binary(max_size=60), bit=st.integers(0, 7), data=st.data())
def test_a_sealed_value_with_any_bit_flipped_does_not_open(value: bytes, bit: int, data: st.DataObject) -> None:
    sealed = ENVELOPE.seal(KEY, "blob", value, sid=SID).encode()
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed[:place] + bytes([sealed[place] ^ (1 << bit)]) + sealed[place + 1 :]

    refused(flipped.decode("latin-1"))


@given(value=st.binary(max_size=60), bit=st.integers(0, 7), data=st.data())
def test_any_bit_of_nonce_ciphertext_or_tag_flipped_is_found_by_the_tag(value: bytes, bit: int, data: st.DataObject) -> None:
    version, kid, *parts = ENVELOPE.seal(KEY, "blob", value, sid=SID).split(".")
    raw = [bytearray(from_base64url(part)) for part in parts]
    which = data.draw(st.integers(0, 1))
    raw[which][data.draw(st.integers(0, len(raw[which]) - 1))] ^= 1 << bit

    refused(".".join([version, kid, *(base64url(bytes(part)) for part in raw)]), reason=Reason.TAG)


@given(value=st.binary(max_size=60), data=st.data())
def test_a_sealed_value_cut_or_lengthened_anywhere_does_not_open(value: bytes, data: st.DataObject) -> None:
    sealed = ENVELOPE.seal(KEY, "blob", value, sid=SID)
    place = data.draw(st.integers(0, len(sealed) - 1))
    more = data.draw(st.text(SPELLING + "=+/. \n", min_size=1, max_size=8))

    for altered in (sealed[:place], sealed[place + 1 :], sealed + more, more + sealed, sealed[:place] + more + sealed[place:]):
        refused(altered)


@pytest.mark.parametrize("size", range(1, 16))
def test_a_ciphertext_too_short_for_a_tag_does_not_open(size: int) -> None:
    refused(sealed_by_hand(b"").rpartition(".")[0] + "." + base64url(bytes(size)), reason=Reason.TAG)


def test_the_last_characters_spare_bits_are_no_second_spelling() -> None:
    sealed = ENVELOPE.seal(KEY, "blob", b"", sid=SID)  # 16 bytes of tag: four of the last character's bits mean nothing.
    ciphertext = sealed.rpartition(".")[2]
    decoded = base64.urlsafe_b64decode(ciphertext + "==")
    twins = [sealed[:-1] + last for last in SPELLING if base64.urlsafe_b64decode(ciphertext[:-1] + last + "==") == decoded]

    assert len(twins) == 16
    for twin in twins:
        if twin != sealed:
            refused(twin, reason=Reason.MALFORMED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "...",
        "v1",
        "v1...",
        "v",
        "v0.a.b.c",
        "v01.a.b.c",
        "V1.a.b.c",
        "v1 .a.b.c",
        "a" * LONGEST,
        "." * (LONGEST + 1),
        "v1." + "é" * 9,
        "\ud800",
    ],
)
def test_a_text_that_is_no_sealed_value_is_malformed(text: str) -> None:
    refused(text, reason=Reason.MALFORMED)


@given(text=st.text(max_size=200))
def test_a_text_that_nobody_sealed_does_not_open(text: str) -> None:
    refused(text)


@pytest.mark.parametrize("version", ["v2", "v10", "v9999"])
def test_what_another_release_sealed_is_told_from_garbage(version: str) -> None:
    sealed = ENVELOPE.seal(KEY, "blob", b"x", sid=SID)

    refused(version + sealed.removeprefix("v1"), reason=Reason.VERSION)
    refused(f"{version}.anything at all", reason=Reason.VERSION)


# ---------------------------------------------------------------- moved


def test_the_value_of_one_session_does_not_open_in_another() -> None:
    sealed = ENVELOPE.seal(KEY, "blob", b"Amina's", sid=SID)

    refused(sealed, reason=Reason.TAG, key=OTHER_KEY, sid=OTHER_SID)
    refused(sealed, reason=Reason.TAG, key=OTHER_KEY)
    refused(sealed, reason=Reason.TAG, sid=OTHER_SID)
    refused(sealed, reason=Reason.TAG, sid=None)


def test_a_value_opens_in_no_other_field_environment_or_schema() -> None:
    sealed = ENVELOPE.seal(KEY, "blob", b"x", sid=SID)

    refused(sealed, reason=Reason.TAG, field="reply")
    refused(sealed, reason=Reason.TAG, by=envelope(environment="production"))
    refused(sealed, reason=Reason.TAG, by=envelope(schema_version=2))


places = st.tuples(texts, texts, texts, st.integers(0, 12))


@given(one=places, other=places, data=st.data())
def test_two_different_places_never_open_each_others(one: tuple[str, str, str, int], other: tuple[str, str, str, int], data: st.DataObject) -> None:
    # Often the same letters, parted elsewhere: what a plain concatenation could not tell apart.
    if data.draw(st.booleans()):
        letters = "".join(one[:3])
        first, second = sorted((data.draw(st.integers(0, len(letters))), data.draw(st.integers(0, len(letters)))))
        other = (letters[:first], letters[first:second], letters[second:], one[3])
    environment, key, field, version = one
    sealed = envelope(environment=environment, schema_version=version).seal(key, field, b"x", sid=SID)

    if one != other:
        refused(sealed, by=envelope(environment=other[0], schema_version=other[3]), key=other[1], field=other[2], reason=Reason.TAG)


@given(one=st.lists(texts, max_size=5), other=st.lists(texts, max_size=5))
def test_no_two_lists_of_parts_are_framed_alike(one: list[str], other: list[str]) -> None:
    assert (framed(*one) == framed(*other)) == (one == other)


@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=5))
def test_the_parts_can_be_read_out_of_their_frame_so_that_it_is_of_no_other_parts(parts: list[str]) -> None:
    rest, found = framed(*parts), []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "big")
        found.append(rest[4:end].decode())
        rest = rest[end:]

    assert found == parts


# ---------------------------------------------------------------- masters


def test_old_values_open_until_their_master_is_taken_out_of_the_ring() -> None:
    before = envelope(OLD).seal(KEY, "blob", b"yesterday's", sid=SID)
    rotated = envelope(NEW, OLD)

    assert rotated.open(KEY, "blob", before, sid=SID) == b"yesterday's"
    assert ENVELOPE.open(KEY, "blob", rotated.seal(KEY, "blob", b"today's", sid=SID), sid=SID) == b"today's"
    refused(before, reason=Reason.UNKNOWN_KEY)


def test_a_sweep_finds_what_an_older_master_sealed() -> None:
    before = envelope(OLD).seal(KEY, "blob", b"x", sid=SID)
    rotated = envelope(NEW, OLD)

    assert rotated.needs_reseal(before)
    assert not rotated.needs_reseal(rotated.seal(KEY, "blob", rotated.open(KEY, "blob", before, sid=SID), sid=SID))
    assert not envelope(OLD).needs_reseal(before)
    assert ENVELOPE.needs_reseal(before)


@pytest.mark.parametrize(("text", "reason"), [("", Reason.MALFORMED), ("v1.a.b.c", Reason.MALFORMED), ("v2.a.b.c", Reason.VERSION)])
def test_a_sweep_is_told_of_what_it_cannot_read(text: str, reason: Reason) -> None:
    with pytest.raises(Unreadable) as refusal:
        ENVELOPE.needs_reseal(text)
    assert refusal.value.reason is reason


def test_the_key_id_of_one_master_does_not_open_what_another_sealed() -> None:
    both = envelope(NEW, OLD)

    refused(sealed_by_hand(b"x", master=OLD, kid=KeyRing([NEW]).newest), by=both, reason=Reason.TAG)
    assert both.open(KEY, "blob", sealed_by_hand(b"x", master=OLD), sid=SID) == b"x"


@pytest.mark.parametrize("kid", ["00000000", "../../x", "' OR 1=1", "A" * 8, "a" * 7, "a" * 9])
def test_a_key_id_finds_nothing_but_a_key_of_the_ring(kid: str) -> None:
    refused(sealed_by_hand(b"x", kid=kid), reason=Reason.UNKNOWN_KEY if kid == "00000000" else Reason.MALFORMED)


def test_keys_of_different_purposes_and_contexts_are_different() -> None:
    ring = KeyRing([NEW, OLD])
    made = {
        ring.derive(kid, purpose, context)
        for kid in ring.ids
        for purpose in ("envelope", "refresh", "dpop nonce")
        for context in ("", SID, OTHER_SID)
    }

    assert len(made) == 18
    with pytest.raises(KeyError):
        ring.derive("00000000", "envelope")


def in_settings(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


def test_a_ring_is_read_from_a_setting_newest_first() -> None:
    ring = KeyRing.of(f" {in_settings(NEW)} , {in_settings(OLD)}", name="TALLYSTICK_SESSION_KEYS")

    assert ring.newest == KeyRing([NEW]).newest
    assert ring.ids == (KeyRing([NEW]).newest, KeyRing([OLD]).newest)


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
def test_a_list_of_masters_that_is_none_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        KeyRing.of(text, name="TALLYSTICK_SESSION_KEYS")

    assert "TALLYSTICK_SESSION_KEYS" in str(refusal.value)
    assert "openssl rand" in str(refusal.value)
    assert in_settings(NEW) not in str(refusal.value)


def test_neither_ring_nor_envelope_show_their_keys() -> None:
    ring = KeyRing([NEW])

    for shown in (repr(ring), str(ring), repr(ENVELOPE)):
        assert not any(secret in shown for secret in (repr(NEW)[2:-1], NEW.hex(), in_settings(NEW)))


# ---------------------------------------------------------------- base64url


@given(raw=st.binary(max_size=60))
def test_bytes_have_one_spelling(raw: bytes) -> None:
    assert from_base64url(base64url(raw)) == raw


@given(text=st.text(max_size=30))
def test_a_text_is_refused_or_is_the_one_spelling(text: str) -> None:
    try:
        raw = from_base64url(text)
    except ValueError:
        return
    assert base64url(raw) == text
