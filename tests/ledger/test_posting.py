"""Posting: whole or not at all, in any order, from many sides at once.

Method: the ledger's own service on a real database, and the database's own rules asked directly.
"""

from __future__ import annotations

import asyncio
import random
import uuid

import asyncpg
import pytest

from kernel.errors import TryAgain
from kernel.money import Money
from services.orders import Leg
from tests.bank import Account, BankUnderTest, copied
from tests.ledger.moves import TODAY, Counters, another_ledger, book, counters, held, leg, moved
from tests.payments.requests import MAKE, order

# What posting writes to; a refusal on the way leaves all of it as it was.
WRITTEN = ("postings", "entries", "decisions", "payments", "holds", "hold_events", "feed_items", "outbox", "limit_counters", "exchanges")


async def written(bank: BankUnderTest) -> list[int]:
    """How many rows there are of all that posting writes, and the sum of all versions."""
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in WRITTEN)
    async with bank.owner() as connection:
        row = await connection.fetchrow(f"SELECT {counts}, (SELECT sum(version) FROM balances), (SELECT sum(head) FROM feeds)")
    assert row is not None
    return [int(value) for value in row.values()]


async def test_legs_that_do_not_sum_to_zero_are_refused_and_leave_nothing(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    legs = [leg(one, -100), leg(two, 99)]
    before = await written(bank)
    key = uuid.uuid4()

    with pytest.raises(asyncpg.RaiseError, match="sum to zero"):
        await book(bank.services.ledger, legs, key)

    assert await written(bank) == before
    # Nothing was decided: the key is free for the posting as it should have been.
    assert (await book(bank.services.ledger, moved(one, two, 100), key)).status == "POSTED"


async def test_legs_in_two_currencies_balance_in_each(bank: BankUnderTest) -> None:
    naira, francs = await bank.account(booked="10.00"), await bank.account(country="SN")
    before = await written(bank)

    with pytest.raises(asyncpg.RaiseError, match="sum to zero"):
        await book(bank.services.ledger, moved(naira, francs, 100))

    assert await written(bank) == before


async def test_a_leg_of_nothing_or_on_no_account_is_a_mistake_and_leaves_nothing(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    nowhere = moved(one, two, 100)
    nowhere[1] = nowhere[1]._replace(account_id=uuid.uuid4())
    before = await written(bank)

    with pytest.raises(asyncpg.CheckViolationError):
        await book(bank.services.ledger, [*moved(one, two, 100), leg(one, 0)])
    with pytest.raises(asyncpg.RaiseError, match="does not exist"):
        await book(bank.services.ledger, nowhere)

    assert await written(bank) == before


async def test_one_bad_order_does_not_fail_those_that_came_with_it(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="1000.00"), await bank.account()
    bad = moved(one, two, 100)
    bad[1] = bad[1]._replace(account_id=uuid.uuid4())
    legs = [moved(one, two, 100), bad, moved(one, two, 100_000_000), moved(one, two, 100)]

    ends = await asyncio.gather(*(book(bank.services.ledger, part) for part in legs), return_exceptions=True)

    told = [end.status if not isinstance(end, BaseException) else type(end).__name__ for end in ends]
    assert told == ["POSTED", "RaiseError", "INSUFFICIENT_FUNDS", "POSTED"]
    assert await bank.booked(two) == "2.00"


async def test_of_a_hundred_the_three_bad_ones_are_refused_and_sent_again_nothing_changes(bank: BankUnderTest) -> None:
    payer, blocked = await bank.account(booked="1000.00"), await bank.account()
    payees = [await bank.account() for _ in range(4)]
    await bank.set_status(blocked, "FROZEN")
    salaries = [(uuid.uuid4(), moved(payer, payees[n % 4], 100)) for n in range(100)]
    salaries[10] = (salaries[10][0], moved(payer, blocked, 100))
    salaries[50] = (salaries[50][0], moved(payer, payees[0], 100_000_000))
    salaries[90] = (salaries[90][0], moved(payees[0], payer, 50_000_000))

    first = await asyncio.gather(*(book(bank.services.ledger, legs, key) for key, legs in salaries))
    after = await written(bank)
    other = await another_ledger(bank)
    again = await asyncio.gather(*(book(other, legs, key) for key, legs in salaries))

    refused = {n: decision.status for n, decision in enumerate(first) if decision.status != "POSTED"}
    assert refused == {10: "ACCOUNT_BLOCKED", 50: "INSUFFICIENT_FUNDS", 90: "INSUFFICIENT_FUNDS"}
    assert [(d.status, d.facts, d.subject_id) for d in again] == [(d.status, d.facts, d.subject_id) for d in first]
    assert all(decision.replayed for decision in again)
    assert await written(bank) == after


async def test_money_that_comes_and_goes_in_one_batch_is_spent_in_the_order_of_asking(bank: BankUnderTest) -> None:
    one, two, three = await bank.account(booked="1.00"), await bank.account(), await bank.account()

    early, come, gone = await asyncio.gather(
        book(bank.services.ledger, moved(two, three, 100)),
        book(bank.services.ledger, moved(one, two, 100)),
        book(bank.services.ledger, moved(two, three, 100)),
    )

    assert [early.status, come.status, gone.status] == ["INSUFFICIENT_FUNDS", "POSTED", "POSTED"]
    assert await bank.booked(three) == "1.00"


async def test_120_crossing_payments_neither_deadlock_nor_lose_a_kobo(bank: BankUnderTest) -> None:
    accounts = [await bank.account(booked="1000.00") for _ in range(4)]
    ledgers = [bank.services.ledger, await another_ledger(bank), await another_ledger(bank)]
    chance = random.Random(7)
    pairs = [chance.sample(accounts, 2) for _ in range(120)]
    before = await deadlocks(bank)

    decisions = await asyncio.gather(*(book(ledgers[n % 3], moved(payer, payee, 100)) for n, (payer, payee) in enumerate(pairs)))

    assert {decision.status for decision in decisions} == {"POSTED"}
    total = await bank.value("SELECT sum(booked_minor) FROM balances WHERE account_id = ANY ($1)", [a.id for a in accounts])
    assert total == 400_000
    assert await deadlocks(bank) == before


async def deadlocks(bank: BankUnderTest) -> int:
    """How often the server has logged one: the ledger tries once more, and would hide it."""
    administrator = await asyncpg.connect(bank.stores.admin_url)
    try:
        return int(await administrator.fetchval("SELECT count(*) FROM regexp_matches(pg_read_file('log'), 'deadlock detected', 'g')"))
    finally:
        await administrator.close()


async def test_120_crossing_payments_with_fees_limits_and_feeds_do_not_deadlock_either(bank: BankUnderTest) -> None:
    accounts = [await bank.account(await bank.customer(tier="BUSINESS"), booked="100000.00") for _ in range(4)]
    chance = random.Random(8)
    pairs = [chance.sample(accounts, 2) for _ in range(120)]
    before = await deadlocks(bank)

    replies = await asyncio.gather(
        *(bank.execute(MAKE, order(payer, payee, "10.00", allowDuplicate=True), by=payer.holder) for payer, payee in pairs)
    )

    assert all(reply["makePayment"]["errors"] == [] for reply in replies)
    total = await bank.value("SELECT sum(booked_minor) FROM balances WHERE account_id = ANY ($1)", [a.id for a in accounts])
    fees = await bank.value("SELECT sum(amount_minor) FROM entries WHERE kind IN ('FEE', 'TAX') AND words IS NOT NULL")
    assert total == 40_000_000 + fees
    assert await deadlocks(bank) == before


@pytest.mark.parametrize("minor", [2_147_483_648, 10**13])
@pytest.mark.parametrize("country", ["SN", "NG", "TN"])
async def test_large_amounts_pass_in_each_scale_to_the_last_unit(bank: BankUnderTest, country: str, minor: int) -> None:
    one, two = await bank.account(country=country), await bank.account(country=country)
    await bank.deposit(one, Money(minor + 1, one.currency).amount)

    decision = await book(bank.services.ledger, moved(one, two, minor))
    shown = await bank.execute("{ viewer { accounts { edges { node { balance { booked { amount currency } } } } } } }", by=two.holder)

    assert decision.status == "POSTED"
    booked = shown["viewer"]["accounts"]["edges"][0]["node"]["balance"]["booked"]
    assert Money.parse(booked["amount"], booked["currency"]) == Money(minor, one.currency)
    assert (await counters(bank, one)).booked == 1


async def test_the_banks_own_accounts_are_the_sum_of_their_shards(bank: BankUnderTest) -> None:
    payers = [await bank.account(booked="100.00") for _ in range(3)]
    ledgers = [await another_ledger(bank) for _ in range(4)]

    def fee(payer: Account, n: int) -> list[Leg]:
        income = bank.services.ledger.bank_leg("fee_income", "NGN", n, kind="FEE")
        return [leg(payer, -n, "FEE"), income._replace(shard=n % 8, shards=1)]  # Each process counts on a shard of its own.

    await asyncio.gather(*(book(ledgers[n % 4], fee(payers[n % 3], n)) for n in range(1, 65)))

    shards = "SELECT b.booked_minor FROM balances b JOIN accounts a ON a.id = b.account_id WHERE a.purpose = 'fee_income' AND a.currency = 'NGN'"
    async with bank.owner() as connection:
        found = [row["booked_minor"] for row in await connection.fetch(f"{shards} ORDER BY b.shard")]
    assert found == [sum(n for n in range(1, 65) if n % 8 == shard) for shard in range(8)]
    assert sum(found) == sum(range(1, 65))


async def test_an_exchange_posts_four_legs_and_the_spread_as_its_own(bank: BankUnderTest) -> None:
    naira, francs = await bank.account(booked="1000.00"), await bank.account(country="SN")
    bank_leg = bank.services.ledger.bank_leg
    legs = [
        leg(naira, -100_000),
        bank_leg("fx_position", "NGN", 99_000, kind="TRANSFER"),
        bank_leg("fx_spread_income", "NGN", 1_000, kind="FEE"),
        bank_leg("fx_position", "XOF", -400, kind="TRANSFER"),
        leg(francs, 400),
    ]
    unbalanced = [*legs[:2], *legs[3:]]

    with pytest.raises(asyncpg.RaiseError, match="sum to zero"):
        await book(bank.services.ledger, unbalanced)
    decision = await book(bank.services.ledger, legs)

    assert (await bank.booked(naira), await bank.booked(francs)) == ("0.00", "400")
    async with bank.owner() as connection:
        totals = await connection.fetch(
            "SELECT currency, sum(amount_minor) AS total, count(*) AS n FROM entries WHERE posting_of(id) = $1 GROUP BY 1 ORDER BY 1",
            decision.subject_id,
        )
    assert [tuple(row) for row in totals] == [("NGN", 0, 3), ("XOF", 0, 2)]


async def test_the_allowance_of_an_overdraft_is_used_to_the_last_kobo(bank: BankUnderTest) -> None:
    account, other = await bank.account(booked="10.00", overdraft_minor=500), await bank.account()

    within = await book(bank.services.ledger, moved(account, other, 1500))
    beyond = await book(bank.services.ledger, moved(account, other, 1))

    assert (within.status, beyond.status) == ("POSTED", "INSUFFICIENT_FUNDS")
    assert beyond.facts["available_minor"] == 0
    assert await counters(bank, account) == Counters(booked=-500, held=0, version=2)


async def test_the_database_refuses_an_overdraft_whatever_the_code_does(bank: BankUnderTest) -> None:
    account = await bank.account(booked="10.00", overdraft_minor=500)
    async with bank.owner() as connection:
        for damage in ("booked_minor = -501", "held_minor = 1501"):
            with pytest.raises(asyncpg.CheckViolationError, match="no_overdraft"):
                await connection.execute(f"UPDATE balances SET {damage} WHERE account_id = $1", account.id)


async def test_nothing_that_was_written_can_be_changed_even_by_the_owner(bank: BankUnderTest) -> None:
    await bank.account(booked="10.00")
    changed = {
        "postings": "kind",
        "entries": "amount_minor",
        "hold_events": "version",
        "decisions": "status",
        "exchanges": "mid_rate",
        "chain_links": "block",
        "chain_blocks": "number",
        "statements": "number",
    }
    before = await written(bank)
    async with bank.owner() as connection:
        for table, column in changed.items():
            for sql in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"UPDATE {table} SET {column} = {column}"):
                with pytest.raises(asyncpg.RestrictViolationError, match="a correction is another posting"):
                    await connection.execute(sql)
    assert await written(bank) == before


async def test_the_application_writes_money_by_the_posting_function_only(bank: BankUnderTest) -> None:
    account = await bank.account(booked="10.00")
    await held(bank, account, 100)
    before = await written(bank)
    tables = ("balances", "entries", "postings", "payments", "holds", "hold_events", "decisions", "feeds", "feed_items", "outbox", "limit_counters")
    refused = [
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in tables),
        *(f"DELETE FROM {table}" for table in tables),
        *(f"TRUNCATE {table}" for table in tables),
        "UPDATE balances SET booked_minor = 10 ^ 9",
        "UPDATE balances SET overdraft_minor = 10 ^ 9",
        "UPDATE entries SET amount_minor = 1",
        "UPDATE payments SET status = 'FAILED'",
        "UPDATE holds SET state = 'RELEASED'",
        "UPDATE feeds SET head = 0",
        "UPDATE limit_counters SET used_minor = 0",
        "UPDATE accounts SET status = 'ACTIVE'",
        "UPDATE customers SET tier = 'BUSINESS'",
        "UPDATE bank_clock SET ahead = '1 day'",
        "DELETE FROM outbox",
        "ALTER TABLE entries DISABLE TRIGGER USER",
        "SELECT open_bank_accounts(ARRAY['mine'], ARRAY['NGN'], 1::smallint)",
        "CREATE TABLE mine (id int)",
        "SET ROLE tallystick_owner",
        "SET session_replication_role = replica",
    ]
    connection = await asyncpg.connect(copied(bank.stores.app_url, bank.database))
    try:
        for sql in refused:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
    finally:
        await connection.close()
    assert await written(bank) == before


async def test_whoever_waits_too_long_for_an_account_is_told_to_try_again_and_nothing_is_decided(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()
    before = await written(bank)
    key = uuid.uuid4()

    async with bank.owner() as connection, connection.transaction():
        await connection.execute("SELECT FROM balances WHERE account_id = $1 FOR UPDATE", one.id)
        with pytest.raises(TryAgain) as told:
            await book(bank.services.ledger, moved(one, two, 100), key)

    assert told.value.facts["retry_after"] > bank.services.clock.now()
    assert await written(bank) == before
    decision = await book(bank.services.ledger, moved(one, two, 100), key)
    assert (decision.status, decision.replayed) == ("POSTED", False)


async def test_a_value_date_may_lie_back_and_the_entry_is_booked_now(bank: BankUnderTest) -> None:
    one, two = await bank.account(booked="10.00"), await bank.account()

    await book(bank.services.ledger, moved(one, two, 100))

    async with bank.owner() as connection:
        row = await connection.fetchrow("SELECT value_date, booked_at, booked_after_minor FROM entries WHERE account_id = $1", two.id)
    assert row is not None
    assert row["value_date"] == TODAY < row["booked_at"].date()
    assert row["booked_after_minor"] == 100
