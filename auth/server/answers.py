"""Answers: what an endpoint of the authorization server sends, and how it refuses (RFC 6749, 5.2 and 4.1.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

__all__ = ["NO_STORE", "Answer", "Refused", "redirect", "unavailable", "unknown_client"]

Headers = tuple[tuple[str, str], ...]

NO_STORE: Headers = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
SEE_OTHER = 303  # Not 302 or 307: a form with a password must never be sent on to the client (RFC 9700, 4.12).


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent; `body` is JSON, and None where there is none."""

    status: int
    body: Mapping[str, Any] | None
    headers: Headers = NO_STORE


class Refused(Exception):
    """A request that ends here. Without a location it is JSON to a client, and a page to a person in a browser."""

    def __init__(self, error: str, description: str, *, status: int = 400, headers: Headers = (), location: str | None = None) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers = headers
        self.location = location

    def sent_to(self, uri: str, *, state: str | None, issuer: str) -> Refused:
        """The same refusal, told to the client by way of the browser; only ever to a redirect URI that is registered for it."""
        told = {"error": self.error, "error_description": self.description} | ({"state": state} if state else {}) | {"iss": issuer}
        return Refused(self.error, self.description, location=_with(uri, told))

    def answer(self) -> Answer:
        """As it is sent."""
        if self.location is not None:
            return _see(self.location)
        return Answer(status=self.status, body={"error": self.error, "error_description": self.description}, headers=NO_STORE + self.headers)


def redirect(uri: str, parameters: Mapping[str, str]) -> Answer:
    """On to the client, with these parameters in the query."""
    return _see(_with(uri, parameters))


def unavailable(retry_after_seconds: int) -> Answer:
    """For a store that is away. Never `invalid_grant`: an app would throw its tokens away."""
    body = {"error": "temporarily_unavailable", "error_description": "try again later"}
    return Answer(status=503, body=body, headers=(*NO_STORE, ("Retry-After", str(retry_after_seconds))))


def unknown_client() -> Refused:
    """One refusal for an unknown client, a wrong secret, and a method that is not the client's: none can be told from another."""
    challenge = ("WWW-Authenticate", 'Basic realm="authorization server"')
    return Refused("invalid_client", "the client could not be authenticated", status=401, headers=(challenge,))


def _see(location: str) -> Answer:
    return Answer(status=SEE_OTHER, body=None, headers=(*NO_STORE, ("Location", location)))


def _with(uri: str, parameters: Mapping[str, str]) -> str:
    # Appended and not taken apart and put together again: what is registered comes out byte for byte.
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"
