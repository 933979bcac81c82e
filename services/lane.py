"""A lane: calls that arrive while one is under way are gathered and made together by the next (group commit, without a timer)."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from kernel.errors import Unavailable

__all__ = ["Lane"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH = 64  # Larger gained nothing: the time is the rows', not the calls'.
ROOM = 4096  # More waiting than this is a few seconds of work: better said now than timed out later.


@dataclass(slots=True)  # Not frozen: each payment makes one, and setting a frozen one's fields costs three times as much.
class _Waiting(Generic[Item, Answer]):
    item: Item
    future: asyncio.Future[Answer]
    apart: set[Hashable]
    touches: set[Hashable]


class Lane(Generic[Item, Answer]):
    """At most `wide` calls at a time, each for up to 64 items; each item gets its own answer, or its own exception.

    `call` answers items in their order. Items that share anything in `apart` never go into one call. Items that share anything in
    `touches` never go into two calls at once, where one would only wait for the other's locks; they keep their order. A call that
    fails is made again item by item, so that none fails its neighbours; that needs items that may be sent twice. The work runs in
    tasks of its own: who waits may be cancelled, the work goes on.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        wide: int = 1,
        apart: Callable[[Item], Iterable[Hashable]] = lambda item: (),
        touches: Callable[[Item], Iterable[Hashable]] = lambda item: (),
    ) -> None:
        self._call = call
        self._wide = wide
        self._apart = apart
        self._touches = touches
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._touched: set[Hashable] = set()  # By the calls that are under way.
        self._inside = 0  # Items in these calls.
        self._calls: set[asyncio.Task[None]] = set()
        self._starts = False  # It is about to.

    async def do(self, item: Item) -> Answer:
        """The answer to one item.

        Raises:
            Unavailable: too many wait, or the call found its store away.
        """
        if len(self._waiting) >= ROOM:
            raise Unavailable("too many wait for this lane")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future, set(self._apart(item)), set(self._touches(item))))
        if not self._starts:
            # Behind whatever arrives in this same moment, which then is of the first call.
            self._starts = True
            asyncio.get_running_loop().call_soon(self._start)
        return await future  # Its own: who is cancelled here cancels nothing else.

    async def drain(self) -> None:
        """Returns when nothing waits any more."""
        while self._calls or self._waiting:
            await (asyncio.wait(self._calls) if self._calls else asyncio.sleep(0))

    def _start(self) -> None:
        """Begin as many calls as there is room for."""
        self._starts = False
        while self._waiting and len(self._calls) < self._wide and (batch := self._next_batch()):
            touched = set[Hashable]().union(*(one.touches for one in batch))
            self._touched |= touched
            self._inside += len(batch)
            # A context of its own: nothing of the request that happened to come first may follow the work of the others.
            task = asyncio.get_running_loop().create_task(self._make(batch), context=contextvars.Context())
            self._calls.add(task)
            task.add_done_callback(partial(self._done, touched, len(batch)))

    def _done(self, touched: set[Hashable], count: int, task: asyncio.Task[None]) -> None:
        self._touched -= touched
        self._inside -= count
        self._calls.discard(task)
        self._start()

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        # A fair share: what one call took whole would come back whole, and leave the other calls idle for ever. But what shares something
        # with this call comes along, since no other could take it meanwhile.
        share = -(-(len(self._waiting) + self._inside) // self._wide)
        batch: list[_Waiting[Item, Answer]] = []
        later: list[_Waiting[Item, Answer]] = []
        ours: set[Hashable] = set()
        taken: set[Hashable] = set()
        blocked = set(self._touched)
        while self._waiting and len(batch) < BATCH and len(later) < BATCH:
            one = self._waiting.popleft()
            is_free = one.touches.isdisjoint(blocked) and one.apart.isdisjoint(taken)
            if is_free and (len(batch) < share or not one.touches.isdisjoint(ours)):
                batch.append(one)
                ours |= one.touches
            else:
                later.append(one)
                blocked |= one.touches  # Who comes behind it stays behind it.
            taken |= one.apart
        self._waiting.extendleft(reversed(later))
        return batch

    async def _make(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers = await self._call([one.item for one in batch])
        except Unavailable as error:
            for one in batch:
                _fail(one.future, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0].future, error)
            else:
                for one in batch:
                    await self._make([one])
        else:
            for one, answer in zip(batch, answers, strict=True):
                if not one.future.done():
                    one.future.set_result(answer)


def _fail(future: asyncio.Future[Answer], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # Marked as seen: whoever asked may be gone, and that is no defect.
