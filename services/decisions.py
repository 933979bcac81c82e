"""Decisions: what was decided under a key, and the refusal that its status and facts tell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from kernel.errors import (
    AccountBlocked,
    DomainError,
    IdempotencyConflict,
    InsufficientFunds,
    IntentExpired,
    LimitExceeded,
    PossibleDuplicate,
    refusal,
)
from kernel.money import Money

__all__ = ["POSTED", "Decision", "request_hash", "told"]

POSTED = "POSTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`status` is POSTED or one of those in the head of models/migrations/0010_post_columns.sql, with its `facts`."""

    status: str
    replayed: bool
    facts: Mapping[str, Any]
    subject_id: UUID | None

    @classmethod
    def of(cls, status: str, replayed: bool, facts: str | None, subject_id: UUID | None) -> Decision:
        """From the columns that the posting function and the table of decisions have."""
        return cls(status=status, replayed=replayed, facts=orjson.loads(facts) if facts else {}, subject_id=subject_id)

    def accepted(self) -> UUID:
        """What came of it.

        Raises:
            DomainError: the refusal that was decided.
        """
        if self.status != POSTED or self.subject_id is None:
            refused = told(self.status, self.facts)
            refused.replayed = self.replayed and self.status != "IDEMPOTENCY_CONFLICT"
            raise refused
        return self.subject_id


def request_hash(operation: str, values: Mapping[str, Any]) -> str:
    """A digest of what was asked, in PostgreSQL's hex form: the same key for another request is a conflict."""
    return "\\x" + hashlib.sha256(orjson.dumps([operation, values], option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def told(status: str, facts: Mapping[str, Any]) -> DomainError:
    """The refusal behind a status, as a customer is told it."""
    if "text" in facts:
        return refusal(status, dict(facts))
    match status:
        case "IDEMPOTENCY_CONFLICT":
            return IdempotencyConflict("this key was used for another request; make a new one for each intention", field=("idempotencyKey",))
        case "INTENT_EXPIRED":
            return IntentExpired("this payment arrived after its own expiry and was not made", field=("expiresAt",))
        case "ACCOUNT_BLOCKED":
            return AccountBlocked("one of the accounts does not accept this at present")
        case "POSSIBLE_DUPLICATE":
            return PossibleDuplicate(
                "the same payment was made a few minutes ago; send it again with allowDuplicate and a new key if you mean to pay twice",
                earlier_id=UUID(facts["earlier_id"]),
            )
        case "INSUFFICIENT_FUNDS":
            return InsufficientFunds(
                "the account has {available} available, which is not enough",
                field=("amount", "amount"),
                available=Money(facts["available_minor"], facts["currency"]),
            )
        case "LIMIT_EXCEEDED":
            return _limit(facts)
    raise ValueError(f"a status that no customer is told: {status}")


def _limit(facts: Mapping[str, Any]) -> LimitExceeded:
    resets_at = datetime.fromisoformat(facts["resets_at"])
    if facts["of_amount"]:
        return LimitExceeded(
            "this is above your limit of {limit}; {remaining} is left until {resets_at}",
            field=("amount", "amount"),
            limit=Money(facts["limit_minor"], facts["currency"]),
            remaining=Money(facts["remaining_minor"], facts["currency"]),
            count_limit=None,
            count_remaining=None,
            resets_at=resets_at,
        )
    return LimitExceeded(
        "you have made all {count_limit} payments that your limit allows until {resets_at}",
        limit=None,
        remaining=None,
        count_limit=facts["count_limit"],
        count_remaining=facts["count_remaining"],
        resets_at=resets_at,
    )
