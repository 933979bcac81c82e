"""Where a payment goes, and the rows that the rules of a payment or a quote are about.

Everything that a payment has to know before it is posted is one set-based statement; calls that arrive together share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from kernel.errors import CurrencyMismatch, InvalidInput, NotFound, RailUnavailable, RequestRefused
from models.database import Database
from models.rows import Row
from services.lane import Lane

__all__ = ["Asked", "Destination", "Facts", "FactsRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Exactly one of these is set; `rail` names a way out of the bank."""

    account_number: str | None = None
    payee_id: UUID | None = None
    phone: str | None = None
    rail: str | None = None

    def inside(self) -> Destination:
        """The destination, if it is inside the bank.

        Raises:
            RailUnavailable: no rail out of the bank is connected.
        """
        if self.rail is not None:
            raise RailUnavailable("payments to other institutions are not available at present", field=("to", self.rail))
        return self

    @property
    def field(self) -> tuple[str, ...]:
        """The input field that it came from."""
        return ("to", "payeeId" if self.payee_id else "phone" if self.phone else "accountNumber")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who pays from where to whom, under which key (None for a quote)."""

    customer_id: UUID
    key: UUID | None
    account_id: UUID
    to: Destination


class FactsRow(Row):
    """What is known of it now; columns of what was not found are None."""

    sources: ClassVar[dict[str, str]] = {
        "now": "bank_now()",
        "decided_status": "d.status",
        "decided_hash": "encode(d.request_hash, 'hex')",
        "decided_facts": "d.facts",
        "decided_id": "d.subject_id",
        "customer_id": "c.id",
        "customer_name": "c.display_name",
        "country": "c.country",
        "tier": "c.tier",
        "language": "c.language",
        "account_id": "a.id",
        "number": "a.number",
        "currency": "a.currency",
        "payee_id": "p.id",
        "to_account_id": "t.id",
        "to_number": "t.number",
        "to_currency": "t.currency",
        "to_customer_id": "h.id",
        "to_name": "h.display_name",
        "to_language": "h.language",
    }
    now: datetime
    decided_status: str | None
    decided_hash: str | None
    decided_facts: str | None
    decided_id: UUID | None
    customer_id: UUID
    customer_name: str
    country: str
    tier: str
    language: str
    account_id: UUID
    number: str
    currency: str
    payee_id: UUID | None
    to_account_id: UUID
    to_number: str
    to_currency: str
    to_customer_id: UUID
    to_name: str
    to_language: str

    def check(self, asked: Asked, currency: str) -> None:
        """The refusals that concern who, where from and where to, in the order in which a person would ask.

        Raises:
            NotFound, CurrencyMismatch, InvalidInput: see their messages.
        """
        if self.account_id is None:
            raise NotFound("there is no such account of yours", field=("fromAccountId",))
        if self.to_account_id is None:
            raise NotFound("nobody can be paid there", field=asked.to.field)
        if self.to_account_id == self.account_id:
            raise InvalidInput("an account cannot pay itself", field=("to",))
        if currency != self.currency:
            raise CurrencyMismatch("this account pays in {currency}", field=("amount", "currency"), currency=self.currency)


FACTS = f"""
SELECT {FactsRow.columns}
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[])
       WITH ORDINALITY AS q(customer_id, key, account_id, number, payee_id, phone, n)
  LEFT JOIN customers c ON c.id = q.customer_id
  LEFT JOIN decisions d ON d.holder_id = q.customer_id AND d.key = q.key
  LEFT JOIN accounts a ON a.id = q.account_id AND a.holder_id = q.customer_id
  LEFT JOIN payees p ON p.id = q.payee_id AND p.customer_id = q.customer_id AND p.removed_at IS NULL
  LEFT JOIN LATERAL (
    SELECT * FROM accounts WHERE id = p.account_id
    UNION ALL
    SELECT * FROM accounts WHERE number = q.number
    UNION ALL
    (SELECT o.* FROM customers k JOIN accounts o ON o.holder_id = k.id
      WHERE k.phone = q.phone AND o.kind = 'CURRENT' AND o.status <> 'CLOSED'
      ORDER BY o.currency = a.currency DESC, o.id LIMIT 1)
  ) t ON true
  LEFT JOIN customers h ON h.id = t.holder_id
 ORDER BY q.n
"""  # noqa: S608  Only the columns' names, which are ours.


class Facts:
    """Finds the facts of payments, many at a time."""

    def __init__(self, database: Database) -> None:
        self._pool = database.reads
        self._lane: Lane[Asked, FactsRow] = Lane(self._find)

    async def find(self, asked: Asked) -> FactsRow:
        """The facts of one payment or quote.

        Raises:
            RequestRefused: UNAUTHENTICATED; there is no such customer any more.
            Unavailable: the database is away.
        """
        row = await self._lane.do(asked)
        if row.customer_id is None:
            raise RequestRefused("UNAUTHENTICATED", "sign in first: send an access token", status=401)
        return row

    async def _find(self, asked: Sequence[Asked]) -> list[FactsRow]:
        async with self._pool.connection() as connection:
            return await connection.fetch(
                FACTS,
                [one.customer_id for one in asked],
                [one.key for one in asked],
                [one.account_id for one in asked],
                [one.to.account_number for one in asked],
                [one.to.payee_id for one in asked],
                [one.to.phone for one in asked],
                record_class=FactsRow,
            )
