"""The request's context: who asks, in which language, on which connection, and what was loaded for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import fields, is_dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from aiodataloader import DataLoader

from kernel.errors import RequestRefused, Unavailable
from models.database import AWAY, Connection
from models.rows import Row
from services.bank import Bank

__all__ = ["Context"]

AnyRow = TypeVar("AnyRow", bound=Row)

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Context:
    """One request of one caller. All its reads go, one after another, over one connection and see one moment.

    A write ends the moment: what is read behind it is read anew.
    """

    def __init__(self, bank: Bank, *, customer_id: UUID | None, language: str) -> None:
        self.bank = bank
        self.language = language
        self.statements = 0
        self._customer_id = customer_id
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._end_snapshot()

    @property
    def signed_in(self) -> bool:
        return self._customer_id is not None

    @property
    def customer_id(self) -> UUID:
        """Who asks.

        Raises:
            RequestRefused: UNAUTHENTICATED; nobody is signed in.
        """
        if self._customer_id is None:
            raise RequestRefused("UNAUTHENTICATED", "sign in first: send an access token", status=401)
        return self._customer_id

    async def fetch(self, sql: str, *arguments: Any, row: type[AnyRow]) -> list[AnyRow]:
        """One statement on the request's connection, in the request's snapshot.

        Raises:
            Unavailable: the database is away, or too many wait for it.
        """
        async with self._turn:
            try:
                if self._connection is None:
                    self._connection = await self._stack.enter_async_context(self.bank.database.reads.connection())
                    await self._connection.execute(SNAPSHOT)
                self.statements += 1
                return await self._connection.fetch(sql, *arguments, record_class=row)
            except AWAY as error:
                raise Unavailable("the database is away") from error

    async def load(self, function: Callable[..., Awaitable[Sequence[Any]]], key: Any, **arguments: Any) -> Any:
        """The value of a set-based `function` for one key; all keys asked for together are loaded by one call."""
        if key is None:
            return None
        loader = self._loader(function, arguments)
        # A sibling's failure cancels this wait; the future is shared with others, who must get their answer.
        return await asyncio.shield(loader.load(key))

    def know(self, function: Callable[..., Awaitable[Sequence[Any]]], rows: Sequence[Any]) -> None:
        """These rows came with a list: who asks `function` for one of them by its id need not load it again."""
        loader = self._loader(function, {})
        for row in rows:
            loader.prime(row.id, row)

    def _loader(self, function: Callable[..., Awaitable[Sequence[Any]]], arguments: dict[str, Any]) -> DataLoader[Any, Any]:
        mark = (function, *((name, _hashable(value)) for name, value in sorted(arguments.items())))
        loader = self._loaders.get(mark)
        if loader is None:

            async def batch(keys: list[Any]) -> list[Any]:
                return list(await function(keys, self, **arguments))

            loader = self._loaders[mark] = DataLoader(batch)
        return loader

    async def wrote(self) -> None:
        """Forget what was loaded: something was written."""
        self._loaders.clear()
        await self._end_snapshot()

    async def _end_snapshot(self) -> None:
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            try:
                # Where the connection is gone, its transaction is gone with it.
                with suppress(*AWAY):
                    await connection.execute("ROLLBACK")
            finally:
                # Nor is it given back whole, which harms nobody: all that was asked for has been read.
                with suppress(Unavailable):
                    await self._stack.aclose()


def _hashable(value: Any) -> Hashable:
    """An argument's value as part of a key: inputs and lists are not hashable themselves."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), tuple(_hashable(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    hashed: Hashable = value
    return hashed
