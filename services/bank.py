"""The bank: all services of one process, as the composition root put them together."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.clock import Clock
from kernel.sealing import Sealer
from kernel.settings import Settings
from models.database import Database
from services.accounts import Accounts
from services.ledger import Ledger
from services.payees import Payees
from services.payments import Payments
from services.quotes import Quotes
from services.statements import Statements
from services.tariffs import TariffBook

__all__ = ["Bank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    settings: Settings
    database: Database
    clock: Clock
    sealer: Sealer
    tariffs: TariffBook
    ledger: Ledger
    accounts: Accounts
    payees: Payees
    payments: Payments
    quotes: Quotes
    statements: Statements
