"""The way to Valkey: what is asked while a call is under way goes together in the next, over one connection, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import structlog
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError

from auth.sessions.breaker import Breaker
from auth.sessions.library import Library
from kernel.errors import Unavailable

__all__ = ["TIMEOUT_SECONDS", "Store"]

TIMEOUT_SECONDS = 0.15  # For connecting, sending and all answers of one call.
GRACE_SECONDS = 0.03  # The last part of it. When this process was busy for long, what came meanwhile is read in it.
BATCH = 64  # Commands in one call.
ROOM = 4096  # More waiting than this is a second of work: better said now than timed out later.
NO_FUNCTION = "Function not found"
TAKEN = "already exists"

Words: TypeAlias = "tuple[str | int, ...]"
Waiting: TypeAlias = "tuple[Words, asyncio.Future[Any]]"

log = structlog.get_logger("auth.sessions")


class Store:
    """One server, as functions and commands.

    Whatever goes wrong with it is `Unavailable`: that nothing is known is never told as "there is nothing".

    `on_return` is awaited before the first call after a failure: what was decided meanwhile, and is known to the database only, can so
    be applied before anybody relies on the store. It does that through a store of its own.
    """

    def __init__(
        self,
        url: str,
        library: Library,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        on_return: Callable[[], Awaitable[None]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._library = library
        self._on_return = on_return
        self._was_away = False
        self._connection = _connection(url)
        self._timeout_seconds = timeout_seconds
        self._breaker = Breaker(monotonic)
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None

    @property
    def failing_since(self) -> float | None:
        """Since when, by `monotonic`, no call was answered; None while they are."""
        return self._breaker.failing_since

    async def open(self) -> None:
        """Load the functions, where the server does not have them.

        Raises:
            Unavailable
        """
        answer = await self._gathered(("FUNCTION", "LOAD", self._library.source))
        if isinstance(answer, ResponseError) and TAKEN not in str(answer):
            raise _refusal(answer)

    async def call(self, function: str, keys: Sequence[str], *args: str | int) -> Any:
        """What a function of the library answers.

        Raises:
            Unavailable
        """
        return await self.ask("FCALL", self._library.function(function), len(keys), *keys, *args)

    async def ask(self, *words: str | int) -> Any:
        """What the server answers to a command.

        Raises:
            Unavailable
        """
        answer = await self._gathered(words)
        if isinstance(answer, ResponseError):
            raise _refusal(answer)
        return answer

    async def close(self, *, at_once: bool = False) -> None:
        """Answer what waits, unless it has to be at once; then let the connection go."""
        while (work := self._work) is not None and not work.done():
            if at_once:
                work.cancel()
            await asyncio.wait([work])
        for _, future in self._waiting:
            future.cancel()
        await self._connection.disconnect()

    async def _gathered(self, words: Words) -> Any:
        if self._breaker.rests:
            raise Unavailable("the session store rests after failures")
        if len(self._waiting) >= ROOM:
            raise Unavailable("too many wait for the session store")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((words, future))
        if self._work is None or self._work.done():
            # A context of its own: nothing of the request that happened to come first may follow the work of the others.
            self._work = loop.create_task(self._run(), context=contextvars.Context())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._serve([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
        finally:
            self._work = None

    async def _serve(self, batch: list[Waiting]) -> None:
        wanted = [pair for pair in batch if not pair[1].done()]  # Who was cancelled meanwhile asks for nothing.
        if not wanted:
            return
        try:
            if self._breaker.rests:
                raise Unavailable("the session store rests after failures")
            await self._catch_up()
            answers = await self._exchange([words for words, _ in wanted])
        except Exception as error:
            for _, future in wanted:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # Marked as seen: whoever asked may be gone, and that is no defect.
        except BaseException:
            for _, future in wanted:
                future.cancel()
            raise
        else:
            for (_, future), answer in zip(wanted, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _catch_up(self) -> None:
        if self._was_away and self._on_return is not None:
            try:
                await self._on_return()
            except Unavailable:
                self._breaker.failed()
                raise
        self._was_away = False

    async def _exchange(self, commands: list[Words]) -> list[Any]:
        loop = asyncio.get_running_loop()
        try:
            # Not `timeout(seconds)`: after a busy spell that would fire before the answer that is there is read.
            async with asyncio.timeout(None) as limit:
                alarm = loop.call_later(self._timeout_seconds - GRACE_SECONDS, lambda: limit.reschedule(loop.time() + GRACE_SECONDS))
                try:
                    answers = await self._send(commands)
                    await self._send_again_what_was_unknown(commands, answers)
                finally:
                    alarm.cancel()
        except (RedisError, OSError, TimeoutError) as error:
            if self.failing_since is None:
                log.warning("session store away", error=type(error).__name__)
            self._was_away = True
            self._breaker.failed()
            await self._connection.disconnect(nowait=True)
            raise Unavailable("the session store does not answer") from error
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise
        if self.failing_since is not None:
            log.warning("session store back")
        self._breaker.succeeded()
        if any(isinstance(answer, ReadOnlyError | MasterDownError) for answer in answers):
            await self._connection.disconnect(nowait=True)  # A name may stand for another server by now.
        return answers

    async def _send_again_what_was_unknown(self, commands: list[Words], answers: list[Any]) -> None:
        """To a server that was emptied, or started anew: what it does not know it did not do."""
        lost = [at for at, answer in enumerate(answers) if isinstance(answer, ResponseError) and NO_FUNCTION in str(answer)]
        if lost:
            _, *again = await self._send([("FUNCTION", "LOAD", self._library.source), *(commands[at] for at in lost)])
            for at, answer in zip(lost, again, strict=True):
                answers[at] = answer

    async def _send(self, commands: list[Words]) -> list[Any]:
        connection = self._connection
        # An end that came while nothing was asked shows here, before anything is sent that might have to be sent again.
        if connection.is_connected and await connection.can_read():
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_packed_command(b"".join(map(_packed, commands)), check_health=False)
        return [await _answer(connection) for _ in commands]


def _refusal(error: ResponseError) -> Unavailable:
    log.error("the session store refused", error=type(error).__name__, reason=str(error)[:120])
    refusal = Unavailable("the session store refused")
    refusal.__cause__ = error
    return refusal


def _packed(words: Words) -> bytes:
    """A command as it is sent (RESP). The library's way costs twice as much, which is most of what a request costs here."""
    texts = [str(word) for word in words]
    text = f"*{len(texts)}\r\n" + "".join([f"${len(word)}\r\n{word}\r\n" for word in texts])
    if text.isascii():
        return text.encode()
    encoded = [word.encode() for word in texts]
    return b"*%d\r\n" % len(encoded) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded])


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _connection(url: str) -> AbstractConnection:
    """Not connected yet. Time is limited around a whole call: the library's own limits are one for each answer, and swallow a cancel."""
    named: dict[str, Any] = dict(parse_url(url))
    kind = named.pop("connection_class", Connection)
    made: AbstractConnection = kind(
        **named | {"socket_timeout": None, "socket_connect_timeout": None, "retry": Retry(NoBackoff(), 0)},
        decode_responses=True,
        encoding_errors="replace",  # A damaged value spoils what is in it, and not the call.
        protocol=2,
        driver_info=None,
    )
    return made
