"""Quotes: the price before the payment, and payments into another currency."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.bank import BankUnderTest
from tests.payments.requests import MAKE, QUOTE, order, priced


async def test_a_quote_tells_fees_total_and_the_name_behind_the_number(bank: BankUnderTest) -> None:
    payer = await bank.account(booked="100000.00")
    payee = await bank.account(await bank.customer(name="Chidi Okafor"))

    quote = (await bank.execute(QUOTE, priced(payer, payee, "6000.00"), by=payer.holder))["quotePayment"]["quote"]

    assert quote["counterparty"] == {"name": "Chidi Okafor", "accountNumber": payee.number}
    assert quote["total"] == {"amount": "6026.88"}
    assert quote["rate"] is None
    assert quote["requires"] == []
    assert await bank.value("SELECT count(*) FROM decisions WHERE operation = 'makePayment'") == 0


async def test_what_was_quoted_is_what_is_paid(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account()
    quote = (await bank.execute(QUOTE, priced(payer, payee, "6000.00"), by=payer.holder))["quotePayment"]["quote"]

    made = (await bank.execute(MAKE, order(payer, payee, "6000.00", quoteId=quote["id"]), by=payer.holder))["makePayment"]

    assert made["payment"]["fees"] == quote["fees"]
    assert made["payment"]["total"] == quote["total"]


async def test_a_quote_is_refused_for_another_payment_when_altered_and_when_expired(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account()
    other = await bank.account(payer.holder, booked="100000.00")
    quote_id = (await bank.execute(QUOTE, priced(payer, payee, "6000.00"), by=payer.holder))["quotePayment"]["quote"]["id"]
    altered = quote_id[:-6] + ("A" if quote_id[-6] != "A" else "B") + quote_id[-5:]
    asked = {
        "another amount": order(payer, payee, "6001.00", quoteId=quote_id),
        "another payer": order(other, payee, "6000.00", quoteId=quote_id),
        "altered": order(payer, payee, "6000.00", quoteId=altered),
        "none of ours": order(payer, payee, "6000.00", quoteId="x" * 9000),
    }

    for variables in asked.values():
        error = (await bank.execute(MAKE, variables, by=payer.holder))["makePayment"]["errors"][0]
        assert error["code"] == "INVALID_INPUT"
        assert error["field"] == ["quoteId"]
    await bank.advance(timedelta(minutes=6))
    late = (await bank.execute(MAKE, order(payer, payee, "6000.00", quoteId=quote_id), by=payer.holder))["makePayment"]

    assert late["errors"][0]["code"] == "QUOTE_EXPIRED"
    assert await bank.booked(payee) == "0.00"


async def test_a_quote_refuses_what_a_payment_would(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    asked = {
        "NOT_FOUND": priced(payee, payer),
        "CURRENCY_MISMATCH": priced(payer, payee) | {},
        "RAIL_UNAVAILABLE": priced(payer, payee),
    }
    asked["CURRENCY_MISMATCH"]["input"]["amount"] = {"amount": "1.00", "currency": "KES"}
    asked["RAIL_UNAVAILABLE"]["input"]["to"] = {"mobileMoney": {"operator": "any", "phone": "+254700000000"}}

    for code, variables in asked.items():
        payload = (await bank.execute(QUOTE, variables, by=payer.holder))["quotePayment"]
        assert payload["quote"] is None
        assert [error["code"] for error in payload["errors"]] == [code]


async def test_a_payment_into_another_currency_needs_a_quote_and_balances_in_both(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account(country="SN")
    unquoted = (await bank.execute(MAKE, order(payer, payee, "50000.00"), by=payer.holder))["makePayment"]
    quote = (await bank.execute(QUOTE, priced(payer, payee, "50000.00"), by=payer.holder))["quotePayment"]["quote"]

    made = (await bank.execute(MAKE, order(payer, payee, "50000.00", quoteId=quote["id"]), by=payer.holder))["makePayment"]

    assert unquoted["errors"][0]["code"] == "INVALID_INPUT"
    assert unquoted["errors"][0]["field"] == ["quoteId"]
    assert quote["receives"]["currency"] == "XOF"
    assert made["errors"] == []
    assert await bank.booked(payee) == quote["receives"]["amount"]
    received, rate = Decimal(quote["receives"]["amount"]), Decimal(quote["rate"])
    assert 0 <= Decimal("50000.00") * rate - received < 1
    exchange = "SELECT paid_minor, received_minor, spread_minor, mid_rate, rounding FROM exchanges"
    async with bank.owner() as connection:
        kept = await connection.fetchrow(exchange)
        legs = await connection.fetch(
            "SELECT a.purpose, e.currency, e.amount_minor FROM entries e JOIN accounts a ON a.id = e.account_id WHERE a.purpose LIKE 'fx%'"
        )
    assert kept is not None
    converted = (kept["paid_minor"] - kept["spread_minor"]) * kept["mid_rate"] / 100
    assert converted == kept["received_minor"] + kept["rounding"]
    assert {(leg["purpose"], leg["currency"]): leg["amount_minor"] for leg in legs} == {
        ("fx_position", "NGN"): kept["paid_minor"] - kept["spread_minor"],
        ("fx_position", "XOF"): -kept["received_minor"],
        ("fx_spread_income", "NGN"): kept["spread_minor"],
    }
