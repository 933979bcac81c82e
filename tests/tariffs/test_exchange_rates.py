"""Exchange between currencies with no, two and three digits.

Method: the identity that nothing is lost is checked exactly, in fractions, over random amounts and rates; then the refusals.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.errors import CurrencyMismatch, InvalidInput
from kernel.money import CURRENCIES, MAXIMUM_MINOR, Money
from models.tariffs import ExchangeRate, TariffRows
from services.exchange import RATE_DIGITS, Exchange, convert, exchanged
from services.tariffs import Tariffs

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
EXCHANGED = ("EUR", "KES", "NGN", "TND", "USD", "XOF")

currencies = st.sampled_from(EXCHANGED)
pairs = st.tuples(currencies, currencies).filter(lambda pair: pair[0] != pair[1])
minors = st.one_of(st.integers(1, 10_000), st.integers(1, 10**12))
# Two of these together are still exchanged: at the rates of the files no more arrives than an amount may be.
AFFORDABLE_MINOR = 10**11
affordable = st.one_of(st.integers(1, 10_000), st.integers(1, AFFORDABLE_MINOR))
mids = st.decimals(Decimal("0.000000000001"), Decimal("99999.999999999999"), places=12)
spreads = st.integers(0, 9999)


def rate(base: str, quote: str, mid: str | Decimal, spread_basis_points: int = 0, at: datetime = NOON) -> ExchangeRate:
    return ExchangeRate(base=base, quote=quote, mid=Decimal(mid), spread_basis_points=spread_basis_points, effective_from=at, source="invented")


def attempt(amount: Money, chosen: ExchangeRate) -> Exchange | None:
    """None where nothing would arrive, or more than an amount may be."""
    try:
        return exchanged(amount, chosen)
    except InvalidInput:
        return None


@given(pair=pairs, minor=minors, mid=mids, spread=spreads)
def test_nothing_is_lost_between_two_currencies(pair: tuple[str, str], minor: int, mid: Decimal, spread: int) -> None:
    base, quote = pair
    found = attempt(Money(minor, base), rate(base, quote, mid, spread))
    if found is None:
        return
    converted = found.pays - found.spread
    exact = Fraction(converted.minor, 10 ** CURRENCIES[base].minor_units) * Fraction(mid) * 10 ** CURRENCIES[quote].minor_units

    assert found.receives.minor + Fraction(found.rounding) == exact
    assert 0 <= found.rounding < 1
    assert found.spread.minor == round(Fraction(minor * spread, 10_000))
    assert (found.pays, found.receives.currency, found.spread.currency) == (Money(minor, base), quote, base)
    assert 0 < found.receives.minor <= MAXIMUM_MINOR
    assert 0 <= found.spread.minor < minor


@given(pair=pairs, minor=minors, mid=mids, spread=spreads)
def test_the_rounding_is_written_as_the_database_and_a_sealed_quote_keep_it(pair: tuple[str, str], minor: int, mid: Decimal, spread: int) -> None:
    found = attempt(Money(minor, pair[0]), rate(*pair, mid, spread))
    if found is not None:
        assert Decimal(str(found.rounding)) == found.rounding
        assert -found.rounding.as_tuple().exponent <= RATE_DIGITS + 3  # type: ignore[operator]  # A number, not NaN.


@given(pair=pairs, minor=minors, mid=mids, spread=spreads)
def test_the_customers_rate_is_the_middle_less_the_spread(pair: tuple[str, str], minor: int, mid: Decimal, spread: int) -> None:
    found = attempt(Money(minor, pair[0]), rate(*pair, mid, spread))
    if found is not None:
        assert abs(Fraction(found.rate) - Fraction(mid) * (10_000 - spread) / 10_000) <= Fraction(1, 2 * 10**RATE_DIGITS)
        assert -found.rate.as_tuple().exponent <= RATE_DIGITS  # type: ignore[operator]
        assert found.mid == mid


@given(pair=pairs, one=affordable, more=affordable)
@example(pair=("EUR", "NGN"), one=AFFORDABLE_MINOR, more=AFFORDABLE_MINOR)  # The pair that makes the most of an amount.
def test_who_pays_more_never_receives_less(tariffs: Tariffs, pair: tuple[str, str], one: int, more: int) -> None:
    chosen = tariffs.rate(base=pair[0], quote=pair[1], at=NOON)
    assert chosen is not None

    less, rest = (attempt(Money(minor, pair[0]), chosen) for minor in (one, one + more))

    assert less is None or (rest is not None and less.receives.minor <= rest.receives.minor)


@given(route=st.lists(currencies, min_size=2, max_size=4, unique=True), minor=minors)
def test_no_round_trip_makes_money(tariffs: Tariffs, route: list[str], minor: int) -> None:
    money = Money(minor, route[0])
    for to in (*route[1:], route[0]):
        chosen = tariffs.rate(base=money.currency, quote=to, at=NOON)
        assert chosen is not None
        found = attempt(money, chosen)
        if found is None:
            return
        money = found.receives

    assert money.minor < minor


def test_an_exchange_reads_as_a_customer_would_work_it_out() -> None:
    found = exchanged(Money.parse("1000.00", "NGN"), rate("NGN", "XOF", "0.38620034", 200))

    assert found.spread == Money.parse("20.00", "NGN")
    assert found.receives == Money(378, "XOF")  # 980.00 at 0.38620034 is 378.4763332.
    assert found.rounding == Decimal("0.4763332")
    assert found.rate == Decimal("0.3784763332")


def test_from_francs_to_millimes_the_digits_shift_by_three() -> None:
    found = exchanged(Money(10_000, "XOF"), rate("XOF", "TND", "0.0052143743", 200))

    assert found.receives == Money.parse("51.100", "TND")
    assert found.rounding == Decimal("0.86814")


def test_a_spread_of_half_a_unit_goes_to_the_even_one() -> None:
    assert [exchanged(Money(minor, "XOF"), rate("XOF", "KES", "1", 100)).spread.minor for minor in (49, 50, 51, 150, 250)] == [0, 0, 1, 2, 2]


def test_too_little_to_arrive_as_anything_is_refused(tariffs: Tariffs) -> None:
    with pytest.raises(InvalidInput, match="nothing would arrive") as refused:
        convert(tariffs, Money(1, "NGN"), "XOF", at=NOON)

    assert refused.value.field == ("amount", "amount")
    assert refused.value.told_in("en").message == "this is too little to exchange: nothing would arrive in XOF"


@pytest.mark.parametrize("minor", [0, -100])
def test_nothing_and_less_is_not_exchanged(tariffs: Tariffs, minor: int) -> None:
    with pytest.raises(InvalidInput):
        convert(tariffs, Money(minor, "NGN"), "XOF", at=NOON)


def test_more_than_an_amount_may_be_does_not_arrive(tariffs: Tariffs) -> None:
    with pytest.raises(InvalidInput, match="too large"):
        convert(tariffs, Money(MAXIMUM_MINOR, "USD"), "NGN", at=NOON)


def test_a_pair_without_a_rate_is_refused_by_name(tariffs: Tariffs) -> None:
    with pytest.raises(CurrencyMismatch) as refused:
        convert(tariffs, Money(100, "NGN"), "GHS", at=NOON)

    assert refused.value.told_in("en").message == "we do not exchange NGN for GHS at present"


def test_a_rate_holds_from_its_moment_until_the_next(rows: TariffRows) -> None:
    early, late = rate("EUR", "XOF", "655.957", at=NOON), rate("EUR", "XOF", "700", at=NOON + timedelta(hours=1))
    tables = {"exchange_rates": [{name: getattr(found, name) for name in ExchangeRate.__slots__} for found in (late, early)]}
    tariffs = Tariffs(TariffRows.of(tables))
    moment = timedelta(microseconds=1)

    def at(when: datetime) -> ExchangeRate | None:
        return tariffs.rate(base="EUR", quote="XOF", at=when)

    assert [at(NOON - moment), at(NOON), at(NOON + timedelta(hours=1) - moment), at(NOON + timedelta(hours=1))] == [None, early, early, late]
