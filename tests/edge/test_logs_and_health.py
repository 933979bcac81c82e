"""The request log and health: one line a request and nothing personal in it; ready only while the stores answer.

Method: the real middleware and logging around a small application, and the text that they write.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge import health
from edge.requests import RequestLog
from kernel import logs
from kernel.settings import Environment, Settings

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjdXNfMSJ9.c2lnbmF0dXJl"
PRODUCTION: dict[str, Any] = {
    "env": Environment.PRODUCTION,
    "key_set": '{"keys": []}',
    "sealing_keys": "A" * 43 + "=",
    "database_url": "postgres://x",
    "redis_url": "redis://x",
    "issuer": "https://bank.test",
    "base_url": "https://bank.test",
}


@pytest.fixture(params=["production", "development"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged, in each of the two forms."""
    logs.configure(Settings(**PRODUCTION) if request.param == "production" else Settings())
    text = io.StringIO()
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    structlog.configure(cache_logger_on_first_use=False)
    yield text
    logs.configure(Settings(env=Environment.TEST, log_level="WARNING"))


@asynccontextmanager
async def client(*routes: Route) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=list(routes), middleware=[Middleware(RequestLog)])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://bank.test") as opened:
        yield opened


async def ok(request: Request) -> Response:
    request.scope.setdefault("state", {})["noted"] = {"operation": "HomeScreen", "sql": 6}
    return Response("fine")


async def broken(request: Request) -> Response:
    raise ValueError(f"phone +2348012345678 and {TOKEN}\nDETAIL: Key (phone)=(+2348012345678)")


async def test_a_request_is_one_line_without_query_headers_or_address(written: io.StringIO) -> None:
    async with client(Route("/graphql", ok)) as opened:
        await opened.get("/graphql?token=abc&phone=+2348012345678", headers={"authorization": f"Bearer {TOKEN}"})

    text = written.getvalue()
    assert text.count("\n") == 1
    for secret in ("abc", "2348012345678", TOKEN, "127.0.0.1", "Bearer"):
        assert secret not in text
    assert "HomeScreen" in text


async def test_production_writes_json(written: io.StringIO) -> None:
    async with client(Route("/graphql", ok)) as opened:
        reply = await opened.get("/graphql")

    line = written.getvalue()
    if line.startswith("{"):
        told: dict[str, Any] = json.loads(line)
        assert told["status"] == 200
        assert told["bytes"] == 4
        assert told["request_id"] == reply.headers["x-request-id"]


async def test_a_defect_is_told_without_its_values_and_answered_without_a_word(written: io.StringIO) -> None:
    async with client(Route("/broken", broken)) as opened:
        reply = await opened.get("/broken")

    assert reply.status_code == 500
    assert reply.json() == {"errors": [{"message": "internal error", "extensions": {"code": "INTERNAL"}}]}
    text = written.getvalue()
    assert "ValueError" in text
    assert "2348012345678" not in text
    assert TOKEN not in text
    assert "DETAIL" not in text


async def test_addresses_of_statements_are_not_written(written: io.StringIO) -> None:
    async with client(Route("/statements/{address}.pdf", ok)) as opened:
        await opened.get("/statements/c2VjcmV0.pdf")

    assert "c2VjcmV0" not in written.getvalue()


@pytest.mark.parametrize(("given", "kept"), [("phone-1234", True), ("short", False), ("x" * 65, False), ("bad id with space", False)])
async def test_a_sane_request_id_is_kept_and_any_other_replaced(given: str, kept: bool) -> None:
    async with client(Route("/", ok)) as opened:
        reply = await opened.get("/", headers={"x-request-id": given})

    assert (reply.headers["x-request-id"] == given) is kept


async def test_ready_follows_the_stores_and_draining(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"away": False, "draining": False}

    async def check(request: Request) -> None:
        if state["away"]:
            raise OSError("postgres://user:secret@host is away")

    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    async with client(*health.routes({"postgresql": check}, lambda request: state["draining"])) as opened:  # type: ignore[arg-type]
        well = await opened.get("/health/ready")
        state["away"] = True
        ill = await opened.get("/health/ready")
        alive = await opened.get("/health/live")
        state |= {"away": False, "draining": True}
        leaving = await opened.get("/health/ready")

    assert (well.status_code, ill.status_code, alive.status_code, leaving.status_code) == (200, 503, 200, 503)
    assert ill.json() == {"ready": False, "away": ["postgresql"]}
    assert "secret" not in ill.text
