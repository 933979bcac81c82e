"""Random sequences of everything the ledger does, against a model of a few lines.

Method: hypothesis draws the steps; each example plays on accounts of its own in one bank, and after each step the ledger is compared
with the model: booked, held, version, the state of each hold, and the status of the decision. The steps are the same in each run.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.decisions import Decision
from services.ledger import HoldEnded
from services.orders import Leg
from tests.bank import Account, BankUnderTest
from tests.ledger.moves import TODAY, leg

Call: TypeAlias = "Callable[[], Awaitable[Decision | UUID]]"

AMOUNTS = st.integers(1, 1500)
PLACES = st.integers(0, 2)
CHOICES = st.integers(0, 50)  # Counted from the newest.
WAIT = timedelta(minutes=20)
LIVES = st.sampled_from([None, timedelta(minutes=10), timedelta(minutes=30)])  # Over after one wait, after two, never.
OVERDRAFTS = (0, 0, 700)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deposit"), PLACES, AMOUNTS),
        st.tuples(st.just("transfer"), PLACES, PLACES, AMOUNTS, st.integers(0, 60)),
        st.tuples(st.just("hold"), PLACES, AMOUNTS, LIVES),
        st.tuples(st.just("capture"), CHOICES, st.integers(1, 120)),
        st.tuples(st.just("release"), CHOICES),
        st.tuples(st.just("expire"), CHOICES),
        st.tuples(st.just("wait")),
        st.tuples(st.just("wait")),
        st.tuples(st.just("reverse"), CHOICES),
        st.tuples(st.just("retry"), CHOICES),
        st.tuples(st.just("conflict"), CHOICES),
    ),
    min_size=20,
    max_size=50,
)

# What has to come about, or the examples would show less than they seem to.
OUTCOMES = {
    *((step, "POSTED") for step in ("deposit", "transfer", "hold", "capture", "release", "expire", "reverse", "retry")),
    *((step, "INSUFFICIENT_FUNDS") for step in ("transfer", "hold", "reverse", "retry")),
    *((step, "HOLD_ENDED") for step in ("capture", "release", "expire", "retry")),
    ("capture", "HOLD_EXCEEDED"),
    ("expire", "HOLD_NOT_DUE"),
    ("reverse", "ALREADY_REVERSED"),
    ("conflict", "IDEMPOTENCY_CONFLICT"),
}


@dataclass
class Hold:
    id: UUID
    place: int
    minor: int
    waits: int | None  # Until it is due; None: never.
    state: str = "ACTIVE"
    captured: int = 0


@dataclass
class Model:
    """What should be: three accounts, their holds, and what could be reversed, by account."""

    booked: list[int] = field(default_factory=lambda: [0, 0, 0])
    held: list[int] = field(default_factory=lambda: [0, 0, 0])
    version: list[int] = field(default_factory=lambda: [0, 0, 0])
    holds: list[Hold] = field(default_factory=list)
    postings: list[tuple[UUID, list[tuple[int, int]]]] = field(default_factory=list)
    reversed: set[UUID] = field(default_factory=set)

    def free(self, place: int) -> int:
        return self.booked[place] - self.held[place] + OVERDRAFTS[place]

    def covers(self, moves: list[tuple[int, int]]) -> bool:
        """Whether each account that gives money has enough, with all that it gets by the same posting."""
        givers = {place for place, minor in moves if minor < 0}
        return all(self.free(place) + sum(minor for at, minor in moves if at == place) >= 0 for place in givers)

    def book(self, moves: list[tuple[int, int]]) -> None:
        for place, minor in moves:
            self.booked[place] += minor
            self.version[place] += 1

    def set_aside(self, place: int, minor: int) -> None:
        self.held[place] += minor
        self.version[place] += 1


class Play:
    """Does each step on the ledger and on the model."""

    def __init__(self, bank: BankUnderTest, accounts: list[Account], seen: Counter[tuple[str, str]]) -> None:
        self.bank, self.accounts, self.model, self.seen = bank, accounts, Model(), seen
        self.ledger = bank.services.ledger
        self.asked: list[tuple[Call, tuple[str, UUID | None]]] = []
        self.keys: list[tuple[UUID, list[Leg]]] = []

    async def ask(self, step: str, wanted: str, call: Call, *, final: bool = True) -> UUID | None:
        """Make a call, expect its status, and keep it to be made again; what came of it."""
        status, subject = await told(call)
        assert status == wanted, step
        self.seen[step, status] += 1
        if final:
            self.asked.append((call, (status, subject)))
        return subject

    def legs(self, moves: list[tuple[int, int]]) -> list[Leg]:
        """Legs of what moves on the three accounts; the rest goes to or comes from outside."""
        outside = -sum(minor for _, minor in moves)
        own = [leg(self.accounts[place], minor) for place, minor in moves]
        return own + ([self.ledger.bank_leg("settlement", self.accounts[0].currency, outside, kind="TRANSFER")] if outside else [])

    async def post(self, step: str, moves: list[tuple[int, int]]) -> None:
        key, legs = uuid.uuid4(), self.legs(moves)
        wanted = "POSTED" if self.model.covers(moves) else "INSUFFICIENT_FUNDS"
        posting = await self.ask(step, wanted, lambda: self.ledger.book(key=key, kind="transfer", legs=legs, value_date=TODAY))
        self.keys.append((key, legs))
        if posting is not None:
            self.model.book(moves)
            self.model.postings.append((posting, moves))

    async def deposit(self, place: int, minor: int) -> None:
        await self.post("deposit", [(place, minor)])

    async def transfer(self, payer: int, payee: int, minor: int, fee: int) -> None:
        if payer != payee:
            await self.post("transfer", [(payer, -minor), (payee, minor), *([(payer, -fee)] if fee else [])])

    async def hold(self, place: int, minor: int, life: timedelta | None) -> None:
        key, account_id = uuid.uuid4(), self.accounts[place].id
        expires_at = None if life is None else self.bank.services.clock.now() + life
        wanted = "POSTED" if self.model.free(place) >= minor else "INSUFFICIENT_FUNDS"
        id = await self.ask(
            "hold", wanted, lambda: self.ledger.hold(key=key, account_id=account_id, minor=minor, reason="Card", expires_at=expires_at)
        )
        if id is not None:
            self.model.holds.append(Hold(id=id, place=place, minor=minor, waits=None if life is None else 1 + life // WAIT))
            self.model.set_aside(place, minor)

    async def capture(self, choice: int, percent: int) -> None:
        if not self.model.holds:
            return
        hold = self.chosen(choice)
        minor = -(-hold.minor * percent // 100)
        key, moves, account_id = uuid.uuid4(), [(hold.place, -minor)], self.accounts[hold.place].id
        legs = self.legs(moves)
        wanted = "HOLD_ENDED" if hold.state != "ACTIVE" else "HOLD_EXCEEDED" if minor > hold.minor else "POSTED"
        posting = await self.ask(
            "capture", wanted, lambda: self.ledger.capture(key=key, hold_id=hold.id, account_id=account_id, legs=legs, value_date=TODAY)
        )
        if posting is not None:
            self.end(hold, "CAPTURED", captured=minor)
            self.model.book(moves)
            self.model.postings.append((posting, moves))

    async def release(self, choice: int) -> None:
        if not self.model.holds:
            return
        hold, key = self.chosen(choice), uuid.uuid4()
        account_id = self.accounts[hold.place].id
        wanted = "POSTED" if hold.state == "ACTIVE" else "HOLD_ENDED"
        if await self.ask("release", wanted, lambda: self.ledger.release(key=key, hold_id=hold.id, account_id=account_id)):
            self.end(hold, "RELEASED")

    async def expire(self, choice: int) -> None:
        if not self.model.holds:
            return
        hold = self.chosen(choice)
        account_id = self.accounts[hold.place].id
        due = hold.waits is not None and hold.waits <= 0
        # The key is the hold's own: whoever expires it again hears that it is done.
        wanted = {"ACTIVE": "POSTED" if due else "HOLD_NOT_DUE", "EXPIRED": "POSTED"}.get(hold.state, "HOLD_ENDED")
        call: Call = lambda: self.ledger.expire(hold_id=hold.id, account_id=account_id)  # noqa: E731  Kept, and made again.
        if await self.ask("expire", wanted, call, final=wanted != "HOLD_NOT_DUE") and hold.state == "ACTIVE":
            self.end(hold, "EXPIRED")

    def chosen(self, choice: int) -> Hold:
        return self.model.holds[-1 - choice % len(self.model.holds)]

    def end(self, hold: Hold, state: str, *, captured: int = 0) -> None:
        hold.state, hold.captured = state, captured
        self.model.set_aside(hold.place, -hold.minor)

    async def wait(self) -> None:
        await self.bank.advance(WAIT)
        for hold in self.model.holds:
            hold.waits = None if hold.waits is None else hold.waits - 1

    async def reverse(self, choice: int) -> None:
        if not self.model.postings:
            return
        original, moves = self.model.postings[-1 - choice % len(self.model.postings)]
        key, back = uuid.uuid4(), [(place, -minor) for place, minor in moves]
        wanted = "ALREADY_REVERSED" if original in self.model.reversed else "POSTED" if self.model.covers(back) else "INSUFFICIENT_FUNDS"
        call: Call = lambda: self.ledger.reverse(key=key, posting_id=original, value_date=TODAY, reason="Mistake")  # noqa: E731
        if await self.ask("reverse", wanted, call):
            self.model.reversed.add(original)
            self.model.book(back)

    async def retry(self, choice: int) -> None:
        if self.asked:
            call, answer = self.asked[-1 - choice % len(self.asked)]
            assert await told(call) == answer
            self.seen["retry", answer[0]] += 1

    async def conflict(self, choice: int) -> None:
        if self.keys:
            key, legs = self.keys[-1 - choice % len(self.keys)]
            other = [*legs[:-1], legs[-1]._replace(description="another")]
            await self.ask(
                "conflict",
                "IDEMPOTENCY_CONFLICT",
                lambda: self.ledger.book(key=key, kind="transfer", legs=other, value_date=TODAY),
            )

    async def compare(self) -> None:
        accounts, model = [account.id for account in self.accounts], self.model
        async with self.bank.services.database.jobs.connection() as connection:
            balances = await connection.fetch(
                "SELECT account_id, booked_minor, held_minor, version FROM balances WHERE account_id = ANY ($1)", accounts
            )
            holds = await connection.fetch("SELECT id, state, captured_minor, released_minor FROM holds WHERE account_id = ANY ($1)", accounts)
        found = {row["account_id"]: tuple(row)[1:] for row in balances}
        assert [found[id] for id in accounts] == list(zip(model.booked, model.held, model.version, strict=True))
        assert {row["id"]: tuple(row)[1:] for row in holds} == {
            hold.id: (hold.state, hold.captured, 0 if hold.state == "ACTIVE" else hold.minor - hold.captured) for hold in model.holds
        }


async def told(call: Call) -> tuple[str, UUID | None]:
    """The status of a call and what came of it, whichever way it is told."""
    try:
        answer = await call()
    except HoldEnded as refused:
        return refused.status, None
    return (answer.status, answer.subject_id) if isinstance(answer, Decision) else ("POSTED", answer)


async def test_the_ledger_does_what_a_model_of_a_few_lines_does(bank: BankUnderTest) -> None:
    loop = asyncio.get_running_loop()
    seen: Counter[tuple[str, str]] = Counter()

    @settings(
        max_examples=120,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=STEPS, country=st.sampled_from(["NG", "SN", "TN"]))
    def played(steps: list[tuple[Any, ...]], country: str) -> None:
        async def play() -> None:
            game = Play(bank, [await bank.account(country=country, overdraft_minor=overdraft) for overdraft in OVERDRAFTS], seen)
            for name, *arguments in [("deposit", place, 2000) for place in range(3)] + steps:
                await getattr(game, name)(*arguments)
                await game.compare()

        asyncio.run_coroutine_threadsafe(play(), loop).result()

    # Hypothesis calls a plain function, which waits for the loop: so it waits in a thread of its own.
    await asyncio.to_thread(played)

    assert OUTCOMES - seen.keys() == set()
