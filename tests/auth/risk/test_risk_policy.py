"""A policy says what it means, or is not taken.

Method: policies as an operator would write them, right but for one thing.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auth.risk.policy import DEFAULT_POLICY, AttestationRule, Points, Policy
from auth.tiers import Tier


def written(**changes: Any) -> str:
    return json.dumps({"version": "2026-03"} | changes)


def test_what_is_left_out_is_as_by_default() -> None:
    assert Policy.from_json(written()) == replace(DEFAULT_POLICY, version="2026-03")


def test_a_policy_comes_back_as_it_was_written() -> None:
    policy = Policy(version="7", points=Points(new_country=35), travel_kmh=1000, hosting_asns=frozenset({64511}))

    assert Policy.from_json(policy.to_json()) == policy


def test_an_operator_writes_times_and_rules_in_words() -> None:
    tiers = {"browse": "off", "general": "prefer", "elevated": "require"}
    policy = Policy.from_json(written(dormant_after="P30D", attestation=tiers, refused_verdicts=["rooted"], points={"hosting": 40}))

    assert policy.dormant_after == timedelta(days=30)
    assert policy.attestation[Tier.ELEVATED] is AttestationRule.REQUIRE
    assert policy.points == Points(hosting=40)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": ""},
        {"step_up_from": 0},
        {"step_up_from": 60},
        {"approval_key_from": 90},
        {"refuse_from": 60},
        {"points": {"new_country": -1}},
        {"points": {"new_country": 1001}},
        {"points": {"new_country": 1.5}},
        {"points": {"new_county": 30}},
        {"points": {"impossible_travel": 19}},  # Less than between known networks.
        {"points": {"impossible_travel": 46}},  # More than a tunnel's end costs: then it pays to hide.
        {"dormant_days": 90},
        {"travel_kmh": 0},
        {"travel_km": -500},
        {"travel_kmh": float("nan")},
        {"travel_kmh": float("inf")},
        {"known_network_after": 0},
        {"failed_factors_from": 0},
        {"lock_factor_from": 2},
        {"usual_hours_from": 0},
        {"usual_hours_around": -1},
        {"usual_hours_around": 12},
        {"same_session_within": "PT0S"},
        {"dormant_after": "-P1D"},
        {"attestation": {"browse": "prefer"}},
        {"attestation": {"browse": "prefer", "general": "prefer", "elevated": "perhaps"}},
        {"refused_verdicts": ["genuine"]},
        {"refused_verdicts": ["ugly"]},
        {"hosting_asns": ["AS9009"]},
        {"stuffing": {"window": "PT0S"}},
        {"stuffing": {"challenge_share": 0}},
        {"stuffing": {"challenge_share": 0.96}},
        {"stuffing": {"refuse_share": 1.01}},
        {"stuffing": {"challenge_share": float("nan")}},
        {"stuffing": {"challenge_customers": 0}},
        {"stuffing": {"challenge_customers": 101}},
        {"spraying": {"customers": 0}},
        {"spraying": {"customers": 101}},
        {"spraying": {"window": "PT0S"}},
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Policy.from_json(written(**changes))


def test_a_policy_has_a_version() -> None:
    with pytest.raises(ValueError, match="validation error"):
        Policy.from_json("{}")


@pytest.mark.parametrize(
    "changes",
    [
        {"points": {"impossible_travel": 45, "certain": 1000}},
        {"points": {"impossible_travel": 20}},
        {"points": {"new_country": 0}},
        {"step_up_from": 1, "approval_key_from": 2, "refuse_from": 3},
        {"failed_factors_from": 5},
        {"usual_hours_around": 0},
        {"usual_hours_around": 11},
        {"stuffing": {"challenge_share": 0.95, "challenge_customers": 100}},
        {"stuffing": {"refuse_share": 1, "challenge_customers": 1}},
        {"spraying": {"customers": 1}},
        {"spraying": {"customers": 100}},
    ],
)
def test_what_belongs_together_may_stand_at_its_limit(changes: dict[str, Any]) -> None:
    assert Policy.from_json(written(**changes)) != DEFAULT_POLICY


def test_the_defaults_are_what_the_bank_agreed_on() -> None:
    policy, points = DEFAULT_POLICY, DEFAULT_POLICY.points

    assert (policy.step_up_from, policy.approval_key_from, policy.refuse_from) == (30, 60, 90)
    assert (points.impossible_travel, points.travel_between_known_networks, points.country_changed) == (30, 20, 20)
    assert (points.new_country, points.new_asn, points.hosting, points.attestation) == (30, 10, 25, 40)
    assert (points.failed_factors, points.unusual_hour, points.dormant) == (20, 10, 10)
    assert (policy.travel_kmh, policy.travel_km, policy.known_network_after) == (900, 500, 3)
    assert (policy.usual_hours_from, policy.usual_hours_around) == (20, 1)
    assert (policy.stuffing.challenge_share, policy.stuffing.challenge_customers) == (0.8, 20)
    assert (policy.stuffing.window, policy.spraying.window, policy.spraying.customers) == (timedelta(minutes=5), timedelta(hours=1), 20)
