"""Reading accounts and their history: pages, filters, search, and what it costs.

Method: through HTTP; how many statements a request sent is what its Server-Timing says, and plans are PostgreSQL's own.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from kernel import ids
from tests.bank import Account, BankUnderTest, Customer
from tests.payments.requests import MAKE, order

HOME = """
{ viewer { displayName accounts { edges { node {
    id name number currency status version balance { available { amount } booked { amount } held { amount } overdraft { amount } asOf }
    holds { id amount { amount } payment { id } }
    transactions(first: 20) { edges { node { id kind description amount { amount } balanceAfter { amount } counterparty { name }
      bookedAt valueDate version payment { id status } account { id } } cursor } pageInfo { hasNextPage endCursor } }
} } } payees { edges { node { id name maskedNumber } } } payments(first: 5) { edges { node { id from { id } fees { name } } } } } }
"""

PAGE = """
query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $filter: TransactionFilter) {
  node(id: $id) { ... on Account { transactions(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { description version amount { amount } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }
}
"""


async def transactions(bank: BankUnderTest, account: Account, **window: Any) -> dict[str, Any]:
    data = await bank.execute(PAGE, {"id": account.node_id} | window, by=account.holder)
    page: dict[str, Any] = data["node"]["transactions"]
    return page


def told(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["description"] for edge in page["edges"]]


async def numbered(bank: BankUnderTest, count: int = 7) -> Account:
    """An account with transactions 1…count."""
    account = await bank.account()
    for n in range(1, count + 1):
        await bank.deposit(account, f"{n}.00", description=str(n))
    return account


async def statements_of(bank: BankUnderTest, by: Customer) -> int:
    reply = await bank.post(HOME, by=by)
    assert "errors" not in reply.json()
    return int(reply.headers["server-timing"].split('"')[1])


async def test_the_home_screen_costs_the_same_number_of_statements_however_many_accounts(bank: BankUnderTest) -> None:
    payee = await bank.account()
    costs = []
    for count in (2, 4, 8):
        main = await bank.account(booked="100000.00")
        for payer in [main, *[await bank.account(main.holder, booked="5000.00") for _ in range(count - 1)]]:
            for n in range(3):
                await bank.execute(MAKE, order(payer, payee, "10.00", reference=f"{payer.number} {n}"), by=payer.holder)
        costs.append(await statements_of(bank, main.holder))

    # One more or less where a payment was seen already: never more for more accounts.
    assert max(costs) <= 7


async def test_pages_forward_and_backward_show_everything_once(bank: BankUnderTest) -> None:
    account = await numbered(bank)

    first = await transactions(bank, account, first=3)
    second = await transactions(bank, account, first=3, after=first["pageInfo"]["endCursor"])
    third = await transactions(bank, account, first=3, after=second["pageInfo"]["endCursor"])
    back = await transactions(bank, account, last=3, before=third["pageInfo"]["startCursor"])
    oldest = await transactions(bank, account, last=2)

    assert told(first) + told(second) + told(third) == ["7", "6", "5", "4", "3", "2", "1"]
    assert told(back) == told(second)
    assert told(oldest) == ["2", "1"]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [True, True, False]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (first, second, back, oldest)] == [False, True, True, True]


async def test_a_page_stays_put_while_new_transactions_come(bank: BankUnderTest) -> None:
    account = await numbered(bank)
    first = await transactions(bank, account, first=3)
    await bank.deposit(account, "8.00", description="8")

    second = await transactions(bank, account, first=3, after=first["pageInfo"]["endCursor"])

    assert told(second) == ["4", "3", "2"]


@pytest.mark.parametrize(
    "window", [{"first": 101}, {"first": -1}, {"first": 1, "last": 1}, {"last": 1000}, {"first": 3, "after": "x"}, {"before": "-1"}]
)
async def test_a_window_that_makes_no_sense_is_a_bad_request(bank: BankUnderTest, window: dict[str, Any]) -> None:
    account = await numbered(bank, 1)

    reply = await bank.post(PAGE, {"id": account.node_id} | window, by=account.holder)

    assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_null_means_the_default_and_zero_is_an_empty_page(bank: BankUnderTest) -> None:
    account = await numbered(bank, 3)

    assert told(await transactions(bank, account, first=None)) == ["3", "2", "1"]
    empty = await transactions(bank, account, first=0)
    assert empty["edges"] == []
    assert empty["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}


async def test_filters_by_time_direction_and_words(bank: BankUnderTest) -> None:
    account, other = await bank.account(), await bank.account(await bank.customer(name="Zoé Traoré"), booked="5000.00")
    await bank.deposit(account, "1000.00", description="Takings of Monday")
    noon = bank.services.clock.now() + timedelta(hours=1)
    await bank.advance(timedelta(hours=2))
    await bank.deposit(account, "20.00", description="Takings of Tuesday")
    await bank.execute(MAKE, order(account, other, "30.00", reference="École d'été"), by=account.holder)
    await bank.execute(MAKE, order(other, account, "40.00", reference="Rice & beans"), by=other.holder)

    async def found(**filter: Any) -> list[str]:
        return told(await transactions(bank, account, filter=filter))

    assert await found(to=noon.isoformat()) == ["Takings of Monday"]
    assert await found(**{"from": noon.isoformat()}) == ["Rice & beans", "VAT", "Transfer fee", "École d'été", "Takings of Tuesday"]
    assert await found(direction="CREDIT") == ["Rice & beans", "Takings of Tuesday", "Takings of Monday"]
    assert await found(direction="DEBIT") == ["VAT", "Transfer fee", "École d'été"]
    assert await found(text="taki") == ["Takings of Tuesday", "Takings of Monday"]
    assert await found(text="TUES takings") == ["Takings of Tuesday"]
    assert await found(text="ecole") == ["École d'été"]
    assert await found(text="traore") == ["Rice & beans", "École d'été"]
    assert await found(text="traore", direction="CREDIT") == ["Rice & beans"]
    assert await found(text="akings") == []
    assert await found(text="' | !* & :* \\ # --") == []
    assert await found(text="") == []


async def test_a_search_stays_inside_its_account(bank: BankUnderTest) -> None:
    account, other = await bank.account(), await bank.account()
    await bank.deposit(other, "1.00", description="Secret")

    assert told(await transactions(bank, account, filter={"text": "secret"})) == []


async def test_foreign_and_unknown_nodes_are_both_null(bank: BankUnderTest) -> None:
    mine, theirs = await bank.account(booked="1000.00"), await bank.account(booked="1000.00")
    made = (await bank.execute(MAKE, order(theirs, mine), by=theirs.holder))["makePayment"]
    entry = await bank.value("SELECT id FROM entries WHERE account_id = $1 LIMIT 1", theirs.id)
    held = (await bank.services.ledger.hold(key=uuid.uuid4(), account_id=theirs.id, minor=100, reason="x", expires_at=None)).subject_id
    asked = [
        theirs.node_id,
        theirs.holder.node_id,
        made["payment"]["id"],
        ids.encode("txn", entry),
        ids.encode("hld", held) if held else "",
        ids.encode("acc", uuid.uuid4()),
        "acc_",
        "nonsense",
        "xyz_41dn2afbay8wwsf59ytz38t1jn",
        mine.node_id,
    ]

    data = await bank.execute("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": asked}, by=mine.holder)

    assert data["nodes"] == [None] * 9 + [{"__typename": "Account", "id": mine.node_id}]
    own = await bank.execute("query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", {"ids": asked}, by=theirs.holder)
    kinds = [node["__typename"] if node else None for node in own["nodes"]]
    assert kinds == ["Account", "Customer", "Payment", "Transaction", "Hold", None, None, None, None, None]


async def test_more_than_a_hundred_nodes_are_a_bad_request(bank: BankUnderTest) -> None:
    mine = await bank.account()

    reply = await bank.post("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [mine.node_id] * 101}, by=mine.holder)

    assert reply.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_available_is_booked_less_held_in_every_reply(bank: BankUnderTest) -> None:
    account = await bank.account(booked="1000.00", overdraft_minor=5_000)
    await bank.services.ledger.hold(key=uuid.uuid4(), account_id=account.id, minor=30_000, reason="Card", expires_at=None)

    data = await bank.execute(HOME, by=account.holder)

    node = data["viewer"]["accounts"]["edges"][0]["node"]
    balance = {name: part["amount"] for name, part in node["balance"].items() if name != "asOf"}
    assert balance == {"available": "750.00", "booked": "1000.00", "held": "300.00", "overdraft": "50.00"}
    assert [hold["amount"]["amount"] for hold in node["holds"]] == ["300.00"]


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ({}, "entries_pkey"),
        ({"credits": True}, "entries_credits"),
        ({"credits": False}, "entries_debits"),
        ({"text": "rare"}, "entries_by_word"),
    ],
)
async def test_every_order_offered_has_its_index(bank: BankUnderTest, filter: dict[str, Any], index: str) -> None:
    from resolvers import transactions as resolver  # Its statements are what is explained.

    account = await bank.account()
    async with bank.owner() as connection:
        await connection.execute(
            """
            INSERT INTO entries SELECT $1, 0, n, gen_random_uuid(),
                   CASE WHEN n % 100 = 0 THEN 1 WHEN n % 2 = 0 THEN -1 ELSE 2 END, 'NGN', 0, 'TRANSFER', 'x', NULL,
                   NULL, NULL, '2026-01-01', now(), array_to_tsvector(ARRAY['common' || n % 10]) FROM generate_series(1, 20000) AS n
            """,
            account.id,
        )
        await connection.execute("ANALYZE entries")
        sql, values = resolver.statement(resolver.Filter(**filter), backwards=False)
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", [account.id], 0, resolver.NEWEST, 21, *values))
        await connection.execute("ALTER TABLE entries DISABLE TRIGGER USER")
        await connection.execute("DELETE FROM entries WHERE account_id = $1", account.id)

    assert index in plan, plan
    assert "Seq Scan on entries" not in plan
