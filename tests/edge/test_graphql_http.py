"""GraphQL over HTTP: what malformed and unwelcome requests are told.

Method: raw requests through the whole application; nothing may be a 500, and nothing internal may leak.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge.graphql import BODY_BYTES
from tests.bank import BankUnderTest

VIEWER = "{ viewer { id } }"
JSON = {"content-type": "application/json"}
NEW = {"accept": "application/graphql-response+json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"query": 1}', 400),
        (b'{"query": "{ bank { name } }", "variables": []}', 400),
        (b'{"query": "{ bank { name } }", "operationName": 1}', 400),
        (b'{"query": "{ bank { name }"}', 400),
        (b'{"query": "{ nothing }"}', 400),
        (b'{"query": "{ bank { name } }", "operationName": "Missing"}', 400),
        (b'{"query": "' + b"x" * BODY_BYTES + b'"}', 413),
        (b'{"query": "{ a' + b" a" * 9000 + b' }"}', 400),
        (b'{"query": "{ a' + b" a" * 3000 + b' }"}', 400),
        (b"[" * 50_000, 400),
        (b'{"query": "\\ud800"}', 400),
    ],
)
async def test_a_malformed_request_is_told_so(bank: BankUnderTest, body: bytes, status: int) -> None:
    reply = await bank.client.post("/graphql", content=body, headers=JSON | NEW)

    assert reply.status_code == status
    told = reply.json()
    assert "data" not in told
    assert told["errors"][0]["extensions"]["code"] in {"BAD_REQUEST", "QUERY_TOO_COMPLEX"}


async def test_other_methods_and_types_are_refused(bank: BankUnderTest) -> None:
    put = await bank.client.put("/graphql", json={"query": VIEWER})
    form = await bank.client.post("/graphql", data={"query": VIEWER})
    get = await bank.client.get("/graphql", headers={"accept": "application/json"})

    assert (put.status_code, form.status_code, get.status_code) == (405, 415, 405)
    assert put.headers["allow"] == "POST"


async def test_the_bank_is_public_and_everything_else_wants_a_token(bank: BankUnderTest) -> None:
    public = await bank.execute("{ bank { name minimumClientVersion serverTime currencies { code minorUnits name } } }")
    private = await bank.post(VIEWER)

    assert {c["code"]: c["minorUnits"] for c in public["bank"]["currencies"]}["TND"] == 3
    assert private.status_code == 401
    assert private.headers["www-authenticate"] == "Bearer"
    assert private.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("query", ['{ node(id: "x") { id } }', '{ nodes(ids: ["x"]) { id } }', 'mutation { removePayee(id: "x") { removedId } }'])
async def test_no_root_answers_without_a_token(bank: BankUnderTest, query: str) -> None:
    assert "UNAUTHENTICATED" in (await bank.post(query)).text


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic abc", "Bearer a b", "x"])
async def test_a_token_that_is_none_is_refused_even_for_what_is_public(bank: BankUnderTest, header: str) -> None:
    reply = await bank.client.post("/graphql", json={"query": "{ bank { name } }"}, headers={"authorization": header})

    assert reply.status_code == 401
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_ends_by_the_banks_clock(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    headers = {"authorization": f"Bearer {bank.token(customer.id, life=timedelta(minutes=5))}"}

    before = await bank.client.post("/graphql", json={"query": VIEWER}, headers=headers)
    await bank.advance(timedelta(minutes=6))
    after = await bank.client.post("/graphql", json={"query": VIEWER}, headers=headers)

    assert before.json() == {"data": {"viewer": {"id": customer.node_id}}}
    assert after.status_code == 401


async def test_replies_are_not_cached_and_carry_their_language_and_id(bank: BankUnderTest) -> None:
    reply = await bank.post("{ bank { name } }", language="fr-SN, en;q=0.5")

    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-language"] == "fr"
    assert reply.headers["content-type"].startswith("application/graphql-response+json")
    assert reply.headers["x-request-id"]


async def test_a_defect_is_masked(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    async with bank.owner() as connection:
        await connection.execute("ALTER TABLE customers RENAME TO hidden")
    reply = await bank.post(VIEWER, by=customer)
    async with bank.owner() as connection:
        await connection.execute("ALTER TABLE hidden RENAME TO customers")

    assert reply.status_code == 500
    assert reply.json()["errors"][0]["message"] == "internal error"
    assert "customers" not in reply.text


async def test_health_tells_life_and_readiness(bank: BankUnderTest) -> None:
    live, ready = await bank.client.get("/health/live"), await bank.client.get("/health/ready")

    assert live.status_code == 200
    assert ready.json()["ready"] is True
