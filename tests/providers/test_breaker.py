"""When a party is left alone, and when it is asked again.

Method: a clock that the test turns.
"""

from __future__ import annotations

import pytest

from providers.breaker import FAILURES, REST_SECONDS, Breaker


class Hand:
    """Of a clock."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def breaker(clock: Hand) -> Breaker:
    return Breaker(now=clock)


def fails(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_calls_pass_until_enough_failed_in_a_row(breaker: Breaker) -> None:
    fails(breaker, FAILURES - 1)
    assert breaker.allows()

    breaker.failed()
    assert not breaker.allows()


def test_a_success_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    fails(breaker, FAILURES - 1)
    breaker.succeeded()
    fails(breaker, FAILURES - 1)

    assert breaker.allows()


def test_after_the_rest_one_call_tries_and_its_success_lets_all_pass(breaker: Breaker, clock: Hand) -> None:
    fails(breaker, FAILURES)
    clock.seconds += REST_SECONDS - 0.1
    assert not breaker.allows()

    clock.seconds += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]

    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_a_try_that_fails_begins_another_rest(breaker: Breaker, clock: Hand) -> None:
    fails(breaker, FAILURES)
    clock.seconds += REST_SECONDS
    assert breaker.allows()
    clock.seconds += 1
    breaker.failed()

    clock.seconds += REST_SECONDS - 0.1
    assert not breaker.allows()
    clock.seconds += 0.1
    assert breaker.allows()


def test_a_try_of_which_nobody_hears_again_does_not_end_all_tries(breaker: Breaker, clock: Hand) -> None:
    fails(breaker, FAILURES)
    clock.seconds += REST_SECONDS
    assert breaker.allows()

    clock.seconds += REST_SECONDS
    assert breaker.allows()
