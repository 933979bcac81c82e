"""What customers may pay: by tier, in one payment and in the days and months of their country.

Method: examples from each country, then windows at random moments in time zones whose clocks leap at midnight, where days are lost
and found; nothing here asks a clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.errors import Forbidden, LimitExceeded
from kernel.money import Money
from models.tariffs import TariffRows
from services.limits import Cap, caps, check_one
from services.tariffs import Tariffs

CUSTOMER, ACCOUNT = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

# Clocks that leap over midnight, or show it twice; a whole day that was left out; and one that does none of it.
ZONES = ("Africa/Cairo", "America/Havana", "Asia/Beirut", "Africa/Tunis", "Africa/Casablanca", "Pacific/Apia", "Africa/Lagos")
moments = st.integers(0, 40 * 366 * 86_400 * 10**6).map(lambda microseconds: datetime(1995, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds))


def of(tariffs: Tariffs, country: str, currency: str, *, tier: str = "TIER_3", at: datetime = NOON) -> tuple[Cap, ...]:
    return caps(tariffs, country=country, tier=tier, currency=currency, customer_id=CUSTOMER, account_id=ACCOUNT, at=at)


def invented(*rules: dict[str, Any], zone: str = "Africa/Lagos") -> Tariffs:
    """A country with this clock and these limits."""
    shared = {
        "country": "ZZ",
        "tier": "TIER_1",
        "currency": "XOF",
        "subject": "CUSTOMER",
        "direction": "DEBIT",
        "amount_minor": 100,
        "count": None,
        "effective_from": date(1990, 1, 1),
        "effective_to": None,
        "source": "invented",
    }
    jurisdiction = {"country": "ZZ", "name": "Nowhere", "currency": "XOF", "time_zone": zone}
    return Tariffs(TariffRows.of({"jurisdictions": [jurisdiction], "limit_rules": [shared | rule for rule in rules]}))


@pytest.mark.parametrize(
    ("country", "currency", "tier", "limit"),
    [
        ("NG", "NGN", "TIER_1", "10000.00"),
        ("NG", "NGN", "TIER_2", "100000.00"),
        ("NG", "NGN", "TIER_3", "1000000.00"),
        ("KE", "KES", "TIER_3", "250000.00"),
        ("SN", "XOF", "TIER_2", "2000000"),
        ("TN", "TND", "TIER_1", "500.000"),
    ],
)
def test_one_payment_may_reach_its_limit_and_no_more(tariffs: Tariffs, country: str, currency: str, tier: str, limit: str) -> None:
    most = Money.parse(limit, currency)
    allowed = of(tariffs, country, currency, tier=tier)

    check_one(allowed, most)
    with pytest.raises(LimitExceeded) as refused:
        check_one(allowed, most + Money(1, currency))

    told = refused.value.told_in("en")
    assert (told.limit, told.remaining, told.resets_at) == (most, most, None)
    assert (told.count_limit, told.count_remaining) == (None, None)
    assert told.field == ("amount", "amount")


def test_what_a_day_sums_up_to_is_not_for_one_payment_to_decide(tariffs: Tariffs) -> None:
    """The day of tier 3 in Kenya allows 500,000; the posting function counts it."""
    daily = [cap for cap in of(tariffs, "KE", "KES") if cap.window_start is not None]

    check_one(daily, Money.parse("600000.00", "KES"))

    assert [cap.amount_minor for cap in daily] == [50_000_000]


def test_a_day_in_lagos_begins_an_hour_before_that_of_the_clock(tariffs: Tariffs) -> None:
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)

    (daily,) = [cap for cap in of(tariffs, "NG", "NGN", at=late) if cap.window_start is not None]

    assert (daily.window_start, daily.resets_at) == (datetime(2026, 3, 9, 23, tzinfo=UTC), datetime(2026, 3, 10, 23, tzinfo=UTC))


def test_the_franc_area_counts_by_the_month_and_december_ends(tariffs: Tariffs) -> None:
    (monthly,) = [cap for cap in of(tariffs, "SN", "XOF", at=datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) if cap.window_start is not None]

    assert monthly.amount_minor == 10_000_000
    assert (monthly.window_start, monthly.resets_at) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_a_day_in_tunis_is_as_long_as_its_clocks_made_it() -> None:
    """The country had summer time until 2008: one day of 23 hours, one of 25."""
    tariffs = invented({"per": "DAY"}, zone="Africa/Tunis")
    lengths = {}
    for day in (date(2008, 3, 30), date(2008, 7, 1), date(2008, 10, 26), date(2026, 7, 1)):
        (cap,) = of(tariffs, "ZZ", "XOF", tier="TIER_1", at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        assert cap.window_start is not None
        assert cap.resets_at is not None
        lengths[day.isoformat()] = (cap.resets_at - cap.window_start).total_seconds() / 3600

    assert lengths == {"2008-03-30": 23, "2008-07-01": 24, "2008-10-26": 25, "2026-07-01": 24}


@given(at=moments, zone=st.sampled_from(ZONES), per=st.sampled_from(["DAY", "MONTH"]))
@example(at=datetime(2024, 10, 31, 20, 30, tzinfo=UTC), zone="Africa/Cairo", per="DAY")  # 23:30, the first time.
@example(at=datetime(2024, 10, 31, 21, 30, tzinfo=UTC), zone="Africa/Cairo", per="DAY")  # 23:30 again.
@example(at=datetime(2024, 4, 25, 22, 0, tzinfo=UTC), zone="Africa/Cairo", per="DAY")  # A day that begins at 1.
@example(at=datetime(2024, 11, 3, 5, 30, tzinfo=UTC), zone="America/Havana", per="DAY")  # Half past midnight, again.
@example(at=datetime(2011, 12, 30, 9, 59, tzinfo=UTC), zone="Pacific/Apia", per="DAY")  # Tomorrow never came.
def test_a_window_holds_the_moment_and_ends_with_the_local_day_or_month(at: datetime, zone: str, per: str) -> None:
    tariffs = invented({"per": per}, zone=zone)
    clock = tariffs.jurisdiction("ZZ").zone

    def local(moment: datetime) -> date:
        day = moment.astimezone(clock).date()
        return day if per == "DAY" else day.replace(day=1)

    (cap,) = of(tariffs, "ZZ", "XOF", tier="TIER_1", at=at)

    assert cap.window_start is not None
    assert cap.resets_at is not None
    assert cap.window_start <= at < cap.resets_at
    assert cap.window_start.utcoffset() == cap.resets_at.utcoffset() == timedelta(0)
    assert local(cap.window_start) == local(at)
    # One moment earlier and later it is another day: no two windows share a moment, and none is between them.
    assert local(cap.window_start - timedelta(microseconds=1)) < local(at)
    assert local(cap.resets_at - timedelta(microseconds=1)) == local(at)
    assert local(cap.resets_at) > local(at)


@given(at=moments)
def test_all_payments_of_one_window_are_counted_together(at: datetime) -> None:
    tariffs = invented({"per": "DAY"}, {"per": "MONTH"})

    for cap in of(tariffs, "ZZ", "XOF", tier="TIER_1", at=at):
        assert cap.window_start is not None
        assert cap.resets_at is not None
        for moment in (cap.window_start, cap.resets_at - timedelta(microseconds=1)):
            assert cap in of(tariffs, "ZZ", "XOF", tier="TIER_1", at=moment)
        assert cap not in of(tariffs, "ZZ", "XOF", tier="TIER_1", at=cap.resets_at)


def test_a_customer_who_rises_a_tier_has_still_paid_what_they_paid_today(tariffs: Tariffs) -> None:
    before, after = (of(tariffs, "NG", "NGN", tier=tier)[1] for tier in ("TIER_1", "TIER_2"))

    assert (before.amount_minor, after.amount_minor) == (3_000_000, 20_000_000)
    assert (before.rule_id, before.window_start, before.subject_id) == (after.rule_id, after.window_start, after.subject_id)


def test_a_limit_that_is_raised_in_mid_month_goes_on_counting() -> None:
    change = date(2026, 5, 15)
    tariffs = invented({"per": "MONTH", "amount_minor": 100, "effective_to": change}, {"per": "MONTH", "amount_minor": 200, "effective_from": change})

    (before,), (after,) = (of(tariffs, "ZZ", "XOF", tier="TIER_1", at=datetime(2026, 5, day, 12, tzinfo=UTC)) for day in (14, 15))

    assert (before.amount_minor, after.amount_minor) == (100, 200)
    assert (before.rule_id, before.window_start, before.resets_at) == (after.rule_id, after.window_start, after.resets_at)


def test_limits_that_count_differently_never_share_a_counter(tariffs: Tariffs, rows: TariffRows) -> None:
    for rule in rows.limit_rules:
        found = of(tariffs, rule.country, rule.currency, tier=rule.tier)
        assert len({(cap.subject_id, cap.rule_id) for cap in found}) == len(found)
    home = {of(tariffs, country, "XOF")[1].rule_id for country in ("SN", "CI")} | {
        of(tariffs, "KE", currency)[1].rule_id for currency in ("KES", "USD")
    }
    assert len(home) == 4


def test_a_limit_of_count_on_each_account_is_counted_by_account(tariffs: Tariffs) -> None:
    (counted,) = [cap for cap in of(tariffs, "NG", "NGN", tier="TIER_1") if cap.count is not None]

    assert (counted.count, counted.amount_minor, counted.subject_id) == (20, None, ACCOUNT)
    assert all(cap.subject_id == CUSTOMER for cap in of(tariffs, "NG", "NGN", tier="TIER_1") if cap.amount_minor is not None)


def test_limits_on_one_payment_come_first(tariffs: Tariffs) -> None:
    found = of(tariffs, "SN", "XOF", tier="TIER_1")

    assert [cap.window_start for cap in found] == [None, datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]


@pytest.mark.parametrize(("tier", "currency"), [("TIER_0", "NGN"), ("TIER_3", "GHS")])
def test_what_nobody_allowed_is_not_unlimited(tariffs: Tariffs, tier: str, currency: str) -> None:
    with pytest.raises(Forbidden):
        of(tariffs, "NG", currency, tier=tier)


def test_a_country_that_the_bank_does_not_serve_is_named(tariffs: Tariffs) -> None:
    with pytest.raises(LookupError, match="ZZ"):
        of(tariffs, "ZZ", "NGN")
