"""Holds end once, reversals happen once, whoever comes at the same time.

Method: the bank's own ledger service on a real database; races are calls made together, over two processes' worth of lanes.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import date, timedelta
from uuid import UUID

import pytest

from services.decisions import Decision
from services.ledger import HoldEnded, Ledger
from services.orders import Leg, words
from tests.bank import Account, BankUnderTest
from tests.payments.requests import MAKE, order
from worker.ledger import expire_holds

TODAY = date(2026, 1, 1)


async def held(bank: BankUnderTest, account: Account, minor: int = 1000, minutes: int | None = None) -> UUID:
    """A hold, with or without an expiry."""
    expires_at = None if minutes is None else bank.services.clock.now() + timedelta(minutes=minutes)
    ledger = bank.services.ledger
    decision = await ledger.hold(key=uuid.uuid4(), account_id=account.id, minor=minor, reason="Card", expires_at=expires_at)
    assert decision.subject_id is not None, decision
    return decision.subject_id


def spent(bank: BankUnderTest, account: Account, minor: int) -> list[Leg]:
    """Legs that take money from an account to outside."""
    return [
        Leg(account_id=account.id, minor=-minor, kind="PAYMENT", description="Shop", words=words(account.number, "Shop")),
        bank.services.ledger.bank_leg("settlement", account.currency, minor, kind="PAYMENT"),
    ]


async def state(bank: BankUnderTest, hold_id: UUID) -> tuple[str, int, int]:
    async with bank.owner() as connection:
        row = await connection.fetchrow("SELECT state, captured_minor, released_minor FROM holds WHERE id = $1", hold_id)
    assert row is not None
    return row["state"], row["captured_minor"], row["released_minor"]


async def test_six_holds_of_1000_on_5000_leave_one_refused(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")

    decisions = await asyncio.gather(
        *(bank.services.ledger.hold(key=uuid.uuid4(), account_id=account.id, minor=1000, reason="Card", expires_at=None) for _ in range(6))
    )

    assert sorted(decision.status for decision in decisions) == ["INSUFFICIENT_FUNDS"] + ["POSTED"] * 5


async def test_a_capture_in_part_releases_the_rest(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)

    await bank.services.ledger.capture(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=spent(bank, account, 400), value_date=TODAY)

    assert await state(bank, hold_id) == ("CAPTURED", 400, 600)
    assert await bank.booked(account) == "46.00"
    assert await bank.value("SELECT held_minor FROM balances WHERE account_id = $1", account.id) == 0


async def test_more_than_was_held_is_not_captured(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)

    with pytest.raises(HoldEnded) as refused:
        await bank.services.ledger.capture(
            key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=spent(bank, account, 1001), value_date=TODAY
        )

    assert refused.value.status == "HOLD_EXCEEDED"
    assert refused.value.facts == {"held_minor": 1000}
    assert await state(bank, hold_id) == ("ACTIVE", 0, 0)


async def test_a_hold_ends_once_and_a_retry_of_its_end_is_a_replay(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id, key, ledger = await held(bank, account), uuid.uuid4(), bank.services.ledger

    first = await ledger.release(key=key, hold_id=hold_id, account_id=account.id)
    again = await ledger.release(key=key, hold_id=hold_id, account_id=account.id)
    with pytest.raises(HoldEnded) as refused:
        await ledger.capture(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=spent(bank, account, 1), value_date=TODAY)

    assert first == again == hold_id
    assert refused.value.status == "HOLD_ENDED"
    assert refused.value.facts == {"state": "RELEASED"}
    assert await bank.value("SELECT count(*) FROM hold_events WHERE hold_id = $1", hold_id) == 2


async def test_capture_against_release_has_one_winner(bank: BankUnderTest) -> None:
    account = await bank.account(booked="500.00")
    other = await Ledger.open(bank.services.database, bank.services.clock)
    for _ in range(25):
        hold_id = await held(bank, account, 1000)
        ends = await asyncio.gather(
            bank.services.ledger.capture(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=spent(bank, account, 1000), value_date=TODAY),
            other.release(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id),
            return_exceptions=True,
        )
        assert sum(isinstance(end, HoldEnded) for end in ends) == 1
        assert (await state(bank, hold_id))[0] == ("RELEASED" if isinstance(ends[0], HoldEnded) else "CAPTURED")


async def test_only_a_hold_with_an_expiry_expires_and_not_before_it(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    short, endless = await held(bank, account, minutes=10), await held(bank, account)

    with pytest.raises(HoldEnded, match="HOLD_NOT_DUE"):
        await bank.services.ledger.expire(hold_id=endless, account_id=account.id)
    await bank.advance(timedelta(minutes=11))
    await expire_holds(bank.services)
    await bank.advance(timedelta(days=400))
    await expire_holds(bank.services)

    assert (await state(bank, short))[0] == "EXPIRED"
    assert (await state(bank, endless))[0] == "ACTIVE"


async def test_hold_events_take_versions_of_their_own(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    before = await bank.value("SELECT version FROM balances WHERE account_id = $1", account.id)
    hold_id = await held(bank, account)
    await bank.services.ledger.release(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id)

    assert await bank.value("SELECT version FROM balances WHERE account_id = $1", account.id) == before + 2


async def paid(bank: BankUnderTest, payer: Account, payee: Account, amount: str) -> tuple[str, UUID]:
    """A payment's id at the API, and its posting."""
    made = (await bank.execute(MAKE, order(payer, payee, amount), by=payer.holder))["makePayment"]
    posting = await bank.value("SELECT posting_id FROM payments ORDER BY created_at DESC LIMIT 1")
    return made["payment"]["id"], posting


async def reverse(bank: BankUnderTest, posting: UUID, ledger: Ledger | None = None) -> Decision:
    chosen = ledger or bank.services.ledger
    return await chosen.reverse(key=uuid.uuid4(), posting_id=posting, value_date=TODAY, reason="Mistake")


async def test_a_reversal_undoes_a_payment_with_its_fees_and_both_sides_see_it(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    payment_id, posting = await paid(bank, payer, payee, "100.00")

    decision = await reverse(bank, posting)

    assert decision.status == "POSTED"
    assert await bank.booked(payer) == "1000.00"
    assert await bank.booked(payee) == "0.00"
    shown = await bank.execute("query($id: ID!) { node(id: $id) { ... on Payment { status } } }", {"id": payment_id}, by=payer.holder)
    assert shown["node"]["status"] == "REVERSED"
    assert await bank.value("SELECT reverses_id FROM postings WHERE id = $1", decision.subject_id) == posting


async def test_two_simultaneous_reversals_reverse_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    other = await Ledger.open(bank.services.database, bank.services.clock)

    decisions = await asyncio.gather(reverse(bank, posting), reverse(bank, posting, other), reverse(bank, posting))

    assert sorted(decision.status for decision in decisions) == ["ALREADY_REVERSED", "ALREADY_REVERSED", "POSTED"]
    assert await bank.booked(payer) == "1000.00"


async def test_money_that_was_spent_is_not_taken_back(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    await paid(bank, payee, payer, "50.00")

    decision = await reverse(bank, posting)

    assert decision.status == "INSUFFICIENT_FUNDS"
    assert await bank.booked(payee) == "39.25"


async def test_a_mistake_is_put_right_on_a_frozen_account_too(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    _, posting = await paid(bank, payer, payee, "100.00")
    await bank.set_status(payee, "FROZEN")

    assert (await reverse(bank, posting)).status == "POSTED"


async def test_what_was_never_posted_is_not_reversed(bank: BankUnderTest) -> None:
    with pytest.raises(LookupError):
        await reverse(bank, uuid.uuid4())
