"""Passkeys: what proves one, and every way of not proving it.

Method: an authenticator in software answers real options, right but for one thing.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from auth.passkeys import CHALLENGE_BYTES, Claim, Reason, RelyingParty, Signal, Used, claimed
from tests.auth.authenticator import AlreadyRegistered, Authenticator, Held, NothingToUse, decoded, encoded
from tests.auth.passkey_bank import AMINA, ANDROID, BANK, BRIAN, CHALLENGE, ORIGIN, changed, making, refused, registered, using

OTHER_CHALLENGE = bytes([7] * 32)

# ---------------------------------------------------------------- it works


@pytest.mark.parametrize("origin", sorted(BANK.origins))
def test_a_passkey_signs_in_where_it_was_made_and_at_every_other_origin_of_the_bank(origin: str) -> None:
    phone = Authenticator(origin=origin)
    passkey = registered(phone)
    phone.origin = ORIGIN

    used = BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey)

    assert (passkey.sign_count, passkey.is_synced, passkey.transports) == (0, False, ("internal", "hybrid"))
    assert used == Used(credential_id=passkey.credential_id, user_handle=AMINA, sign_count=1, is_backed_up=False, signals=frozenset())


def test_a_synced_passkey_never_counts_and_nothing_is_odd_about_it() -> None:
    phone = Authenticator(origin=ORIGIN, is_synced=True)
    passkey = registered(phone)

    used = [BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey) for _ in range(2)]

    assert passkey.is_synced
    assert [(one.sign_count, one.is_backed_up, one.signals) for one in used] == [(0, True, frozenset())] * 2


def test_the_options_ask_for_a_discoverable_passkey_and_for_its_user() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    options = making(passkey)

    assert options["authenticatorSelection"] == {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    assert (options["attestation"], options["timeout"]) == ("none", 300_000)
    assert (options["rp"], options["user"]["id"]) == ({"id": "bank.example", "name": "Bank"}, encoded(AMINA))
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert options["excludeCredentials"] == [{"id": encoded(passkey.credential_id), "type": "public-key", "transports": ["internal", "hybrid"]}]
    assert using() == {
        "challenge": encoded(CHALLENGE),
        "rpId": "bank.example",
        "allowCredentials": [],
        "timeout": 300_000,
        "userVerification": "required",
    }
    assert using(passkey)["allowCredentials"] == options["excludeCredentials"]


def test_a_phone_makes_no_second_passkey_for_a_customer() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)

    with pytest.raises(AlreadyRegistered):
        phone.create(making(passkey))


def test_a_customer_who_is_known_is_asked_for_their_own_passkeys_only() -> None:
    phone = Authenticator(origin=ORIGIN)
    first, second = registered(phone), registered(phone, handle=BRIAN)

    assert claimed(phone.get(using())).credential_id == second.credential_id
    assert claimed(phone.get(using(first))).credential_id == first.credential_id
    with pytest.raises(NothingToUse):
        Authenticator(origin=ORIGIN).get(using(first))


def test_an_answer_says_whose_passkey_it_is_before_anything_is_proven() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    answer = phone.get(using())

    assert claimed(answer) == Claim(credential_id=passkey.credential_id, user_handle=AMINA)
    assert claimed(changed(answer, userHandle=None)) == Claim(credential_id=passkey.credential_id, user_handle=None)
    assert claimed(changed(answer, userHandle=BRIAN)).user_handle == BRIAN  # No more than a claim: the key does not sign it.
    used = BANK.authenticate(changed(answer, userHandle=BRIAN), challenge=CHALLENGE, passkey=passkey)
    assert used.user_handle == BRIAN  # So whoever asks compares it with the owner of the passkey.


# ---------------------------------------------------------------- it refuses


DISHONEST: list[tuple[dict[str, Any], Reason]] = [
    ({"origin": "https://bank.example"}, Reason.WRONG_ORIGIN),
    ({"origin": "https://app.bank.example:8443"}, Reason.WRONG_ORIGIN),
    ({"origin": "https://app.bank.example/"}, Reason.WRONG_ORIGIN),
    ({"origin": "https://APP.bank.example"}, Reason.WRONG_ORIGIN),
    ({"origin": "http://app.bank.example"}, Reason.WRONG_ORIGIN),
    ({"origin": "https://app.bank.example.evil.example"}, Reason.WRONG_ORIGIN),
    ({"origin": "https://evil.example"}, Reason.WRONG_ORIGIN),
    ({"origin": "android:apk-key-hash:" + encoded(bytes(32))}, Reason.WRONG_ORIGIN),
    ({"origin": None}, Reason.WRONG_ORIGIN),
    ({"origin": [ORIGIN]}, Reason.WRONG_ORIGIN),
    ({"embedded": True}, Reason.EMBEDDED),
    ({"rp_id": "evil.example"}, Reason.WRONG_RELYING_PARTY),
    ({"rp_id": "app.bank.example"}, Reason.WRONG_RELYING_PARTY),
    ({"user_is_present": False}, Reason.USER_NOT_PRESENT),
    ({"verifies_user": False}, Reason.USER_NOT_VERIFIED),
]


@pytest.mark.parametrize(("setting", "reason"), DISHONEST)
def test_a_passkey_made_elsewhere_or_without_its_user_is_refused(setting: dict[str, Any], reason: Reason) -> None:
    phone = Authenticator(**{"origin": ORIGIN} | setting)

    refused(lambda: BANK.register(phone.create(making()), challenge=CHALLENGE), reason)


@pytest.mark.parametrize(("setting", "reason"), DISHONEST)
def test_a_passkey_used_elsewhere_or_without_its_user_is_refused(setting: dict[str, Any], reason: Reason) -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    for name, value in setting.items():
        setattr(phone, name, value)
    if phone.rp_id:
        phone.passkeys[0].rp_id = phone.rp_id

    refused(lambda: BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey), reason)


def test_an_answer_to_another_challenge_is_refused() -> None:
    phone = Authenticator(origin=ORIGIN)
    refused(lambda: BANK.register(phone.create(making(), challenge=OTHER_CHALLENGE), challenge=CHALLENGE), Reason.WRONG_CHALLENGE)
    passkey = registered(phone)
    replayed = phone.get(using())

    BANK.authenticate(replayed, challenge=CHALLENGE, passkey=passkey)
    refused(lambda: BANK.authenticate(replayed, challenge=OTHER_CHALLENGE, passkey=passkey), Reason.WRONG_CHALLENGE)
    refused(lambda: BANK.authenticate(replayed, challenge=CHALLENGE + b"\0", passkey=passkey), Reason.WRONG_CHALLENGE)


def test_an_answer_to_the_other_ceremony_is_refused() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    made, used = phone.create(making(), kind="webauthn.get"), phone.get(using(passkey), kind="webauthn.create")

    refused(lambda: BANK.register(made, challenge=CHALLENGE), Reason.WRONG_CEREMONY)
    refused(lambda: BANK.authenticate(used, challenge=CHALLENGE, passkey=passkey), Reason.WRONG_CEREMONY)
    refused(lambda: BANK.register(phone.get(using(passkey)), challenge=CHALLENGE), Reason.MALFORMED)
    refused(lambda: BANK.authenticate(phone.create(making()), challenge=CHALLENGE, passkey=passkey), Reason.MALFORMED)


def test_a_passkey_of_somebody_else_is_refused_whatever_name_it_bears() -> None:
    phone, thief = Authenticator(origin=ORIGIN), Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    registered(thief, handle=BRIAN)

    refused(lambda: BANK.authenticate(thief.get(using()), challenge=CHALLENGE, passkey=passkey), Reason.WRONG_CREDENTIAL)
    thief.passkeys[0].credential_id = passkey.credential_id
    refused(lambda: BANK.authenticate(thief.get(using()), challenge=CHALLENGE, passkey=passkey), Reason.SIGNATURE)


def test_what_was_signed_cannot_be_changed_afterwards() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    answer = phone.get(using())
    response = json.loads(answer)["response"]
    client, data, sign = (decoded(response[name]) for name in ("clientDataJSON", "authenticatorData", "signature"))

    for change in (
        {"clientDataJSON": client + b" "},
        {"authenticatorData": data[:33] + (9).to_bytes(4, "big")},
        {"authenticatorData": data[:32] + bytes([data[32] | 0x08]) + data[33:]},
        {"signature": sign[:-1] + bytes([sign[-1] ^ 1])},
        {"signature": b""},
    ):
        broken = changed(answer, **change)
        refused(lambda broken=broken: BANK.authenticate(broken, challenge=CHALLENGE, passkey=passkey), Reason.SIGNATURE)  # type: ignore[misc]


def test_an_answer_that_names_two_passkeys_is_refused() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    made, used = (json.dumps(json.loads(answer) | {"id": encoded(b"another")}) for answer in (phone.create(making()), phone.get(using(passkey))))

    refused(lambda: BANK.register(made, challenge=CHALLENGE), Reason.MALFORMED)
    refused(lambda: BANK.authenticate(used, challenge=CHALLENGE, passkey=passkey), Reason.MALFORMED)


def test_a_key_that_is_damaged_where_it_is_kept_verifies_nothing() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    damaged = replace(passkey, public_key=b"")

    refused(lambda: BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=damaged), Reason.SIGNATURE)


# ---------------------------------------------------------------- the counter


@pytest.mark.parametrize(
    ("kept", "reported", "to_keep", "is_odd"),
    [
        (0, 0, 0, False),
        (0, 1, 1, False),
        (5, 6, 6, False),
        (5, 5, 5, True),
        (5, 4, 5, True),
        (5, 0, 5, True),
        (2**32 - 2, 2**32 - 1, 2**32 - 1, False),
        (2**32 - 1, 0, 2**32 - 1, True),
    ],
)
def test_a_counter_that_does_not_rise_is_told_and_never_kept(kept: int, reported: int, to_keep: int, is_odd: bool) -> None:
    phone = Authenticator(origin=ORIGIN, counts=0, first_count=kept)
    passkey = registered(phone)
    phone.passkeys[0].count = reported

    used = BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey)

    assert passkey.sign_count == kept
    assert (used.sign_count, Signal.COUNTER_ROLLED_BACK in used.signals) == (to_keep, is_odd)


def test_a_copy_of_a_passkey_is_noticed_once_both_are_used() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    original = phone.passkeys[0]
    copy = Authenticator(
        origin=ORIGIN,
        passkeys=[Held(credential_id=original.credential_id, rp_id=BANK.id, user_handle=AMINA, key=original.key, count=original.count)],
    )

    first = BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey)
    after = replace(passkey, sign_count=first.sign_count)
    second = BANK.authenticate(copy.get(using()), challenge=CHALLENGE, passkey=after)

    assert (first.signals, second.signals) == (frozenset(), frozenset({Signal.COUNTER_ROLLED_BACK}))


def test_a_rollback_does_not_hide_a_wrong_signature() -> None:
    phone = Authenticator(origin=ORIGIN, first_count=5)
    passkey = registered(phone)
    phone.passkeys[0].count = 0
    phone.passkeys[0].key = ec.generate_private_key(ec.SECP256R1())

    refused(lambda: BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey), Reason.SIGNATURE)


@pytest.mark.parametrize("at_first", [True, False])
def test_a_passkey_that_starts_or_stops_being_synced_is_told(at_first: bool) -> None:
    phone = Authenticator(origin=ORIGIN, is_synced=at_first)
    passkey = registered(phone)
    phone.is_synced = not at_first

    used = BANK.authenticate(phone.get(using()), challenge=CHALLENGE, passkey=passkey)

    assert (used.signals, used.is_backed_up) == (frozenset({Signal.ELIGIBILITY_CHANGED}), not at_first)


# ---------------------------------------------------------------- the bank's own mistakes


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "bank.example",
        "http://bank.example",
        "https://bank.example/",
        "https://bank.example:443",
        "https://Bank.example",
        "https://user@bank.example",
        "https://bank.example.evil.example",
        "https://evilbank.example",
        "https://*.bank.example",
        "https://bank.example\n",
        "http://localhost",
        "android:apk-key-hash:",
        "android:apk-key-hash:" + "A" * 42,
        "android:apk-key-hash:" + "A" * 44,
        "android:apk-key-hash:" + "A" * 42 + "=",
    ],
)
def test_an_origin_that_no_phone_would_ever_send_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(origin))} is no origin of 'bank.example'"):
        RelyingParty(id="bank.example", name="Bank", origins=frozenset({ORIGIN, origin}))


def test_a_machine_of_ones_own_is_an_origin_of_itself() -> None:
    here = RelyingParty(id="localhost", name="Bank", origins=frozenset({"http://localhost:8000"}))
    phone = Authenticator(origin="http://localhost:8000")
    options = here.registration_options(challenge=CHALLENGE, user_handle=AMINA, user_name="a", display_name="a")

    assert here.register(phone.create(options), challenge=CHALLENGE).credential_id == phone.passkeys[0].credential_id


@pytest.mark.parametrize("missing", ["id", "name", "origins"])
def test_a_relying_party_is_whole(missing: str) -> None:
    whole: dict[str, Any] = {"id": "bank.example", "name": "Bank", "origins": frozenset({ANDROID})}
    RelyingParty(**whole)

    with pytest.raises(ValueError, match="at least one origin"):
        RelyingParty(**whole | {missing: type(whole[missing])()})


def test_a_challenge_that_could_be_guessed_is_a_mistake() -> None:
    phone = Authenticator(origin=ORIGIN)
    passkey = registered(phone)
    enough, short = secrets.token_bytes(CHALLENGE_BYTES), secrets.token_bytes(CHALLENGE_BYTES - 1)
    BANK.authenticate(phone.get(using(challenge=enough)), challenge=enough, passkey=passkey)

    for challenge in (b"", short):
        calls: list[Callable[[bytes], object]] = [
            lambda challenge: making(challenge=challenge),
            lambda challenge: using(challenge=challenge),
            lambda challenge: BANK.register(phone.create(making()), challenge=challenge),
            lambda challenge: BANK.authenticate(phone.get(using(passkey)), challenge=challenge, passkey=passkey),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="at least 16 bytes"):
                call(challenge)


@pytest.mark.parametrize(("length", "is_taken"), [(0, False), (1, True), (64, True), (65, False)])
def test_a_user_handle_has_a_length(length: int, is_taken: bool) -> None:
    if is_taken:
        assert making(handle=b"h" * length)["user"]["id"] == encoded(b"h" * length)
    else:
        with pytest.raises(ValueError, match="1 to 64 bytes"):
            making(handle=b"h" * length)
