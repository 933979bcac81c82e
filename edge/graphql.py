"""GraphQL over HTTP: one request in, one JSON reply out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema
from strawberry.schema.exceptions import CannotGetOperationTypeError

from auth.tokens import Tokens, bearer
from edge.graphiql import asks_for_page
from kernel.errors import RequestRefused, Unavailable
from kernel.messages import negotiate
from resolvers.context import Context
from services.bank import Bank

__all__ = ["BODY_BYTES", "GraphQL"]

BODY_BYTES = 64 * 1024
QUERY_LENGTH = 16 * 1024

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"

log = structlog.get_logger("graphql")


class GraphQL:
    """The endpoint, as a raw ASGI application; `page` is what a browser gets, None where it gets nothing."""

    def __init__(self, schema: Schema, *, page: Callable[[Request], Awaitable[Response]] | None) -> None:
        self._schema = schema
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._page is not None and asks_for_page(request):
            await (await self._page(request))(scope, receive, send)
            return
        media_type = GRAPHQL if GRAPHQL in request.headers.get("accept", "") else JSON
        try:
            asked = await _read(request)
            status, reply, headers = await self._answer(request, asked, media_type)
        except RequestRefused as refused:
            status, headers = refused.status, {}
            reply = {"errors": [{"message": str(refused), "extensions": {"code": refused.code}}]}
        except ClientDisconnect:
            return
        headers |= {"cache-control": "no-store", "vary": "accept, accept-language, authorization"}
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        if status == 405:
            headers["allow"] = "POST"
        await Response(orjson.dumps(reply), status, headers, f"{media_type}; charset=utf-8")(scope, receive, send)

    async def _answer(self, request: Request, asked: Mapping[str, Any], media_type: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        token = bearer(request.headers)
        bank: Bank = request.app.state.bank
        tokens: Tokens = request.app.state.tokens
        customer_id = tokens.verify(token, now=bank.clock.now()).customer_id if token is not None else None
        language = negotiate(request.headers.get("accept-language"))
        headers = {"content-language": language}
        async with Context(bank, customer_id=customer_id, language=language) as context:
            started = time.perf_counter()
            try:
                result = await self._schema.execute(
                    asked["query"], asked.get("variables"), context_value=context, operation_name=asked.get("operationName")
                )
            except CannotGetOperationTypeError as error:
                raise RequestRefused("BAD_REQUEST", "the document has no such operation; name one of its own") from error
            duration_ms = round((time.perf_counter() - started) * 1e3, 1)
            noted = {"operation": asked.get("operationName"), "sql": context.statements, "graphql_ms": duration_ms}
            request.scope.setdefault("state", {})["noted"] = noted
        if not bank.settings.is_production:
            # What a request cost, where a browser's tools show it (W3C Server Timing).
            headers["server-timing"] = f'sql;desc="{context.statements}", graphql;dur={duration_ms}'
        reply: dict[str, Any] = {"data": result.data}
        status = 200
        if result.errors:
            told = [_told(error) for error in result.errors]
            reply = {"errors": [error for _, error in told]} | ({} if _never_ran(result.errors) else reply)
            if result.data is None:
                status = max(status for status, _ in told)
                if status == 503:
                    headers["retry-after"] = "1"
                if status == 400 and media_type == JSON:
                    status = 200  # What the specification asks of the older media type, for a request that was at least GraphQL.
        return status, reply, headers


def _never_ran(errors: Sequence[GraphQLError]) -> bool:
    """Nothing was executed: the document or its variables are at fault, which graphql-core tells without a path."""
    return all(error.path is None for error in errors)


def _told(error: GraphQLError) -> tuple[int, dict[str, Any]]:
    """An HTTP status and the error as a client may see it; nothing internal leaks."""
    formatted: dict[str, Any] = dict(error.formatted)
    match error.original_error:
        case None:
            status, code = 400, "BAD_REQUEST"
        case RequestRefused() as refused:
            status, code = refused.status, refused.code
        case Unavailable() as away:
            log.warning("unavailable", reason=str(away))
            status, code = 503, "UNAVAILABLE"
            formatted["message"] = "a part of the bank is away for a moment; send the same request again"
        case GraphQLError():
            status, code = 400, "BAD_REQUEST"
        case defect:
            log.error("defect", exc_info=defect, path=error.path)
            status, code = 500, "INTERNAL"
            formatted["message"] = "internal error"
    formatted["extensions"] = {"code": code}
    return status, formatted


async def _read(request: Request) -> Mapping[str, Any]:
    """The request's body.

    Raises:
        RequestRefused: BAD_REQUEST; it is no GraphQL request.
    """
    if request.method != "POST":
        raise RequestRefused("BAD_REQUEST", "send a POST request", status=405)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RequestRefused("BAD_REQUEST", f"send {JSON}", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise RequestRefused("BAD_REQUEST", f"a request has at most {BODY_BYTES} bytes", status=413)
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestRefused("BAD_REQUEST", "the body is not JSON") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise RequestRefused("BAD_REQUEST", 'the body is an object with a "query"')
    if not isinstance(asked.get("variables"), dict | None) or not isinstance(asked.get("operationName"), str | None):
        raise RequestRefused("BAD_REQUEST", '"variables" is an object, "operationName" a string')
    if len(asked["query"]) > QUERY_LENGTH:
        raise RequestRefused("QUERY_TOO_COMPLEX", f"a query has at most {QUERY_LENGTH} characters")
    return asked
