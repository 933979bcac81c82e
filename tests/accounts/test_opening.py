"""Opening accounts: the product decides the terms, the key decides once."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from services.accounts import check_digit
from tests.bank import BankUnderTest, Customer

OPEN = """mutation($input: OpenAccountInput!) { openAccount(input: $input) {
  account { id number name kind currency status version balance { available { amount } overdraft { amount } } } errors { code field message } } }"""


def wanted(**fields: Any) -> dict[str, Any]:
    return {"input": {"idempotencyKey": str(uuid.uuid4()), "kind": "SAVINGS", "currency": "NGN", "name": "Rainy days"} | fields}


async def opened(bank: BankUnderTest, customer: Customer, variables: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = (await bank.execute(OPEN, variables, by=customer))["openAccount"]
    return payload


async def test_an_account_opens_at_zero_with_a_number_that_checks_itself(bank: BankUnderTest) -> None:
    customer = await bank.customer()

    account = (await opened(bank, customer, wanted()))["account"]

    assert account["name"] == "Rainy days"
    assert account["balance"]["available"] == {"amount": "0.00"}
    assert account["status"] == "ACTIVE"
    assert account["number"][-1] == check_digit(account["number"][:-1])


async def test_a_retry_opens_nothing_more_even_at_the_same_time(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    variables = wanted()

    replies = await asyncio.gather(*(opened(bank, customer, variables) for _ in range(10)))
    other = await opened(bank, customer, variables | {"input": variables["input"] | {"name": "Other"}})

    assert len({reply["account"]["id"] for reply in replies}) == 1
    assert await bank.value("SELECT count(*) FROM accounts WHERE holder_id = $1", customer.id) == 1
    assert other["errors"][0]["code"] == "IDEMPOTENCY_CONFLICT"


async def test_one_customer_has_only_so_many_even_when_asked_at_once(bank: BankUnderTest) -> None:
    customer = await bank.customer()

    replies = await asyncio.gather(*(opened(bank, customer, wanted(name=str(n))) for n in range(8)))

    refused = [reply["errors"][0]["code"] for reply in replies if reply["account"] is None]
    assert refused
    assert set(refused) == {"FORBIDDEN"}
    assert await bank.value("SELECT count(*) FROM accounts WHERE holder_id = $1", customer.id) == 8 - len(refused)


async def test_what_cannot_be_opened_says_why_and_stores_nothing(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    cases = {"kind": wanted(kind="LOAN"), "currency": wanted(currency="XOF"), "name": wanted(name="  ")}
    cases["name "] = wanted(name="x" * 61)
    cases["name  "] = wanted(name="two\nlines")

    for field, variables in cases.items():
        payload = await opened(bank, customer, variables)
        assert payload["account"] is None
        assert payload["errors"][0]["code"] == "INVALID_INPUT"
        assert payload["errors"][0]["field"] == [field.strip()]
    assert await bank.value("SELECT count(*) FROM decisions") == 0


async def test_an_unknown_kind_or_currency_is_a_bad_request(bank: BankUnderTest) -> None:
    customer = await bank.customer()

    for variables in (wanted(kind="GOLD"), wanted(currency="ZZZ"), wanted(idempotencyKey="1")):
        assert (await bank.post(OPEN, variables, by=customer)).status_code == 400
