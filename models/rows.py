"""The hot rows: records whose columns are read by place, as they come from asyncpg."""

from __future__ import annotations

from datetime import date, datetime
from operator import itemgetter
from typing import Any, ClassVar
from uuid import UUID

import asyncpg

from kernel import ids

__all__ = ["AccountRow", "CustomerRow", "EntryRow", "HoldRow", "PayeeRow", "PaymentRow", "Row"]


class Row(asyncpg.Record):
    """A record with its columns as attributes, in the order in which the class names them.

    `columns` is the select list that makes it: each is a column of its own name, or the SQL in `sources`.
    """

    sources: ClassVar[dict[str, str]] = {}
    columns: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = [name for name in cls.__annotations__ if name not in {"sources", "columns"}]
        for place, name in enumerate(names):
            setattr(cls, name, property(itemgetter(place)))
        cls.columns = ", ".join(f"{cls.sources[name]} AS {name}" if name in cls.sources else name for name in names)


class CustomerRow(Row):
    id: UUID
    display_name: str
    country: str
    tier: str
    language: str


class AccountRow(Row):
    """An account with its counters: `FROM accounts a JOIN balances b ON b.account_id = a.id`."""

    sources: ClassVar[dict[str, str]] = {
        name: f"a.{name}" for name in ("id", "holder_id", "number", "name", "kind", "currency", "status", "product_code")
    } | {name: f"b.{name}" for name in ("booked_minor", "held_minor", "overdraft_minor", "version", "changed_at")}
    id: UUID
    holder_id: UUID
    number: str
    name: str
    kind: str
    currency: str
    status: str
    product_code: str
    booked_minor: int
    held_minor: int
    overdraft_minor: int
    version: int
    changed_at: datetime

    @property
    def cursor(self) -> str:
        return ids.encode("acc", self.id)

    @property
    def available_minor(self) -> int:
        return int(self.booked_minor - self.held_minor + self.overdraft_minor)


class HoldRow(Row):
    sources: ClassVar[dict[str, str]] = {"currency": "b.currency", "holder_id": "b.holder_id"} | {
        name: f"h.{name}" for name in ("id", "account_id", "amount_minor", "reason", "expires_at", "payment_id")
    }
    id: UUID
    account_id: UUID
    holder_id: UUID
    amount_minor: int
    currency: str
    reason: str
    expires_at: datetime | None
    payment_id: UUID | None


class EntryRow(Row):
    """An entry on a customer's account; `holder_id` is the account's."""

    sources: ClassVar[dict[str, str]] = {"holder_id": "b.holder_id"} | {
        name: f"e.{name}"
        for name in (
            "id",
            "account_id",
            "version",
            "amount_minor",
            "currency",
            "booked_after_minor",
            "kind",
            "description",
            "counterparty_name",
            "counterparty_number",
            "payment_id",
            "value_date",
            "booked_at",
        )
    }
    id: UUID
    account_id: UUID
    holder_id: UUID
    version: int
    amount_minor: int
    currency: str
    booked_after_minor: int
    kind: str
    description: str
    counterparty_name: str | None
    counterparty_number: str | None
    payment_id: UUID | None
    value_date: date
    booked_at: datetime

    @property
    def cursor(self) -> str:
        return str(self.version)


class PayeeRow(Row):
    sources: ClassVar[dict[str, str]] = {name: f"p.{name}" for name in ("id", "customer_id", "name", "account_id", "created_at")} | {
        "number": "a.number"
    }
    id: UUID
    customer_id: UUID
    name: str
    account_id: UUID
    number: str
    created_at: datetime

    @property
    def cursor(self) -> str:
        return ids.encode("pye", self.id)


class PaymentRow(Row):
    sources: ClassVar[dict[str, str]] = {
        name: f"p.{name}"
        for name in (
            "id",
            "customer_id",
            "account_id",
            "amount_minor",
            "currency",
            "fees",
            "counterparty_name",
            "counterparty_number",
            "reference",
            "status",
            "failure_code",
            "created_at",
            "finished_at",
            "next_check_at",
        )
    }
    id: UUID
    customer_id: UUID
    account_id: UUID
    amount_minor: int
    currency: str
    fees: str
    counterparty_name: str
    counterparty_number: str | None
    reference: str
    status: str
    failure_code: str | None
    created_at: datetime
    finished_at: datetime | None
    next_check_at: datetime | None

    @property
    def cursor(self) -> str:
        return ids.encode("pay", self.id)
