"""Serving simulators: there while it is wanted, gone afterwards, and never in production.

Method: real servers on ports that the system chooses, asked over HTTP.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kernel.settings import Environment
from providers.simulators import serve, silence


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def silent(request: Request) -> Response:
    request.app.state.asked.set()
    await silence(request)
    request.app.state.left.set()
    return Response()


def app() -> Starlette:
    made = Starlette(routes=[Route("/", hello), Route("/silent", silent)])
    made.state.asked, made.state.left = asyncio.Event(), asyncio.Event()
    return made


async def get(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url, timeout=30)).text


async def test_it_answers_at_once_and_is_gone_afterwards() -> None:
    async with serve(app(), environment=Environment.TEST) as address:
        assert await get(address) == "hello"

    with pytest.raises(httpx.ConnectError):
        await get(address)


async def test_several_are_served_side_by_side_and_a_port_serves_again() -> None:
    async with serve(app(), environment=Environment.DEVELOPMENT) as one, serve(app(), environment=Environment.TEST) as other:
        assert one != other
        assert [await get(one), await get(other)] == ["hello", "hello"]

    async with serve(app(), environment=Environment.TEST, port=int(one.rpartition(":")[2])) as again:
        assert again == one
        assert await get(again) == "hello"


async def test_a_port_that_is_taken_is_told() -> None:
    async with serve(app(), environment=Environment.TEST) as address:
        with pytest.raises(OSError, match="in use"):
            async with serve(app(), environment=Environment.TEST, port=int(address.rpartition(":")[2])):
                pass


async def test_production_has_none() -> None:
    with pytest.raises(ValueError, match="production has no simulators"):
        async with serve(app(), environment=Environment.PRODUCTION):
            pass


async def test_an_error_of_whoever_serves_is_passed_on_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with serve(app(), environment=Environment.TEST):
            raise KeyError("mine")


async def test_signals_stay_with_whoever_serves() -> None:
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]

    async with serve(app(), environment=Environment.TEST) as address:
        await get(address)
        assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before


async def test_silence_ends_when_the_asker_leaves() -> None:
    quiet = app()
    async with serve(quiet, environment=Environment.TEST) as address:
        asker = asyncio.create_task(get(f"{address}/silent"))
        await quiet.state.asked.wait()
        asker.cancel()
        with suppress(asyncio.CancelledError):
            await asker
        async with asyncio.timeout(5):
            await quiet.state.left.wait()


async def test_an_asker_who_waits_for_ever_does_not_keep_a_server_alive() -> None:
    quiet = app()
    async with serve(quiet, environment=Environment.TEST) as address:
        asker = asyncio.create_task(get(f"{address}/silent"))
        await quiet.state.asked.wait()

    async with asyncio.timeout(5):
        assert "hello" not in await asker
