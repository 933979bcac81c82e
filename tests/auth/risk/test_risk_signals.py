"""What is found suspicious about an event, and what is not: each signal, on both sides of each of its limits.

Method: a table of events of one customer, each different from an ordinary one in what the signal looks at.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from auth.risk.events import NOT_ATTESTED, Attestation, Flag, Kind, NetworkDecision, Proof, SessionSeen, Verdict
from auth.risk.places import UNKNOWN, Place
from auth.risk.policy import AttestationRule, Points, Policy
from auth.risk.profile import Profile
from auth.risk.reasons import Code, Decision, Follow
from auth.tiers import Tier
from tests.auth.risk.scenes import LAGOS, LONDON, NOW, POLICY, history, judged, points, reason, session

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_an_ordinary_event_has_no_reasons() -> None:
    assessment = judged({})

    assert (assessment.score, assessment.reasons, assessment.decision, assessment.follow) == (0, (), Decision.ALLOW, Follow())


@pytest.mark.parametrize("kind", Kind)
def test_the_first_event_of_a_customer_has_nothing_to_be_compared_with(kind: Kind) -> None:
    assert judged({"kind": kind, "place": LONDON}, profile=Profile()).reasons == ()


# ---------------------------------------------------------------- certain


@pytest.mark.parametrize("flag", [Flag.TOKEN_OUTSIDE_DEVICE, Flag.REFRESH_REUSED, Flag.BAD_ACR])
def test_a_token_where_it_cannot_be_ends_its_family_with_an_alarm(flag: Flag) -> None:
    assessment = judged({"flags": (flag,), "session": session("mine", country="NG", began=HOUR, seen=HOUR)})

    assert points(assessment) == {Code(flag.value): 100}
    assert assessment.decision is Decision.TERMINATE
    assert assessment.follow.alarm
    assert reason(assessment, Code(flag.value)).inputs == {"device": "phone", "session": "mine"}


def test_two_devices_in_one_session_end_it_and_the_others_step_up() -> None:
    others = (session("a", country="NG", began=DAY, seen=HOUR), session("b", country=None, began=DAY, seen=DAY))
    assessment = judged({"flags": (Flag.TWO_DEVICES_ONE_SESSION,), "other_sessions": others})

    assert assessment.decision is Decision.TERMINATE
    assert assessment.follow.step_up_sessions == ("a", "b")
    assert not assessment.follow.alarm


@pytest.mark.parametrize(
    ("country", "seen", "place", "ends"),
    [
        ("GB", 10 * MINUTE - SECOND, LAGOS, True),
        ("GB", 10 * MINUTE, LAGOS, False),
        ("GB", -9 * MINUTE, LAGOS, True),  # Two requests that overtook each other.
        ("NG", MINUTE, LAGOS, False),
        (None, MINUTE, LAGOS, False),
        ("GB", MINUTE, UNKNOWN, False),
    ],
)
def test_one_session_in_two_countries_within_ten_minutes_ends(country: str | None, seen: timedelta, place: Place, ends: bool) -> None:
    others = (session("a", country="NG", began=DAY, seen=HOUR),)
    assessment = judged({"session": session("mine", country=country, began=DAY, seen=seen), "place": place, "other_sessions": others})

    assert (assessment.decision is Decision.TERMINATE) is ends
    assert (Code.ONE_SESSION_TWO_COUNTRIES in points(assessment)) is ends
    assert assessment.follow.step_up_sessions == (("a",) if ends else ())


# ---------------------------------------------------------------- in two places at once


@pytest.mark.parametrize(
    ("country", "seen", "place", "found"),
    [
        ("GB", 5 * MINUTE - SECOND, LAGOS, True),
        ("GB", 5 * MINUTE, LAGOS, False),
        ("NG", MINUTE, LAGOS, False),
        (None, MINUTE, LAGOS, False),
        ("GB", MINUTE, UNKNOWN, False),
    ],
)
def test_a_login_while_another_country_is_in_use_steps_up_and_tells_the_older(
    country: str | None, seen: timedelta, place: Place, found: bool
) -> None:
    assessment = judged({"kind": Kind.LOGIN, "place": place, "other_sessions": (session("a", country=country, began=DAY, seen=seen),)})

    assert points(assessment).get(Code.ELSEWHERE_AT_ONCE) == (30 if found else None)
    assert assessment.decision is (Decision.STEP_UP if found else Decision.ALLOW)
    assert assessment.follow.notify_sessions == (("a",) if found else ())


def mine(began: timedelta) -> SessionSeen:
    return session("mine", country="NG", began=began, seen=HOUR)


def test_the_newer_session_steps_up_whichever_of_both_is_heard_of() -> None:
    newer = judged({"session": mine(HOUR), "other_sessions": (session("older", began=DAY, seen=MINUTE),)})
    older = judged({"session": mine(DAY), "other_sessions": (session("newer", began=HOUR, seen=MINUTE),)})

    assert (newer.decision, newer.follow.step_up_sessions, newer.follow.notify_sessions) == (Decision.STEP_UP, (), ("older",))
    assert (older.decision, older.follow.step_up_sessions, older.follow.notify_sessions) == (Decision.ALLOW, ("newer",), ("mine",))
    assert points(older) == {Code.NEWER_SESSION_ELSEWHERE: 0}


def test_several_sessions_elsewhere_score_once() -> None:
    others = tuple(session(name, country=country, began=DAY, seen=MINUTE) for name, country in (("a", "GB"), ("b", "GH"), ("c", "NG")))
    assessment = judged({"session": mine(HOUR), "other_sessions": others})

    assert points(assessment) == {Code.ELSEWHERE_AT_ONCE: 30}
    assert reason(assessment, Code.ELSEWHERE_AT_ONCE).inputs == {"country": "NG", "elsewhere": "a:GB b:GH"}
    assert assessment.follow.notify_sessions == ("a", "b")


@pytest.mark.parametrize(
    ("confirmed", "other_began", "settled"),
    [
        (None, DAY, False),
        (HOUR, DAY, True),
        (HOUR, HOUR, True),
        (2 * HOUR, HOUR, False),  # Before the other was there.
        (12 * HOUR, DAY, True),
        (12 * HOUR + SECOND, DAY, False),
    ],
)
def test_a_step_up_since_both_are_there_settles_it_for_a_while(confirmed: timedelta | None, other_began: timedelta, settled: bool) -> None:
    newer, older = session("newer", began=HOUR, seen=MINUTE, confirmed=confirmed), session("older", began=other_began, seen=MINUTE)

    assert (judged({"session": replace(newer, country="NG"), "other_sessions": (older,)}).reasons == ()) is settled


@pytest.mark.parametrize(("confirmed", "settled"), [(None, False), (2 * HOUR, True), (2 * HOUR + SECOND, False)])
def test_a_newer_session_that_proved_itself_is_left_alone(confirmed: timedelta | None, settled: bool) -> None:
    newer = session("newer", began=HOUR, seen=MINUTE, confirmed=confirmed)

    assert (judged({"session": mine(2 * HOUR), "other_sessions": (newer,)}).reasons == ()) is settled


# ---------------------------------------------------------------- device and network


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("proof", "decision"),
    [(Proof.NONE, Decision.STEP_UP), (Proof.MFA, Decision.ALLOW), (Proof.APPROVAL_KEY, Decision.ALLOW)],
)
def test_an_unknown_device_needs_two_factors_and_has_limits_for_a_day(kind: Kind, proof: Proof, decision: Decision) -> None:
    assessment = judged({"kind": kind, "device": "another", "device_known": False, "proof": proof})

    assert points(assessment) == {Code.NEW_DEVICE: 0}
    assert assessment.decision is decision
    assert assessment.follow == Follow(notify=True, device_limits_until=NOW + DAY)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (LAGOS, {}),
        (replace(LAGOS, spot=None, country="GH"), {Code.NEW_COUNTRY: 30}),
        (replace(LAGOS, spot=None, country="GH", asn=64505), {Code.NEW_COUNTRY: 30, Code.NEW_ASN: 10}),
        (replace(LAGOS, asn=64505), {Code.NEW_ASN: 10}),
        (replace(LAGOS, asn=9009), {Code.NEW_ASN: 10, Code.HOSTING: 25}),
        (replace(LAGOS, hosting=True), {Code.HOSTING: 25}),
        (replace(LAGOS, asn=None), {}),
        (UNKNOWN, {}),
    ],
)
def test_new_countries_new_operators_and_networks_that_hide(place: Place, expected: dict[Code, int]) -> None:
    assert points(judged({"place": place})) == expected


def test_a_hosting_network_that_the_customer_always_uses_stays_one() -> None:
    always = history(place=replace(LAGOS, asn=9009))

    assert points(judged({"place": replace(LAGOS, asn=9009)}, profile=always)) == {Code.HOSTING: 25}


def test_a_history_without_countries_makes_no_country_new() -> None:
    assert points(judged({"place": LONDON}, profile=history(place=UNKNOWN))) == {}


# ---------------------------------------------------------------- attestation

BAD = [Verdict.FAILED, Verdict.EMULATOR, Verdict.ROOTED, Verdict.OLD_APP]


def attested(verdict: Verdict, age: timedelta | None = DAY) -> Attestation:
    return Attestation(verdict=verdict, checked_at=None if age is None else NOW - age)


def with_rule(rule: AttestationRule, **changes: Any) -> Policy:
    return replace(POLICY, attestation=dict.fromkeys(Tier, rule), **changes)


@pytest.mark.parametrize("verdict", BAD)
@pytest.mark.parametrize("age", [timedelta(0), 400 * DAY, None])
def test_a_bad_verdict_scores_however_old_it_is(verdict: Verdict, age: timedelta | None) -> None:
    assessment = judged({"attestation": attested(verdict, age)})

    assert points(assessment) == {Code.ATTESTATION: 40}
    assert reason(assessment, Code.ATTESTATION).inputs["verdict"] == verdict.value
    assert points(judged({"attestation": attested(verdict, age)}, policy=with_rule(AttestationRule.OFF))) == {}


@pytest.mark.parametrize(
    ("attestation", "rule", "scores"),
    [
        (attested(Verdict.GENUINE, 30 * DAY), AttestationRule.REQUIRE, False),
        (attested(Verdict.GENUINE, 30 * DAY + SECOND), AttestationRule.REQUIRE, True),
        (attested(Verdict.GENUINE, 30 * DAY + SECOND), AttestationRule.PREFER, False),
        (attested(Verdict.GENUINE, None), AttestationRule.REQUIRE, True),
        (NOT_ATTESTED, AttestationRule.REQUIRE, True),
        (NOT_ATTESTED, AttestationRule.PREFER, False),
        (NOT_ATTESTED, AttestationRule.OFF, False),
    ],
)
def test_no_verdict_or_an_old_one_scores_only_where_one_is_required(attestation: Attestation, rule: AttestationRule, scores: bool) -> None:
    assert points(judged({"attestation": attestation}, policy=with_rule(rule))) == ({Code.ATTESTATION: 40} if scores else {})


def test_each_tier_has_its_own_rule() -> None:
    policy = replace(POLICY, attestation={**POLICY.attestation, Tier.ELEVATED: AttestationRule.REQUIRE})

    assert judged({"attestation": NOT_ATTESTED, "tier": Tier.GENERAL}, policy=policy).score == 0
    assert judged({"attestation": NOT_ATTESTED, "tier": Tier.ELEVATED}, policy=policy).score == 40


def test_a_policy_may_refuse_a_verdict() -> None:
    policy = replace(POLICY, refused_verdicts=frozenset({Verdict.EMULATOR}))

    assert judged({"attestation": attested(Verdict.EMULATOR)}, policy=policy).decision is Decision.REFUSE
    assert judged({"attestation": attested(Verdict.ROOTED)}, policy=policy).decision is Decision.STEP_UP


# ---------------------------------------------------------------- guesses


@pytest.mark.parametrize(
    ("failed", "score", "locked"),
    [
        ({}, 0, ()),
        ({"password": 2}, 0, ()),
        ({"password": 3}, 20, ()),
        ({"password": 2, "totp": 1}, 20, ()),
        ({"password": 4, "totp": 4}, 20, ()),
        ({"password": 5}, 20, ("password",)),
        ({"totp": 9, "password": 5, "passkey": 1}, 20, ("password", "totp")),
    ],
)
def test_failures_score_and_lock_the_factor_that_was_guessed_at(failed: dict[str, int], score: int, locked: tuple[str, ...]) -> None:
    assessment = judged({"failed_factors": failed})

    assert (assessment.score, assessment.follow.lock_factors) == (score, locked)
    assert assessment.decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"network": NetworkDecision.CHALLENGE}, {Code.ATTACKED_NETWORK}),
        ({"network": NetworkDecision.REFUSE}, {Code.ATTACKED_NETWORK}),
        ({"password_sprayed": True}, {Code.SPRAYED_PASSWORD}),
        ({"password_sprayed": True, "network": NetworkDecision.CHALLENGE}, {Code.ATTACKED_NETWORK, Code.SPRAYED_PASSWORD}),
        ({"network": NetworkDecision.ALLOW}, set()),
    ],
)
def test_a_right_password_among_many_wrong_ones_steps_up_and_tells_the_customer(changes: dict[str, Any], codes: set[Code]) -> None:
    assessment = judged({"kind": Kind.LOGIN} | changes)

    assert points(assessment) == dict.fromkeys(codes, 30)
    assert assessment.follow.notify is bool(codes)
    assert assessment.decision.at_least(Decision.STEP_UP) is bool(codes)


@pytest.mark.parametrize("kind", [Kind.REFRESH, Kind.STEP_UP, Kind.SENSITIVE_OPERATION])
def test_who_is_signed_in_already_guessed_nothing(kind: Kind) -> None:
    assert judged({"kind": kind, "password_sprayed": True, "network": NetworkDecision.REFUSE}).reasons == ()


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW, {}),
        (NOW.replace(hour=3), {Code.UNUSUAL_HOUR: 10}),
        (NOW - HOUR + 90 * DAY, {}),
        (NOW - HOUR + 90 * DAY + SECOND, {Code.DORMANT: 10}),
        (NOW + 91 * DAY + 8 * HOUR, {Code.DORMANT: 10, Code.UNUSUAL_HOUR: 10}),
    ],
)
def test_unusual_hours_and_dormant_accounts(at: datetime, expected: dict[Code, int]) -> None:
    assert points(judged({"at": at})) == expected


# ---------------------------------------------------------------- whatever the points are


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": Kind.LOGIN, "network": NetworkDecision.CHALLENGE}, Code.ATTACKED_NETWORK),
        ({"kind": Kind.LOGIN, "password_sprayed": True}, Code.SPRAYED_PASSWORD),
        ({"other_sessions": (session(began=DAY, seen=MINUTE),)}, Code.ELSEWHERE_AT_ONCE),
        ({"place": replace(LONDON, asn=64505), "prefix": None}, Code.IMPOSSIBLE_TRAVEL),
        ({"device_known": False}, Code.NEW_DEVICE),
    ],
)
def test_what_always_asks_for_more_does_so_for_no_points_too(changes: dict[str, Any], code: Code) -> None:
    points = Points(impossible_travel=0, travel_between_known_networks=0, elsewhere_at_once=0, attacked_network=0, sprayed_password=0)
    assessment = judged(changes, policy=replace(POLICY, points=replace(points, new_country=0, new_asn=0)))

    assert (assessment.score, assessment.decision) == (0, Decision.STEP_UP)
    assert reason(assessment, code).at_least is Decision.STEP_UP
