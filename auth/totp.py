"""One-time codes of an authenticator app (RFC 6238): six digits, a new code every 30 seconds, each good once."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

__all__ = ["DIGITS", "STEP_SECONDS", "WINDOW", "check", "new_secret", "provisioning_uri", "step_at"]

SECRET_CHARACTERS = 32  # Base32, so 160 bits: what RFC 4226, 4 recommends, and every app reads.
DIGITS = 6
STEP_SECONDS = 30
WINDOW = 1  # Steps before and after the bank's own: for a phone's clock, and for slow thumbs.


def new_secret() -> str:
    """160 random bits in base32, to be shown once and kept encrypted."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def provisioning_uri(secret: str, *, account: str, issuer: str) -> str:
    """The `otpauth://` address that an app reads from a QR code; it holds the secret. Apps list it under both names."""
    return _codes(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_at(now: datetime) -> int:
    """The number of the step that `now`, an aware time, lies in."""
    assert now.tzinfo is not None, "a time without a zone would be read in the machine's"
    return int(now.timestamp()) // STEP_SECONDS


def check(secret: str, code: str, *, last_step: int | None, now: datetime) -> int | None:
    """The step whose code this is, to be kept as the next `last_step`; None refuses it.

    A step is good only if it is later than `last_step`, the last one that was accepted. Two calls may see the same `last_step`: who
    keeps the new one lets it replace only that, and refuses the code if it was replaced already.
    """
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    codes, around = _codes(secret), step_at(now)
    accepted = None
    # Every step of the window, whatever was found: the time tells nothing, and a code that two steps share counts for the later one,
    # so that it is not good a second time.
    for step in range(max(around - WINDOW, 0), around + WINDOW + 1):
        is_same = hmac.compare_digest(codes.generate_otp(step), code)
        if is_same and (last_step is None or step > last_step):
            accepted = step
    return accepted


def _codes(secret: str) -> pyotp.TOTP:
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
