"""Serving simulators: each is a real HTTP server on this machine, reached by the same adapter as the real party."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request

from kernel.settings import Environment

__all__ = ["serve", "silence"]

DRAIN_SECONDS = 1


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for whoever serves us."""
        yield


@asynccontextmanager
async def serve(app: Starlette, *, environment: Environment, port: int = 0) -> AsyncIterator[str]:
    """The address of `app`, served on loopback by this process; port 0 is one that the system chooses.

    Raises:
        ValueError: in production, where a simulator would swallow what customers wait for.
        OSError: the port is taken.
    """
    if environment is Environment.PRODUCTION:
        raise ValueError("production has no simulators")
    # It listens from here on: whoever calls before the server is up waits a moment, and is not refused.
    listener = socket.create_server(("127.0.0.1", port))
    # No access log: addresses of requests have phone numbers in them.
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_SECONDS)
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), context=contextvars.Context())
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def silence(request: Request) -> None:
    """No answer: returns when the asker has gone. The request's body was read before."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
