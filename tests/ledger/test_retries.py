"""One key, one answer, for good: whoever sends again, how often, and whatever has changed since.

Method: the same request from many lanes at once; then each final refusal, sent again when its reason is gone.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.decisions import Decision
from services.orders import Order
from tests.bank import Account, BankUnderTest
from tests.ledger.moves import another_ledger, book, counters, moved
from tests.payments.requests import MAKE, QUOTE, order, priced

Refusal = tuple[Account, dict[str, Any], Callable[[], Awaitable[object]]]


async def test_thirty_simultaneous_retries_of_one_key_post_once_and_hear_the_same(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    ledgers = [bank.services.ledger, await another_ledger(bank), await another_ledger(bank)]
    key = uuid.uuid4()

    answers = await asyncio.gather(*(book(ledgers[n % 3], moved(one, two, 100), key) for n in range(30)))

    assert {(answer.status, answer.subject_id) for answer in answers} == {("POSTED", answers[0].subject_id)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await bank.value("SELECT count(*) FROM postings WHERE kind = 'transfer'") == 1
    assert await bank.booked(two) == "1.00"


async def test_thirty_simultaneous_retries_of_a_refused_key_hear_the_same_refusal(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="0.50"), await bank.account()
    ledgers = [bank.services.ledger, await another_ledger(bank), await another_ledger(bank)]
    key = uuid.uuid4()

    answers = await asyncio.gather(*(book(ledgers[n % 3], moved(one, two, 100), key) for n in range(30)))

    assert {answer.status for answer in answers} == {"INSUFFICIENT_FUNDS"}
    assert all(answer.facts == {"available_minor": 50, "currency": "NGN", "account_id": str(one.id)} for answer in answers)
    assert sum(not answer.replayed for answer in answers) == 1


async def test_two_requests_that_race_for_one_key_have_one_winner(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="100.00"), await bank.account()
    other = await another_ledger(bank)
    moved_minor = 0

    for n in range(20):
        key = uuid.uuid4()
        amounts = (100, 101) if n % 2 else (101, 100)
        ends = await asyncio.gather(
            *(book(ledger, moved(one, two, minor), key) for ledger, minor in zip((bank.services.ledger, other), amounts, strict=True))
        )
        assert sorted(end.status for end in ends) == ["IDEMPOTENCY_CONFLICT", "POSTED"]
        moved_minor += next(minor for end, minor in zip(ends, amounts, strict=True) if end.status == "POSTED")

    assert (await counters(bank, two)).booked == moved_minor


async def test_a_conflict_is_not_stored_and_leaves_the_key_to_its_own_request(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    key = uuid.uuid4()
    first = await book(bank.services.ledger, moved(one, two, 100), key)

    for legs in (moved(one, two, 200), moved(two, one, 100)):
        assert await book(bank.services.ledger, legs, key) == Decision(status="IDEMPOTENCY_CONFLICT", replayed=True, facts={}, subject_id=None)
    again = await book(bank.services.ledger, moved(one, two, 100), key)

    assert again.subject_id == first.subject_id
    assert await bank.booked(two) == "1.00"


async def test_a_key_for_another_operation_is_a_conflict_too(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    key = uuid.uuid4()
    await book(bank.services.ledger, moved(one, two, 100), key)

    decision = await bank.services.ledger.hold(key=key, account_id=one.id, minor=100, reason="Card", expires_at=None)

    assert decision.status == "IDEMPOTENCY_CONFLICT"
    assert (await counters(bank, one)).held == 0


async def test_a_refusal_that_was_found_before_posting_is_stored_unless_the_key_was_decided(bank: BankUnderTest) -> None:
    holder, key = uuid.uuid4(), uuid.uuid4()

    def refused(status: str) -> Order:
        return Order(holder_id=holder, key=key, operation="makePayment", request_hash="\\x00", refusal=status, facts={"text": status})

    first = await bank.services.ledger.post(refused("NOT_FOUND"))
    again = await bank.services.ledger.post(refused("FORBIDDEN"))

    assert (first.status, first.replayed, first.facts) == ("NOT_FOUND", False, {"text": "NOT_FOUND"})
    assert (again.status, again.replayed, again.facts) == ("NOT_FOUND", True, {"text": "NOT_FOUND"})


async def not_enough(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="50.00"), await bank.account()
    return payer, order(payer, payee), lambda: bank.deposit(payer, "1000.00")


async def blocked(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.set_status(payee, "FROZEN")
    return payer, order(payer, payee), lambda: bank.set_status(payee, "ACTIVE")


async def over_the_limit(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(await bank.customer(tier="TIER_1"), booked="100000.00"), await bank.account()
    for n in range(3):
        await bank.execute(MAKE, order(payer, payee, "9000.00", reference=str(n)), by=payer.holder)
    return payer, order(payer, payee, "9000.00", reference="over"), lambda: bank.advance(timedelta(days=1))


async def alike(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    await bank.execute(MAKE, order(payer, payee), by=payer.holder)
    return payer, order(payer, payee), lambda: bank.advance(timedelta(minutes=11))


async def unknown_number(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    async def renumbered() -> None:
        async with bank.owner() as connection:
            await connection.execute("UPDATE accounts SET number = $1 WHERE id = $2", free, payee.id)

    free = str(int(payee.number) ^ 1).zfill(10)
    return payer, order(payer, payee, to={"accountNumber": free}), renumbered


async def dearer_than_allowed(bank: BankUnderTest) -> Refusal:
    payer = await bank.account(booked="1000.00")
    payee = await bank.account()
    asked = order(payer, payee, maximumFees={"amount": "0.00", "currency": "NGN"})

    async def the_payers_own_now() -> None:  # Between accounts of one holder there are no fees.
        async with bank.owner() as connection:
            await connection.execute("UPDATE accounts SET holder_id = $1 WHERE id = $2", payer.holder.id, payee.id)
            await connection.execute("UPDATE balances SET holder_id = $1 WHERE account_id = $2", payer.holder.id, payee.id)

    return payer, asked, the_payers_own_now


async def late(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    expires_at = (await bank.services.database.now() + timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    await bank.advance(timedelta(minutes=6))
    return payer, order(payer, payee, expiresAt=expires_at), lambda: bank.advance(timedelta(minutes=-6))


async def an_old_quote(bank: BankUnderTest) -> Refusal:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    quote = (await bank.execute(QUOTE, priced(payer, payee), by=payer.holder))["quotePayment"]["quote"]
    await bank.advance(timedelta(hours=12))
    return payer, order(payer, payee, quoteId=quote["id"]), lambda: bank.advance(timedelta(hours=-12))


@pytest.mark.parametrize(
    ("scene", "code"),
    [
        (not_enough, "INSUFFICIENT_FUNDS"),
        (blocked, "ACCOUNT_BLOCKED"),
        (over_the_limit, "LIMIT_EXCEEDED"),
        (alike, "POSSIBLE_DUPLICATE"),
        (unknown_number, "NOT_FOUND"),
        (dearer_than_allowed, "FEES_CHANGED"),
        (late, "INTENT_EXPIRED"),
        (an_old_quote, "QUOTE_EXPIRED"),
    ],
)
async def test_a_final_refusal_is_told_again_with_its_facts_when_its_reason_is_gone(
    bank: BankUnderTest, scene: Callable[[BankUnderTest], Awaitable[Refusal]], code: str
) -> None:
    payer, asked, resolve = await scene(bank)
    booked = await bank.booked(payer)

    first = (await bank.execute(MAKE, asked, by=payer.holder))["makePayment"]
    await resolve()
    again = (await bank.execute(MAKE, asked, by=payer.holder))["makePayment"]
    anew = asked["input"] | {"idempotencyKey": str(uuid.uuid4())}
    other_key = (await bank.execute(MAKE, {"input": anew}, by=payer.holder))["makePayment"]

    assert [error["code"] for error in first["errors"]] == [code]
    assert first["replayed"] is False
    assert again["replayed"] is True
    assert without_quote(again["errors"]) == without_quote(first["errors"])
    assert other_key["errors"] == [], "the reason is not gone, so this shows nothing"
    assert await bank.booked(payer) != booked


def without_quote(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A quote's id is sealed anew each time it is told; what it says is the same."""
    return [
        error | {"quote": {name: value for name, value in error["quote"].items() if name != "id"}} if error.get("quote") else error
        for error in errors
    ]
