"""Holds set money aside and end once, whoever comes at the same time.

Method: the bank's own ledger service on a real database; races are calls made together, over several ledgers as several processes have.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger import HoldEnded
from tests.bank import Account, BankUnderTest
from tests.ledger.moves import TODAY, Counters, another_ledger, book, counters, ended, held, moved, spent, state
from worker.ledger import expire_holds

ENDS = ("CAPTURED", "RELEASED", "EXPIRED")

BALANCES = """
{ viewer { accounts(first: 5) { edges { node {
    version balance { available { amount } booked { amount } held { amount } version } holds { amount { amount } }
} } } } }
"""


async def test_six_holds_of_1000_on_5000_leave_one_refused(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    ledgers = [bank.services.ledger, await another_ledger(bank), await another_ledger(bank)]

    decisions = await asyncio.gather(
        *(ledgers[n % 3].hold(key=uuid.uuid4(), account_id=account.id, minor=1000, reason="Card", expires_at=None) for n in range(6))
    )

    assert sorted(decision.status for decision in decisions) == ["INSUFFICIENT_FUNDS"] + ["POSTED"] * 5
    refused = next(decision for decision in decisions if decision.subject_id is None)
    assert refused.facts == {"available_minor": 0, "currency": "NGN", "account_id": str(account.id)}
    assert await counters(bank, account) == Counters(booked=5000, held=5000, version=6)


async def test_a_capture_in_full_spends_the_hold(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)

    assert await ended(bank, "CAPTURED", hold_id, account, 1000) == "CAPTURED"

    assert await state(bank, hold_id) == ("CAPTURED", 1000, 0)
    assert await counters(bank, account) == Counters(booked=4000, held=0, version=4)


async def test_a_capture_in_part_releases_the_rest(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)

    assert await ended(bank, "CAPTURED", hold_id, account, 400) == "CAPTURED"

    assert await state(bank, hold_id) == ("CAPTURED", 400, 600)
    assert await counters(bank, account) == Counters(booked=4600, held=0, version=4)


async def test_a_capture_of_the_last_kobo_held_needs_nothing_more_on_the_account(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 5000)

    assert await ended(bank, "CAPTURED", hold_id, account, 5000) == "CAPTURED"

    assert await counters(bank, account) == Counters(booked=0, held=0, version=4)


async def test_more_than_was_held_is_not_captured_and_the_hold_stays(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000)

    with pytest.raises(HoldEnded) as refused:
        await bank.services.ledger.capture(
            key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=spent(bank, account, 1001), value_date=TODAY
        )

    assert refused.value.status == "HOLD_EXCEEDED"
    assert refused.value.facts == {"held_minor": 1000}
    assert await state(bank, hold_id) == ("ACTIVE", 0, 0)
    assert await ended(bank, "CAPTURED", hold_id, account, 1000) == "CAPTURED"


@pytest.mark.parametrize("first", ENDS)
async def test_a_hold_ends_once_and_whoever_comes_later_is_told_how(bank: BankUnderTest, first: str) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, 1000, minutes=10)
    await bank.advance(timedelta(minutes=11))

    assert await ended(bank, first, hold_id, account, 700) == first
    after = await counters(bank, account)
    for later in ("CAPTURED", "RELEASED"):
        assert await ended(bank, later, hold_id, account, 700) == "HOLD_ENDED"
    with pytest.raises(HoldEnded) as refused:
        await bank.services.ledger.release(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id)
    # The expiry has one key a hold: where it was the one that ended it, it is a replay.
    assert await ended(bank, "EXPIRED", hold_id, account, 0) == ("EXPIRED" if first == "EXPIRED" else "HOLD_ENDED")

    assert refused.value.facts == {"state": first}
    assert (await state(bank, hold_id))[0] == first
    assert await counters(bank, account) == after


async def test_a_retry_of_each_step_is_a_replay(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    ledger, legs = bank.services.ledger, spent(bank, account, 300)
    keys = [uuid.uuid4() for _ in range(4)]

    async def steps() -> list[UUID]:
        first = await ledger.hold(key=keys[0], account_id=account.id, minor=1000, reason="Card", expires_at=None)
        second = await ledger.hold(key=keys[1], account_id=account.id, minor=500, reason="Card", expires_at=None)
        captured = await ledger.capture(key=keys[2], hold_id=first.accepted(), account_id=account.id, legs=legs, value_date=TODAY)
        released = await ledger.release(key=keys[3], hold_id=second.accepted(), account_id=account.id)
        return [first.accepted(), second.accepted(), captured, released]

    once = await steps()
    after = await counters(bank, account)
    again = await steps()

    assert again == once
    assert await counters(bank, account) == after == Counters(booked=4700, held=0, version=6)


async def test_a_key_that_held_one_amount_does_not_hold_another(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    key, ledger = uuid.uuid4(), bank.services.ledger
    await ledger.hold(key=key, account_id=account.id, minor=1000, reason="Card", expires_at=None)

    decision = await ledger.hold(key=key, account_id=account.id, minor=1001, reason="Card", expires_at=None)

    assert decision.status == "IDEMPOTENCY_CONFLICT"
    assert (await counters(bank, account)).held == 1000


async def test_capture_release_and_expiry_at_the_same_time_have_one_winner(bank: BankUnderTest) -> None:
    account = await bank.account(booked="5000.00")
    ledgers = [bank.services.ledger, await another_ledger(bank), await another_ledger(bank)]
    holds = [await held(bank, account, 1000, minutes=10) for _ in range(50)]
    await bank.advance(timedelta(minutes=11))
    captured = 0

    for n, hold_id in enumerate(holds):
        # Each comes first in turn.
        order = [ENDS[(n + place) % 3] for place in range(3)]
        found = await asyncio.gather(*(ended(bank, how, hold_id, account, 1000, ledgers[ENDS.index(how)]) for how in order))
        assert sorted(found)[:3].count("HOLD_ENDED") == 2, found
        winner = next(how for how in found if how != "HOLD_ENDED")
        assert (await state(bank, hold_id))[0] == winner
        captured += winner == "CAPTURED"

    after = await counters(bank, account)
    assert (after.held, after.booked) == (0, 500_000 - captured * 1000)


async def test_two_captures_at_the_same_time_spend_once(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    other = await another_ledger(bank)
    hold_id = await held(bank, account, 1000)

    found = await asyncio.gather(
        *(ended(bank, "CAPTURED", hold_id, account, 1000, ledger) for ledger in (bank.services.ledger, other, bank.services.ledger, other))
    )

    assert sorted(found) == ["CAPTURED"] + ["HOLD_ENDED"] * 3
    assert (await counters(bank, account)).booked == 4000


async def test_only_a_hold_with_an_expiry_expires_and_not_before_it(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    short, endless = await held(bank, account, minutes=10), await held(bank, account)

    await expire_holds(bank.services)
    assert (await state(bank, short))[0] == "ACTIVE"
    await bank.advance(timedelta(minutes=11))
    await expire_holds(bank.services)
    await bank.advance(timedelta(days=400))
    await expire_holds(bank.services)

    assert await state(bank, short) == ("EXPIRED", 0, 1000)
    assert (await state(bank, endless))[0] == "ACTIVE"
    assert await ended(bank, "EXPIRED", endless, account, 0) == "HOLD_NOT_DUE"
    assert await ended(bank, "CAPTURED", endless, account, 1000) == "CAPTURED"


async def test_who_comes_too_early_does_not_keep_a_hold_from_expiring(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    hold_id = await held(bank, account, minutes=10)

    assert await ended(bank, "EXPIRED", hold_id, account, 0) == "HOLD_NOT_DUE"
    await bank.advance(timedelta(minutes=11))
    await expire_holds(bank.services)

    assert (await state(bank, hold_id))[0] == "EXPIRED"


async def test_several_workers_expire_each_hold_once(bank: BankUnderTest) -> None:
    account = await bank.account(booked="500.00")
    holds = [await held(bank, account, 100, minutes=1) for _ in range(30)]
    await bank.advance(timedelta(minutes=2))

    await asyncio.gather(*(expire_holds(bank.services) for _ in range(4)))

    assert {(await state(bank, hold_id))[0] for hold_id in holds} == {"EXPIRED"}
    assert await bank.value("SELECT count(*) FROM hold_events WHERE kind = 'expire'") == 30
    assert (await counters(bank, account)).held == 0


async def test_a_hold_is_not_ended_on_an_account_that_is_not_its_own(bank: BankUnderTest) -> None:
    one, other = await bank.account(booked="50.00"), await bank.account(booked="50.00")
    hold_id, _ = await held(bank, one, 1000), await held(bank, other, 1000)

    for how in ("CAPTURED", "RELEASED"):
        with pytest.raises(asyncpg.RaiseError, match="another account"):
            await ended(bank, how, hold_id, other, 1000)

    assert (await state(bank, hold_id))[0] == "ACTIVE"
    assert (await counters(bank, other)).held == 1000


@pytest.mark.parametrize("minor", [0, -5])
async def test_a_hold_of_nothing_or_less_is_a_mistake_and_leaves_nothing(bank: BankUnderTest, minor: int) -> None:
    account = await bank.account(booked="50.00")

    with pytest.raises(asyncpg.CheckViolationError):
        await held(bank, account, minor)

    assert await counters(bank, account) == Counters(booked=5000, held=0, version=1)


async def test_what_is_held_is_neither_paid_nor_held_again(bank: BankUnderTest) -> None:
    account, other = await bank.account(booked="50.00", overdraft_minor=500), await bank.account()
    await held(bank, account, 4500)

    too_much = await book(bank.services.ledger, moved(account, other, 1001))
    rest = await book(bank.services.ledger, moved(account, other, 1000))

    assert too_much.facts["available_minor"] == 1000
    assert (too_much.status, rest.status) == ("INSUFFICIENT_FUNDS", "POSTED")
    assert await counters(bank, account) == Counters(booked=4000, held=4500, version=3)


async def test_a_blocked_account_holds_nothing_new_and_gives_back_what_it_held(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    released, expired = await held(bank, account), await held(bank, account, minutes=10)
    await bank.set_status(account, "FROZEN")
    await bank.advance(timedelta(minutes=11))

    refused = await bank.services.ledger.hold(key=uuid.uuid4(), account_id=account.id, minor=1, reason="Card", expires_at=None)

    assert (refused.status, refused.facts) == ("ACCOUNT_BLOCKED", {"account_id": str(account.id)})
    assert await ended(bank, "RELEASED", released, account, 0) == "RELEASED"
    assert await ended(bank, "EXPIRED", expired, account, 0) == "EXPIRED"
    assert (await counters(bank, account)).held == 0


async def test_hold_events_and_entries_share_one_row_of_versions(bank: BankUnderTest) -> None:
    account, other = await bank.account(booked="50.00"), await bank.account()
    first, second = await held(bank, account, 1000), await held(bank, account, 500)
    await book(bank.services.ledger, moved(account, other, 100))
    await ended(bank, "CAPTURED", first, account, 400)
    await ended(bank, "RELEASED", second, account, 0)

    async with bank.owner() as connection:
        events = await connection.fetch(
            "SELECT version, kind, held_minor, held_after_minor FROM hold_events WHERE account_id = $1 ORDER BY version", account.id
        )
        entries = await connection.fetch("SELECT version, booked_after_minor FROM entries WHERE account_id = $1 ORDER BY version", account.id)

    assert [tuple(event) for event in events] == [
        (2, "hold", 1000, 1000),
        (3, "hold", 500, 1500),
        (5, "capture", -1000, 500),
        (7, "release", -500, 0),
    ]
    assert [tuple(entry) for entry in entries] == [(1, 5000), (4, 4900), (6, 4500)]


async def test_available_is_booked_less_held_in_each_reply_while_holds_come_and_go(bank: BankUnderTest) -> None:
    account = await bank.account(booked="1000.00")
    seen: list[dict[str, Any]] = []
    busy = True

    async def holding(minor: int, looks: int) -> None:
        for n in range(9):
            hold_id = await held(bank, account, minor)
            until = len(seen) + looks
            while len(seen) < until:  # Somebody looks while it is there, and at another moment for each.
                await asyncio.sleep(0)
            await ended(bank, "CAPTURED" if n % 3 == 0 else "RELEASED", hold_id, account, minor // 2)

    async def reading() -> None:
        version = 0
        while busy:
            data = await bank.execute(BALANCES, by=account.holder)
            node = data["viewer"]["accounts"]["edges"][0]["node"]
            assert node["version"] == node["balance"]["version"]
            assert int(node["version"]) >= version
            version = int(node["version"])
            seen.append(node)

    readers = [asyncio.create_task(reading()) for _ in range(3)]
    await asyncio.gather(holding(1001, 1), holding(2002, 2), holding(5005, 5))
    busy = False
    await asyncio.gather(*readers)

    for node in seen:
        told = {name: Decimal(node["balance"][name]["amount"]) for name in ("available", "booked", "held")}
        assert told["available"] == told["booked"] - told["held"]
        assert told["held"] == sum(Decimal(hold["amount"]["amount"]) for hold in node["holds"])
    assert len({node["balance"]["held"]["amount"] for node in seen}) > 2
    assert len({node["version"] for node in seen}) > 5


async def test_a_hold_and_its_end_tell_the_holders_feed(bank: BankUnderTest) -> None:
    account = await bank.account(booked="50.00")
    before = await feed(bank, account)
    hold_id = await held(bank, account)
    await ended(bank, "RELEASED", hold_id, account, 0)

    assert (await feed(bank, account))[len(before) :] == [("HOLD", hold_id)] * 2


async def feed(bank: BankUnderTest, account: Account) -> list[tuple[str, UUID]]:
    """What changed for an account's holder, in order."""
    async with bank.owner() as connection:
        rows = await connection.fetch("SELECT type, object_id FROM feed_items WHERE holder_id = $1 ORDER BY number", account.holder.id)
    return [(row["type"], row["object_id"]) for row in rows]
