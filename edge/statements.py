"""Statements as documents, at the addresses that the API gives."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from kernel.errors import DomainError, NotFound, Unavailable
from kernel.messages import negotiate
from services.bank import Bank

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """GET /statements/{address}.pdf and .csv."""
    return [Route("/statements/{address}.pdf", _pdf), Route("/statements/{address}.csv", _csv)]


async def _pdf(request: Request) -> Response:
    return await _document(request, "pdf")


async def _csv(request: Request) -> Response:
    return await _document(request, "csv")


async def _document(request: Request, form: Literal["pdf", "csv"]) -> Response:
    bank: Bank = request.app.state.bank
    headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    try:
        document = await bank.statements.issue(request.path_params["address"], form)
    except Unavailable:
        return _refused("UNAVAILABLE", "a part of the bank is away for a moment; try again", 503, headers | {"retry-after": "1"})
    except DomainError as refusal:
        told = refusal.told_in(negotiate(request.headers.get("accept-language")))
        return _refused(told.code.value, told.message, 404 if isinstance(refusal, NotFound) else 410, headers)
    headers["content-disposition"] = f'attachment; filename="{document.name}"'
    return Response(document.content, media_type=document.media_type, headers=headers)


def _refused(code: str, message: str, status: int, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status, headers)
