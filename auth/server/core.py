"""The core: Authlib's authorization server, one for the process, with nothing of any request in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    AuthorizationServer,
    ClientAuthentication,
    InvalidScopeError,
    OAuth2Error,
)

from auth.server.answers import Refused, unknown_client
from auth.server.clients import Client
from auth.server.grants import S256, CodeGrant, RefreshGrant
from auth.server.plans import RedeemCode, Rotate
from auth.server.records import Authenticated
from auth.server.requests import Request

__all__ = ["CORE", "Core", "refusals"]


class Core(AuthorizationServer):  # type: ignore[misc]
    """Judges requests. What it would save it writes into the plans of the request instead, and what it would mint it leaves to others."""

    def __init__(self) -> None:
        super().__init__()
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)

    def query_client(self, client_id: str) -> None:
        """None: clients are looked up in a request, and the server has none of its own."""

    def authenticate_client(self, request: Request, methods: object, endpoint: str = "token") -> Client:
        """By the one method that the request claims: a request that shows a wrong secret does not pass as one of a public client."""
        client: Client = ClientAuthentication(request.find_client)(request, [request.claim.method], endpoint)
        return client

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def generate_token(self, *, client: Client, scope: str, **_: Any) -> dict[str, str]:
        """A stub: what can be told of a token before the commit is its scope, and that is no more than its client may have by now."""
        kept = client.kept(scope)
        if not kept:
            raise InvalidScopeError
        return {"scope": kept}

    def save_token(self, token: dict[str, str], request: Request) -> None:
        jkt, form = request.snapshot.jkt, request.form
        assert jkt is not None  # The grants refuse before.
        if request.authorization_code is not None:
            limits = request.client.session_limits
            request.plans.append(RedeemCode(code=form["code"], record=request.authorization_code, jkt=jkt, scope=token["scope"], limits=limits))
        else:
            request.plans.append(Rotate(refresh_token=form["refresh_token"], session=request.refresh_token, jkt=jkt, scope=token["scope"]))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what happened is told by the plan."""

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> tuple[int, Any, list[tuple[str, str]]]:
        return status, body, headers

    def handle_error_response(self, request: Request, error: OAuth2Error) -> NoReturn:
        raise _refused(error) from error

    def authorize(self, request: Request, who: Authenticated | None = None) -> str:
        """Check an authorization request, and with `who` plan its code; the scope that is given.

        Raises:
            Refused: without a location.
        """
        with refusals():
            grant = self.get_consent_grant(request)
            if who is not None:
                self.create_authorization_response(request, grant_user=who, grant=grant)
        return str(request.scope)


@contextmanager
def refusals() -> Iterator[None]:
    """What Authlib raises, as a refusal."""
    try:
        yield
    except OAuth2Error as error:
        raise _refused(error) from error
    except ValueError as error:
        # It puts what was sent into its descriptions, and fails where that has a character that a description may not have.
        raise Refused("invalid_request", "a parameter has a character that it may not have") from error


def _refused(error: OAuth2Error) -> Refused:
    if error.error == "invalid_client":
        return unknown_client()
    return Refused(error.error, error.description or error.error.replace("_", " "), status=error.status_code)


CORE = Core()
