"""Paying from a phone whose replies get lost.

Method: each case goes through HTTP and the whole schema to a real database, then asks the ledger what moved.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from tests.bank import BankUnderTest
from tests.payments.requests import MAKE, order


async def test_a_payment_moves_the_money_and_tells_what_it_cost(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account()

    made = (await bank.execute(MAKE, order(payer, payee, "20000.00", reference="Rent"), by=payer.holder))["makePayment"]

    payment = made["payment"]
    assert made["errors"] == []
    assert payment["status"] == "COMPLETED"
    assert payment["finishedAt"] is not None
    assert payment["reference"] == "Rent"
    assert payment["counterparty"] == {"name": "Amina Bello", "accountNumber": payee.number}
    assert [(fee["name"], fee["amount"]["amount"]) for fee in payment["fees"]] == [
        ("Transfer fee", "25.00"),
        ("VAT", "1.88"),
        ("Stamp duty", "50.00"),
    ]
    assert payment["total"] == {"amount": "20076.88"}
    assert made["account"]["balance"]["booked"] == {"amount": "79923.12"}
    assert await bank.booked(payer) == "79923.12"
    assert await bank.booked(payee) == "20000.00"


async def test_a_retry_with_the_same_key_moves_money_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    request = order(payer, payee, "100.00")

    first = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]
    again = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]

    assert again == first | {"replayed": True}
    assert await bank.booked(payee) == "100.00"


async def test_thirty_simultaneous_retries_of_one_key_pay_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    request = order(payer, payee, "100.00")

    replies = await asyncio.gather(*(bank.execute(MAKE, request, by=payer.holder) for _ in range(30)))

    assert len({reply["makePayment"]["payment"]["id"] for reply in replies}) == 1
    assert sum(not reply["makePayment"]["replayed"] for reply in replies) == 1
    assert await bank.booked(payee) == "100.00"


async def test_a_key_answers_after_weeks_and_shows_the_account_as_it_is_then(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    request = order(payer, payee, "100.00")
    first = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]
    await bank.advance(timedelta(weeks=8))
    await bank.deposit(payer, "500.00")

    again = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]

    assert again["payment"] == first["payment"]
    assert again["replayed"] is True
    assert again["account"]["balance"]["booked"] == {"amount": "1389.25"}


async def test_the_same_key_for_another_request_is_a_conflict(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    request = order(payer, payee, "100.00")
    await bank.execute(MAKE, request, by=payer.holder)

    for change in ({"amount": {"amount": "101.00", "currency": "NGN"}}, {"reference": "other"}, {"allowDuplicate": True}):
        refused = (await bank.execute(MAKE, {"input": request["input"] | change}, by=payer.holder))["makePayment"]
        assert [error["code"] for error in refused["errors"]] == ["IDEMPOTENCY_CONFLICT"]
        assert refused["payment"] is None
        assert refused["replayed"] is False
    assert await bank.booked(payee) == "100.00"


async def test_a_key_belongs_to_its_holder(bank: BankUnderTest) -> None:
    one, other = await bank.account(booked="1000.00"), await bank.account(booked="1000.00")
    payee = await bank.account()
    key = str(uuid.uuid4())

    for payer in (one, other):
        made = (await bank.execute(MAKE, order(payer, payee, idempotencyKey=key), by=payer.holder))["makePayment"]
        assert made["errors"] == []

    assert await bank.booked(payee) == "200.00"


async def test_a_refusal_is_final_under_its_key_even_when_the_reason_is_gone(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="50.00"), await bank.account()
    request = order(payer, payee, "100.00")

    refused = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]
    await bank.deposit(payer, "1000.00")
    again = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]

    assert refused["errors"][0]["__typename"] == "InsufficientFunds"
    assert refused["errors"][0]["available"] == {"amount": "50.00", "currency": "NGN"}
    assert again == refused | {"replayed": True}
    assert await bank.booked(payee) == "0.00"


async def test_the_last_naira_pays_its_fees_too(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="110.75"), await bank.account()

    made = (await bank.execute(MAKE, order(payer, payee, "100.00"), by=payer.holder))["makePayment"]

    assert made["errors"] == []
    assert await bank.booked(payer) == "0.00"


@pytest.mark.parametrize(("country", "amount", "left"), [("SN", "2500", "97471"), ("TN", "1.250", "98.155"), ("KE", "600.00", "99387.00")])
async def test_each_currency_pays_in_its_own_scale(bank: BankUnderTest, country: str, amount: str, left: str) -> None:
    booked = {"SN": "100000", "TN": "100.000", "KE": "100000.00"}[country]
    payer, payee = await bank.account(booked=booked, country=country), await bank.account(country=country)

    made = (await bank.execute(MAKE, order(payer, payee, amount), by=payer.holder))["makePayment"]

    assert made["errors"] == []
    assert await bank.booked(payee) == amount
    assert await bank.booked(payer) == left


async def test_own_accounts_pay_each_other_for_nothing(bank: BankUnderTest) -> None:
    main = await bank.account(booked="1000.00")
    savings = await bank.account(main.holder, kind="SAVINGS")

    made = (await bank.execute(MAKE, order(main, savings, "1000.00"), by=main.holder))["makePayment"]

    assert made["payment"]["fees"] == []
    assert await bank.booked(savings) == "1000.00"


async def test_an_amount_beyond_32_bits_of_kobo_passes(bank: BankUnderTest) -> None:
    owner = await bank.customer(tier="BUSINESS")
    main = await bank.account(owner, booked="50000000.00")
    savings = await bank.account(owner, kind="SAVINGS")

    made = (await bank.execute(MAKE, order(main, savings, "21474836.48"), by=owner))["makePayment"]

    assert made["errors"] == []
    assert made["payment"]["amount"] == {"amount": "21474836.48", "currency": "NGN"}


async def test_money_goes_by_account_number_payee_and_phone_alike(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    added = await bank.execute(
        "mutation($i: AddPayeeInput!) { addPayee(input: $i) { payee { id } errors { code } } }",
        {"i": {"idempotencyKey": str(uuid.uuid4()), "name": "Amina", "to": {"phone": payee.holder.phone}}},
        by=payer.holder,
    )

    for to in ({"accountNumber": payee.number}, {"payeeId": added["addPayee"]["payee"]["id"]}, {"phone": payee.holder.phone}):
        made = (await bank.execute(MAKE, order(payer, payee, "10.00", to=to, allowDuplicate=True), by=payer.holder))["makePayment"]
        assert made["errors"] == [], to

    assert await bank.booked(payee) == "30.00"


async def test_both_sides_read_the_reference_and_only_the_payer_sees_the_payment(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.execute(MAKE, order(payer, payee, "100.00", reference="Yams"), by=payer.holder)
    seen = """{ viewer { accounts { edges { node { transactions(first: 5) { edges { node {
        description kind amount { amount } payment { id } counterparty { name } } } } } } } } }"""

    sides = {}
    for account in (payer, payee):
        data = await bank.execute(seen, by=account.holder)
        edges = data["viewer"]["accounts"]["edges"][0]["node"]["transactions"]["edges"]
        sides[account.id] = [edge["node"] for edge in edges if edge["node"]["description"] == "Yams"]

    assert [t["amount"]["amount"] for t in sides[payer.id]] == ["-100.00"]
    assert sides[payer.id][0]["payment"] is not None
    assert [t["amount"]["amount"] for t in sides[payee.id]] == ["100.00"]
    assert sides[payee.id][0]["payment"] is None
