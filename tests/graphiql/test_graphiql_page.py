"""The GraphiQL page as a browser gets it: nothing from elsewhere, nothing that runs without the page's nonce.

Method: a small Starlette app serves the page and its assets; requests go through its whole routing, and the HTML is read by a parser.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from edge import graphiql
from edge.graphiql import Tab
from edge.graphiql.assets import FILES, STATIC_FOLDER, url

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
TABS = (Tab(query="query Tricky { a } # </script><script>alert(1)</script> <!--  ", variables='{"x": "é"}'),)
HEADERS = {"Authorization": "Bearer </script>&quot;"}
PINNED_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of the element with id `settings`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.settings = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1] == ("script", {"type": "application/json", "id": "settings"}):
            self.settings += data.strip()

    def addresses(self) -> list[str]:
        return [value for _, attributes in self.found for name in ("src", "href") if (value := attributes.get(name))]


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async def graphql(request: Request) -> Response:
        if graphiql.asks_for_page(request):
            return graphiql.page_response(endpoint="/graphql", tabs=TABS, headers=HEADERS)
        return PlainTextResponse("no page")

    app = Starlette(routes=[Route("/graphql", graphql, methods=["GET", "POST"]), *graphiql.routes()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bank.test") as client:
        yield client


def nonce_of(response: httpx.Response) -> str:
    found = re.search(r"script-src 'nonce-([^']+)'", response.headers["content-security-policy"])
    assert found
    return found[1]


async def bytes_sent(method: str, path: str) -> int:
    """How much of a body the assets' route sends, asked without a client, which would drop what must not be there."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [], "root_path": ""}
    await Starlette(routes=graphiql.routes())(scope, receive, send)
    return sum(len(message.get("body", b"")) for message in sent)


async def test_the_page_names_no_address_elsewhere(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/graphql", headers=BROWSER)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in response.text
    addresses = Elements(response.text).addresses()
    assert len(addresses) == len(FILES)
    assert all(address.startswith("/graphiql/") for address in addresses)


async def test_every_asset_that_the_page_names_is_served_with_its_type(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/graphql", headers=BROWSER)

    for address in Elements(page.text).addresses():
        asset = await browser.get(address)
        assert asset.status_code == 200
        assert asset.headers["content-type"] == PINNED_TYPES[Path(address).suffix]
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert hashlib.sha256(asset.content).hexdigest().startswith(address.split(".")[-2])


async def test_style_sheets_and_our_script_load_nothing_from_elsewhere() -> None:
    for file in FILES:
        text = (STATIC_FOLDER / file).read_text("utf-8")
        if file.endswith(".css"):
            assert "@import" not in text
            assert all(target.startswith("data:") for target in re.findall(r"""url\(["']?([^"')]{5})""", text)), file
        elif not file.startswith("vendored/"):
            assert set(re.findall(r"https?://[^\"'\s)]+", text)) <= {"http://www.w3.org/2000/svg"}, file


async def test_a_head_request_gets_the_headers_alone(browser: httpx.AsyncClient) -> None:
    address = url("vendored/graphiql.min.js")

    whole = await browser.get(address)
    head = await browser.head(address)

    assert head.status_code == 200
    assert head.headers == whole.headers
    assert int(head.headers["content-length"]) == len(whole.content) > 1_000_000
    assert await bytes_sent("HEAD", address) == 0
    assert await bytes_sent("GET", address) == len(whole.content)


@pytest.mark.parametrize("given", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
async def test_an_unchanged_asset_is_not_sent_again(browser: httpx.AsyncClient, given: str) -> None:
    address = url("start.js")
    etag = (await browser.get(address)).headers["etag"]

    again = await browser.get(address, headers={"If-None-Match": given.format(etag=etag)})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag


async def test_another_etag_gets_the_asset(browser: httpx.AsyncClient) -> None:
    again = await browser.get(url("start.js"), headers={"If-None-Match": '"0123456789abcdef"'})

    assert again.status_code == 200
    assert again.content == (STATIC_FOLDER / "start.js").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "start.js",
        "start.0123456789abcdef.js",
        "README.md",
        "vendored/graphiql.min.js",
        "..%2fassets.py",
        "%2e%2e/%2e%2e/pyproject.toml",
        "..%2f..%2f..%2fpyproject.toml",
        "%2fetc%2fpasswd",
        "start%00.js",
        "",
    ],
)
async def test_nothing_but_the_named_assets_can_be_fetched(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/graphiql/{name}")).status_code == 404


async def test_assets_are_only_read(browser: httpx.AsyncClient) -> None:
    assert (await browser.post(url("start.js"))).status_code == 405


async def test_each_page_has_a_nonce_of_its_own_on_all_that_runs(browser: httpx.AsyncClient) -> None:
    pages = [await browser.get("/graphql", headers=BROWSER) for _ in range(2)]

    first, second = (nonce_of(page) for page in pages)
    assert first != second
    for page, nonce in zip(pages, (first, second), strict=True):
        elements = Elements(page.text).found
        running = [given for tag, given in elements if (tag == "script" and "src" in given) or given.get("rel") == "stylesheet"]
        assert len(running) == len(FILES) - 1
        assert {given.get("nonce") for given in running} == {nonce}
        assert not [given for _, given in elements if any(name.startswith("on") or name == "style" for name in given)]


async def test_the_policy_allows_nothing_inline_and_nobody_to_frame_the_page(browser: httpx.AsyncClient) -> None:
    headers = (await browser.get("/graphql", headers=BROWSER)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "Accept"


async def test_settings_reach_the_page_whole_and_cannot_end_their_element(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/graphql", headers=BROWSER)

    elements = Elements(response.text)
    assert json.loads(elements.settings) == {
        "endpoint": "/graphql",
        "headers": HEADERS,
        "tabs": [{"query": TABS[0].query, "variables": TABS[0].variables}],
    }
    assert sum(tag == "script" for tag, _ in elements.found) == 5
    assert "<!--" not in response.text


async def test_without_a_customer_the_page_has_no_headers() -> None:
    nonce = graphiql.new_nonce()

    text = graphiql.page(endpoint="/graphql", tabs=TABS, headers=None, nonce=nonce).decode()

    assert json.loads(Elements(text).settings)["headers"] is None
    assert "Authorization" not in text


@pytest.mark.parametrize("nonce", ["", "short", "a" * 24 + "'", 'aaaaaaaaaaaaaaaa" src="x', "a" * 16 + "; script-src *"])
def test_a_nonce_that_could_change_the_policy_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="new_nonce"):
        graphiql.page_headers(nonce)
    with pytest.raises(ValueError, match="new_nonce"):
        graphiql.page(endpoint="/graphql", tabs=TABS, headers=None, nonce=nonce)


@pytest.mark.parametrize("endpoint", ["https://elsewhere.test/graphql", "//elsewhere.test/graphql", "graphql", ""])
def test_the_page_speaks_to_its_own_server_only(endpoint: str) -> None:
    with pytest.raises(ValueError, match="path on this server"):
        graphiql.page(endpoint=endpoint, tabs=TABS, headers=None, nonce=graphiql.new_nonce())


@pytest.mark.parametrize(
    ("accept", "path"),
    [
        ("*/*", "/graphql"),
        ("application/json", "/graphql"),
        ("application/graphql-response+json, application/json;q=0.9", "/graphql"),
        ("text/htmlx", "/graphql"),
        ("application/json, text/html;q=0", "/graphql"),
        ("text/html", "/graphql?query={bank{name}}"),
    ],
)
async def test_a_graphql_client_does_not_get_the_page(browser: httpx.AsyncClient, accept: str, path: str) -> None:
    assert (await browser.get(path, headers={"Accept": accept})).text == "no page"


@pytest.mark.parametrize("accept", ["text/html", "application/xml;q=0.8, text/html; q=0.9", "text/html;charset=utf-8", "Text/HTML"])
async def test_whoever_accepts_html_gets_the_page(browser: httpx.AsyncClient, accept: str) -> None:
    assert "<!doctype html>" in (await browser.get("/graphql", headers={"Accept": accept})).text


async def test_a_post_never_gets_the_page(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/graphql", headers=BROWSER)).text == "no page"


def test_the_vendored_files_are_those_that_were_fetched() -> None:
    folder = STATIC_FOLDER / "vendored"
    lines = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    listed = {name: checksum for checksum, name in lines}

    assert listed == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in listed}
    assert {f"vendored/{name}" for name in listed if not name.endswith(".txt")} == {file for file in FILES if file.startswith("vendored/")}
