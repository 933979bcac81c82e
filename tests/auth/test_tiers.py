"""What a tier allows, and for how long."""

import itertools
import operator
from typing import Any

import pytest

from auth.tiers import DEFAULT_LIMITS, DEVICE_ACR, MFA_ACR, Tier, TierLimits

LIMITS: dict[str, Any] = {"access_seconds": 300, "idle_seconds": 900, "absolute_seconds": 43_200, "refresh_window_seconds": 600}


@pytest.mark.parametrize(("weaker", "stronger"), list(itertools.combinations([Tier.BROWSE, Tier.GENERAL, Tier.ELEVATED], 2)))
def test_tiers_are_ordered_by_strength_and_not_by_letter(weaker: Tier, stronger: Tier) -> None:
    assert weaker < stronger
    assert weaker <= stronger
    assert stronger > weaker
    assert stronger >= weaker
    assert stronger.at_least(weaker)
    assert not weaker.at_least(stronger)
    assert max(stronger, weaker) is stronger


@pytest.mark.parametrize("tier", Tier)
def test_each_tier_is_at_least_itself_and_survives_a_store(tier: Tier) -> None:
    assert tier.at_least(tier)
    assert Tier(tier.value) is tier
    assert not tier < tier


def test_tiers_sort_weakest_first() -> None:
    assert sorted(["elevated", "browse", "general"], key=Tier) == ["browse", "general", "elevated"]


@pytest.mark.parametrize("text", ["general", "root", ""])
def test_a_tier_is_not_compared_with_a_text(text: str) -> None:
    with pytest.raises(TypeError, match="tiers only"):
        operator.ge(Tier.ELEVATED, text)
    with pytest.raises(TypeError, match="tiers only"):
        operator.lt(text, Tier.ELEVATED)


def test_only_looking_is_open_to_the_key_of_a_device_alone() -> None:
    assert {tier: tier.acr for tier in Tier} == {Tier.BROWSE: DEVICE_ACR, Tier.GENERAL: MFA_ACR, Tier.ELEVATED: MFA_ACR}


def test_the_default_limits() -> None:
    assert dict(DEFAULT_LIMITS) == {
        Tier.BROWSE: TierLimits(access_seconds=300, idle_seconds=1800, absolute_seconds=2_592_000, refresh_window_seconds=600),
        Tier.GENERAL: TierLimits(access_seconds=300, idle_seconds=900, absolute_seconds=43_200, refresh_window_seconds=600),
        Tier.ELEVATED: TierLimits(access_seconds=120, idle_seconds=180, absolute_seconds=900, refresh_window_seconds=120),
    }


def test_nobody_changes_the_default_limits_of_a_running_bank() -> None:
    with pytest.raises(TypeError):
        DEFAULT_LIMITS[Tier.ELEVATED] = TierLimits(**LIMITS)  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("seconds", [0, -1])
def test_a_limit_that_would_end_everything_at_once_is_refused(name: str, seconds: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is at least 1"):
        TierLimits(**LIMITS | {name: seconds})


def test_an_idle_limit_beyond_the_absolute_one_is_refused() -> None:
    with pytest.raises(ValueError, match="idle_seconds is at most"):
        TierLimits(**LIMITS | {"idle_seconds": 43_201})
    assert TierLimits(**LIMITS | {"idle_seconds": 43_200}).idle_seconds == 43_200
