"""Requests: one request as Authlib sees it, with all that belongs to it and to no other."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Request  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload  # type: ignore[import-untyped]

from auth.server.authority import Endpoint
from auth.server.clients import Client, claimed
from auth.server.forms import Form
from auth.server.plans import Plan
from auth.server.records import Snapshot

__all__ = ["Request"]


class Request(OAuth2Request):  # type: ignore[misc]
    """A request that came with this form. What the server has to remember of it stands here: the server is everybody's."""

    def __init__(self, form: Form, *, endpoint: Endpoint, snapshot: Snapshot, authorization: str | None = None) -> None:
        """
        Raises:
            Refused: the client authenticates in more than one way.
        """
        super().__init__("POST", snapshot.authority.url(endpoint), headers={"Authorization": authorization} if authorization else {})
        self.payload = BasicOAuth2Payload(dict(form))
        self.snapshot = snapshot
        self.plans: list[Plan] = []
        self.claim = claimed(form, authorization)

    @property
    def form(self) -> dict[str, Any]:
        return self.payload.data  # type: ignore[no-any-return]

    def find_client(self, client_id: str) -> Client | None:
        """The client that was loaded for this request, if it is the one that is asked for."""
        client = self.snapshot.client
        return client if client is not None and client.id == client_id else None
