"""The ledger's moves, as its tests make them: a transfer, a hold and its ends, and a look at what is there then."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from services.decisions import Decision
from services.ledger import HoldEnded, Ledger
from services.orders import Leg, words
from tests.bank import Account, BankUnderTest

__all__ = ["TODAY", "Counters", "another_ledger", "book", "counters", "ended", "held", "leg", "moved", "spent", "state"]

TODAY = date(2026, 1, 1)


def leg(account: Account, minor: int, kind: str = "TRANSFER") -> Leg:
    """One entry of a customer's account."""
    return Leg(account_id=account.id, minor=minor, kind=kind, description=kind, words=words(account.number, kind))


def moved(payer: Account, payee: Account, minor: int) -> list[Leg]:
    """Legs of a transfer."""
    return [leg(payer, -minor), leg(payee, minor)]


def spent(bank: BankUnderTest, account: Account, minor: int) -> list[Leg]:
    """Legs that take money from an account to outside."""
    return [leg(account, -minor, "PAYMENT"), bank.services.ledger.bank_leg("settlement", account.currency, minor, kind="PAYMENT")]


async def another_ledger(bank: BankUnderTest) -> Ledger:
    """A ledger with a lane of its own: to the database it is another process."""
    return await Ledger.open(bank.services.database, bank.services.clock)


async def book(ledger: Ledger, legs: Sequence[Leg], key: UUID | None = None) -> Decision:
    return await ledger.book(key=key or uuid.uuid4(), kind="transfer", legs=legs, value_date=TODAY)


async def held(bank: BankUnderTest, account: Account, minor: int = 1000, minutes: int | None = None) -> UUID:
    """A new hold, with or without an expiry."""
    expires_at = None if minutes is None else bank.services.clock.now() + timedelta(minutes=minutes)
    decision = await bank.services.ledger.hold(key=uuid.uuid4(), account_id=account.id, minor=minor, reason="Card", expires_at=expires_at)
    return decision.accepted()


async def ended(bank: BankUnderTest, how: str, hold_id: UUID, account: Account, minor: int, ledger: Ledger | None = None) -> str:
    """Try to end a hold, under a key of its own; the state that it then has, or the status of the refusal."""
    chosen = ledger or bank.services.ledger
    try:
        match how:
            case "CAPTURED":
                legs = spent(bank, account, minor)
                await chosen.capture(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id, legs=legs, value_date=TODAY)
            case "RELEASED":
                await chosen.release(key=uuid.uuid4(), hold_id=hold_id, account_id=account.id)
            case _:
                await chosen.expire(hold_id=hold_id, account_id=account.id)
    except HoldEnded as refused:
        return refused.status
    return how


async def state(bank: BankUnderTest, hold_id: UUID) -> tuple[str, int, int]:
    """A hold's state, and what of it was captured and released."""
    async with bank.owner() as connection:
        row = await connection.fetchrow("SELECT state, captured_minor, released_minor FROM holds WHERE id = $1", hold_id)
    assert row is not None
    return row["state"], row["captured_minor"], row["released_minor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    booked: int
    held: int
    version: int


async def counters(bank: BankUnderTest, account: Account) -> Counters:
    """What the ledger counts on an account."""
    async with bank.owner() as connection:
        row = await connection.fetchrow("SELECT booked_minor, held_minor, version FROM balances WHERE account_id = $1", account.id)
    assert row is not None
    return Counters(booked=row["booked_minor"], held=row["held_minor"], version=row["version"])
