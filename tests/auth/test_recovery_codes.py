"""Recovery codes: written down once, typed in a hurry a year later, good once.

Method: codes are made, spelt in every way that people find, and looked up among what was kept of them.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.peppers import Peppers
from auth.recovery_codes import COUNT, LONGEST, RecoveryCodes

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
CODES = RecoveryCodes(Peppers([OLD]))
MADE = CODES.make()
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALIKE = {"0": "0Oo", "1": "1IiLl"}


# ---------------------------------------------------------------- making


def test_ten_codes_of_80_bits_are_made_in_groups_of_four() -> None:
    assert len(MADE.codes) == len(MADE.kept) == COUNT == 10
    assert all(re.fullmatch(f"[{ALPHABET}]{{4}}(?:-[{ALPHABET}]{{4}}){{3}}", code) for code in MADE.codes)
    assert len(ALPHABET) ** 16 == 2**80


def test_no_code_comes_twice_and_every_character_comes() -> None:
    codes = [code for _ in range(100) for code in CODES.make().codes]

    assert len(set(codes)) == 1000
    assert set("".join(codes)) == {*ALPHABET, "-"}


def test_what_is_kept_is_a_mac_and_nothing_shows_the_codes() -> None:
    key_id = Peppers([OLD]).newest

    assert all(re.fullmatch(f"{key_id}\\.[A-Za-z0-9_-]{{43}}", kept) for kept in MADE.kept)
    assert len(set(MADE.kept)) == COUNT
    assert not any(code in repr(MADE) or code.replace("-", "") in repr(MADE) for code in MADE.codes)


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize("number", range(COUNT))
def test_each_code_finds_what_was_kept_of_it_until_that_is_deleted(number: int) -> None:
    code, kept = MADE.codes[number], list(MADE.kept)

    found = CODES.find(kept, code)
    assert found == MADE.kept[number]

    kept.remove(found)
    assert CODES.find(kept, code) is None
    assert CODES.find(kept, MADE.codes[number - 1]) == MADE.kept[number - 1]


def test_the_last_code_of_all_is_still_found() -> None:
    assert CODES.find([MADE.kept[3]], MADE.codes[3]) == MADE.kept[3]
    assert CODES.find([], MADE.codes[3]) is None


@st.composite
def spelt(draw: st.DrawFn, code: str) -> str:
    """The code as somebody types it: in any case, with look-alikes, and with spaces and dashes anywhere."""
    between = st.text(st.sampled_from(" -\u2010\u2011\u2013\u2014\u2212\u00a0\t\n"), max_size=2)
    typed = [draw(st.sampled_from(ALIKE.get(character, character + character.lower()))) for character in code.replace("-", "")]
    return draw(between) + "".join(character + draw(between) for character in typed)


@given(st.data(), st.integers(0, COUNT - 1))
def test_a_code_is_found_however_it_is_spelt(data: st.DataObject, number: int) -> None:
    assert CODES.find(MADE.kept, data.draw(spelt(MADE.codes[number]))) == MADE.kept[number]


@given(st.integers(0, COUNT - 1), st.integers(0, 15), st.sampled_from(ALPHABET))
def test_a_code_with_one_other_character_is_another_code(number: int, place: int, character: str) -> None:
    code = MADE.codes[number].replace("-", "")
    other = code[:place] + character + code[place + 1 :]

    assert CODES.find(MADE.kept, other) == (MADE.kept[number] if other == code else None)


@given(st.text(max_size=LONGEST + 1))
def test_any_text_at_all_is_refused_in_peace(text: str) -> None:
    assert CODES.find(MADE.kept, text) is None


GOOD = MADE.codes[0].replace("-", "")


@pytest.mark.parametrize(
    "code",
    [
        "",
        "-",
        GOOD[:15],
        GOOD + "0",
        "U" + GOOD[1:],
        "u" + GOOD[1:],
        "\u0130" + GOOD[1:],  # Upper case does strange things to these two.
        "\ufb01" + GOOD[2:],
        GOOD.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)} | {ord("A") + n: 0xFF21 + n for n in range(26)}),
        f"{GOOD[:8]}_{GOOD[8:]}",
        f"{GOOD[:8]}.{GOOD[8:]}",
        "\ud800" + GOOD[1:],
        MADE.kept[0],
        GOOD * 100_000,
    ],
)
def test_what_is_no_code_is_refused(code: str) -> None:
    assert CODES.find(MADE.kept, code) is None


def test_what_is_read_has_a_limit() -> None:
    assert CODES.find(MADE.kept, GOOD.ljust(LONGEST)) == MADE.kept[0]
    assert CODES.find(MADE.kept, GOOD.ljust(LONGEST + 1)) is None


def test_codes_of_another_customer_are_not_found() -> None:
    assert CODES.find(CODES.make().kept, MADE.codes[0]) is None


# ---------------------------------------------------------------- peppers


def test_codes_outlive_a_new_pepper_and_die_with_their_own() -> None:
    both, only_new = RecoveryCodes(Peppers([NEW, OLD])), RecoveryCodes(Peppers([NEW]))
    newer = both.make()

    assert both.find(MADE.kept, MADE.codes[0]) == MADE.kept[0]
    assert both.find([*MADE.kept[:5], *newer.kept[:5]], newer.codes[0]) == newer.kept[0]
    assert all(kept.startswith(Peppers([NEW]).newest) for kept in newer.kept)
    assert only_new.find(MADE.kept, MADE.codes[0]) is None
    assert only_new.find(newer.kept, newer.codes[0]) == newer.kept[0]
    assert CODES.find(newer.kept, newer.codes[0]) is None


@pytest.mark.parametrize("damaged", ["", ".", "é" * 52, MADE.kept[0][:-1], MADE.kept[0] + "A", "00000000" + MADE.kept[0][8:]])
def test_what_is_damaged_is_never_found_and_hides_no_other(damaged: str) -> None:
    assert CODES.find([damaged], MADE.codes[0]) is None
    assert CODES.find([damaged, *MADE.kept], MADE.codes[0]) == MADE.kept[0]
    assert CODES.find([*MADE.kept, damaged], MADE.codes[0]) == MADE.kept[0]
