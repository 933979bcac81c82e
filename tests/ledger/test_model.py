"""Random sequences of everything the ledger does, against a model of a few lines.

Method: hypothesis draws the steps; each example plays on accounts of its own in one bank, and after each step the ledger is
compared with the model: booked, held, version, and the status of the decision.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.decisions import Decision
from services.ledger import HoldEnded
from services.orders import Leg, words
from tests.bank import Account, BankUnderTest

TODAY = date(2026, 1, 1)
AMOUNTS = st.integers(min_value=1, max_value=1500)
PLACES = st.integers(min_value=0, max_value=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deposit"), PLACES, AMOUNTS),
        st.tuples(st.just("transfer"), PLACES, PLACES, AMOUNTS, st.integers(0, 60)),
        st.tuples(st.just("hold"), PLACES, AMOUNTS),
        st.tuples(st.just("capture"), PLACES, AMOUNTS),
        st.tuples(st.just("release"), PLACES),
        st.tuples(st.just("reverse"), PLACES),
        st.tuples(st.just("retry"), PLACES),
        st.tuples(st.just("conflict"), PLACES),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Model:
    """What should be: three accounts, their holds, and the transfers that could be reversed."""

    booked: list[int] = field(default_factory=lambda: [0, 0, 0])
    held: list[int] = field(default_factory=lambda: [0, 0, 0])
    version: list[int] = field(default_factory=lambda: [0, 0, 0])
    holds: list[tuple[UUID, int, int]] = field(default_factory=list)
    ended: list[tuple[UUID, int, int]] = field(default_factory=list)
    transfers: list[tuple[UUID, int, int, int, int]] = field(default_factory=list)
    reversed: set[UUID] = field(default_factory=set)
    decided: list[tuple[UUID, list[Leg], str]] = field(default_factory=list)

    def free(self, place: int) -> int:
        return self.booked[place] - self.held[place]


class Play:
    """Does each step on the ledger and on the model."""

    def __init__(self, bank: BankUnderTest, accounts: list[Account]) -> None:
        self.bank, self.accounts, self.model = bank, accounts, Model()
        self.ledger = bank.services.ledger

    def leg(self, place: int, minor: int, kind: str = "TRANSFER") -> Leg:
        account = self.accounts[place]
        return Leg(account_id=account.id, minor=minor, kind=kind, description=kind, words=words(account.number, kind))

    def outside(self, minor: int, purpose: str = "settlement") -> Leg:
        return self.ledger.bank_leg(purpose, self.accounts[0].currency, minor, kind="TRANSFER")

    async def post(self, legs: list[Leg], wanted: str) -> Decision:
        key = uuid.uuid4()
        decision = await self.ledger.book(key=key, kind="transfer", legs=legs, value_date=TODAY)
        assert decision.status == wanted
        self.model.decided.append((key, legs, wanted))
        return decision

    async def deposit(self, place: int, minor: int) -> None:
        await self.post([self.leg(place, minor), self.outside(-minor)], "POSTED")
        self.model.booked[place] += minor
        self.model.version[place] += 1

    async def transfer(self, payer: int, payee: int, minor: int, fee: int) -> None:
        if payer == payee:
            return
        legs = [self.leg(payer, -minor), self.leg(payee, minor)]
        if fee:
            legs += [self.leg(payer, -fee, "FEE"), self.outside(fee, "fee_income")]
        wanted = "POSTED" if self.model.free(payer) >= minor + fee else "INSUFFICIENT_FUNDS"
        decision = await self.post(legs, wanted)
        if wanted != "POSTED":
            assert decision.facts["available_minor"] == self.model.free(payer)
            return
        self.move(payer, payee, minor, fee)
        assert decision.subject_id is not None
        self.model.transfers.append((decision.subject_id, payer, payee, minor, fee))

    def move(self, payer: int, payee: int, minor: int, fee: int) -> None:
        self.model.booked[payer] -= minor + fee
        self.model.booked[payee] += minor
        self.model.version[payer] += 1 + bool(fee)
        self.model.version[payee] += 1

    async def hold(self, place: int, minor: int) -> None:
        wanted = "POSTED" if self.model.free(place) >= minor else "INSUFFICIENT_FUNDS"
        decision = await self.ledger.hold(key=uuid.uuid4(), account_id=self.accounts[place].id, minor=minor, reason="Card", expires_at=None)
        assert decision.status == wanted
        if decision.subject_id is not None:
            self.model.holds.append((decision.subject_id, place, minor))
            self.model.held[place] += minor
            self.model.version[place] += 1

    async def capture(self, choice: int, minor: int) -> None:
        chosen, active = self.some_hold(choice)
        if chosen is None:
            return
        id, place, size = chosen
        legs = [self.leg(place, -minor, "PAYMENT"), self.outside(minor)]
        wanted = "HOLD_ENDED" if not active else "HOLD_EXCEEDED" if minor > size else "POSTED"
        call = self.ledger.capture(key=uuid.uuid4(), hold_id=id, account_id=self.accounts[place].id, legs=legs, value_date=TODAY)
        await self.end(call, wanted, chosen, captured=minor)

    async def release(self, choice: int) -> None:
        chosen, active = self.some_hold(choice)
        if chosen is not None:
            call = self.ledger.release(key=uuid.uuid4(), hold_id=chosen[0], account_id=self.accounts[chosen[1]].id)
            await self.end(call, "POSTED" if active else "HOLD_ENDED", chosen, captured=0)

    def some_hold(self, choice: int) -> tuple[tuple[UUID, int, int] | None, bool]:
        listed = self.model.holds + self.model.ended
        chosen = listed[choice % len(listed)] if listed else None
        return chosen, chosen in self.model.holds

    async def end(self, call: Any, wanted: str, chosen: tuple[UUID, int, int], *, captured: int) -> None:
        try:
            await call
            status = "POSTED"
        except HoldEnded as refused:
            status = refused.status
        assert status == wanted
        if status == "POSTED":
            self.model.holds.remove(chosen)
            self.model.ended.append(chosen)
            self.model.held[chosen[1]] -= chosen[2]
            self.model.booked[chosen[1]] -= captured
            self.model.version[chosen[1]] += 1 + bool(captured)

    async def reverse(self, choice: int) -> None:
        if not self.model.transfers:
            return
        id, payer, payee, minor, fee = self.model.transfers[choice % len(self.model.transfers)]
        wanted = "ALREADY_REVERSED" if id in self.model.reversed else "POSTED" if self.model.free(payee) >= minor else "INSUFFICIENT_FUNDS"
        decision = await self.ledger.reverse(key=uuid.uuid4(), posting_id=id, value_date=TODAY, reason="Mistake")
        assert decision.status == wanted
        if wanted == "POSTED":
            self.model.reversed.add(id)
            self.model.booked[payer] += minor + fee
            self.model.booked[payee] -= minor
            self.model.version[payer] += 1 + bool(fee)
            self.model.version[payee] += 1

    async def retry(self, choice: int) -> None:
        if self.model.decided:
            key, legs, status = self.model.decided[choice % len(self.model.decided)]
            decision = await self.ledger.book(key=key, kind="transfer", legs=legs, value_date=TODAY)
            assert (decision.status, decision.replayed) == (status, True)

    async def conflict(self, choice: int) -> None:
        if self.model.decided:
            key, legs, _ = self.model.decided[choice % len(self.model.decided)]
            other = [*legs[:-1], Leg(**legs[-1] | {"description": "another"})]
            decision = await self.ledger.book(key=key, kind="transfer", legs=other, value_date=TODAY)
            assert decision.status == "IDEMPOTENCY_CONFLICT"

    async def compare(self) -> None:
        async with self.bank.services.database.jobs.connection() as connection:
            rows = await connection.fetch(
                "SELECT account_id, booked_minor, held_minor, version FROM balances WHERE account_id = ANY ($1)", [a.id for a in self.accounts]
            )
        found = {row["account_id"]: (row["booked_minor"], row["held_minor"], row["version"]) for row in rows}
        model = self.model
        assert [found[a.id] for a in self.accounts] == list(zip(model.booked, model.held, model.version, strict=True))


async def test_the_ledger_does_what_a_model_of_a_few_lines_does(bank: BankUnderTest) -> None:
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=STEPS, country=st.sampled_from(["NG", "SN", "TN"]))
    def played(steps: list[tuple[Any, ...]], country: str) -> None:
        async def play() -> None:
            game = Play(bank, [await bank.account(country=country) for _ in range(3)])
            for name, *arguments in steps:
                await getattr(game, name)(*arguments)
                await game.compare()

        asyncio.run_coroutine_threadsafe(play(), loop).result()

    # Hypothesis calls a plain function, which waits for the loop: so it waits in a thread of its own.
    await asyncio.to_thread(played)
