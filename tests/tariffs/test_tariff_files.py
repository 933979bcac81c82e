"""The tariff files, and what happens to one that contradicts itself.

Method: the kept files are read whole and checked for holes that no single row shows; then small files with one mistake each are read,
and the message must name the place.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from models.tariffs import TariffError, TariffRows
from models.tariffs_data import FOLDER, read
from services.fees import FEE_NAMES
from services.tariffs import Tariffs

UEMOA = {"BJ", "BF", "CI", "GW", "ML", "NE", "SN", "TG"}
TIERS = ("TIER_1", "TIER_2", "TIER_3", "BUSINESS")
# Days on which anything may change: each day of two years, from the first on which accounts are opened.
DAYS = [date(2025, 1, 1) + timedelta(days=number) for number in range(730)]

COUNTRY = """
[[jurisdiction]]
country = "ZZ"
name = "Nowhere"
currency = "XOF"
time_zone = "Africa/Dakar"
"""
TAX = """
[[tax]]
code = "vat"
taxes = "FEE"
percent = "{percent}"
collects = "vat_payable"
effective_from = {start}
source = "invented"
"""
FEE = """
[[fee]]
code = "transfer_fee"
bands = [{bands}]
effective_from = {start}
source = "invented"
"""


def test_every_country_has_its_money_and_its_clock(rows: TariffRows) -> None:
    found = {row.country: (row.currency, row.time_zone) for row in rows.jurisdictions}

    assert found.keys() == {"NG", "KE", "TN"} | UEMOA
    assert found["NG"] == ("NGN", "Africa/Lagos")
    assert found["KE"] == ("KES", "Africa/Nairobi")
    assert found["TN"] == ("TND", "Africa/Tunis")
    assert {found[country][0] for country in UEMOA} == {"XOF"}
    assert len({zone for _, zone in found.values()}) == len(found)
    assert all(row.zone.key == row.time_zone for row in rows.jurisdictions)


def test_everybody_can_open_a_current_and_a_savings_account_in_their_own_money(tariffs: Tariffs, rows: TariffRows) -> None:
    for row in rows.jurisdictions:
        for kind in ("CURRENT", "SAVINGS"):
            product = tariffs.product(country=row.country, kind=kind, currency=row.currency, on=date(2026, 11, 24))
            assert product is not None
            assert product.code == f"{row.country}-{kind}-{row.currency}"
            assert product.per_customer > 0
    assert tariffs.product(country="NG", kind="CURRENT", currency="XOF", on=date(2026, 11, 24)) is None
    assert tariffs.product(country="NG", kind="CURRENT", currency="NGN", on=date(2024, 12, 31)) is None


def test_what_can_be_opened_has_a_price_and_limits_on_every_day(tariffs: Tariffs, rows: TariffRows) -> None:
    for product in rows.products:
        for day in DAYS:
            if tariffs.product(country=product.country, kind=product.kind, currency=product.currency, on=day) is None:
                continue
            assert tariffs.fees(country=product.country, currency=product.currency, on=day)
            for tier in TIERS:
                limits = tariffs.limits(country=product.country, tier=tier, currency=product.currency, on=day)
                assert limits[0].per == "PAYMENT"
                assert any(limit.per != "PAYMENT" and limit.amount_minor for limit in limits)


def test_higher_tiers_may_pay_no_less(tariffs: Tariffs, rows: TariffRows) -> None:
    for product in rows.products:
        for per in ("PAYMENT", "DAY", "MONTH"):
            amounts = [
                [limit.amount_minor for limit in found if limit.per == per and limit.amount_minor]
                for tier in TIERS
                if (found := tariffs.limits(country=product.country, tier=tier, currency=product.currency, on=date(2026, 11, 24)))
            ]
            assert amounts == sorted(amounts)


def test_every_pair_of_the_exchanged_currencies_has_a_rate_both_ways(rows: TariffRows) -> None:
    pairs = {(rate.base, rate.quote) for rate in rows.exchange_rates}

    assert pairs == set(permutations(("EUR", "KES", "NGN", "TND", "USD", "XOF"), 2))
    for rate in rows.exchange_rates:
        assert 100 <= rate.spread_basis_points <= 200
        assert "demo" in rate.source.lower()


def test_every_figure_says_where_it_comes_from_and_every_charge_has_a_name(rows: TariffRows) -> None:
    for table in (rows.products, rows.fee_rules, rows.tax_rules, rows.limit_rules, rows.exchange_rates):
        assert all(len(row.source) > 20 for row in table)
    assert {row.code for row in rows.fee_rules} | {row.code for row in rows.tax_rules} == FEE_NAMES.keys()


def test_bands_rise_and_never_cost_less(tariffs: Tariffs, rows: TariffRows) -> None:
    for row in rows.jurisdictions:
        for table in tariffs.fees(country=row.country, currency=row.currency, on=date(2026, 11, 24)):
            assert all(low < high for low, high in pairwise(table.upper_minor))
            assert all(low.flat_minor <= high.flat_minor for low, high in pairwise(table.bands))
            assert [table.band(minor) for minor in table.upper_minor] == list(table.bands[:-1])
            assert [table.band(minor + 1) for minor in table.upper_minor] == list(table.bands[1:])


def read_one(folder: Path, text: str) -> TariffRows:
    (folder / "nowhere.toml").write_text(text, encoding="utf-8")
    return TariffRows.of(read(folder))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TAX.format(percent="5", start="2026-01-01") + TAX.format(percent="6", start="2026-07-01"), "effective_to = 2026-07-01"),
        (TAX.format(percent="5", start="2026-01-01") * 2, "there twice"),
        (TAX.format(percent="5", start="2026-01-01").replace("effective_from", "effective_form"), "tax.0.effective_from: Field required"),
        (TAX.format(percent="5", start="2026-01-01") + 'on = "FEE"', "nowhere.toml, tax.0.on: Extra inputs"),
        (TAX.format(percent="0.1234567", start="2026-01-01"), "nowhere.toml, tax.0.percent"),
        (TAX.format(percent="5", start="2026-01-01") + 'countries = ["QQ"]', "nowhere.toml: a rule is for QQ"),
        (TAX.format(percent="5", start="2026-01-01") + 'flat = "0.5"', "nowhere.toml: the rule in XOF for ZZ from 2026-01-01: "),
        (TAX.format(percent="5", start="2026-01-01") + 'currency = "QQQ"', "nowhere.toml: the rule in QQQ for ZZ from 2026-01-01: "),
        (TAX.format(percent="5", start="2026-01-01").replace('"invented"', '""'), "nowhere.toml, tax.0.source"),
        (FEE.format(bands='{ up_to = "5", flat = "1" }', start="2026-01-01"), "no price above 5 minor units"),
        (FEE.format(bands='{ flat = "1" }, { flat = "2" }', start="2026-01-01"), "there twice"),
        (FEE.format(bands='{ flat = "1" }', start="2026-01-01") + FEE.format(bands='{ flat = "2" }', start="2026-02-01"), "still holds"),
        (FEE.format(bands='{ flat = "1" }', start="2026-01-01") + 'country = "ZZ"', "Extra inputs"),
        ("[[exchange]]\neffective_from = 2026-01-01T00:00:00Z\nspread_basis_points = 1\nsource = 's'\nmid.EUR.QQQ = '1'", "'QQQ'"),
        ("[[exchange]]\neffective_from = 2026-01-01T00:00:00Z\nspread_basis_points = 1\nsource = 's'\nmid.EUR.EUR = '1'", "for itself"),
        ("[[exchange]]\neffective_from = 2026-01-01T00:00:00\nspread_basis_points = 1\nsource = 's'\nmid.EUR.XOF = '1'", "timezone"),
        ("this is not it", "nowhere.toml"),
    ],
)
def test_a_file_with_a_mistake_is_refused_and_the_place_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TariffError) as refused:
        read_one(tmp_path, COUNTRY + text)

    assert told in str(refused.value)


def test_a_clock_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TariffError, match="Africa/Atlantis"):
        read_one(tmp_path, COUNTRY.replace("Africa/Dakar", "Africa/Atlantis"))


def test_a_version_may_end_on_the_day_on_which_the_next_begins(tmp_path: Path) -> None:
    first = TAX.format(percent="5", start="2026-01-01") + "effective_to = 2026-07-01\n"

    tariffs = Tariffs(read_one(tmp_path, COUNTRY + TAX.format(percent="6", start="2026-07-01") + first))

    def percent(day: date) -> list[int]:
        return [int(tax.percent) for tax in tariffs.taxes(country="ZZ", currency="XOF", on=day)]

    assert [percent(date(2025, 12, 31)), percent(date(2026, 6, 30)), percent(date(2026, 7, 1))] == [[], [5], [6]]


def test_a_rule_that_ended_holds_no_more(tmp_path: Path) -> None:
    tariffs = Tariffs(read_one(tmp_path, COUNTRY + FEE.format(bands='{ flat = "1" }', start="2026-01-01") + "effective_to = 2026-02-01"))

    assert len(tariffs.fees(country="ZZ", currency="XOF", on=date(2026, 1, 31))) == 1
    assert tariffs.fees(country="ZZ", currency="XOF", on=date(2026, 2, 1)) == ()


def test_the_kept_files_are_all_read() -> None:
    assert {path.name for path in FOLDER.glob("*.toml")} == {"exchange.toml", "kenya.toml", "nigeria.toml", "tunisia.toml", "uemoa.toml"}
