"""The GraphiQL page: HTML that names its scripts, styles and settings, and the policy that lets nothing else run."""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse

from edge.graphiql.assets import url
from edge.graphiql.demo import Tab

__all__ = ["asks_for_page", "new_nonce", "page", "page_headers", "page_response"]

NONCE_BYTES = 18
# A weight of zero says "anything but this".
_ACCEPTS_HTML = re.compile(r"text/html(;(?!q=0(\.0*)?$).*)?")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
# In this order: React before what is built on it, our start last.
_SCRIPTS = ("vendored/react.production.min.js", "vendored/react-dom.production.min.js", "vendored/graphiql.min.js", "start.js")
_STYLES = ("vendored/graphiql.min.css", "start.css")
_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tallystick GraphiQL</title>
<link rel="icon" type="image/svg+xml" href="{icon}">
{styles}
<script type="application/json" id="settings">{settings}</script>
{scripts}
</head>
<body>
<div id="graphiql"><p class="waiting">GraphiQL is starting; it needs JavaScript.</p></div>
</body>
</html>
"""


def new_nonce() -> str:
    """An unguessable value for one page and its policy."""
    return secrets.token_urlsafe(NONCE_BYTES)


def page(*, endpoint: str, tabs: Sequence[Tab], headers: Mapping[str, str] | None, nonce: str) -> bytes:
    """The page, which must be sent with `page_headers` of the same nonce.

    `endpoint` is a path on this server; `headers` are what the headers editor starts with.

    Raises:
        ValueError: the endpoint is not a path on this server, or the nonce is not one of `new_nonce`.
    """
    _check_nonce(nonce)
    if not endpoint.startswith("/") or endpoint.startswith("//"):
        raise ValueError("the endpoint is a path on this server, such as /graphql")
    settings = {
        "endpoint": endpoint,
        "headers": None if headers is None else dict(headers),
        "tabs": [{"query": tab.query, "variables": tab.variables} for tab in tabs],
    }
    return _HTML.format(
        icon=html.escape(url("icon.svg")),
        styles="\n".join(f'<link rel="stylesheet" href="{html.escape(url(file))}" nonce="{nonce}">' for file in _STYLES),
        settings=_as_data(settings),
        scripts="\n".join(f'<script defer src="{html.escape(url(file))}" nonce="{nonce}"></script>' for file in _SCRIPTS),
    ).encode()


def page_headers(nonce: str) -> dict[str, str]:
    """The headers that go with `page`.

    Scripts and styles run only with the nonce. GraphiQL needs no inline script and no eval; its style sheet holds its fonts and two images as
    data, and it shows images that a reply or the schema's descriptions name, which `img-src` keeps to this server.
    """
    _check_nonce(nonce)
    policy = (
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'",
        f"style-src 'nonce-{nonce}'",
        "font-src data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        # It can hold a token, and its nonce is for one use.
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }


def page_response(*, endpoint: str, tabs: Sequence[Tab], headers: Mapping[str, str] | None) -> HTMLResponse:
    """The page and its headers under a fresh nonce, ready to send."""
    nonce = new_nonce()
    return HTMLResponse(page(endpoint=endpoint, tabs=tabs, headers=headers, nonce=nonce), headers=page_headers(nonce))


def asks_for_page(request: Request) -> bool:
    """Whether a browser wants to see the page: it opens the address and accepts HTML, which no GraphQL client does."""
    if request.method not in ("GET", "HEAD") or "query" in request.query_params:
        return False
    accepted = (part.lower().replace(" ", "") for part in request.headers.get("accept", "").split(","))
    return any(_ACCEPTS_HTML.fullmatch(part) for part in accepted)


def _check_nonce(nonce: str) -> None:
    if not _NONCE.fullmatch(nonce):
        raise ValueError("the nonce must be one of new_nonce()")


def _as_data(settings: object) -> str:
    # Inside <script> only "<" could end the element; json escapes what is not ASCII, line separators among it.
    return json.dumps(settings).replace("<", "\\u003c")
