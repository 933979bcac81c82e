"""Requests: an id for each, and one line in the log."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["RequestLog"]

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9 ._/-]{1,40}", re.ASCII)

log = structlog.get_logger("request")


class RequestLog:
    """Middleware around everything. It notes no address of the client: on mobile networks it tells little and is personal."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        version = headers.get("x-client-version", "")
        sent: dict[str, Any] = {"status": "gone", "bytes": 0}
        started = time.perf_counter()

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            elif message["type"] == "http.response.body":
                sent["bytes"] += len(message.get("body", b""))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, noted_send)
            except Exception as defect:
                log.error("defect", exc_info=defect)
                if sent["status"] == "gone":
                    await _internal_error(noted_send)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path="/statements/…" if scope["path"].startswith("/statements/") else scope["path"],
                    duration_ms=round((time.perf_counter() - started) * 1000, 1),
                    **sent,
                    **scope.get("state", {}).get("noted", {}),
                    **({"client": version} if _VERSION.fullmatch(version) else {}),
                )


async def _internal_error(send: Send) -> None:
    body = orjson.dumps({"errors": [{"message": "internal error", "extensions": {"code": "INTERNAL"}}]})
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
