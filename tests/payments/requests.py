"""The requests that tests of payments send."""

from __future__ import annotations

import uuid
from typing import Any

from tests.bank import Account

__all__ = ["MAKE", "QUOTE", "order", "priced"]

MAKE = """
mutation Pay($input: MakePaymentInput!) {
  makePayment(input: $input) {
    payment {
      id status amount { amount currency } fees { name amount { amount } } total { amount } reference
      counterparty { name accountNumber } createdAt finishedAt failure { code } nextCheckAt safeToRetry from { id }
    }
    account { id version balance { available { amount } booked { amount } held { amount } version } }
    replayed
    errors { __typename code message field
      ... on InsufficientFunds { available { amount currency } }
      ... on LimitExceeded { limit { amount currency } remaining { amount } countLimit countRemaining resetsAt }
      ... on PossibleDuplicate { earlier { id } }
      ... on FeesChanged { quote { id fees { name amount { amount } } total { amount } } } }
  }
}
"""

QUOTE = """
query Price($input: QuotePaymentInput!) {
  quotePayment(input: $input) {
    quote {
      id amount { amount currency } receives { amount currency } rate fees { name amount { amount } } total { amount }
      counterparty { name accountNumber } requires expiresAt
    }
    errors { __typename code message field }
  }
}
"""


def order(payer: Account, payee: Account, amount: str = "100.00", **fields: Any) -> dict[str, Any]:
    """The variables of a payment with a key of its own."""
    return {"input": {"idempotencyKey": str(uuid.uuid4())} | priced(payer, payee, amount)["input"] | fields}


def priced(payer: Account, payee: Account, amount: str = "100.00") -> dict[str, Any]:
    """The variables of a quote."""
    return {
        "input": {
            "fromAccountId": payer.node_id,
            "to": {"accountNumber": payee.number},
            "amount": {"amount": amount, "currency": payer.currency},
        }
    }
