"""The payee book: added once, removed for good, and nobody else's."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from kernel import ids
from tests.bank import Account, BankUnderTest

ADD = "mutation($input: AddPayeeInput!) { addPayee(input: $input) { payee { id name maskedNumber createdAt } errors { code field } } }"
REMOVE = "mutation($id: ID!) { removePayee(id: $id) { removedId errors { code field } } }"
BOOK = "{ viewer { payees(first: 2) { edges { node { id name } cursor } pageInfo { hasNextPage endCursor } } } }"


def wanted(payee: Account, **fields: Any) -> dict[str, Any]:
    return {"input": {"idempotencyKey": str(uuid.uuid4()), "name": "Amina", "to": {"accountNumber": payee.number}} | fields}


async def test_a_payee_is_added_once_and_shows_only_the_end_of_the_number(bank: BankUnderTest) -> None:
    me, other = await bank.account(), await bank.account()
    variables = wanted(other)

    replies = await asyncio.gather(*(bank.execute(ADD, variables, by=me.holder) for _ in range(5)))
    again = await bank.execute(ADD, wanted(other, name="Somebody"), by=me.holder)

    payees = {reply["addPayee"]["payee"]["id"] for reply in replies} | {again["addPayee"]["payee"]["id"]}
    assert len(payees) == 1
    assert replies[0]["addPayee"]["payee"]["maskedNumber"] == "••••••" + other.number[-4:]


async def test_a_removed_payee_is_gone_and_removing_again_changes_nothing(bank: BankUnderTest) -> None:
    me, other = await bank.account(), await bank.account()
    id = (await bank.execute(ADD, wanted(other), by=me.holder))["addPayee"]["payee"]["id"]

    first = (await bank.execute(REMOVE, {"id": id}, by=me.holder))["removePayee"]
    second = (await bank.execute(REMOVE, {"id": id}, by=me.holder))["removePayee"]
    anew = (await bank.execute(ADD, wanted(other), by=me.holder))["addPayee"]["payee"]["id"]

    assert first == second == {"removedId": id, "errors": []}
    assert anew != id
    assert await bank.execute("query($id: ID!) { node(id: $id) { id } }", {"id": id}, by=me.holder) == {"node": None}


async def test_nobody_removes_from_anothers_book(bank: BankUnderTest) -> None:
    me, other = await bank.account(), await bank.account()
    id = (await bank.execute(ADD, wanted(other), by=me.holder))["addPayee"]["payee"]["id"]

    for target in (id, ids.encode("pye", uuid.uuid4()), "nonsense"):
        payload = (await bank.execute(REMOVE, {"id": target}, by=other.holder))["removePayee"]
        assert payload == {"removedId": None, "errors": [{"code": "NOT_FOUND", "field": ["id"]}]}
    assert len((await bank.execute(BOOK, by=me.holder))["viewer"]["payees"]["edges"]) == 1


async def test_who_cannot_be_paid_is_not_added(bank: BankUnderTest) -> None:
    me, other = await bank.account(), await bank.account()
    id = (await bank.execute(ADD, wanted(other), by=me.holder))["addPayee"]["payee"]["id"]
    cases = {
        "NOT_FOUND": wanted(other, to={"accountNumber": "0000000000"}),
        "INVALID_INPUT": wanted(other, to={"payeeId": id}),
        "RAIL_UNAVAILABLE": wanted(other, to={"bank": {"bankCode": "1", "accountNumber": "2", "name": "x"}}),
    }

    for code, variables in cases.items():
        payload = (await bank.execute(ADD, variables, by=me.holder))["addPayee"]
        assert payload["payee"] is None
        assert payload["errors"][0]["code"] == code


async def test_the_book_is_read_in_pages(bank: BankUnderTest) -> None:
    me = await bank.account()
    for n in range(3):
        await bank.execute(ADD, wanted(await bank.account(), name=f"Payee {n}"), by=me.holder)

    page = (await bank.execute(BOOK, by=me.holder))["viewer"]["payees"]
    rest = await bank.execute(
        "query($after: String) { viewer { payees(after: $after) { edges { node { name } } pageInfo { hasNextPage } } } }",
        {"after": page["pageInfo"]["endCursor"]},
        by=me.holder,
    )

    assert [edge["node"]["name"] for edge in page["edges"]] == ["Payee 0", "Payee 1"]
    assert [edge["node"]["name"] for edge in rest["viewer"]["payees"]["edges"]] == ["Payee 2"]
