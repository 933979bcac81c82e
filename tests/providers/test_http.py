"""Asking a party: what its answers, its silence and its absence mean.

Method: small parties that each do one thing, over real connections; the breaker's clock is the test's.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kernel.settings import Environment
from providers import PartyUnavailable
from providers.breaker import FAILURES, REST_SECONDS, Breaker
from providers.http import CONNECTIONS, LONGEST_REPLY, LONGEST_WAIT_SECONDS, Party
from providers.simulators import serve, silence


class Away(PartyUnavailable):
    """As a port would call it."""


@asynccontextmanager
async def asking(endpoint: Any) -> AsyncIterator[Party]:
    """A party that does one thing, opened."""
    app = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    async with serve(app, environment=Environment.TEST) as address, Party.open(address, unavailable=Away) as party:
        yield party


async def ask(party: Party, *, timeout_seconds: float = 30.0) -> Any:
    return await party.post("/", timeout_seconds=timeout_seconds, headers={}, form={"a": "b"}, answers={200})


async def refusal(party: Party, *, timeout_seconds: float = 30.0) -> Away:
    with pytest.raises(Away) as away:
        await ask(party, timeout_seconds=timeout_seconds)
    return away.value


class Obedient:
    """A party that answers as it is told, and counts."""

    def __init__(self) -> None:
        self.tell(200)

    def tell(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.status, self.body, self.headers = status, body, {name.replace("_", "-"): value for name, value in headers.items()}
        self.asked = 0

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        return Response(self.body, status_code=self.status, headers=self.headers)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[Obedient, str]]:
    """One server for all tests that only want an answer."""
    obedient = Obedient()
    app = Starlette(routes=[Route("/", obedient.answer, methods=["POST"])])
    async with serve(app, environment=Environment.TEST) as address:
        yield obedient, address


@pytest.fixture
def obedient(served: tuple[Obedient, str]) -> Obedient:
    served[0].tell(200)
    return served[0]


@pytest.fixture
async def party(served: tuple[Obedient, str]) -> AsyncIterator[Party]:
    """The obedient party, as nobody asked it before."""
    async with Party.open(served[1], unavailable=Away) as opened:
        yield opened


@asynccontextmanager
async def raw(conversation: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """A party that does not even keep to HTTP."""

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await conversation(reader, writer)
        writer.close()

    async with await asyncio.start_server(serve_one, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# ---------------------------------------------------------------- answers


async def test_an_answer_is_what_the_json_says(obedient: Obedient, party: Party) -> None:
    obedient.tell(200, b'{"one": [1, "\xc3\xa9"]}')

    assert await ask(party) == {"one": [1, "é"]}


async def test_the_adapter_says_which_statuses_are_answers(obedient: Obedient, party: Party) -> None:
    obedient.tell(409, b'{"no": 1}')

    assert await party.post("/", timeout_seconds=30, headers={}, json={"a": "b"}, answers={200, 409}) == {"no": 1}


@pytest.mark.parametrize(
    ("status", "maybe_done"),
    [
        (201, True),
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (409, True),
        (422, False),
        (429, False),
        (500, True),
        (502, True),
        (503, True),
    ],
)
async def test_only_a_clear_refusal_says_that_nothing_was_done(obedient: Obedient, party: Party, status: int, maybe_done: bool) -> None:
    obedient.tell(status)

    away = await refusal(party)

    assert (str(away), away.maybe_done) == (f"answered {status}", maybe_done)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30), ("0", 0), ("99999", LONGEST_WAIT_SECONDS), ("-1", None), ("1.5", None), ("9" * 100, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
async def test_how_long_to_wait_is_passed_on_within_reason(obedient: Obedient, party: Party, header: str, seconds: int | None) -> None:
    obedient.tell(429, retry_after=header)

    assert (await refusal(party)).retry_after_seconds == seconds


async def test_a_redirect_is_not_followed(obedient: Obedient, party: Party) -> None:
    obedient.tell(307, location="/")

    assert str(await refusal(party)) == "answered 307"
    assert obedient.asked == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>secret</html>", b'{"secret": ', b"\xff", b"[" * 10_000, b'{"secret": "' + b"x" * LONGEST_REPLY + b'"}'],
    ids=["nothing", "html", "half", "no text", "too deep", "too long"],
)
async def test_what_is_not_json_is_no_answer_and_is_not_repeated(obedient: Obedient, party: Party, body: bytes) -> None:
    obedient.tell(200, body)

    away = await refusal(party)

    assert away.maybe_done
    assert "secret" not in "".join(traceback.format_exception(away))
    assert away.__cause__ is None


# ---------------------------------------------------------------- silence and absence


async def test_silence_is_waited_for_no_longer_than_said() -> None:
    async def silent(request: Request) -> Response:
        await request.body()
        await silence(request)
        return Response()

    async with asking(silent) as party:
        assert (await refusal(party, timeout_seconds=0.2)).maybe_done


class Drip:
    """An answer of which a byte comes now and then, and never the last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            continue
        gone = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.wait([gone], timeout=0.02)


async def test_an_answer_that_drips_is_waited_for_no_longer_than_said() -> None:
    async with asking(Drip()) as party:
        assert (await refusal(party, timeout_seconds=0.3)).maybe_done


async def test_a_party_that_hangs_up_may_have_acted_and_is_not_asked_twice() -> None:
    requests: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"a=b"))

    async with raw(hang_up) as address, Party.open(address, unavailable=Away) as party:
        away = await refusal(party)

    assert away.maybe_done
    assert len(requests) == 1


async def test_what_is_no_http_is_no_answer() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"a=b")
        writer.write(b"+OK POP3 server ready\r\n")

    async with raw(babble) as address, Party.open(address, unavailable=Away) as party:
        assert (await refusal(party)).maybe_done


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid"])
async def test_a_party_that_cannot_be_reached_has_not_acted(address: str) -> None:
    async with Party.open(address, unavailable=Away) as party:
        away = await refusal(party)

    assert (str(away), away.maybe_done) == ("cannot be reached", False)


async def test_to_connect_is_tried_again_since_nothing_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="httpcore.connection")

    async with Party.open("http://127.0.0.1:1", unavailable=Away) as party:
        await refusal(party)

    assert [record.message.split()[0] for record in caplog.records].count("connect_tcp.started") == 2


async def test_the_environments_proxy_is_not_asked(served: tuple[Obedient, str], obedient: Obedient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with Party.open(served[1], unavailable=Away) as party:
        assert await ask(party) == {}


# ---------------------------------------------------------------- the pool


async def test_a_crowd_does_not_wait_without_limit_and_leaves_the_pool_whole() -> None:
    arrived = asyncio.Semaphore(0)

    async def silent_for_some(request: Request) -> Response:
        if b"a=b" in await request.body():
            return JSONResponse({})
        arrived.release()
        await silence(request)
        return Response()

    async with asking(silent_for_some) as party:
        crowd = [
            asyncio.create_task(party.post("/", timeout_seconds=30, headers={}, form={"be": "silent"}, answers={200})) for _ in range(CONNECTIONS)
        ]
        for _ in crowd:
            await arrived.acquire()
        away = await refusal(party)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)

        assert (str(away), away.maybe_done) == ("all connections are taken", False)
        assert await asyncio.gather(*(ask(party) for _ in range(CONNECTIONS))) == [{}] * CONNECTIONS


async def test_answers_that_are_cut_short_leave_the_pool_whole(obedient: Obedient, party: Party) -> None:
    obedient.tell(200, b"x" * 100 * LONGEST_REPLY)

    told = {str(await refusal(party)) for _ in range(CONNECTIONS + 1)}

    assert told == {"answered with something else than JSON"}


# ---------------------------------------------------------------- the breaker


async def test_a_sick_party_is_left_alone_and_asked_again_later(served: tuple[Obedient, str], obedient: Obedient) -> None:
    seconds = [0.0]
    async with Party.open(served[1], unavailable=Away, breaker=Breaker(now=lambda: seconds[0])) as party:
        obedient.tell(500)
        for _ in range(FAILURES):
            assert (await refusal(party)).maybe_done
        away = await refusal(party)
        assert (away.maybe_done, obedient.asked) == (False, FAILURES)

        obedient.tell(200)
        assert not (await refusal(party)).maybe_done
        seconds[0] += REST_SECONDS
        assert [await ask(party) for _ in range(2)] == [{}, {}]


async def test_a_party_that_refuses_is_well(obedient: Obedient, party: Party) -> None:
    obedient.tell(429)

    for _ in range(2 * FAILURES):
        await refusal(party)

    assert obedient.asked == 2 * FAILURES


async def test_a_party_that_is_gone_is_left_alone() -> None:
    async with Party.open("http://127.0.0.1:1", unavailable=Away) as party:
        told = [str(await refusal(party)) for _ in range(FAILURES + 1)]

    assert told[-2:] == ["cannot be reached", "left alone for a while, as it did not answer before"]
