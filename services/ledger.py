"""The ledger: postings of entries that sum to zero, holds and reversals, each decided once under its key."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kernel import ids
from kernel.clock import Clock
from kernel.errors import TryAgain
from models.database import Database, Pool
from services.decisions import POSTED, Decision, request_hash
from services.lane import Lane
from services.orders import BANK, HoldStep, Leg, Order, Posting, words
from services.packing import POST, packed

__all__ = ["PURPOSES", "SHARDS", "BankAccount", "HoldEnded", "Ledger"]

# What the bank's own accounts are for; each exists in every currency.
PURPOSES = (
    "settlement",  # Where money comes from and goes to outside: the bank's accounts at others.
    "fee_income",
    "vat_payable",
    "stamp_duty_payable",
    "excise_payable",
    "fx_position",
    "fx_spread_income",
    "interest_expense",
    "suspense",
)
SHARDS = 8
RETRY_AFTER = timedelta(seconds=2)

# One twin waited in vain, or the database chose a victim: once more settles it, under the same keys.
_ONCE_MORE = (asyncpg.LockNotAvailableError, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class HoldEnded(Exception):
    """The hold was captured, released or expired before (`status` HOLD_ENDED), or the step does not fit it (`facts`)."""

    def __init__(self, status: str, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {dict(facts)}")
        self.status = status
        self.facts = facts


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """One of the bank's own accounts."""

    id: UUID
    shards: int


class Ledger:
    """Posts orders through one lane, so that those that arrive together share one commit."""

    def __init__(self, pool: Pool, clock: Clock, bank_accounts: Mapping[tuple[str, str], BankAccount], *, calls: int) -> None:
        self._pool = pool
        self._clock = clock
        self._bank_accounts = bank_accounts
        # Each call that is under way has shards of the bank's accounts of its own: calls, and processes, then seldom wait for each
        # other there.
        self._free_shards = [os.getpid() * calls + n for n in range(calls)]
        self._lane: Lane[Order, Decision] = Lane(self._post, wide=calls, apart=Order.apart, touches=Order.touches)

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> Ledger:
        """A ledger that knows the bank's own accounts, with a posting call for each of the pool's connections."""
        async with database.reads.connection() as connection:
            rows = await connection.fetch("SELECT purpose, currency, id, shards FROM accounts WHERE holder_id IS NULL")
        bank_accounts = {(row["purpose"], row["currency"]): BankAccount(id=row["id"], shards=row["shards"]) for row in rows}
        return cls(database.money, clock, bank_accounts, calls=database.posting_calls)

    def bank_leg(self, purpose: str, currency: str, minor: int, *, kind: str, description: str = "") -> Leg:
        """A leg on the bank's own account for `purpose`, whichever of its shards it goes to."""
        account = self._bank_accounts[purpose, currency]
        return Leg(account_id=account.id, shards=account.shards, minor=minor, kind=kind, description=description)

    async def post(self, order: Order) -> Decision:
        """Decide one order, or give what was decided under its key before.

        Nothing that cancels the caller cancels the posting: an answer may be lost, a posting is whole.

        Raises:
            TryAgain: others held what it needed for too long; nothing was decided.
            Unavailable: nothing is known to be decided; the same key may be sent again.

        Source: order of statuses in models/migrations/0010_post_columns.sql.
        """
        return await self._lane.do(order)

    async def drain(self) -> None:
        """Returns when nothing is being posted."""
        await self._lane.drain()

    async def _post(self, orders: Sequence[Order]) -> list[Decision]:
        shard = self._free_shards.pop()
        try:
            arguments = packed(orders, shard=shard)
            async with self._pool.connection() as connection:
                try:
                    rows = await connection.fetch(POST, *arguments)
                except _ONCE_MORE:
                    try:
                        rows = await connection.fetch(POST, *arguments)
                    except _ONCE_MORE as error:
                        retry_after = self._clock.now() + RETRY_AFTER
                        raise TryAgain("this could not be decided in time; send it again with the same key", retry_after=retry_after) from error
        finally:
            self._free_shards.append(shard)
        return [Decision.of(*row) for row in rows]

    async def book(self, *, key: UUID, kind: str, legs: Sequence[Leg], value_date: date, holder_id: UUID = BANK) -> Decision:
        """Post legs that sum to zero per currency, for the bank's own reasons: deposits, interest, corrections."""
        posting = Posting(id=ids.new_posting(), kind=kind, value_date=value_date, legs=legs)
        asked = request_hash(kind, {"legs": [(str(leg.account_id), leg.minor, leg.description) for leg in legs]})
        return await self.post(Order(holder_id=holder_id, key=key, operation=kind, request_hash=asked, subject_id=posting.id, posting=posting))

    async def hold(self, *, key: UUID, account_id: UUID, minor: int, reason: str, expires_at: datetime | None, holder_id: UUID = BANK) -> Decision:
        """Set `minor` > 0 aside; the decision's subject is the hold. Without `expires_at` only a known outcome ends it."""
        hold_id = ids.new()
        step = HoldStep(action="hold", id=hold_id, account_id=account_id, minor=minor, reason=reason, expires_at=expires_at)
        asked = request_hash("hold", {"account": account_id, "minor": minor, "reason": reason, "expires_at": expires_at})
        return await self.post(Order(holder_id=holder_id, key=key, operation="hold", request_hash=asked, subject_id=hold_id, hold=step))

    async def capture(self, *, key: UUID, hold_id: UUID, account_id: UUID, legs: Sequence[Leg], value_date: date, kind: str = "payment") -> UUID:
        """Spend a hold: what the legs take from its account is captured, the rest released. Gives the posting's id.

        Raises:
            HoldEnded: it ended before, or holds less.
        """
        minor = -sum(leg.minor for leg in legs if leg.account_id == account_id)
        posting = Posting(id=ids.new_posting(), kind=kind, value_date=value_date, legs=legs)
        step = HoldStep(action="capture", id=hold_id, account_id=account_id, minor=minor)
        asked = request_hash("capture", {"hold": hold_id, "legs": [(str(leg.account_id), leg.minor) for leg in legs]})
        order = Order(holder_id=BANK, key=key, operation="capture", request_hash=asked, subject_id=posting.id, hold=step, posting=posting)
        return _held(await self.post(order))

    async def release(self, *, key: UUID, hold_id: UUID, account_id: UUID) -> UUID:
        """Give a hold back.

        Raises:
            HoldEnded: it ended before.
        """
        return await self._end("release", key, hold_id, account_id)

    async def expire(self, *, hold_id: UUID, account_id: UUID) -> UUID:
        """Give a hold back because its time has passed; its key is the hold's own, so that many may try.

        Raises:
            HoldEnded: it ended before, or is not due.
        """
        return await self._end("expire", uuid.uuid5(hold_id, "expire"), hold_id, account_id)

    async def _end(self, action: Any, key: UUID, hold_id: UUID, account_id: UUID) -> UUID:
        step = HoldStep(action=action, id=hold_id, account_id=account_id)
        asked = request_hash(action, {"hold": hold_id})
        order = Order(holder_id=BANK, key=key, operation=action, request_hash=asked, subject_id=hold_id, hold=step)
        return _held(await self.post(order))

    async def reverse(self, *, key: UUID, posting_id: UUID, value_date: date, reason: str) -> Decision:
        """Undo a posting by its mirror image, once. ALREADY_REVERSED and INSUFFICIENT_FUNDS are decisions like any other.

        Raises:
            LookupError: there is no such posting.
        """
        async with self._pool.connection() as connection:
            rows = await connection.fetch(ENTRIES_OF_A_POSTING, posting_id)
        if not rows:
            raise LookupError(f"no posting {posting_id}")
        legs = [_mirrored(row, reason) for row in rows]
        posting = Posting(id=ids.new_posting(), kind="reversal", value_date=value_date, legs=legs, reverses_id=posting_id)
        asked = request_hash("reversal", {"posting": posting_id})
        return await self.post(Order(holder_id=BANK, key=key, operation="reversal", request_hash=asked, subject_id=posting.id, posting=posting))


ENTRIES_OF_A_POSTING = """
SELECT e.account_id, e.shard, e.amount_minor, e.counterparty_name, e.counterparty_number, e.payment_id, a.number
  FROM entries e JOIN accounts a ON a.id = e.account_id WHERE e.id > $1 AND e.id <= entry_id($1, 255) ORDER BY e.id
"""


def _mirrored(row: asyncpg.Record, reason: str) -> Leg:
    """An entry's opposite."""
    return Leg(
        account_id=row["account_id"],
        minor=-row["amount_minor"],
        kind="REVERSAL",
        description=reason,
        counterparty_name=row["counterparty_name"],
        counterparty_number=row["counterparty_number"],
        payment_id=row["payment_id"],
        words=None if row["number"] is None else words(row["number"], reason, row["counterparty_name"]),
        shard=row["shard"],
    )


def _held(decision: Decision) -> UUID:
    if decision.status != POSTED or decision.subject_id is None:
        raise HoldEnded(decision.status, decision.facts)
    return decision.subject_id
