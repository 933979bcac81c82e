"""The SMS party as a server of its own: it sends nothing, and shows at `GET /outbox?to=…` what it was to send, newest first.

The reference chooses what goes wrong: `fault:silent`, `fault:server-error`, `fault:down`, `fault:throttled`, `fault:refused`,
`fault:do-not-disturb`, `fault:no-credit`, `fault:no-recipient`, `fault:garbled`, `fault:duplicate`; anything may follow after
another colon. A reference that it has seen gets its first answer again, so a retry after `fault:silent` is answered.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import phonenumbers
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from providers.simulators import silence

__all__ = ["KEPT", "create_app"]

KEPT = 1000  # Messages; the oldest goes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    to: str
    text: str = field(repr=False)
    reference: str
    id: str


class Outbox:
    """What was to be sent."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=KEPT)
        self._numbers = itertools.count(1)

    def keep(self, *, to: str, text: str, reference: str) -> Message:
        message = Message(to=to, text=text, reference=reference, id=f"ATXid_{next(self._numbers):032x}")
        self._messages.appendleft(message)
        return message

    def under(self, reference: str) -> Message | None:
        return next((message for message in self._messages if reference and message.reference == reference), None)

    def to(self, number: str | None) -> list[Message]:
        return [message for message in self._messages if number in (None, message.to)]


def create_app(*, api_key: SecretStr) -> Starlette:
    """A party that lets in whoever has `api_key`."""
    app = Starlette(routes=[Route("/version1/messaging", messaging, methods=["POST"]), Route("/outbox", outbox)])
    app.state.api_key, app.state.outbox = api_key.get_secret_value(), Outbox()
    return app


async def messaging(request: Request) -> Response:
    kept: Outbox = request.app.state.outbox
    if request.headers.get("apikey") != request.app.state.api_key:
        return PlainTextResponse("The supplied authentication is invalid", status_code=401)
    form = dict(parse_qsl((await request.body()).decode()))
    if not {"username", "to", "message"} <= form.keys():
        return PlainTextResponse("Request is missing required form field", status_code=400)
    to, text, reference = form["to"], form["message"], request.headers.get("idempotency-key", "")
    if earlier := kept.under(reference):
        return _told(earlier.to, 101, "Success", earlier.id)
    if not _exists(to):
        return _told(to, 403, "InvalidPhoneNumber")
    match reference.split(":")[:2]:
        case ["fault", "silent"]:
            kept.keep(to=to, text=text, reference=reference)  # It is sent, and nobody is told.
            await silence(request)
            return Response()
        case ["fault", "duplicate"]:
            kept.keep(to=to, text=text, reference=reference)  # The network delivers it twice.
        case ["fault", name] if broken := _broken(name, to):
            return broken
    return _told(to, 101, "Success", kept.keep(to=to, text=text, reference=reference).id)


def _broken(name: str, to: str) -> Response | None:
    match name:
        case "server-error":
            return PlainTextResponse("Internal Server Error", status_code=500)
        case "down":
            return HTMLResponse("<h1>503 Service Unavailable</h1>", status_code=503)
        case "throttled":
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"retry-after": "30"})
        case "refused":
            return _told(to, 406, "UserInBlacklist")
        case "do-not-disturb":
            return _told(to, 409, "DoNotDisturbRejection", status=409)
        case "no-credit":
            return _told(to, 405, "InsufficientBalance")
        case "no-recipient":
            return JSONResponse({"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}, status_code=201)
        case "garbled":
            return JSONResponse({"SMSMessageData": to}, status_code=201)
        case _:
            return None


def _told(to: str, code: int, words: str, message_id: str = "None", *, status: int = 201) -> Response:
    sent = int(code == 101)
    recipient = {"statusCode": code, "number": to, "status": words, "cost": "KES 0.8000" if sent else "0", "messageId": message_id}
    return JSONResponse({"SMSMessageData": {"Message": f"Sent to {sent}/1", "Recipients": [recipient]}}, status_code=status)


def _exists(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


async def outbox(request: Request) -> Response:
    to = request.query_params.get("to")
    # A plus that was not encoded arrives as a space.
    messages = request.app.state.outbox.to(to if to is None else f"+{to.strip(' +')}")
    return JSONResponse([{"to": one.to, "message": one.text, "reference": one.reference, "messageId": one.id} for one in messages])
