"""Passwords: what is taken as one, what is kept of it, and what a comparison tells.

Method: real hashes with the real parameters; the work they took is read from the threads that did it.
"""

import base64
import logging
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from hypothesis import given
from hypothesis import strategies as st

import auth
from auth.passwords import LONGEST, SHORTEST, Passwords, Threads, Verdict, Weakness, weakness
from auth.peppers import Peppers

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
GOOD = "ten green bottles"
ODD = "\N{LATIN SMALL LETTER A WITH RING ABOVE}ngstr\N{LATIN SMALL LETTER O WITH DIAERESIS}m"  # 8 code points once composed; more before.


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads(count=1)
    yield made
    await made.close()


@pytest.fixture
def passwords(threads: Threads) -> Passwords:
    return Passwords(Peppers([OLD]), threads)


# ---------------------------------------------------------------- what is taken


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("", Weakness.TOO_SHORT),
        ("x7#pLq9", Weakness.TOO_SHORT),
        ("x7#pLq9z", None),
        ("correct horse", None),
        ("        x", None),  # Spaces are characters.
        ("é\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}ñ漢字かな한", None),
        ("x7#pLq9z" * 16, None),
        ("x7#pLq9z" * 16 + "x", Weakness.TOO_LONG),
        ("x7#pLq9z" * 100_000, Weakness.TOO_LONG),
        (unicodedata.normalize("NFD", ODD), None),
        (unicodedata.normalize("NFD", ODD)[:-1], Weakness.TOO_SHORT),
        ("ﬃﬃx7", None),  # Ligatures of three letters: 8 code points.
        ("ﬃﬃx", Weakness.TOO_SHORT),
        ("ᾂ" * LONGEST, None),  # Three code points for one, the other way.
        ("x7#pLq9\ud800", Weakness.NOT_TEXT),
        ("\udc00" * SHORTEST, Weakness.NOT_TEXT),
        ("x7#pLq9\0", None),
    ],
)
def test_a_password_has_8_to_128_characters_as_people_count_them(password: str, wrong: Weakness | None) -> None:
    assert weakness(password) == wrong


@pytest.mark.parametrize(
    "password",
    [
        *(
            "password",
            "PASSWORD",
            "Password1",
            "ｐａｓｓｗｏｒｄ",
            "12345678",
            "1234567890",
            "0987654321",
            "qwertyuiop",
            "iloveyou",
            "P@ssw0rd",
            "tallystick",
        ),
        *("aaaaaaaa", "AAAAAAAAA", "        ", "٠٠٠٠٠٠٠٠", "abcdefgh", "hijklmnop", "ZYXWVUTS", "aBcDeFgHi", "23456789", "98765432"),
    ],
)
def test_what_everybody_takes_is_refused(password: str) -> None:
    assert weakness(password) == Weakness.COMMON


@pytest.mark.parametrize("password", ["passwordd7", "abcdefgi", "acegikmo", "aaaaaaab", "12345679 ", "1357924680"])
def test_what_is_close_to_that_is_not(password: str) -> None:
    assert weakness(password) is None


@pytest.mark.parametrize(
    "password",
    [
        *(
            "Amina Bello",
            "aminabello",
            "AMINA.BELLO",
            "Bello Amina",
            "bello_amina",
            "Ａｍｉｎａ　Ｂｅｌｌｏ",
            "Demo Bank of Lagos",
            "demobankoflagos",
        ),
        *(
            "+2348030000001",
            "2348030000001",
            "08030000001",
            "8030000001",
            "0803 000 0001",
            "+234-803-000-0001",
            "(0803) 000.0001",
            "00 234 803 000 0001",
        ),
        *("30000001", "٠٨٠٣٠٠٠٠٠٠١"),
    ],
)
def test_what_everybody_knows_of_a_customer_is_refused(password: str) -> None:
    assert weakness(password, names=["Amina Bello", "Demo Bank of Lagos"], phone="+2348030000001") == Weakness.PERSONAL
    assert weakness(password) is None


@pytest.mark.parametrize("password", ["Amina Bello 7", "amina and bello", "8030000002", "18030000001", "0000-001", "08030000001a", "aminabell"])
def test_what_is_close_to_that_is_taken(password: str) -> None:
    assert weakness(password, names=["Amina Bello", ""], phone="+2348030000001") is None


def test_a_long_first_name_alone_is_no_password() -> None:
    assert weakness("Chukwuemeka'", names=["Chukwuemeka Obi"]) == Weakness.PERSONAL


@pytest.mark.parametrize(("password", "wrong"), [("0000-1234567", Weakness.PERSONAL), ("000000-234567", None)])
def test_a_few_last_digits_are_not_yet_the_number(password: str, wrong: Weakness | None) -> None:
    assert weakness(password, phone="+2348031234567") == wrong


@pytest.mark.parametrize("password", ["12345670", "!?#!?#!?"])
def test_who_has_no_name_and_no_number_loses_no_password(password: str) -> None:
    assert weakness(password, names=["", "  ", "-"], phone="") is None


@given(st.text(st.characters(), max_size=600))
def test_what_is_taken_has_the_right_length_and_can_be_written(password: str) -> None:
    if weakness(password) is None:
        assert SHORTEST <= len(unicodedata.normalize("NFKC", password)) <= LONGEST
        password.encode()


def test_the_list_of_common_ones_is_in_order() -> None:
    [file] = [Path(folder, "common_passwords.txt") for folder in auth.__path__]
    listed = file.read_text(encoding="ascii").split("\n")

    assert listed.pop() == ""
    assert listed == sorted(set(listed))
    assert 300 <= len(listed) <= 1000
    assert all(one == one.casefold().strip() and len(one) >= SHORTEST for one in listed)


# ---------------------------------------------------------------- hashing and comparing


async def test_a_password_matches_its_hash_and_no_other(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)

    assert await passwords.verify(kept, GOOD) == Verdict(matches=True)
    for other in ("ten green bottle", "Ten green bottles", GOOD + " ", GOOD + "\0", "", "x" * 10_000, "\ud800" * 8):
        assert await passwords.verify(kept, other) == Verdict(matches=False)


async def test_what_can_be_nobodys_password_is_not_taken_for_an_empty_one(passwords: Passwords) -> None:
    kept = await passwords.hash("")

    assert (await passwords.verify(kept, "")).matches
    for other in ("x" * (LONGEST + 1), "x" * 10_000, "\ud800"):
        assert not (await passwords.verify(kept, other)).matches


async def test_the_same_password_typed_on_another_keyboard_matches(passwords: Passwords) -> None:
    kept = await passwords.hash(unicodedata.normalize("NFC", ODD))

    assert (await passwords.verify(kept, unicodedata.normalize("NFD", ODD))).matches


async def test_the_longest_password_counts_to_its_last_character(passwords: Passwords) -> None:
    longest = secrets.token_hex(LONGEST // 2)
    kept = await passwords.hash(longest)

    assert (await passwords.verify(kept, longest)).matches
    assert not (await passwords.verify(kept, longest[:-1])).matches
    assert not (await passwords.verify(kept, longest + longest[-1])).matches


async def test_two_hashes_of_one_password_share_the_pepper_only(passwords: Passwords) -> None:
    first, second = [await passwords.hash(GOOD) for _ in range(2)]

    assert all(re.fullmatch(r"[0-9a-f]{8}\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", one) for one in (first, second))
    assert [one.split("$")[0] for one in (first, second)] == [Peppers([OLD]).newest] * 2
    assert first.split("$")[-2:] != second.split("$")[-2:]


async def test_without_the_pepper_a_hash_is_of_no_use(passwords: Passwords, threads: Threads) -> None:
    kept = await passwords.hash(GOOD)

    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(kept[kept.index("$") :], GOOD)
    stranger = Peppers([NEW])
    stolen = stranger.newest + kept[kept.index("$") :]
    assert not (await Passwords(stranger, threads).verify(stolen, GOOD)).matches


@pytest.mark.parametrize("password", ["x" * (LONGEST + 1), "x" * 1_000_000, "half of a character \ud800"])
async def test_what_the_rules_refuse_is_not_hashed_and_not_shown(passwords: Passwords, threads: Threads, password: str) -> None:
    with pytest.raises(ValueError, match=r"^this is no password$"):
        await passwords.hash(password)

    assert threads.done == 0


async def test_nothing_tells_a_password(passwords: Passwords, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    kept = await passwords.hash(GOOD)
    verdict = await passwords.verify(kept, GOOD)
    await passwords.verify("damaged", GOOD)

    out, err = capfd.readouterr()
    assert not any(GOOD in told for told in (caplog.text, out, err, repr(passwords), str(vars(passwords)), repr(verdict), kept))


# ---------------------------------------------------------------- peppers and parameters that change


async def test_a_hash_under_an_older_pepper_matches_and_is_outdated(passwords: Passwords, threads: Threads) -> None:
    kept = await passwords.hash(GOOD)
    rotated = Passwords(Peppers([NEW, OLD]), threads)

    assert await rotated.verify(kept, GOOD) == Verdict(matches=True, is_outdated=True)
    assert await rotated.verify(kept, "something else") == Verdict(matches=False)
    assert await rotated.verify(await rotated.hash(GOOD), GOOD) == Verdict(matches=True)


async def test_a_hash_whose_pepper_is_gone_matches_nothing_and_is_told(passwords: Passwords, threads: Threads) -> None:
    kept = await passwords.hash(GOOD)

    assert await Passwords(Peppers([NEW]), threads).verify(kept, GOOD) == Verdict(matches=False, is_unreadable=True)


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"), [(8 * 1024, 2, 1), (19 * 1024, 1, 1), (19 * 1024, 2, 16), (32 * 1024, 2, 1), (8, 155_648, 1)]
)
async def test_a_hash_of_other_parameters_matches_and_is_outdated(passwords: Passwords, memory_kib: int, passes: int, lanes: int) -> None:
    peppers = Peppers([OLD])
    other = PasswordHasher(memory_cost=memory_kib, time_cost=passes, parallelism=lanes)
    kept = peppers.newest + other.hash(peppers.mac(peppers.newest, "password", GOOD.encode()))

    assert await passwords.verify(kept, GOOD) == Verdict(matches=True, is_outdated=True)
    assert await passwords.verify(kept, "something else") == Verdict(matches=False)


# ---------------------------------------------------------------- nobody learns who has an account


async def cpu_seconds(passwords: Passwords, threads: Threads, kept: str | None, password: str) -> float:
    """The processor time of one comparison that finds nothing; half of some tries took less."""
    times = []
    for _ in range(7):
        done, before = threads.done, threads.cpu_seconds
        assert not (await passwords.verify(kept, password)).matches
        assert threads.done == done + 1
        times.append(threads.cpu_seconds - before)
    return median(times)


async def test_the_work_is_the_same_whoever_it_is_and_whatever_is_kept(passwords: Passwords, threads: Threads) -> None:
    kept = await passwords.hash(GOOD)
    gone = Peppers([NEW]).newest + kept[kept.index("$") :]
    usual = await cpu_seconds(passwords, threads, kept, "something else")

    for stored, password in (
        (None, "something else"),
        (None, ""),
        (kept, ""),
        (kept, "x" * 10_000),
        (kept, "\ud800" * 8),
        (gone, GOOD),
        ("", GOOD),
        (kept[:-20], GOOD),
        (f"{Peppers([OLD]).newest}$damaged", GOOD),
    ):
        assert usual / 2 < await cpu_seconds(passwords, threads, stored, password) < usual * 2, (stored, password[:10])


async def test_nobody_has_a_password(passwords: Passwords) -> None:
    for password in ("", GOOD, "password"):
        assert await passwords.verify(None, password) == Verdict(matches=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: "",
        lambda kept: "$",
        lambda kept: kept[9:],
        lambda kept: kept[8:],
        lambda kept: kept[:8],
        lambda kept: kept[:9],
        lambda kept: kept.replace("argon2id", "argon2x"),
        lambda kept: kept.replace("m=19456", "m=x"),
        lambda kept: kept.replace("t=2", "t=0"),
        lambda kept: kept.replace("t=2", "t=65"),  # One pass more than would be made,
        lambda kept: kept.replace("t=2", "t=4294967295"),
        lambda kept: kept.replace("m=19456", "m=99999999"),
        lambda kept: kept.replace("p=1", "p=17"),  # and one lane.
        lambda kept: kept.replace("t=2", "t=" + "9" * 10_000),
        lambda kept: kept.rpartition("$")[0],
        lambda kept: kept + "é",
        lambda kept: GOOD,
        lambda kept: base64.b64encode(GOOD.encode()).decode(),
    ],
)
async def test_what_is_damaged_where_it_is_kept_matches_nothing(passwords: Passwords, damage: Callable[[str], str]) -> None:
    damaged = damage(await passwords.hash(GOOD))
    verdict = await passwords.verify(damaged, GOOD)

    assert not verdict.matches
    assert verdict.is_unreadable
