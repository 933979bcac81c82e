"""No proof is good twice, and none that was made long ahead.

Method: nonces at times that the test chooses, through rotations of their keys; property-based alterations (hypothesis).
"""

import base64
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.dpop import NONCE_STEP, KnownKeys, Nonces, ProofError, ath, verify_proof
from auth.envelope import KeyRing, base64url
from tests.auth.proofs import (
    CLAIMS,
    HEADER,
    JKT,
    MASTER,
    NONCES,
    NOW,
    OLD_MASTER,
    ORDER,
    THIEFS_JKT,
    THIEFS_KEY,
    part,
    refused,
    signed,
    verified,
    without,
)

# ---------------------------------------------------------------- replays


def test_a_replay_is_known_by_its_mark_in_every_worker() -> None:
    proof = signed()

    assert verified(proof, keys=KnownKeys()).jti_hash == verified(proof, keys=KnownKeys()).jti_hash
    assert verified(signed(CLAIMS | {"jti": "2"})).jti_hash != verified(proof).jti_hash


def test_the_other_signature_that_holds_for_the_same_proof_is_no_second_proof() -> None:
    # With (r, s) also (r, -s) verifies: whoever saw a proof can make its twin.
    head, _, signature = signed().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = f"{head}.{part(raw[:32] + (ORDER - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"

    assert verified(twin).jti_hash == verified(f"{head}.{signature}").jti_hash


def test_a_device_cannot_use_up_the_ids_of_another() -> None:
    header = HEADER | {"jwk": THIEFS_KEY.as_dict(private=False)}
    theirs = signed(CLAIMS | {"nonce": NONCES.fresh(now=NOW)}, header, key=THIEFS_KEY)

    assert verified(theirs).jti_hash != verified(signed()).jti_hash


# ---------------------------------------------------------------- nonces


def start_of_step(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // NONCE_STEP.total_seconds() * NONCE_STEP.total_seconds(), UTC)


@given(into=st.floats(0, 59.9), later=st.floats(0, 300))
def test_a_nonce_is_good_in_its_step_and_the_next_and_never_for_two_minutes(into: float, later: float) -> None:
    given_at = start_of_step(NOW) + timedelta(seconds=into)
    now = given_at + timedelta(seconds=later)
    good = NONCES.accepts(NONCES.fresh(now=given_at, jkt=JKT), now=now, jkt=JKT)

    assert good == (now < start_of_step(given_at) + 2 * NONCE_STEP)
    if later >= 120:
        assert not good
    if later < 60:
        assert good


def test_proofs_that_were_made_ahead_are_useless_after_two_minutes() -> None:
    made_ahead = [
        signed(CLAIMS | {"jti": str(minute), "iat": int((NOW + timedelta(minutes=minute)).timestamp())})  # All with the one nonce there is.
        for minute in range(30)
    ]

    for minute, proof in enumerate(made_ahead):
        now = NOW + timedelta(minutes=minute)
        if minute < 2:
            assert verified(proof, now=now).jkt == JKT
        else:
            refused(proof, now=now, error=ProofError.NONCE)


def test_a_nonce_of_the_future_is_refused() -> None:
    nonce = NONCES.fresh(now=NOW + NONCE_STEP, jkt=JKT)

    refused(signed(CLAIMS | {"nonce": nonce}), error=ProofError.NONCE)
    assert verified(signed(CLAIMS | {"nonce": nonce}), now=NOW + NONCE_STEP).jkt == JKT


@pytest.mark.parametrize(
    "nonce",
    [
        None,
        "",
        7,
        [CLAIMS["nonce"]],
        {"nonce": CLAIMS["nonce"]},
        CLAIMS["nonce"][:-1],
        CLAIMS["nonce"] + "A",
        CLAIMS["nonce"] + "=",
        CLAIMS["nonce"].swapcase(),
        CLAIMS["nonce"][:-1] + "é",
        CLAIMS["nonce"][:-1] + "\n",
        "A" * 32,
        "\ud800" * 32,
        "n" * 2000,
        NONCES.fresh(now=NOW - 2 * NONCE_STEP, jkt=JKT),
        NONCES.fresh(now=NOW, jkt=THIEFS_JKT),
        Nonces(KeyRing([os.urandom(32)])).fresh(now=NOW, jkt=JKT),
    ],
)
def test_a_nonce_that_is_missing_stale_forged_or_another_devices_is_answered_with_a_good_one(nonce: object) -> None:
    refusal = refused(signed(CLAIMS | {"nonce": nonce}), error=ProofError.NONCE)

    assert verified(signed(CLAIMS | {"nonce": refusal.nonce})).jkt == JKT


def test_the_first_request_of_a_device_learns_the_nonce() -> None:
    refusal = refused(signed(without(CLAIMS, "nonce")), error=ProofError.NONCE)

    assert verified(signed(CLAIMS | {"nonce": refusal.nonce})).jkt == JKT
    assert not NONCES.accepts(refusal.nonce, now=NOW, jkt=THIEFS_JKT)


def test_what_is_wrong_otherwise_is_told_before_a_nonce_is_given() -> None:
    for changes in ({"htm": "GET"}, {"ath": ath("another")}, {"iat": 0}, {"htu": "https://thief.example/"}):
        refused(signed(without(CLAIMS, "nonce") | changes), error=ProofError.INVALID)


@given(bit=st.integers(0, 7), place=st.integers(0, 23))
def test_a_nonce_with_any_bit_flipped_is_refused(bit: int, place: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(CLAIMS["nonce"]))
    raw[place] ^= 1 << bit

    assert not NONCES.accepts(base64url(bytes(raw)), now=NOW, jkt=JKT)


@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_a_nonce_is_not_carried_over_into_a_later_step(steps: int) -> None:
    raw = base64.urlsafe_b64decode(NONCES.fresh(now=NOW - steps * NONCE_STEP, jkt=JKT))
    moved = raw[:4] + (int.from_bytes(raw[4:8], "big") + steps).to_bytes(4, "big") + raw[8:]

    assert moved[:8] == base64.urlsafe_b64decode(NONCES.fresh(now=NOW, jkt=JKT))[:8]
    assert not NONCES.accepts(base64url(moved), now=NOW, jkt=JKT)


@given(nonce=st.text(max_size=40) | st.binary(min_size=24, max_size=24).map(base64url))
def test_a_nonce_that_nobody_gave_is_refused(nonce: str) -> None:
    assert not NONCES.accepts(nonce, now=NOW, jkt=JKT)


def test_a_nonce_for_nobody_in_particular_is_good_for_any_key() -> None:
    nonce = NONCES.fresh(now=NOW)

    assert NONCES.accepts(nonce, now=NOW, jkt=JKT)
    assert NONCES.accepts(nonce, now=NOW, jkt=THIEFS_JKT)
    assert not NONCES.accepts(NONCES.fresh(now=NOW, jkt=JKT), now=NOW, jkt="")


def test_processes_with_the_same_ring_accept_each_others_nonces_through_a_rotation() -> None:
    before, during, after = Nonces(KeyRing([OLD_MASTER])), Nonces(KeyRing([MASTER, OLD_MASTER])), Nonces(KeyRing([MASTER]))

    assert Nonces(KeyRing([MASTER])).fresh(now=NOW, jkt=JKT) == after.fresh(now=NOW, jkt=JKT)
    assert during.accepts(before.fresh(now=NOW, jkt=JKT), now=NOW, jkt=JKT)
    assert after.accepts(during.fresh(now=NOW, jkt=JKT), now=NOW, jkt=JKT)
    assert not after.accepts(before.fresh(now=NOW, jkt=JKT), now=NOW, jkt=JKT)


def test_a_time_without_a_zone_makes_no_nonce() -> None:
    with pytest.raises(AssertionError, match="zone"):
        NONCES.fresh(now=NOW.replace(tzinfo=None))


def test_secrets_and_hashes_are_compared_in_constant_time() -> None:
    from auth import dpop

    assert "compare_digest" in Nonces.accepts.__code__.co_names
    assert "compare_digest" in dpop._is_same.__code__.co_names
    assert "_is_same" in verify_proof.__code__.co_names
