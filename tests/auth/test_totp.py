"""Codes of an authenticator app: good for a minute and a half, once.

Method: the app is written here again from RFC 6238; time is an argument.
"""

import base64
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pyotp
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auth import totp
from auth.totp import STEP_SECONDS, WINDOW, check, new_secret, provisioning_uri, step_at

NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
STEP = timedelta(seconds=STEP_SECONDS)
SECRET = base64.b32encode(bytes(range(20))).decode()

steps = st.integers(WINDOW, 10**9)


def shown(step: int, secret: str = SECRET) -> str:
    """What the app shows in that step."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def at(step: int, seconds: float = 0) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS + seconds, UTC)


# ---------------------------------------------------------------- it works


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()  # RFC 6238, appendix B; of its eight digits the last six.

    assert check(secret, code, last_step=None, now=datetime.fromtimestamp(seconds, UTC)) == seconds // STEP_SECONDS


@given(steps, st.floats(0, STEP_SECONDS, exclude_max=True), st.integers(-WINDOW, WINDOW))
def test_a_code_of_the_window_is_accepted_for_its_step(step: int, seconds: float, away: int) -> None:
    code = shown(step + away)
    assume([shown(step + other) for other in range(-WINDOW, WINDOW + 1)].count(code) == 1)

    assert check(SECRET, code, last_step=None, now=at(step, int(seconds))) == step + away


def test_the_window_ends_with_the_second() -> None:
    step = step_at(NOW)
    code, begins, ends = shown(step), at(step - WINDOW), at(step + WINDOW + 1)
    microsecond = timedelta(microseconds=1)

    assert check(SECRET, code, last_step=None, now=begins) == step
    assert check(SECRET, code, last_step=None, now=begins - microsecond) is None
    assert check(SECRET, code, last_step=None, now=ends - microsecond) == step
    assert check(SECRET, code, last_step=None, now=ends) is None


def test_time_is_time_in_every_zone() -> None:
    assert step_at(NOW) == step_at(NOW.astimezone(timezone(timedelta(hours=3))))
    with pytest.raises(AssertionError):
        step_at(NOW.replace(tzinfo=None))


def test_the_first_steps_of_all_have_no_step_before_them() -> None:
    assert check(SECRET, shown(0), last_step=None, now=at(0)) == 0
    assert check(SECRET, shown(1), last_step=None, now=at(0)) == 1
    assert check(SECRET, shown(2), last_step=None, now=at(0)) is None


# ---------------------------------------------------------------- each code once


@given(steps, st.integers(-WINDOW, WINDOW), st.integers(-5, 5))
def test_a_step_is_accepted_only_after_the_last_one(step: int, away: int, last: int) -> None:
    code, last_step = shown(step + away), step + last
    assume([shown(step + other) for other in range(-WINDOW, WINDOW + 1)].count(code) == 1)

    assert check(SECRET, code, last_step=last_step, now=at(step)) == (step + away if away > last else None)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), max_size=30))
def test_whatever_comes_in_whatever_order_no_step_is_accepted_twice(tries: list[tuple[int, int]]) -> None:
    accepted: list[int] = []
    step = step_at(NOW)
    for away, passed in tries:
        step += passed
        found = check(SECRET, shown(step + away), last_step=accepted[-1] if accepted else None, now=at(step))
        accepted += [] if found is None else [found]

    assert accepted == sorted(set(accepted))


def test_a_code_that_two_steps_share_is_good_once() -> None:
    step = 1_047_781  # The first of this secret whose code comes again two steps later; one in a million does.
    now = at(step + WINDOW)
    assert shown(step) == shown(step + 2 * WINDOW)

    accepted = check(SECRET, shown(step), last_step=None, now=now)

    assert accepted == step + 2 * WINDOW
    assert check(SECRET, shown(step), last_step=accepted, now=now) is None


# ---------------------------------------------------------------- it refuses


@given(steps, st.integers(WINDOW + 1, 100), st.sampled_from([-1, 1]))
def test_a_clock_two_steps_away_is_refused(step: int, away: int, side: int) -> None:
    code = shown(max(step + side * away, 0))
    assume(code not in [shown(step + other) for other in range(-WINDOW, WINDOW + 1)])

    assert check(SECRET, code, last_step=None, now=at(step)) is None


@given(st.integers(0, 999_999).map("{:06}".format))
def test_a_code_is_good_only_if_the_app_shows_it(code: str) -> None:
    step = step_at(NOW)
    good = {shown(step + away): step + away for away in range(-WINDOW, WINDOW + 1)}

    assert check(SECRET, code, last_step=None, now=NOW) == good.get(code)


def test_a_code_of_another_secret_is_refused() -> None:
    assert check(new_secret(), shown(step_at(NOW)), last_step=None, now=NOW) is None


GOOD = shown(step_at(NOW))


@pytest.mark.parametrize(
    "code",
    [
        "",
        GOOD[:5],
        "0" + GOOD,
        GOOD + "0",
        GOOD + " ",
        " " + GOOD,
        GOOD + "\n",
        f"{GOOD[:3]} {GOOD[3:]}",
        f"+{GOOD[1:]}",
        f"{GOOD[:5]}_",
        GOOD.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),  # Arabic-Indic digits,
        GOOD.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),  # full-width ones,
        GOOD.translate({ord("0") + digit: 0x2070 + digit for digit in range(10)}),  # and superscripts, which `isdigit` takes.
        "ABCDEF",
        "\ud800" * 6,
        "\0" * 6,
        GOOD * 100_000,
    ],
)
def test_what_is_not_six_ascii_digits_is_refused(code: str) -> None:
    assert check(SECRET, GOOD, last_step=None, now=NOW) is not None
    assert check(SECRET, code, last_step=None, now=NOW) is None


# ---------------------------------------------------------------- secrets


def test_secrets_have_160_bits_and_no_two_are_the_same() -> None:
    made = {new_secret() for _ in range(100)}

    assert len(made) == 100
    assert {len(base64.b32decode(secret)) * 8 for secret in made} == {160}


def test_an_app_reads_secret_and_names_from_the_address() -> None:
    secret = new_secret()
    uri = provisioning_uri(secret, account="+234 803:000/0001 é&=", issuer="Tallystick Demo Bank")
    read = pyotp.parse_uri(uri)

    assert uri.startswith("otpauth://totp/Tallystick%20Demo%20Bank:")
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer, read.name) == (secret, "Tallystick Demo Bank", "+234 803:000/0001 é&=")
    assert (read.digits, read.interval) == (totp.DIGITS, STEP_SECONDS)
    assert check(secret, read.at(NOW), last_step=None, now=NOW) == step_at(NOW)
