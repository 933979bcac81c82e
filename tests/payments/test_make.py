"""Paying from a phone whose replies get lost.

Method: each case goes through HTTP and the whole schema to a real database, then asks the ledger what moved.
"""

from __future__ import annotations

import uuid
from typing import Any

from tests.bank import Account, BankUnderTest

MAKE = """
mutation Pay($input: MakePaymentInput!) {
  makePayment(input: $input) {
    payment { id status amount { amount currency } total { amount } reference counterparty { name accountNumber } }
    account { id version balance { available { amount } booked { amount } held { amount } version } }
    replayed
    errors { __typename code message field
      ... on InsufficientFunds { available { amount currency } }
      ... on LimitExceeded { limit { amount } remaining { amount } resetsAt }
      ... on PossibleDuplicate { earlier { id } } }
  }
}
"""


def order(payer: Account, payee: Account, amount: str = "100.00", **fields: Any) -> dict[str, Any]:
    """The variables of a payment with a key of its own."""
    return {
        "input": {
            "idempotencyKey": str(uuid.uuid4()),
            "fromAccountId": payer.node_id,
            "to": {"accountNumber": payee.number},
            "amount": {"amount": amount, "currency": payer.currency},
        }
        | fields
    }


async def test_a_payment_moves_the_money_and_shows_both_sides(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    made = (await bank.execute(MAKE, order(payer, payee, "100.00"), by=payer.holder))["makePayment"]

    assert made["errors"] == []
    assert made["payment"]["status"] == "COMPLETED"
    assert made["replayed"] is False
    assert await bank.booked(payee) == "100.00"


async def test_a_retry_with_the_same_key_moves_money_once(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    request = order(payer, payee, "100.00")

    first = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]
    again = (await bank.execute(MAKE, request, by=payer.holder))["makePayment"]

    assert again == first | {"replayed": True}
    assert await bank.booked(payee) == "100.00"
