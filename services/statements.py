"""Statements: the entries of one account over one period, and the documents of them as they are issued."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from kernel import ids
from kernel.clock import Clock
from kernel.errors import NotFound, QuoteExpired
from kernel.money import Money
from kernel.sealing import SealBroken, Sealer
from kernel.settings import Settings
from models.database import Database
from models.rows import EntryRow
from services import statement_documents
from services.statement_documents import MAXIMUM_LINES, StatementContent, StatementLine
from services.tariffs import TariffBook

__all__ = ["LONGEST_DAYS", "Document", "Period", "Statements", "bounds"]

LONGEST_DAYS = 366
ADDRESS_LIFE = timedelta(minutes=10)
PURPOSE = "statement"

# A document of ten thousand lines takes half a gigabyte while it is set: one at a time.
RENDERED_AT_ONCE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Both days belong to it; days are those of the account holder's country."""

    from_date: date
    to_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A statement as a file."""

    name: str
    media_type: str
    content: bytes


def bounds(period: Period, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments at which a period begins and ends (exclusive), in UTC."""
    begin = datetime.combine(period.from_date, time(), zone)
    end = datetime.combine(period.to_date + timedelta(days=1), time(), zone)
    return begin.astimezone(UTC), end.astimezone(UTC)


ACCOUNT = """
SELECT a.name, a.number, a.currency, c.display_name, c.country FROM accounts a JOIN customers c ON c.id = a.holder_id
 WHERE a.id = $1 AND a.holder_id = $2
"""
VERSIONS = "SELECT version_at($1, $2), version_at($1, $3)"
ENTRIES = f"""
SELECT {EntryRow.columns} FROM entries e JOIN balances b ON b.account_id = e.account_id AND b.shard = 0
 WHERE e.account_id = $1 AND e.shard = 0 AND e.version > $2 AND e.version <= $3 ORDER BY e.version LIMIT {MAXIMUM_LINES + 1}
"""  # noqa: S608  Only the columns' names and a number, which are ours.
OPENING = "SELECT booked_at_version($1, $2)"
ISSUE = "SELECT (issue_statement($1, $2, $3, $4, $5, $6, $7)).*"


class Statements:
    """Seals addresses of statements, and issues what they name."""

    def __init__(self, database: Database, tariffs: TariffBook, sealer: Sealer, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._tariffs = tariffs
        self._sealer = sealer
        self._clock = clock
        self._settings = settings
        self._rendering = asyncio.Semaphore(RENDERED_AT_ONCE)

    def zone(self, country: str) -> ZoneInfo:
        """The time zone that a country's days follow."""
        return ZoneInfo(self._tariffs.current.jurisdiction(country).time_zone)

    def address(self, *, customer_id: UUID, account_id: UUID, period: Period, language: str, form: Literal["pdf", "csv"]) -> str:
        """Where this statement can be fetched, for 10 minutes, by whoever has the address."""
        content = {
            "customer": customer_id,
            "account": account_id,
            "from": period.from_date,
            "to": period.to_date,
            "language": language,
            "until": self._clock.now() + ADDRESS_LIFE,
        }
        return f"{self._settings.base_url}/statements/{self._sealer.seal(PURPOSE, orjson.dumps(content, default=str))}.{form}"

    async def issue(self, sealed: str, form: Literal["pdf", "csv"]) -> Document:
        """The document behind an address; its number and hash are given at the first fetch.

        Raises:
            NotFound: this is no address of ours.
            QuoteExpired: it was good for 10 minutes.
            InvalidInput: the period has more lines than a document shows.
            Unavailable: the database is away.
        """
        try:
            asked = orjson.loads(self._sealer.open(PURPOSE, sealed))
        except SealBroken:
            raise NotFound("there is no statement at this address") from None
        if datetime.fromisoformat(asked["until"]) <= self._clock.now():
            raise QuoteExpired("this address was good for 10 minutes; ask for a new one")
        period = Period(from_date=date.fromisoformat(asked["from"]), to_date=date.fromisoformat(asked["to"]))
        content = await self._content(UUID(asked["customer"]), UUID(asked["account"]), period)
        render = statement_documents.pdf if form == "pdf" else statement_documents.csv
        async with self._rendering:
            file = await asyncio.to_thread(render, content, language=asked["language"])
        media_type = "application/pdf" if form == "pdf" else "text/csv; charset=utf-8"
        return Document(name=f"{content.number}.{form}", media_type=media_type, content=file)

    async def _content(self, customer_id: UUID, account_id: UUID, period: Period) -> StatementContent:
        async with self._database.reads.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            account = await connection.fetchrow(ACCOUNT, account_id, customer_id)
            if account is None:
                raise NotFound("there is no statement at this address")
            zone = self.zone(account["country"])
            after, until = await connection.fetchrow(VERSIONS, account_id, *bounds(period, zone))  # type: ignore[misc]  # A row, always.
            opening = await connection.fetchval(OPENING, account_id, after)
            entries = await connection.fetch(ENTRIES, account_id, after, until, record_class=EntryRow)
        lines = [_line(entry) for entry in entries]
        digest = hashlib.sha256(orjson.dumps([account["number"], str(period), opening, lines], default=str)).digest()
        async with self._database.money.connection() as connection:
            issued: Any = await connection.fetchrow(ISSUE, ids.new(), account_id, period.from_date, period.to_date, after, until, digest)
        moved = [line.amount.minor for line in lines]
        credits, debits = sum(m for m in moved if m > 0), -sum(m for m in moved if m < 0)
        currency = account["currency"]
        return StatementContent(
            number=issued["number"],
            bank_name=self._settings.bank_name,
            holder_name=account["display_name"],
            account_name=account["name"],
            account_number=account["number"],
            currency=currency,
            from_date=period.from_date,
            to_date=period.to_date,
            opening=Money(opening, currency),
            closing=Money(opening + credits - debits, currency),
            credits=Money(credits, currency),
            debits=Money(debits, currency),
            lines=lines,
            issued_at=issued["issued_at"],
            time_zone=zone.key,
        )


def _line(entry: EntryRow) -> StatementLine:
    return StatementLine(
        booked_at=entry.booked_at,
        value_date=entry.value_date,
        description=entry.description,
        counterparty=entry.counterparty_name,
        kind=entry.kind,
        amount=Money(entry.amount_minor, entry.currency),
        balance_after=Money(entry.booked_after_minor, entry.currency),
        transaction_id=ids.encode("txn", entry.id),
    )
