"""Asking third parties over HTTP: a pool with limits, one time-out a call, a breaker, and errors that say whether the party may have acted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import orjson

from providers import PartyUnavailable
from providers.breaker import Breaker

__all__ = ["CONNECTIONS", "LONGEST_REPLY", "LONGEST_WAIT_SECONDS", "Party"]

CONNECTIONS = 20
CONNECT_SECONDS = 1.0
POOL_SECONDS = 0.5
# Many servers close an idle connection after 5 s: of a request that crosses with the closing nobody knows whether it was read.
KEPT_SECONDS = 4.0
LONGEST_REPLY = 64 * 1024  # Bytes.
LONGEST_WAIT_SECONDS = 3600  # That a party may ask for.
UNCLEAR = {408, 409}  # Refusals that a party also gives to what it is busy with: a time-out, a conflict.


class Party:
    """One party's API, as its adapter asks it. What has left is never sent again: whoever asked knows whether that does harm."""

    def __init__(self, client: httpx.AsyncClient, breaker: Breaker, unavailable: type[PartyUnavailable]) -> None:
        self._client = client
        self._breaker = breaker
        self._unavailable = unavailable

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, unavailable: type[PartyUnavailable], breaker: Breaker | None = None) -> AsyncIterator[Self]:
        """The API at `url`, for as long as its pool of connections is open; what goes wrong is told as `unavailable`."""
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEPT_SECONDS)
        # The transport tries again to connect, which sends nothing. As it is named here, no proxy of the environment is used.
        transport = httpx.AsyncHTTPTransport(limits=limits, retries=1)
        async with httpx.AsyncClient(base_url=url, transport=transport, headers={"accept": "application/json"}) as client:
            yield cls(client, breaker or Breaker(), unavailable)

    async def post(
        self,
        path: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        answers: Collection[int],
    ) -> Any:
        """What the party says, from JSON, at one of the status codes in `answers`.

        Raises:
            PartyUnavailable: as the port calls it.
        """
        if not self._breaker.allows():
            raise self._unavailable("left alone for a while, as it did not answer before", maybe_done=False)
        request = self._client.build_request("POST", path, headers=headers, data=form, json=json, timeout=_timeout(timeout_seconds))
        try:
            # httpx counts each read and write by itself: a party that drips its answer would be waited for without end.
            async with asyncio.timeout(timeout_seconds):
                response, body = await self._exchange(request)
        except httpx.PoolTimeout as error:  # Our own crowd, which says nothing about the party.
            raise self._unavailable("all connections are taken", maybe_done=False) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._breaker.failed()
            raise self._unavailable("cannot be reached", maybe_done=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            self._breaker.failed()
            raise self._unavailable(f"gave no answer ({type(error).__name__})", maybe_done=True) from error
        return self._answer(response, body, answers)

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LONGEST_REPLY:
                    break
            # Cut short it is no JSON any more, and is told as such.
            return response, bytes(body[:LONGEST_REPLY])
        finally:
            await response.aclose()

    def _answer(self, response: httpx.Response, body: bytes, answers: Collection[int]) -> Any:
        status = response.status_code
        if status >= 500:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        if status not in answers:
            refused = 400 <= status < 500 and status not in UNCLEAR
            raise self._unavailable(f"answered {status}", maybe_done=not refused, retry_after_seconds=_wait(response))
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            # Without its cause, which carries the whole body.
            raise self._unavailable("answered with something else than JSON", maybe_done=True) from None


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds), pool=min(POOL_SECONDS, seconds))


def _wait(response: httpx.Response) -> int | None:
    """What Retry-After says in seconds; a date there (RFC 9110, 10.2.3) would need the party's clock."""
    text = response.headers.get("retry-after", "")
    return min(int(text), LONGEST_WAIT_SECONDS) if text.isdecimal() and len(text) < 10 else None
