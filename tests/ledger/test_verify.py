"""Verify: each kind of damage is found and named.

Method: the owner of a bank does what nobody else can, with the triggers switched off, and the books are asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.embedded import Stores
from services.verify import Finding
from tests.bank import BankUnderTest
from tests.payments.requests import MAKE, order
from worker.ledger import chain

DAMAGE = {
    "an amount": ("UPDATE entries SET amount_minor = amount_minor + 1 WHERE kind = 'TRANSFER' AND amount_minor > 0", "trial balance"),
    "a balance": ("UPDATE balances SET booked_minor = booked_minor + 1 WHERE holder_id IS NOT NULL", "sum of its entries"),
    "a missing entry": ("DELETE FROM entries WHERE kind = 'FEE' AND words IS NOT NULL", "are all there"),
    "a stamp": ("UPDATE entries SET booked_after_minor = 7 WHERE kind = 'TRANSFER'", "stamped"),
    "a gap": ("UPDATE entries SET version = version + 5 WHERE kind = 'TAX' AND words IS NOT NULL", "gapless"),
    "a time": ("UPDATE entries SET booked_at = '2001-01-01' WHERE kind = 'TAX'", "times follow versions"),
    "what is held": ("UPDATE balances SET held_minor = 1 WHERE booked_minor > 100 AND holder_id IS NOT NULL", "sum of the active holds"),
    "a description": ("UPDATE entries SET description = 'Bribe' WHERE kind = 'TRANSFER'", "as it was chained"),
    "a block": ("UPDATE chain_blocks SET hash = sha256('x')", "follows from the one before"),
    "a link": ("DELETE FROM chain_links", "chained, or waits"),
    "a payment": ("DELETE FROM payments", "names a payment that is not there"),
    "a decision": ("DELETE FROM decisions WHERE operation = 'makePayment'", "decided once"),
    "a feed": ("UPDATE feeds SET head = head + 1", "feeds are gapless"),
}


@asynccontextmanager
async def lived_in(stores: Stores, database: str) -> AsyncIterator[BankUnderTest]:
    """A bank with a deposit, a payment with fees, and all of it chained."""
    async with BankUnderTest.open(stores, database) as bank:
        payer, payee = await bank.account(booked="1000.00"), await bank.account()
        await bank.execute(MAKE, order(payer, payee), by=payer.holder)
        await chain(bank.services)
        yield bank


async def test_sound_books_have_no_findings(stores: Stores, database: str) -> None:
    async with lived_in(stores, database) as bank:
        assert await bank.findings() == []


@pytest.mark.parametrize("what", DAMAGE)
async def test_damage_is_found_and_named(stores: Stores, database: str, what: str) -> None:
    sql, told = DAMAGE[what]
    async with lived_in(stores, database) as bank:
        async with bank.owner() as connection:
            for table in ("entries", "decisions", "chain_links", "chain_blocks"):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await connection.execute(sql)
        findings: list[Finding] = await bank.findings()

    assert any(told in f"{finding.rule}: {finding.place}" for finding in findings), findings
