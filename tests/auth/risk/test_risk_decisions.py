"""What is decided of an event, why, and what follows; and that the past can be judged again.

Method: scores made to measure at each border; any events, profiles and policies at all (hypothesis); a stolen account played again.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth.risk.assess import Assessment, assess, assess_in_shadow, learned, replay
from auth.risk.events import Attestation, Event, Flag, Kind, NetworkDecision, Proof, SessionSeen, Verdict
from auth.risk.places import Place, Spot
from auth.risk.policy import AttestationRule, Points, Policy
from auth.risk.profile import Profile
from auth.risk.reasons import Code, Decision, strictest
from auth.tiers import Tier
from tests.auth.risk.scenes import HOME, LAGOS, LONDON, NOW, POLICY, event, session

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STRICTNESS = list(Decision)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # A busy machine is no failure.

# ---------------------------------------------------------------- any event at all

COUNTRIES = st.sampled_from([None, "NG", "GB", "GH"])
SPOTS = st.builds(Spot, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), accuracy_km=st.floats(0, 500))
PLACES = st.builds(
    Place,
    country=COUNTRIES,
    spot=st.none() | SPOTS,
    asn=st.sampled_from([None, 64496, 64497, 9009]),
    asn_name=st.none() | st.text(max_size=5),
    hosting=st.booleans(),
)
TIMES = st.integers(0, 200 * 24 * 60).map(lambda minutes: NOW - minutes * MINUTE)
RECENTLY = st.integers(-60, 60 * 60).map(lambda seconds: NOW - seconds * SECOND)
SESSIONS = st.builds(
    SessionSeen, id=st.sampled_from(["a", "b", "c"]), began_at=TIMES, last_seen_at=RECENTLY, country=COUNTRIES, confirmed_at=st.none() | TIMES
)
EVENTS = st.builds(
    Event,
    id=st.uuids(),
    kind=st.sampled_from(Kind),
    at=st.just(NOW),
    tier=st.sampled_from(Tier),
    device=st.sampled_from(["phone", "tablet"]),
    device_known=st.booleans(),
    proof=st.sampled_from(Proof),
    prefix=st.sampled_from([None, "192.0.2.0/24", "2001:db8::/48"]),
    place=PLACES,
    attestation=st.builds(Attestation, verdict=st.sampled_from(Verdict), checked_at=st.none() | TIMES),
    flags=st.lists(st.sampled_from(Flag), unique=True).map(tuple),
    failed_factors=st.dictionaries(st.sampled_from(["password", "totp"]), st.integers(0, 7)),
    network=st.sampled_from(NetworkDecision),
    password_sprayed=st.booleans(),
    session=st.none() | SESSIONS,
    other_sessions=st.lists(SESSIONS, max_size=3).map(tuple),
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    profile = Profile()
    for at in draw(st.lists(TIMES, max_size=6)):
        place, prefix = draw(PLACES), draw(st.sampled_from([None, "192.0.2.0/24"]))
        profile = profile.seen(event(id=draw(st.uuids()), at=at, place=place, prefix=prefix))
    return profile


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    weak, hosting = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    weights = Points(
        travel_between_known_networks=weak,
        impossible_travel=weak + draw(st.integers(0, hosting)),
        hosting=hosting,
        new_device=draw(st.integers(0, 50)),
        new_country=draw(st.integers(0, 50)),
        attestation=draw(st.integers(0, 50)),
        dormant=draw(st.integers(0, 50)),
    )
    borders = sorted(draw(st.sets(st.integers(1, 200), min_size=3, max_size=3)))
    return Policy(
        version="any",
        points=weights,
        step_up_from=borders[0],
        approval_key_from=borders[1],
        refuse_from=borders[2],
        attestation=draw(st.fixed_dictionaries({tier: st.sampled_from(AttestationRule) for tier in Tier})),
        refused_verdicts=frozenset(draw(st.sets(st.sampled_from([Verdict.ROOTED, Verdict.MISSING])))),
    )


@unhurried
@given(happened=EVENTS, profile=profiles(), policy=policies())
def test_the_same_event_is_judged_the_same_always_and_also_after_storage(happened: Event, profile: Profile, policy: Policy) -> None:
    first = assess(happened, profile, policy)

    assert assess(happened, profile, policy) == first
    stored = Event.from_json(happened.to_json()), Profile.from_json(profile.to_json()), Policy.from_json(policy.to_json())
    assert assess(*stored) == first
    assert Assessment.from_json(first.to_json()) == first


@unhurried
@given(happened=EVENTS, profile=profiles(), policy=policies())
def test_a_score_is_the_sum_of_its_reasons_each_told_once_and_none_negative(happened: Event, profile: Profile, policy: Policy) -> None:
    assessment = assess(happened, profile, policy)
    codes = [reason.code for reason in assessment.reasons]

    assert assessment.score == sum(reason.points for reason in assessment.reasons)
    assert all(reason.points >= 0 and reason.inputs for reason in assessment.reasons)
    assert len(codes) == len(set(codes))
    assert assessment.policy_version == policy.version


@unhurried
@given(happened=EVENTS, profile=profiles(), policy=policies())
def test_a_decision_is_the_strictest_of_the_scores_and_the_reasons(happened: Event, profile: Profile, policy: Policy) -> None:
    assessment = assess(happened, profile, policy)
    borders = [
        (policy.refuse_from, Decision.REFUSE),
        (policy.approval_key_from, Decision.STEP_UP_WITH_APPROVAL_KEY),
        (policy.step_up_from, Decision.STEP_UP),
    ]
    by_score = next((decision for border, decision in borders if assessment.score >= border), Decision.ALLOW)

    assert assessment.decision is max([by_score, *(reason.at_least for reason in assessment.reasons)], key=STRICTNESS.index)


def flagged(flag: Flag, happened: Event) -> Event:
    return replace(happened, flags=(*happened.flags, flag))


WORSE: dict[str, Callable[[Event], Event]] = {
    **{flag.value: partial(flagged, flag) for flag in Flag},
    "unknown device": lambda happened: replace(happened, device_known=False),
    "rooted": lambda happened: replace(happened, attestation=Attestation(verdict=Verdict.ROOTED)),
    "failure": lambda happened: replace(happened, failed_factors={**happened.failed_factors, "sms": 3}),
    "hosting": lambda happened: replace(happened, place=replace(happened.place, hosting=True)),
    "attacked": lambda happened: replace(happened, network=NetworkDecision.REFUSE),
    "sprayed": lambda happened: replace(happened, password_sprayed=True),
    "elsewhere": lambda happened: replace(
        happened, other_sessions=(*happened.other_sessions, SessionSeen(id="x", began_at=NOW - 300 * DAY, last_seen_at=NOW, country="US"))
    ),
    "jumped": lambda happened: replace(
        happened, session=replace(happened.session or SessionSeen(id="m", began_at=NOW, last_seen_at=NOW), country="US", last_seen_at=NOW)
    ),
    "nowhere it was": lambda happened: replace(happened, place=replace(happened.place, asn=64511)) if happened.place.asn == 64496 else happened,
}


@unhurried
@given(happened=EVENTS, profile=profiles(), policy=policies(), names=st.lists(st.sampled_from(sorted(WORSE)), min_size=1, max_size=4))
def test_one_more_bad_sign_never_makes_anything_less_suspicious(happened: Event, profile: Profile, policy: Policy, names: list[str]) -> None:
    before = assess(happened, profile, policy)
    worse = happened
    for name in names:
        worse = WORSE[name](worse)
    after = assess(worse, profile, policy)

    assert after.score >= before.score
    assert STRICTNESS.index(after.decision) >= STRICTNESS.index(before.decision)


# ---------------------------------------------------------------- borders


def scored(points: int) -> Assessment:
    """An event with exactly this score, and nothing else that decides."""
    policy = replace(POLICY, points=Points(unusual_hour=points))
    return assess(event(at=NOW.replace(hour=2)), HOME, policy)


@pytest.mark.parametrize(
    ("score", "decision", "notify"),
    [
        (0, Decision.ALLOW, False),
        (29, Decision.ALLOW, False),
        (30, Decision.STEP_UP, False),
        (59, Decision.STEP_UP, False),
        (60, Decision.STEP_UP_WITH_APPROVAL_KEY, True),
        (89, Decision.STEP_UP_WITH_APPROVAL_KEY, True),
        (90, Decision.REFUSE, True),
        (1000, Decision.REFUSE, True),
    ],
)
def test_each_decision_begins_at_its_score(score: int, decision: Decision, notify: bool) -> None:
    assessment = scored(score)

    assert (assessment.score, assessment.decision, assessment.follow.notify) == (score, decision, notify)


@pytest.mark.parametrize("kind", [Kind.STEP_UP, Kind.SENSITIVE_OPERATION])
@pytest.mark.parametrize(
    ("score", "met"),
    [
        (29, {Proof.NONE, Proof.MFA, Proof.APPROVAL_KEY}),
        (30, {Proof.MFA, Proof.APPROVAL_KEY}),
        (60, {Proof.APPROVAL_KEY}),
        (90, set()),
    ],
)
def test_a_decision_is_met_by_what_it_asks_for_or_more(kind: Kind, score: int, met: set[Proof]) -> None:
    assert {proof for proof in Proof if scored(score).met_by(event(kind=kind, proof=proof))} == met


@pytest.mark.parametrize(("score", "met"), [(29, True), (30, False), (60, False)])
@pytest.mark.parametrize("proof", Proof)
def test_the_factors_of_a_login_are_no_step_up(score: int, met: bool, proof: Proof) -> None:
    assert scored(score).met_by(event(kind=Kind.LOGIN, proof=proof)) is met


def test_no_proof_meets_a_termination() -> None:
    ended = assess(event(flags=(Flag.REFRESH_REUSED,)), HOME, POLICY)

    assert not any(ended.met_by(event(kind=Kind.STEP_UP, proof=proof)) for proof in Proof)


def test_decisions_are_ordered_from_mild_to_strict() -> None:
    assert strictest([]) is Decision.ALLOW
    assert strictest([Decision.STEP_UP, Decision.TERMINATE, Decision.REFUSE]) is Decision.TERMINATE
    assert [one for one in Decision if one.at_least(Decision.REFUSE)] == [Decision.REFUSE, Decision.TERMINATE]


def test_what_follows_is_said_once_for_all_reasons() -> None:
    other = session("a", country="GB", began=DAY, seen=MINUTE)
    flags = (Flag.TWO_DEVICES_ONE_SESSION, Flag.BAD_ACR)
    mine = session("mine", country="GB", began=HOUR, seen=MINUTE)
    follow = assess(event(flags=flags, session=mine, other_sessions=(other,), failed_factors={"totp": 5}, device_known=False), HOME, POLICY).follow

    assert (follow.alarm, follow.notify, follow.device_limits_until) == (True, True, NOW + DAY)
    assert (follow.step_up_sessions, follow.notify_sessions, follow.lock_factors) == (("a",), ("a",), ("totp",))


def test_an_audit_reads_codes_points_and_inputs() -> None:
    stored = json.loads(assess(event(place=replace(LAGOS, asn=9009), failed_factors={"totp": 3}), HOME, POLICY).to_json())

    assert {key: stored[key] for key in ("policy_version", "score", "decision")} == {"policy_version": "1", "score": 55, "decision": "step_up"}
    assert [(reason["code"], reason["points"], reason["inputs"]) for reason in stored["reasons"]] == [
        ("new_asn", 10, {"asn": 9009, "name": "Lagos Mobile"}),
        ("hosting", 25, {"asn": 9009, "name": "Lagos Mobile", "listed": True}),
        ("failed_factors", 20, {"failed": 3, "failed_totp": 3}),
    ]


def test_codes_are_promises_to_those_who_query_audits() -> None:
    assert sorted(Code) == [
        "attacked_network",
        "attestation",
        "bad_acr",
        "country_changed",
        "dormant",
        "elsewhere_at_once",
        "failed_factors",
        "hosting",
        "impossible_travel",
        "new_asn",
        "new_country",
        "new_device",
        "newer_session_elsewhere",
        "one_session_two_countries",
        "refresh_reused",
        "sprayed_password",
        "token_outside_device",
        "travel_between_known_networks",
        "two_devices_one_session",
        "unusual_hour",
    ]


# ---------------------------------------------------------------- learning, replay, shadow


def abroad(kind: Kind = Kind.REFRESH, **changes: object) -> Event:
    return event(id=uuid.uuid4(), kind=kind, place=LONDON, prefix="203.0.113.0/24", **changes)


def test_a_strange_place_becomes_usual_only_by_a_proof() -> None:
    refresh = abroad(at=NOW + DAY)
    assessment = assess(refresh, HOME, POLICY)
    assert assessment.decision is Decision.STEP_UP
    assert learned(HOME, refresh, assessment) == HOME

    step_up = abroad(Kind.STEP_UP, at=NOW + DAY + MINUTE, proof=Proof.MFA)
    profile = learned(HOME, step_up, assess(step_up, HOME, POLICY))
    assert "GB" in profile.countries
    assert assess(abroad(at=NOW + DAY + 2 * MINUTE), profile, POLICY).decision is Decision.ALLOW


def test_a_thief_who_is_refused_teaches_nothing_and_harms_no_owner() -> None:
    login = abroad(Kind.LOGIN, proof=Proof.MFA, device="theirs", device_known=False, attestation=Attestation(verdict=Verdict.EMULATOR))
    assessment = assess(login, HOME, POLICY)

    assert assessment.decision is Decision.REFUSE
    assert learned(HOME, login, assessment) == HOME
    assert assess(event(at=NOW + MINUTE), learned(HOME, login, assessment), POLICY).reasons == ()


STOLEN = [
    event(id=UUID(int=1), at=NOW),
    abroad(Kind.LOGIN, at=NOW + 10 * MINUTE, device="theirs", device_known=False, proof=Proof.MFA),
    abroad(Kind.STEP_UP, at=NOW + 11 * MINUTE, device="theirs", proof=Proof.MFA),  # With a code that the customer was talked into telling.
    abroad(Kind.SENSITIVE_OPERATION, at=NOW + 12 * MINUTE, device="theirs"),
    event(id=UUID(int=2), at=NOW + 15 * MINUTE),
]


def test_a_replay_says_what_each_policy_would_have_done() -> None:
    blind = replace(POLICY, version="blind", points=replace(POLICY.points, new_country=0, new_asn=0))
    as_is, as_blind = replay(STOLEN, HOME, [POLICY, blind])

    approval = Decision.STEP_UP_WITH_APPROVAL_KEY
    assert [one.decision for one in as_is.assessments] == [Decision.ALLOW, approval, approval, approval, Decision.ALLOW]
    # Once the thief passes for the customer, it is the customer who travels.
    assert [one.decision for one in as_blind.assessments] == [Decision.ALLOW, Decision.STEP_UP, Decision.STEP_UP, Decision.ALLOW, Decision.STEP_UP]
    assert (as_is.policy_version, as_blind.policy_version) == ("1", "blind")
    assert "GB" not in as_is.profile.countries
    assert "GB" in as_blind.profile.countries


@unhurried
@given(order=st.permutations(STOLEN), twice=st.sets(st.integers(0, 4)))
def test_a_replay_minds_neither_order_nor_repetition(order: list[Event], twice: set[int]) -> None:
    assert replay([*order, *(STOLEN[place] for place in twice)], HOME, [POLICY]) == replay(STOLEN, HOME, [POLICY])


def test_a_replay_of_nothing_changes_nothing() -> None:
    (replayed,) = replay([], HOME, [POLICY])

    assert (replayed.assessments, replayed.profile) == ((), HOME)
    assert replay(STOLEN, HOME, []) == ()


def test_a_shadow_is_recorded_and_only_the_other_is_enforced() -> None:
    strict = replace(POLICY, version="next", points=replace(POLICY.points, new_asn=30))
    happened = event(place=replace(LAGOS, asn=64505))
    both = assess_in_shadow(happened, HOME, enforced=POLICY, shadow=strict)

    assert (both.enforced, both.shadow) == (assess(happened, HOME, POLICY), assess(happened, HOME, strict))
    assert (both.enforced.decision, both.shadow.decision, both.differs) == (Decision.ALLOW, Decision.STEP_UP, True)
    assert not assess_in_shadow(event(), HOME, enforced=POLICY, shadow=strict).differs
