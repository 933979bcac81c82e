"""What payments cost in each country.

Method: published prices as examples, at the edges of each band and on both sides of a change of law; then properties over random
amounts, and over invented taxes that no country has yet.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput
from kernel.money import Money
from models.tariffs import TariffRows
from services.fees import FEE_NAMES, FeeKind, price
from services.ledger import PURPOSES
from services.tariffs import Tariffs

HOME = {"NG": "NGN", "KE": "KES", "SN": "XOF", "CI": "XOF", "NE": "XOF", "TN": "TND"}
TODAY = date(2026, 11, 24)

countries = st.sampled_from(sorted(HOME))
days = st.dates(date(2025, 1, 1), date(2030, 12, 31))
minors = st.one_of(st.integers(1, 10_000_000), st.integers(1, 10**15))


def lines(tariffs: Tariffs, country: str, amount: str, *, on: date = TODAY, own: bool = False, currency: str | None = None) -> list[str]:
    """The price as a receipt shows it."""
    paid = Money.parse(amount, currency or HOME[country])
    return [f"{line.code} {line.amount.amount}" for line in price(tariffs, country=country, amount=paid, own_account=own, on=on)]


@pytest.mark.parametrize(
    ("amount", "fee", "vat"),
    [
        ("0.01", "10.00", "0.75"),
        ("5000.00", "10.00", "0.75"),
        ("5000.01", "25.00", "1.88"),  # 187.5 kobo: half to even.
        ("9999.99", "25.00", "1.88"),
    ],
)
def test_nigeria_takes_a_fee_by_band_and_vat_on_the_fee(tariffs: Tariffs, amount: str, fee: str, vat: str) -> None:
    assert lines(tariffs, "NG", amount) == [f"transfer_fee {fee}", f"vat {vat}"]


def test_nigerias_sender_bears_the_stamp_duty_from_2026_on(tariffs: Tariffs) -> None:
    for amount, fee, vat in (("10000.00", "25.00", "1.88"), ("50000.00", "25.00", "1.88"), ("50000.01", "50.00", "3.75")):
        before = lines(tariffs, "NG", amount, on=date(2025, 12, 31))
        since = lines(tariffs, "NG", amount, on=date(2026, 1, 1))

        assert before == [f"transfer_fee {fee}", f"vat {vat}"]
        assert since == [*before, "stamp_duty 50.00"]


def test_the_new_year_begins_at_midnight_in_lagos(tariffs: Tariffs) -> None:
    zone = tariffs.jurisdiction("NG").zone
    last, first = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC), datetime(2025, 12, 31, 23, 0, tzinfo=UTC)

    assert "stamp_duty 50.00" not in lines(tariffs, "NG", "10000.00", on=last.astimezone(zone).date())
    assert "stamp_duty 50.00" in lines(tariffs, "NG", "10000.00", on=first.astimezone(zone).date())


@pytest.mark.parametrize(
    ("amount", "price_of_band"),
    [
        ("0.01", 0),
        ("100.00", 0),
        ("100.01", 700),
        ("500.00", 700),
        ("501.00", 1300),
        ("1000.00", 1300),
        ("1001.00", 2300),
        ("1500.00", 2300),
        ("20000.00", 10500),
        ("20001.00", 10800),
        ("250000.00", 10800),
    ],
)
def test_kenyas_price_of_a_band_contains_the_excise_duty(tariffs: Tariffs, amount: str, price_of_band: int) -> None:
    charged = price(tariffs, country="KE", amount=Money.parse(amount, "KES"), own_account=False, on=TODAY)

    assert sum(line.amount.minor for line in charged) == price_of_band
    if price_of_band:
        fee, duty = charged
        assert (fee.code, fee.kind, fee.collects) == ("transfer_fee", FeeKind.FEE, "fee_income")
        assert (duty.code, duty.kind, duty.collects) == ("excise_duty", FeeKind.TAX, "excise_payable")
        assert duty.amount.minor == round(Fraction(price_of_band * 15, 115))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("10000", ["transfer_fee 100", "tva 18"]),
        ("50", []),  # Half a franc, to even: nothing.
        ("150", ["transfer_fee 2"]),  # One and a half, to even; its tax is a third of a franc.
        ("250", ["transfer_fee 2"]),
        ("499950", ["transfer_fee 5000", "tva 900"]),
        ("2000000", ["transfer_fee 5000", "tva 900"]),
    ],
)
def test_the_franc_area_takes_a_percent_in_whole_francs_up_to_a_maximum(tariffs: Tariffs, amount: str, expected: list[str]) -> None:
    assert lines(tariffs, "SN", amount) == expected


def test_neighbours_with_one_money_have_taxes_of_their_own(tariffs: Tariffs) -> None:
    assert lines(tariffs, "CI", "100000") == ["transfer_fee 1000", "tva 180"]
    assert lines(tariffs, "NE", "100000") == ["transfer_fee 1000", "tva 190"]


def test_tunisia_counts_in_millimes(tariffs: Tariffs) -> None:
    assert lines(tariffs, "TN", "0.001") == ["transfer_fee 0.500", "tva 0.095"]


def test_a_percentage_has_a_least_price_too(tariffs: Tariffs) -> None:
    assert lines(tariffs, "NG", "1.00", currency="USD") == ["transfer_fee 0.50", "vat 0.04"]  # 3.75 cents.
    assert lines(tariffs, "NG", "1000.00", currency="USD") == ["transfer_fee 5.00", "vat 0.38"]  # 37.5 cents.
    assert lines(tariffs, "NG", "1000000.00", currency="USD") == ["transfer_fee 10.00", "vat 0.75"]


@given(minor=minors, on=days)
def test_between_ones_own_accounts_money_moves_free_everywhere(tariffs: Tariffs, rows: TariffRows, minor: int, on: date) -> None:
    for product in rows.products:
        amount = Money(minor, product.currency)
        assert price(tariffs, country=product.country, amount=amount, own_account=True, on=on) == ()


@given(country=countries, minor=minors, on=days)
def test_every_line_is_more_than_zero_has_a_name_and_somewhere_to_go(tariffs: Tariffs, country: str, minor: int, on: date) -> None:
    for line in price(tariffs, country=country, amount=Money(minor, HOME[country]), own_account=False, on=on):
        assert line.amount.minor > 0
        assert line.amount.currency == HOME[country]
        assert line.code in FEE_NAMES
        assert line.collects in PURPOSES


@given(country=countries, one=minors, other=minors, on=days)
def test_who_pays_more_never_pays_a_lower_price(tariffs: Tariffs, country: str, one: int, other: int, on: date) -> None:
    totals = [
        sum(line.amount.minor for line in price(tariffs, country=country, amount=Money(minor, HOME[country]), own_account=False, on=on))
        for minor in sorted((one, other))
    ]

    assert totals[0] <= totals[1]


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_has_no_price(tariffs: Tariffs, minor: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        price(tariffs, country="NG", amount=Money(minor, "NGN"), own_account=False, on=TODAY)

    assert refused.value.field == ("amount", "amount")


percents = st.decimals(Decimal("0.000001"), 100, places=6)


@given(flat=st.integers(0, 10**6), included=st.lists(percents, max_size=4), added=st.lists(percents, max_size=3))
def test_a_price_is_split_into_its_taxes_to_the_last_unit(flat: int, included: list[Decimal], added: list[Decimal]) -> None:
    charged = price(invented(flat, included, added), country="ZZ", amount=Money(1, "XOF"), own_account=False, on=TODAY)
    inside = [line for line in charged if not line.code.startswith("added")]
    net = sum(line.amount.minor for line in inside if line.kind is FeeKind.FEE)
    whole = 100 + sum(included)

    assert sum(line.amount.minor for line in inside) == flat
    assert all(line.amount.minor > 0 for line in charged)
    assert abs(net - Fraction(flat) * 100 / Fraction(whole)) < 1
    for number, percent in enumerate(added):
        taken = sum(line.amount.minor for line in charged if line.code == f"added_{'abc'[number]}")
        assert taken == round(net * Fraction(percent) / 100)


def invented(flat: int, included: list[Decimal], added: list[Decimal]) -> Tariffs:
    """A country with one flat fee, taxes that it contains and taxes on top of it."""
    shared = {"country": "ZZ", "currency": "XOF", "own_accounts": False, "effective_from": TODAY, "effective_to": None, "source": "invented"}
    fee = {"code": "transfer_fee", "up_to_minor": None, "percent": Decimal(0), "minimum_minor": 0, "maximum_minor": None, "collects": "fee_income"}
    tax = {"taxes": "FEE", "flat_minor": 0, "from_minor": 0, "collects": "vat_payable"}
    taxes = [
        shared | tax | {"code": f"{'included' if inside else 'added'}_{'abcd'[number]}", "percent": percent, "included": inside}
        for inside, percents in ((True, included), (False, added))
        for number, percent in enumerate(percents)
    ]
    return Tariffs(TariffRows.of({"fee_rules": [shared | fee | {"flat_minor": flat}], "tax_rules": taxes}))
