"""The bank, as anybody may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.money import CURRENCIES, Currency
from resolvers.context import Context

__all__ = ["BankRow", "bank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    name: str
    currencies: Sequence[Currency]
    server_time: datetime
    minimum_client_version: str


async def bank(context: Context) -> BankRow:
    """Needs no sign-in and no database."""
    settings = context.bank.settings
    return BankRow(
        name=settings.bank_name,
        currencies=list(CURRENCIES.values()),
        server_time=context.bank.clock.now(),
        minimum_client_version=settings.minimum_client_version,
    )
