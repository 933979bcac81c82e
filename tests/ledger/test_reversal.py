"""Reversals undo a posting by its mirror image, once, and never take what is no longer there.

Method: payments through the whole schema, reversed by the bank's own ledger service; races are calls over two ledgers, as two processes have.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from uuid import UUID

import pytest

from services.decisions import Decision
from services.ledger import Ledger
from tests.bank import Account, BankUnderTest
from tests.ledger.moves import TODAY, another_ledger, book, counters, ended, held, moved, state
from tests.payments.requests import MAKE, QUOTE, order, priced

STATUS = "query($id: ID!) { node(id: $id) { ... on Payment { status } } }"


async def paid(bank: BankUnderTest, payer: Account, payee: Account, amount: str, **fields: str) -> tuple[str, UUID]:
    """A payment's id at the API, and its posting."""
    made = (await bank.execute(MAKE, order(payer, payee, amount, allowDuplicate=True, **fields), by=payer.holder))["makePayment"]
    assert made["errors"] == []
    posting = await bank.value("SELECT posting_id FROM payments ORDER BY created_at DESC LIMIT 1")
    return made["payment"]["id"], posting


async def reverse(bank: BankUnderTest, posting: UUID, ledger: Ledger | None = None, key: UUID | None = None) -> Decision:
    chosen = ledger or bank.services.ledger
    return await chosen.reverse(key=key or uuid.uuid4(), posting_id=posting, value_date=TODAY, reason="Mistake")


async def status(bank: BankUnderTest, payer: Account, payment_id: str) -> str:
    shown = await bank.execute(STATUS, {"id": payment_id}, by=payer.holder)
    return str(shown["node"]["status"])


async def legs_of(bank: BankUnderTest, posting: UUID) -> Counter[tuple[UUID, str, int]]:
    """The entries of a posting: account, currency, amount."""
    async with bank.owner() as connection:
        rows = await connection.fetch("SELECT account_id, currency, amount_minor FROM entries WHERE posting_of(id) = $1", posting)
    return Counter((row["account_id"], row["currency"], row["amount_minor"]) for row in rows)


async def test_a_reversal_undoes_a_payment_with_its_fees_and_both_sides_see_it(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    payment_id, posting = await paid(bank, payer, payee, "100.00")

    decision = await reverse(bank, posting)

    assert await bank.booked(payer) == "1000.00"
    assert await bank.booked(payee) == "0.00"
    assert await status(bank, payer, payment_id) == "REVERSED"
    mirror = decision.accepted()
    assert await bank.value("SELECT reverses_id FROM postings WHERE id = $1", mirror) == posting
    original = await legs_of(bank, posting)
    assert await legs_of(bank, mirror) == Counter({(account, currency, -minor): n for (account, currency, minor), n in original.items()})
    told = "SELECT count(*) FROM feed_items WHERE holder_id = $1 AND object_id = $2"
    assert [await bank.value(told, account.holder.id, mirror) for account in (payer, payee)] == [1, 1]


async def test_a_retry_of_a_reversal_is_a_replay_and_another_key_is_told_who_reversed(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    key = uuid.uuid4()

    retries = await asyncio.gather(*(reverse(bank, posting, key=key) for _ in range(10)))
    late = await reverse(bank, posting)

    assert {decision.subject_id for decision in retries} == {retries[0].accepted()}
    assert sum(not decision.replayed for decision in retries) == 1
    assert (late.status, late.facts) == ("ALREADY_REVERSED", {"posting_id": str(retries[0].subject_id)})


async def test_two_simultaneous_reversals_reverse_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    other = await another_ledger(bank)

    for _ in range(15):
        _, posting = await paid(bank, payer, payee, "10.00")
        decisions = await asyncio.gather(reverse(bank, posting), reverse(bank, posting, other), reverse(bank, posting))
        assert sorted(decision.status for decision in decisions) == ["ALREADY_REVERSED", "ALREADY_REVERSED", "POSTED"]

    assert await bank.booked(payer) == "1000.00"
    assert await bank.value("SELECT count(*) FROM postings WHERE reverses_id IS NOT NULL") == 15


async def test_reversals_of_many_payments_between_the_same_people_do_not_wait_for_each_other_in_vain(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="1000.00"), await bank.account(booked="1000.00")
    other = await another_ledger(bank)
    postings = [(await paid(bank, *pair, "10.00"))[1] for _ in range(10) for pair in ((one, two), (two, one))]

    decisions = await asyncio.gather(*(reverse(bank, posting, (bank.services.ledger, other)[n % 2]) for n, posting in enumerate(postings)))

    assert {decision.status for decision in decisions} == {"POSTED"}
    assert (await bank.booked(one), await bank.booked(two)) == ("1000.00", "1000.00")


async def test_money_that_was_spent_is_not_taken_back_and_nothing_moves(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    payment_id, posting = await paid(bank, payer, payee, "100.00")
    await paid(bank, payee, payer, "50.00")
    before = await counters(bank, payer), await counters(bank, payee)
    postings = await bank.value("SELECT count(*) FROM postings")
    key = uuid.uuid4()

    refused = await reverse(bank, posting, key=key)

    assert refused.status == "INSUFFICIENT_FUNDS"
    assert refused.facts == {"available_minor": 3925, "currency": "NGN", "account_id": str(payee.id)}
    assert (await counters(bank, payer), await counters(bank, payee)) == before
    assert await bank.value("SELECT count(*) FROM postings") == postings
    assert await status(bank, payer, payment_id) == "COMPLETED"

    # The refusal is final under its key; whoever tries again does it under another.
    await bank.deposit(payee, "100.00")
    assert await reverse(bank, posting, key=key) == Decision(status=refused.status, replayed=True, facts=refused.facts, subject_id=None)
    assert (await reverse(bank, posting)).status == "POSTED"
    assert await status(bank, payer, payment_id) == "REVERSED"


async def test_money_that_is_held_is_not_taken_back_either(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    hold_id = await held(bank, payee, 1)

    assert (await reverse(bank, posting)).status == "INSUFFICIENT_FUNDS"
    await ended(bank, "RELEASED", hold_id, payee, 0)
    assert (await reverse(bank, posting)).status == "POSTED"


@pytest.mark.parametrize("blocked", ["FROZEN", "DEBIT_BLOCKED"])
@pytest.mark.parametrize("side", ["payer", "payee"])
async def test_a_mistake_is_put_right_on_a_blocked_account_too(bank: BankUnderTest, side: str, blocked: str) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    await bank.set_status({"payer": payer, "payee": payee}[side], blocked)

    assert (await reverse(bank, posting)).status == "POSTED"
    assert await bank.booked(payer) == "1000.00"


async def test_a_payment_between_currencies_is_undone_in_both(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="100000.00"), await bank.account(country="SN")
    quote = (await bank.execute(QUOTE, priced(payer, payee, "50000.00"), by=payer.holder))["quotePayment"]["quote"]
    _, posting = await paid(bank, payer, payee, "50000.00", quoteId=quote["id"])

    assert (await reverse(bank, posting)).status == "POSTED"

    assert (await bank.booked(payer), await bank.booked(payee)) == ("100000.00", "0")
    left = "SELECT count(*) FROM (SELECT FROM balances b JOIN accounts a ON a.id = b.account_id WHERE purpose LIKE 'fx%' AND booked_minor <> 0) x"
    assert await bank.value(left) == 0


async def test_what_a_capture_spent_comes_back_and_the_hold_stays_captured(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)
    await ended(bank, "CAPTURED", hold_id, account, 700)
    posting = await bank.value("SELECT id FROM postings WHERE kind = 'payment'")

    assert (await reverse(bank, posting)).status == "POSTED"

    assert await bank.booked(account) == "50.00"
    assert await state(bank, hold_id) == ("CAPTURED", 700, 300)


async def test_a_reversal_against_a_payment_of_the_same_money_has_one_winner(bank: BankUnderTest) -> None:
    other = await another_ledger(bank)
    for _ in range(10):
        payer, payee, third = await bank.account(booked="1000.00"), await bank.account(), await bank.account()
        _, posting = await paid(bank, payer, payee, "100.00")
        reversal, payment = await asyncio.gather(reverse(bank, posting, other), book(bank.services.ledger, moved(payee, third, 10_000)))
        assert sorted([reversal.status, payment.status]) == ["INSUFFICIENT_FUNDS", "POSTED"]
        assert await bank.booked(payee) == "0.00"


async def test_what_was_never_posted_is_not_reversed(bank: BankUnderTest) -> None:
    with pytest.raises(LookupError):
        await reverse(bank, uuid.uuid4())
