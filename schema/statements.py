"""Statements of an account."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import accounts, statements
from schema.fields import batched, computed, of_rows
from schema.money import Money
from schema.scalars import Date

__all__ = ["Statement"]


@strawberry.type(description="The transactions of one account over one period, summed up, and where to fetch them as a document.")
class Statement:
    is_type_of = of_rows(statements.StatementRow)
    account: Annotated[Account, strawberry.lazy("schema.accounts")] = batched(accounts.by_id, by="account_id")  # type: ignore[name-defined]  # noqa: F821
    from_: Date = strawberry.field(name="from")
    to: Date
    opening: Money
    closing: Money = strawberry.field(description="opening + credits - debits.")
    credits: Money = strawberry.field(description="All that came, as a positive amount.")
    debits: Money = strawberry.field(description="All that left, as a positive amount.")
    pdf_url: str = computed(
        statements.pdf_url, description="Where the PDF is fetched, for 10 minutes; number and hash are issued at the first fetch."
    )
    csv_url: str = computed(statements.csv_url, description="The same as CSV.")
