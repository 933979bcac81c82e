"""Payments that are refused, each with its code, its field, and nothing moved."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from kernel import ids
from tests.bank import Account, BankUnderTest
from tests.payments.requests import MAKE, order


async def refused(bank: BankUnderTest, payer: Account, variables: dict[str, Any], language: str | None = None) -> dict[str, Any]:
    """The one error of a payment that is refused."""
    made = (await bank.execute(MAKE, variables, by=payer.holder, language=language))["makePayment"]
    assert made["payment"] is None
    assert made["account"] is None
    assert len(made["errors"]) == 1
    error: dict[str, Any] = made["errors"][0]
    return error


@pytest.mark.parametrize(
    "amount",
    ["0", "-1.00", "1.001", "1e3", "NaN", "Infinity", "+1", " 1", "1,000.00", "", ".5", "1.", "01.00", "١٢", "1" + "0" * 30, "0x10", "--1"],
)
async def test_a_malformed_amount_is_invalid_input(bank: BankUnderTest, amount: str) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    error = await refused(bank, payer, order(payer, payee, amount))

    assert error["code"] == "INVALID_INPUT"
    assert error["field"] == ["amount", "amount"]
    assert await bank.booked(payee) == "0.00"


@pytest.mark.parametrize("amount", [100, 1.5, None, ["1"], {"amount": "1"}, True])
async def test_an_amount_that_is_no_string_is_a_bad_request(bank: BankUnderTest, amount: Any) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    variables = order(payer, payee)
    variables["input"]["amount"]["amount"] = amount

    reply = await bank.post(MAKE, variables, by=payer.holder)

    assert reply.status_code == 400
    assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "data" not in reply.json()


async def test_whole_francs_have_no_fraction(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000", country="SN"), await bank.account(country="SN")

    error = await refused(bank, payer, order(payer, payee, "10.5"), language="fr")

    assert error["code"] == "INVALID_INPUT"
    assert error["message"] == "XOF a 0 chiffres après la virgule"


async def test_an_amount_in_another_currency_than_the_account_is_refused(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    variables = order(payer, payee)
    variables["input"]["amount"]["currency"] = "KES"

    error = await refused(bank, payer, variables)

    assert error["code"] == "CURRENCY_MISMATCH"
    assert error["field"] == ["amount", "currency"]


async def test_foreign_and_unknown_ids_look_the_same(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account(booked="1000.00")
    foreign = order(payer, payee, fromAccountId=payee.node_id)
    unknown = order(payer, payee, fromAccountId=ids.encode("acc", uuid.uuid4()))
    malformed = order(payer, payee, fromAccountId="'; DROP TABLE accounts; --")
    another_type = order(payer, payee, fromAccountId=ids.encode("pay", payer.id))

    errors = [await refused(bank, payer, variables) for variables in (foreign, unknown, malformed, another_type)]

    assert all(error == errors[0] for error in errors)
    assert errors[0]["code"] == "NOT_FOUND"
    assert errors[0]["field"] == ["fromAccountId"]
    assert await bank.booked(payee) == "1000.00"


async def test_unknown_destinations_are_not_found(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    fields = {"accountNumber": "0000000000", "payeeId": ids.encode("pye", uuid.uuid4()), "phone": "+2348199999999"}

    for name, value in fields.items():
        error = await refused(bank, payer, order(payer, payee, to={name: value}))
        assert error["code"] == "NOT_FOUND"
        assert error["field"] == ["to", name]


async def test_a_phone_that_is_none_is_invalid_input(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    for phone in ("0803 123 4567", "hello", "+1", "+" + "9" * 40):
        error = await refused(bank, payer, order(payer, payee, to={"phone": phone}))
        assert error["code"] == "INVALID_INPUT"
        assert error["field"] == ["to", "phone"]


async def test_exactly_one_destination_is_given(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    for to in ({}, {"accountNumber": payee.number, "phone": payee.holder.phone}, {"accountNumber": None}):
        reply = await bank.post(MAKE, order(payer, payee, to=to), by=payer.holder)
        assert reply.status_code == 400


async def test_rails_that_are_not_connected_say_so_and_store_nothing(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    for to in (
        {"mobileMoney": {"operator": "any", "phone": "+254700000000"}},
        {"bank": {"bankCode": "000", "accountNumber": "1", "name": "A"}},
    ):
        variables = order(payer, payee, to=to)
        error = await refused(bank, payer, variables)
        assert error["code"] == "RAIL_UNAVAILABLE"
        key = uuid.UUID(variables["input"]["idempotencyKey"])
        assert await bank.value("SELECT count(*) FROM decisions WHERE key = $1", key) == 0


async def test_an_account_does_not_pay_itself(bank: BankUnderTest) -> None:
    payer = await bank.account(booked="1000.00")

    error = await refused(bank, payer, order(payer, payer))

    assert error["code"] == "INVALID_INPUT"
    assert error["field"] == ["to"]


@pytest.mark.parametrize(("side", "status"), [("payer", "DEBIT_BLOCKED"), ("payer", "FROZEN"), ("payee", "FROZEN")])
async def test_a_blocked_account_neither_gives_nor_takes(bank: BankUnderTest, side: str, status: str) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.set_status(payer if side == "payer" else payee, status)
    variables = order(payer, payee)

    error = await refused(bank, payer, variables)
    await bank.set_status(payer if side == "payer" else payee, "ACTIVE")
    again = await refused(bank, payer, variables)

    assert error["code"] == "ACCOUNT_BLOCKED"
    assert again == error


async def test_an_account_that_only_refuses_debits_takes_credits(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.set_status(payee, "DEBIT_BLOCKED")

    made = (await bank.execute(MAKE, order(payer, payee), by=payer.holder))["makePayment"]

    assert made["errors"] == []


async def test_a_closed_account_is_blocked(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.set_status(payee, "CLOSED")

    error = await refused(bank, payer, order(payer, payee))

    assert error["code"] == "ACCOUNT_BLOCKED"


async def test_an_intent_that_arrives_late_is_refused_for_good(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    now = bank.services.clock.now()
    late = order(payer, payee, expiresAt=(now - timedelta(seconds=5)).isoformat())
    soon = order(payer, payee, expiresAt=(now + timedelta(hours=1)).isoformat())

    error = await refused(bank, payer, late)
    made = (await bank.execute(MAKE, soon, by=payer.holder))["makePayment"]

    assert error["code"] == "INTENT_EXPIRED"
    assert error["field"] == ["expiresAt"]
    assert made["errors"] == []


async def test_fees_above_what_the_client_allows_are_refused_with_a_quote(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account()
    low = order(payer, payee, "20000.00", maximumFees={"amount": "10.00", "currency": "NGN"})
    enough = order(payer, payee, "20000.00", maximumFees={"amount": "76.88", "currency": "NGN"})

    error = await refused(bank, payer, low)
    again = await refused(bank, payer, low)
    made = (await bank.execute(MAKE, enough, by=payer.holder))["makePayment"]

    assert error["__typename"] == "FeesChanged"
    assert error["quote"]["total"] == {"amount": "20076.88"}
    assert again["quote"] == error["quote"]
    assert made["errors"] == []


async def test_two_taps_are_asked_about_and_a_confirmed_one_pays(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    first = (await bank.execute(MAKE, order(payer, payee, reference="Rice"), by=payer.holder))["makePayment"]

    error = await refused(bank, payer, order(payer, payee, reference="Rice"))
    confirmed = (await bank.execute(MAKE, order(payer, payee, reference="Rice", allowDuplicate=True), by=payer.holder))["makePayment"]
    other = (await bank.execute(MAKE, order(payer, payee, reference="Beans"), by=payer.holder))["makePayment"]
    await bank.advance(timedelta(minutes=11))
    later = (await bank.execute(MAKE, order(payer, payee, reference="Rice"), by=payer.holder))["makePayment"]

    assert error["code"] == "POSSIBLE_DUPLICATE"
    assert error["earlier"] == {"id": first["payment"]["id"]}
    assert [made["errors"] for made in (confirmed, other, later)] == [[], [], []]


async def test_two_simultaneous_taps_pay_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    replies = await asyncio.gather(*(bank.execute(MAKE, order(payer, payee), by=payer.holder) for _ in range(8)))

    assert sum(reply["makePayment"]["payment"] is not None for reply in replies) == 1
    assert await bank.booked(payee) == "100.00"


async def test_a_daily_limit_tells_what_is_left_and_resets_at_local_midnight(bank: BankUnderTest) -> None:
    payer = await bank.account(await bank.customer(tier="TIER_1"), booked="100000.00")
    payee = await bank.account()
    for n in range(3):
        made = (await bank.execute(MAKE, order(payer, payee, "9000.00", reference=str(n)), by=payer.holder))["makePayment"]
        assert made["errors"] == []

    over = await refused(bank, payer, order(payer, payee, "9000.00", reference="over"))
    within = (await bank.execute(MAKE, order(payer, payee, "3000.00", reference="rest"), by=payer.holder))["makePayment"]
    await bank.advance(timedelta(days=1))
    tomorrow = (await bank.execute(MAKE, order(payer, payee, "9000.00", reference="tomorrow"), by=payer.holder))["makePayment"]

    assert over["__typename"] == "LimitExceeded"
    assert over["limit"] == {"amount": "30000.00", "currency": "NGN"}
    assert over["remaining"] == {"amount": "3000.00"}
    assert over["resetsAt"].endswith("T23:00:00.000Z")
    assert within["errors"] == []
    assert tomorrow["errors"] == []


async def test_a_limit_on_each_payment_has_no_reset(bank: BankUnderTest) -> None:
    payer = await bank.account(await bank.customer(tier="TIER_1"), booked="100000.00")
    payee = await bank.account()

    error = await refused(bank, payer, order(payer, payee, "10000.01"))

    assert error["__typename"] == "LimitExceeded"
    assert error["limit"] == {"amount": "10000.00", "currency": "NGN"}
    assert error["resetsAt"] is None
    assert error["countLimit"] is None


async def test_a_limit_holds_under_simultaneous_payments(bank: BankUnderTest) -> None:
    payer = await bank.account(await bank.customer(tier="TIER_1"), booked="100000.00")
    payee = await bank.account()
    asked = [order(payer, payee, "9000.00", reference=str(n)) for n in range(8)]

    replies = await asyncio.gather(*(bank.execute(MAKE, variables, by=payer.holder) for variables in asked))

    assert sum(reply["makePayment"]["payment"] is not None for reply in replies) == 3


@pytest.mark.parametrize("reference", ["x" * 141, "two\nlines", "bell\x07"])
async def test_a_reference_is_one_short_line(bank: BankUnderTest, reference: str) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    error = await refused(bank, payer, order(payer, payee, reference=reference))

    assert error["code"] == "INVALID_INPUT"
    assert error["field"] == ["reference"]


async def test_invalid_input_is_not_stored_and_its_key_can_be_used_again(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    variables = order(payer, payee, "-5")

    await refused(bank, payer, variables)
    variables["input"]["amount"]["amount"] = "5.00"
    made = (await bank.execute(MAKE, variables, by=payer.holder))["makePayment"]

    assert made["errors"] == []
    assert made["replayed"] is False


async def test_refusals_speak_the_language_of_the_request_with_its_own_amounts(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1500.50"), await bank.account()
    variables = order(payer, payee, "2000.00")

    english = await refused(bank, payer, variables, language="en-NG,en;q=0.9")
    french = await refused(bank, payer, variables, language="fr-CI,fr;q=0.9,en;q=0.1")

    assert english["message"] == "the account has NGN\u00a01,500.50 available, which is not enough"
    assert french["message"].startswith("le compte dispose de 1")
    assert "500,50\u00a0NGN" in french["message"]
