"""A lane: calls that arrive while one is under way are gathered and made together by the next (group commit, without a timer)."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from kernel.errors import Unavailable

__all__ = ["Lane"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH = 64  # Larger gained nothing: the time is the rows', not the calls'.
ROOM = 4096  # More waiting than this is a few seconds of work: better said now than timed out later.


class Lane(Generic[Item, Answer]):
    """One call at a time, for up to 64 items; each item gets its own answer, or its own exception.

    `call` answers items in their order. Items that share anything in `apart` never go into one call. A call that fails is made
    again item by item, so that none fails its neighbours; that needs items that may be sent twice. The work runs in a task of its
    own: who waits may be cancelled, the work goes on.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        apart: Callable[[Item], Iterable[Hashable]] = lambda item: (),
    ) -> None:
        self._call = call
        self._apart = apart
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Answer:
        """The answer to one item.

        Raises:
            Unavailable: too many wait, or the call found its store away.
        """
        if len(self._waiting) >= ROOM:
            raise Unavailable("too many wait for this lane")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._work is None:
            # A context of its own: nothing of the request that happened to come first may follow the work of the others.
            self._work = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())
        return await asyncio.shield(future)

    async def drain(self) -> None:
        """Returns when nothing waits any more."""
        while self._work is not None:
            await asyncio.wait([self._work])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._make(self._next_batch())
        finally:
            self._work = None

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        batch: list[tuple[Item, asyncio.Future[Answer]]] = []
        later: list[tuple[Item, asyncio.Future[Answer]]] = []
        taken: set[Hashable] = set()
        while self._waiting and len(batch) < BATCH and len(later) < BATCH:
            pair = self._waiting.popleft()
            marks = set(self._apart(pair[0]))
            if marks & taken:
                later.append(pair)
            else:
                batch.append(pair)
            taken |= marks
        self._waiting.extendleft(reversed(later))
        return batch

    async def _make(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._call([item for item, _ in batch])
        except Unavailable as error:
            for _, future in batch:
                _fail(future, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
            else:
                for pair in batch:
                    await self._make([pair])
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _fail(future: asyncio.Future[Answer], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # Marked as seen: whoever asked may be gone, and that is no defect.
