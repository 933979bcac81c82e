"""Health: whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

__all__ = ["routes"]

CHECK_SECONDS = 1.0
KEPT_SECONDS = 1.0
HEADERS = {"cache-control": "no-store"}

Check = Callable[[Request], Awaitable[None]]


def routes(checks: Mapping[str, Check], draining: Callable[[Request], bool]) -> list[BaseRoute]:
    """GET /health/live and /health/ready; `checks` are by the name of what may be away."""
    known: tuple[float, list[str]] = (-KEPT_SECONDS, [])

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"live": True}, headers=HEADERS)

    async def ready(request: Request) -> JSONResponse:
        nonlocal known
        if draining(request):
            return JSONResponse({"ready": False, "draining": True}, 503, HEADERS)
        if time.monotonic() - known[0] >= KEPT_SECONDS:
            found = await asyncio.gather(*(_answers(check, request) for check in checks.values()))
            known = time.monotonic(), [name for name, answers in zip(checks, found, strict=True) if not answers]
        return JSONResponse({"ready": not known[1], "away": known[1]}, 503 if known[1] else 200, HEADERS)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _answers(check: Check, request: Request) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check(request)
    except Exception:
        return False
    return True
