"""What the ledger is asked to do: orders with their legs, holds and limits.

They are made a hundred at a time, so they are plain dataclasses: frozen ones take three times as long to make. Their fields are
those of the types in models/migrations/0010_post_columns.sql; how they travel there is services/packing.py's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

__all__ = ["BANK", "Exchanged", "HoldStep", "Leg", "LimitCap", "Order", "Paid", "Posting", "words"]

# The bank itself, where a decision needs a holder.
BANK = UUID(int=0)

_WORD = re.compile(r"\w+")
_WORDS = 24
_WORD_LENGTH = 32


class Leg(NamedTuple):
    """One entry to be: + credit, - debit, in minor units of its account's currency. No `words`: an account of the bank's own.

    Such an account's `shard` is named, or its number of `shards`, to any of which the leg may go. A tuple, because most of an order
    is its legs, and a hundred of them become columns in one step.
    """

    account_id: UUID
    minor: int
    kind: str
    description: str
    counterparty_name: str | None = None
    counterparty_number: str | None = None
    payment_id: UUID | None = None
    words: str | None = None
    shard: int = 0
    shards: int = 1


@dataclass(slots=True, kw_only=True)
class Posting:
    """Legs that sum to zero per currency; `reverses_id` is the posting that it undoes."""

    id: UUID
    kind: str
    value_date: date
    legs: Sequence[Leg]
    reverses_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class HoldStep:
    """One step in the life of a hold. `minor` is what is set aside, or what is captured of it."""

    action: Literal["hold", "capture", "release", "expire"]
    id: UUID
    account_id: UUID
    minor: int = 0
    reason: str | None = None
    expires_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Paid:
    """The payment that comes of an order."""

    id: UUID
    account_id: UUID
    to_account_id: UUID | None
    payee_id: UUID | None
    minor: int
    currency: str
    receives_minor: int
    receives_currency: str
    fees: str  # JSON: [{code, minor}]
    counterparty_name: str
    counterparty_number: str | None
    reference: str
    status: str
    fingerprint: int
    allow_duplicate: bool


@dataclass(slots=True, kw_only=True)
class Exchanged:
    """The rate of a posting between two currencies; `rounding` is what is left of a minor unit received."""

    paid_minor: int
    paid_currency: str
    received_minor: int
    received_currency: str
    spread_minor: int
    mid_rate: Decimal
    rounding: Decimal


@dataclass(slots=True, kw_only=True)
class LimitCap:
    """What one window of one limit allows; None: no limit of that sort."""

    subject_id: UUID
    rule_id: UUID
    window_start: datetime
    resets_at: datetime
    minor: int | None
    count: int | None


@dataclass(slots=True, kw_only=True)
class Order:
    """One decision under one key. With `refusal` nothing is posted: it is stored, unless the key was decided before.

    `request_hash` is PostgreSQL's hex form; `subject_id` is what comes of it when it is posted.
    """

    holder_id: UUID
    key: UUID
    operation: str
    request_hash: str
    subject_id: UUID | None = None
    refusal: str | None = None
    facts: Mapping[str, Any] | None = None
    expires_at: datetime | None = None
    posting: Posting | None = None
    hold: HoldStep | None = None
    payment: Paid | None = None
    exchange: Exchanged | None = None
    caps: Sequence[LimitCap] = ()

    def apart(self) -> Iterator[Hashable]:
        """What no two orders of one call may share."""
        yield self.holder_id, self.key
        if self.hold is not None:
            yield self.hold.id
        if self.posting is not None and self.posting.reverses_id is not None:
            yield self.posting.reverses_id
        if self.payment is not None:
            yield self.payment.fingerprint

    def touches(self) -> Iterator[Hashable]:
        """What calls that are under way at once would wait for, one for the other: its holder and the customers' accounts."""
        if self.holder_id != BANK:
            yield self.holder_id
        if self.hold is not None:
            yield self.hold.account_id
        if self.posting is not None:
            yield from (leg.account_id for leg in self.posting.legs if leg.words is not None)


def words(number: str, *texts: str | None) -> str:
    """Search words of an entry: without case and accents, each behind its account's number, so that a search stays inside it."""
    found = dict.fromkeys(word[:_WORD_LENGTH] for text in texts if text for word in _WORD.findall(_plain(text)))
    return " ".join(f"{number}:{word}" for word in list(found)[:_WORDS])


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
