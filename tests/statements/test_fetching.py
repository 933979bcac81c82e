"""Statements: sums of a period, and documents at addresses that end."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.bank import Account, BankUnderTest
from tests.payments.requests import MAKE, order

STATEMENT = """query($id: ID!, $from: Date!, $to: Date!) { node(id: $id) { ... on Account { statement(from: $from, to: $to) {
  account { id } from to opening { amount } closing { amount } credits { amount } debits { amount } pdfUrl csvUrl } } } }"""


async def statement(bank: BankUnderTest, account: Account, begin: str, end: str) -> dict[str, Any]:
    data = await bank.execute(STATEMENT, {"id": account.node_id, "from": begin, "to": end}, by=account.holder)
    told: dict[str, Any] = data["node"]["statement"]
    return told


async def lived(bank: BankUnderTest) -> tuple[Account, list[str]]:
    """An account with something on each of three days; the days."""
    account, other = await bank.account(), await bank.account()
    days = []
    for amount in ("1000.00", "200.00", "30.00"):
        days.append(bank.services.clock.now().date().isoformat())
        await bank.deposit(account, amount)
        await bank.execute(MAKE, order(account, other, "10.00", reference=amount), by=account.holder)
        await bank.advance(timedelta(days=1))
    return account, days


async def test_opening_and_closing_meet_from_day_to_day(bank: BankUnderTest) -> None:
    account, days = await lived(bank)

    parts = [await statement(bank, account, day, day) for day in days]
    whole = await statement(bank, account, days[0], days[2])

    assert [part["opening"]["amount"] for part in parts] == ["0.00", "979.25", "1158.50"]
    assert [part["closing"]["amount"] for part in parts] == ["979.25", "1158.50", "1167.75"]
    assert whole["opening"]["amount"] == "0.00"
    assert whole["credits"]["amount"] == "1230.00"
    assert whole["debits"]["amount"] == "62.25"
    assert whole["closing"]["amount"] == await bank.booked(account)


async def test_a_statement_is_fetched_as_csv_and_pdf_under_one_number(bank: BankUnderTest) -> None:
    account, days = await lived(bank)
    told = await statement(bank, account, days[0], days[1])

    sheet, page = await bank.client.get(told["csvUrl"]), await bank.client.get(told["pdfUrl"])
    again = await bank.client.get(told["csvUrl"])

    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert page.headers["content-type"] == "application/pdf"
    assert page.content.startswith(b"%PDF")
    assert sheet.headers["content-disposition"] == f'attachment; filename="{account.number}-0001.csv"'
    assert page.headers["content-disposition"] == f'attachment; filename="{account.number}-0001.pdf"'
    assert again.content == sheet.content
    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert len(rows) > 8
    assert await bank.value("SELECT count(*) FROM statements") == 1


async def test_an_address_ends_after_ten_minutes_and_cannot_be_altered(bank: BankUnderTest) -> None:
    account, days = await lived(bank)
    url = (await statement(bank, account, days[0], days[0]))["csvUrl"]
    head, tail = url.rsplit("/", 1)

    altered = await bank.client.get(f"{head}/{'B' if tail[0] == 'A' else 'A'}{tail[1:]}")
    unknown = await bank.client.get(f"{head}/nonsense.pdf")
    await bank.advance(timedelta(minutes=11))
    late = await bank.client.get(url)

    assert (altered.status_code, unknown.status_code, late.status_code) == (404, 404, 410)
    assert late.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(("begin", "end"), [("2026-02-01", "2026-01-31"), ("2025-01-01", "2026-01-02")])
async def test_a_period_that_makes_no_sense_is_a_bad_request(bank: BankUnderTest, begin: str, end: str) -> None:
    account = await bank.account()

    reply = await bank.post(STATEMENT, {"id": account.node_id, "from": begin, "to": end}, by=account.holder)

    assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("day", ["2026-02-30", "20260101", "today", "2026-W01-1"])
async def test_a_date_that_is_none_is_a_bad_request(bank: BankUnderTest, day: str) -> None:
    account = await bank.account()

    reply = await bank.post(STATEMENT, {"id": account.node_id, "from": day, "to": "2026-12-31"}, by=account.holder)

    assert reply.status_code == 400
