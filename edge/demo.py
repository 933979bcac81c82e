"""A demo customer for GraphiQL, signed in: exists only outside production, and only where there is a demo bank."""

from __future__ import annotations

from dataclasses import dataclass

from auth.keys import development_key
from auth.tokens import DEVELOPMENT_LIFE, issue
from edge.graphiql import DemoCustomer
from kernel import ids
from kernel.money import Money
from services.bank import Bank

__all__ = ["SignedIn", "demo_sign_in"]

FIRST_CUSTOMER = """
SELECT c.id, a.id AS account_id, a.currency, b.booked_minor - b.held_minor AS available_minor,
       (SELECT o.number FROM accounts o WHERE o.currency = a.currency AND o.holder_id <> c.id AND o.kind = 'CURRENT'
         ORDER BY o.id LIMIT 1) AS other_number
  FROM customers c JOIN accounts a ON a.holder_id = c.id JOIN balances b ON b.account_id = a.id
 WHERE a.kind = 'CURRENT' ORDER BY c.created_at, c.id, a.id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    customer: DemoCustomer
    token: str


async def demo_sign_in(bank: Bank) -> SignedIn | None:
    """The first customer with a token of their own; None where there are no customers or no development key."""
    if bank.settings.is_production or not bank.settings.uses_development_key:
        return None
    async with bank.database.reads.connection() as connection:
        row = await connection.fetchrow(FIRST_CUSTOMER)
    if row is None or row["other_number"] is None:
        return None
    customer = DemoCustomer(
        account_id=ids.encode("acc", row["account_id"]),
        currency=row["currency"],
        amount=Money(max(row["available_minor"] // 100, 100), row["currency"]).amount,
        too_much=Money(row["available_minor"] + 100_000, row["currency"]).amount,
        other_account_number=row["other_number"],
    )
    token = issue(
        development_key(),
        issuer=bank.settings.issuer,
        audience=bank.settings.audience,
        customer_id=row["id"],
        now=bank.clock.now(),
        life=DEVELOPMENT_LIFE,
    )
    return SignedIn(customer=customer, token=token)
