"""The files of the GraphiQL page: read once, served from memory under names that carry their content's hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

__all__ = ["FILES", "PREFIX", "Asset", "assets", "routes", "url"]

PREFIX = "/graphiql"
STATIC_FOLDER = Path(__file__).parent / "static"
# The whole of what can be fetched. A request's path is looked up among their names and never reaches the file system.
FILES = (
    "icon.svg",
    "start.css",
    "start.js",
    "vendored/graphiql.min.css",
    "vendored/graphiql.min.js",
    "vendored/react-dom.production.min.js",
    "vendored/react.production.min.js",
)
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HASH_DIGITS = 16
# Other content has another name, so a browser need not ask again.
CACHE_CONTROL = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file: the name that it is served under, its bytes, and what is said of them."""

    served_name: str
    body: bytes
    content_type: str
    etag: str

    def headers(self) -> dict[str, str]:
        return {
            "Cache-Control": CACHE_CONTROL,
            "Cross-Origin-Resource-Policy": "same-origin",
            "ETag": self.etag,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset by its path in `FILES`.

    Raises:
        FileNotFoundError: a file is missing from the installation.
    """
    return MappingProxyType({file: _read(file) for file in FILES})


@cache
def _by_served_name() -> Mapping[str, Asset]:
    return MappingProxyType({asset.served_name: asset for asset in assets().values()})


def _read(file: str) -> Asset:
    body = (STATIC_FOLDER / file).read_bytes()
    content_hash = hashlib.sha256(body).hexdigest()[:HASH_DIGITS]
    path = PurePosixPath(file)
    return Asset(
        served_name=f"{path.stem}.{content_hash}{path.suffix}",
        body=body,
        content_type=CONTENT_TYPES[path.suffix],
        etag=f'"{content_hash}"',
    )


def url(file: str) -> str:
    """Where a browser fetches `file`, one of `FILES`."""
    return f"{PREFIX}/{assets()[file].served_name}"


def routes() -> list[BaseRoute]:
    """The route of the assets, GET and HEAD; reads the files, so that one that is missing is noticed at the start."""
    _by_served_name()
    return [Route(f"{PREFIX}/{{name}}", _serve, methods=["GET"], name="graphiql-asset")]


async def _serve(request: Request) -> Response:
    asset = _by_served_name().get(request.path_params["name"])
    if asset is None:
        return PlainTextResponse("No such file. Reload the page: it names the files of the version that runs now.\n", status_code=404)
    if _matches(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=asset.headers())
    headers = asset.headers() | {"Content-Length": str(len(asset.body))}
    return Response(b"" if request.method == "HEAD" else asset.body, headers=headers, media_type=asset.content_type)


def _matches(if_none_match: str, etag: str) -> bool:
    tags = (tag.strip() for tag in if_none_match.split(","))
    # Weak comparison: whoever compresses on the way marks the tag as weak.
    return any(tag == "*" or tag.removeprefix("W/") == etag for tag in tags)
