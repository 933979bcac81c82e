"""Tariffs on their way from the files into the database, and from there into a running bank.

Method: the loader runs as the tables' owner against a fresh migrated database; changed copies of the files are loaded over it, and a
running bank is asked what it sees.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from kernel.money import CURRENCIES, Money
from models import tariffs as stored
from models.tariffs import ROWS, TariffError, TariffRows
from models.tariffs_data import FOLDER, read
from services import exchange
from services.fees import price
from services.tariffs import Tariffs
from tests.bank import BankUnderTest

Owner: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Copy: TypeAlias = Callable[[str, str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Copy:
    """A copy of the files; each call replaces one text in one of them by another."""
    folder = tmp_path / "tariffs"
    shutil.copytree(FOLDER, folder)

    def copy(name: str, old: str, new: str) -> Path:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    return copy


async def rows_of(connection: Owner) -> TariffRows:
    return TariffRows.of({row.TABLE: [dict(found) for found in await connection.fetch(stored.select(row))] for row in ROWS})


async def writes_of(connection: Owner) -> list[asyncpg.Record]:
    """Which transaction wrote each row."""
    return [found for row in ROWS for found in await connection.fetch(f"SELECT ctid, xmin FROM {row.TABLE} ORDER BY ctid")]


async def test_the_database_knows_the_same_currencies_as_the_code(owner_connection: Owner) -> None:
    found = {row["code"]: row["minor_units"] for row in await owner_connection.fetch("SELECT code, minor_units FROM currencies")}

    assert found == {code: known.minor_units for code, known in CURRENCIES.items()}


async def test_a_migrated_database_says_what_the_files_say(owner_connection: Owner) -> None:
    assert await rows_of(owner_connection) == TariffRows.of(read())


async def test_loading_again_writes_nothing(owner_connection: Owner) -> None:
    before = await writes_of(owner_connection)

    await stored.load(owner_connection)

    assert await writes_of(owner_connection) == before


async def test_a_changed_file_changes_its_rows_and_no_others(owner_connection: Owner, changed: Copy) -> None:
    before = await rows_of(owner_connection)

    folder = changed("nigeria.toml", 'flat = "25.00"', 'flat = "26.00"')
    await stored.load(owner_connection, folder)

    after = await rows_of(owner_connection)
    assert after == TariffRows.of(read(folder))
    assert [row.flat_minor for row in set(after.fee_rules) - set(before.fee_rules)] == [2600]
    assert (after.limit_rules, after.tax_rules, after.exchange_rates) == (before.limit_rules, before.tax_rules, before.exchange_rates)


async def test_a_new_version_stands_beside_the_one_that_it_ends(owner_connection: Owner, changed: Copy) -> None:
    old = 'included = true\ncollects = "excise_payable"\neffective_from = 2023-07-01\n'
    new = old + (
        "effective_to = 2027-01-01\nsource = 'until then'\n[[tax]]\ncode = 'excise_duty'\ntaxes = 'FEE'\npercent = '20'\n"
        "included = true\ncollects = 'excise_payable'\neffective_from = 2027-01-01\n"
    )

    await stored.load(owner_connection, changed("kenya.toml", old, new))

    tariffs = await Tariffs.load(owner_connection.fetch)
    amount = Money.parse("1200.00", "KES")
    last, first = (
        price(tariffs, country="KE", amount=amount, own_account=False, on=day)[1].amount.amount for day in (date(2026, 12, 31), date(2027, 1, 1))
    )
    assert (last, first) == ("3.00", "3.83")


async def test_what_left_the_files_leaves_the_database_but_rates_stay(owner_connection: Owner, changed: Copy) -> None:
    changed("uemoa.toml", 'amounts = { TIER_1 = "200000", TIER_2 = "2000000"', 'amounts = { TIER_2 = "2000000"')
    folder = changed("exchange.toml", 'USD = "1.1713717"\n', "")

    await stored.load(owner_connection, folder)

    gone = await owner_connection.fetchval("SELECT count(*) FROM limit_rules WHERE currency = 'XOF' AND tier = 'TIER_1' AND per = 'PAYMENT'")
    assert gone == 0
    assert await owner_connection.fetchval("SELECT mid FROM exchange_rates WHERE base = 'EUR' AND quote = 'USD'") == Decimal("1.1713717")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('{ flat = "50.00" },', "", "no price above"),
        ('collects = "stamp_duty_payable"', 'collects = "fee_income"', "tax_rules_collects_check"),
        ('flat = "50.00"\nfrom', 'flat = "50.00"\npercent = "1"\nfrom', "tax_rules"),
        ("per_customer = 5", "per_customer = 0", "products_per_customer_check"),
    ],
)
async def test_files_that_are_wrong_change_nothing(owner_connection: Owner, changed: Copy, old: str, new: str, told: str) -> None:
    before = await writes_of(owner_connection)

    with pytest.raises(TariffError, match=told):
        await stored.load(owner_connection, changed("nigeria.toml", old, new))

    assert await writes_of(owner_connection) == before


async def test_the_application_reads_the_tariffs_and_writes_none(owner_connection: Owner) -> None:
    for table in ("currencies", *(row.TABLE for row in ROWS)):
        can = [
            await owner_connection.fetchval("SELECT has_table_privilege('tallystick_app', $1, $2)", table, privilege)
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        ]
        assert can == [True, False, False, False, False]


async def test_a_running_bank_sees_a_new_rate_when_it_reads_the_book_again(bank: BankUnderTest) -> None:
    book, now, amount = bank.services.tariffs, bank.services.clock.now(), Money.parse("100.00", "EUR")
    picture = book.current
    async with bank.owner() as owner:
        await owner.execute("INSERT INTO exchange_rates VALUES ('EUR', 'XOF', 700, 0, $1, 'invented')", datetime(2026, 1, 1, tzinfo=UTC))

    await book.refresh()

    assert exchange.convert(picture, amount, "XOF", at=now).receives == Money(64_939, "XOF")
    assert exchange.convert(book.current, amount, "XOF", at=now).receives == Money(70_000, "XOF")


async def test_rows_that_contradict_themselves_never_become_the_running_banks_picture(bank: BankUnderTest) -> None:
    book = bank.services.tariffs
    picture = book.current
    async with bank.owner() as owner:
        await owner.execute("UPDATE fee_rules SET up_to_minor = 9999999 WHERE country = 'NG' AND currency = 'NGN' AND up_to_minor IS NULL")

    await book.refresh()

    assert book.current is picture
    with pytest.raises(TariffError, match="no price above 9999999"):
        async with bank.owner() as owner:
            await Tariffs.load(owner.fetch)
