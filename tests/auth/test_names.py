"""What sessions and one-time artefacts are called, by clients and in the store.

Method: each name is made, read back, and spelled otherwise; no other spelling may name anything.
"""

import hashlib
import os
import re
import string
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.names import Keys, NotAName, holder_tag, new_handle, new_sid, new_tag, tag_of_handle, tag_of_sid

TAG_KEY = bytes(range(32))
CUSTOMER = uuid.UUID("0190a7b0-0000-7000-8000-000000000001")
SPELLING = string.ascii_letters + string.digits + "-_"
KEYS = Keys("tallystick:test:")
TAG = holder_tag(TAG_KEY, CUSTOMER)
HASH = "h" * 43
ARTEFACTS = {"code": KEYS.code, "par": KEYS.pushed_request, "auths": KEYS.auth_session, "chal": KEYS.challenge}


def slot_of(key: str) -> str:
    """The part that decides a key's slot in a cluster: between the first brace and the next closing one."""
    return key[key.index("{") + 1 : key.index("}")]


# ---------------------------------------------------------------- tags


def test_a_customer_has_one_tag_that_tells_nothing_of_the_id() -> None:
    assert TAG == "M8QUZnH1SkWEZ46E"  # By `openssl dgst -sha256 -mac HMAC`, cut to 12 bytes.
    assert len({holder_tag(TAG_KEY, uuid.uuid4()) for _ in range(200)}) == 200
    assert holder_tag(os.urandom(32), CUSTOMER) != TAG


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_makes_no_tags(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        holder_tag(bytes(size), CUSTOMER)


def test_a_random_tag_looks_like_a_customers() -> None:
    tags = {new_tag() for _ in range(200)}

    assert len(tags) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", tag) for tag in {*tags, TAG})


# ---------------------------------------------------------------- sids and handles


@given(tag=st.text(SPELLING, min_size=16, max_size=16))
def test_a_name_begins_with_its_holders_tag_and_is_never_made_twice(tag: str) -> None:
    sids, handles = {new_sid(tag) for _ in range(5)}, {new_handle(tag) for _ in range(5)}

    assert (len(sids), len(handles)) == (5, 5)
    assert {(len(sid), tag_of_sid(sid)) for sid in sids} == {(38, tag)}
    assert {(len(handle), tag_of_handle(handle)) for handle in handles} == {(59, tag)}


@pytest.mark.parametrize(("make", "read"), [(new_sid, tag_of_sid), (new_handle, tag_of_handle)])
def test_the_last_characters_spare_bits_are_no_second_spelling(make: Callable[[str], str], read: Callable[[str], str]) -> None:
    name = make(TAG)
    spare_bits = 4 if make is new_sid else 2
    accepted = []
    for last in SPELLING:
        try:
            read(name[:-1] + last)
        except NotAName:
            continue
        accepted.append(last)

    assert len(accepted) == 64 >> spare_bits
    assert name[-1] in accepted


@given(data=st.data())
def test_a_name_cut_lengthened_or_with_a_strange_character_is_none(data: st.DataObject) -> None:
    for name, read in ((new_sid(TAG), tag_of_sid), (new_handle(TAG), tag_of_handle)):
        place = data.draw(st.integers(0, len(name) - 1))
        strange = data.draw(st.characters(exclude_characters=SPELLING))
        more = data.draw(st.text(SPELLING + "=.{} \n", min_size=1, max_size=5))
        for altered in (name[:place], name[place + 1 :], name + more, more + name, name[:place] + strange + name[place + 1 :]):
            with pytest.raises(NotAName) as refused:
                read(altered)
            assert str(refused.value) in ("not a session's id", "not a handle")


def test_a_sid_is_no_handle_and_the_other_way_round() -> None:
    with pytest.raises(NotAName):
        tag_of_handle(new_sid(TAG))
    with pytest.raises(NotAName):
        tag_of_sid(new_handle(TAG))


@pytest.mark.parametrize("tag", ["", "short", "a" * 15, "a" * 17, "a" * 15 + "}", "a" * 15 + "=", "a" * 15 + "\n", "a" * 15 + "é"])
@pytest.mark.parametrize("make", [new_sid, new_handle, KEYS.sessions, KEYS.epoch, lambda tag: KEYS.proof(tag, HASH)])
def test_nothing_is_named_by_a_tag_that_is_none(tag: str, make: Callable[[str], str]) -> None:
    with pytest.raises(NotAName):
        make(tag)


# ---------------------------------------------------------------- keys of the store


def test_what_the_keys_are_called() -> None:
    sid, handle = new_sid(TAG), new_handle(TAG)

    assert KEYS.session(sid) == f"tallystick:test:s:{{{TAG}}}:{sid[16:]}"
    for kind, key in ARTEFACTS.items():
        assert key(handle) == f"tallystick:test:{kind}:{{{TAG}}}:{hashlib.sha256(handle.encode()).hexdigest()}"
    assert KEYS.sessions(TAG) == f"tallystick:test:u:{{{TAG}}}:s"
    assert KEYS.epoch(TAG) == f"tallystick:test:u:{{{TAG}}}:epoch"
    assert KEYS.proof(TAG, HASH) == f"tallystick:test:p:{{{TAG}}}:{HASH}"
    assert KEYS.rate("network:192.0.2.0/24") == "tallystick:test:rl:{network:192.0.2.0/24}"


def test_all_keys_of_one_holder_share_a_slot_and_none_shows_a_secret() -> None:
    handle = new_handle(TAG)
    artefacts = [key(handle) for key in ARTEFACTS.values()]
    keys = [KEYS.session(new_sid(TAG)), *artefacts, KEYS.sessions(TAG), KEYS.epoch(TAG), KEYS.proof(TAG, HASH)]

    assert {slot_of(key) for key in keys} == {TAG}
    assert len(set(keys)) == len(keys)
    assert not any(handle[16:] in key for key in artefacts)


def test_environments_share_no_key() -> None:
    sid = new_sid(TAG)

    assert Keys("tallystick:production:").session(sid) != KEYS.session(sid)


@pytest.mark.parametrize("kind", [KEYS.session, *ARTEFACTS.values()])
@given(text=st.text(max_size=70))
def test_what_a_client_makes_up_names_no_key(kind: Callable[[str], str], text: str) -> None:
    with pytest.raises(NotAName):
        kind(text)


@pytest.mark.parametrize(
    "text",
    ["../../etc/passwd", "' OR 1=1 --", "*", "{" + TAG[1:] + "a" * 22, TAG + "}:" + "a" * 19 + "A", TAG + "a" * 21 + "A\n", TAG + "a" * 21 + "\0"],
)
def test_a_sid_that_tries_to_be_more_names_no_key(text: str) -> None:
    with pytest.raises(NotAName):
        KEYS.session(text)


@pytest.mark.parametrize("jti_hash", ["", "h" * 42, "h" * 44, "h" * 42 + "}", "h" * 42 + "\n", "h" * 42 + "="])
def test_a_proof_is_marked_by_a_hash_only(jti_hash: str) -> None:
    with pytest.raises(NotAName):
        KEYS.proof(TAG, jti_hash)


@pytest.mark.parametrize("subject", ["", "}", "a}b", "{", "a b", "a\n", "s" * 129, "é"])
def test_a_subject_with_braces_would_move_to_another_slot_and_is_refused(subject: str) -> None:
    with pytest.raises(NotAName):
        KEYS.rate(subject)


@pytest.mark.parametrize("prefix", ["", "tallystick", "tallystick:{test}:", "Tallystick:", "a b:", ":", "a:b:c:d:e:", "test:\n", "t" * 33 + ":"])
def test_a_prefix_that_would_spoil_the_keys_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="tallystick:test:"):
        Keys(prefix)
