"""What can go wrong, as data.

    DomainError                expected: told to the customer in `errors` of the payload
    ├── InvalidInput           the request itself; never stored
    ├── NotFound               unknown and foreign look the same
    ├── Forbidden
    ├── InsufficientFunds      available
    ├── LimitExceeded          limit, remaining or count_limit, count_remaining; resets_at
    ├── AccountBlocked
    ├── CurrencyMismatch
    ├── QuoteExpired
    ├── FeesChanged            quote
    ├── IntentExpired
    ├── IdempotencyConflict    never stored
    ├── PossibleDuplicate      earlier_id
    ├── StepUpRequired         methods, challenge; never stored
    ├── RailUnavailable        never stored
    └── TryAgain               retry_after; nothing was decided; never stored
    Unavailable                a store is away: the request as a whole gets 503, nothing was decided
    RequestRefused             the request as a whole: malformed, unauthenticated, over a limit

A refusal keeps one name from the database's status to the API's type. Everything else is a defect: masked, logged, and somebody is woken.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from kernel.messages import translate
from kernel.money import Money

__all__ = [
    "STORED",
    "AccountBlocked",
    "CurrencyMismatch",
    "DomainError",
    "ErrorCode",
    "FeesChanged",
    "Forbidden",
    "IdempotencyConflict",
    "InsufficientFunds",
    "IntentExpired",
    "InvalidInput",
    "LimitExceeded",
    "NotFound",
    "PossibleDuplicate",
    "QuoteExpired",
    "RailUnavailable",
    "RequestRefused",
    "StepUpRequired",
    "TryAgain",
    "Unavailable",
    "refusal",
]


class ErrorCode(StrEnum):
    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    ACCOUNT_BLOCKED = "ACCOUNT_BLOCKED"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    QUOTE_EXPIRED = "QUOTE_EXPIRED"
    FEES_CHANGED = "FEES_CHANGED"
    INTENT_EXPIRED = "INTENT_EXPIRED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    POSSIBLE_DUPLICATE = "POSSIBLE_DUPLICATE"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    RAIL_UNAVAILABLE = "RAIL_UNAVAILABLE"
    TRY_AGAIN = "TRY_AGAIN"


class DomainError(Exception):
    """An expected refusal. `text` is the English message with its facts as `{names}`, and the key of its translations."""

    code: ClassVar[ErrorCode]

    def __init__(self, text: str, *, field: tuple[str, ...] | None = None, **facts: Any) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.facts = facts
        self.language = "en"
        self.replayed = False  # True where an earlier try with the same key was refused so.

    def __getattr__(self, name: str) -> Any:
        # The facts are the refusal's attributes: the error is itself the row behind its API type.
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def message(self) -> str:
        """For people, in the language it was last told in."""
        return translate(self.text, language=self.language, **self.facts)

    def told_in(self, language: str) -> Self:
        """The same refusal for a reader of `language`."""
        told = copy(self)
        told.language = language
        return told

    def stored(self) -> dict[str, Any]:
        """As the decision keeps it, JSON; `refusal` is the way back."""
        return {"text": self.text, "field": self.field, "facts": {k: _pack(v) for k, v in self.facts.items()}}


class InvalidInput(DomainError):
    code = ErrorCode.INVALID_INPUT


class NotFound(DomainError):
    code = ErrorCode.NOT_FOUND


class Forbidden(DomainError):
    code = ErrorCode.FORBIDDEN


class InsufficientFunds(DomainError):
    code = ErrorCode.INSUFFICIENT_FUNDS
    available: Money


class LimitExceeded(DomainError):
    """Of amount or of count; the other pair is None, and `resets_at` for a limit on each payment."""

    code = ErrorCode.LIMIT_EXCEEDED
    limit: Money | None
    remaining: Money | None
    count_limit: int | None
    count_remaining: int | None
    resets_at: datetime | None


class AccountBlocked(DomainError):
    code = ErrorCode.ACCOUNT_BLOCKED


class CurrencyMismatch(DomainError):
    code = ErrorCode.CURRENCY_MISMATCH


class QuoteExpired(DomainError):
    code = ErrorCode.QUOTE_EXPIRED


class FeesChanged(DomainError):
    """Fees rose above what the client allowed; `quote` (a services.quotes.Quote) is what it would be now."""

    code = ErrorCode.FEES_CHANGED


class IntentExpired(DomainError):
    code = ErrorCode.INTENT_EXPIRED


class IdempotencyConflict(DomainError):
    code = ErrorCode.IDEMPOTENCY_CONFLICT


class PossibleDuplicate(DomainError):
    code = ErrorCode.POSSIBLE_DUPLICATE
    earlier_id: UUID


class StepUpRequired(DomainError):
    code = ErrorCode.STEP_UP_REQUIRED


class RailUnavailable(DomainError):
    code = ErrorCode.RAIL_UNAVAILABLE


class TryAgain(DomainError):
    code = ErrorCode.TRY_AGAIN
    retry_after: datetime


# Final: stored under the key, so that an old intent cannot succeed later by a retry.
STORED = frozenset(
    {
        ErrorCode.NOT_FOUND,
        ErrorCode.FORBIDDEN,
        ErrorCode.INSUFFICIENT_FUNDS,
        ErrorCode.LIMIT_EXCEEDED,
        ErrorCode.ACCOUNT_BLOCKED,
        ErrorCode.CURRENCY_MISMATCH,
        ErrorCode.QUOTE_EXPIRED,
        ErrorCode.FEES_CHANGED,
        ErrorCode.INTENT_EXPIRED,
        ErrorCode.POSSIBLE_DUPLICATE,
    }
)

_CLASSES = {cls.code: cls for cls in DomainError.__subclasses__()}


def refusal(code: str, stored: dict[str, Any]) -> DomainError:
    """The refusal that `stored()` made, or that the database gave with its facts."""
    field = stored.get("field")
    facts = {name: _unpack(value) for name, value in stored.get("facts", {}).items()}
    return _CLASSES[ErrorCode(code)](stored["text"], field=tuple(field) if field else None, **facts)


def _pack(value: Any) -> Any:
    match value:
        case Money():
            return {"minor": value.minor, "currency": value.currency}
        case UUID():
            return {"uuid": str(value)}
        case datetime():
            return {"time": value.isoformat()}
        case _:
            return value


def _unpack(value: Any) -> Any:
    match value:
        case {"minor": int(minor), "currency": str(currency)}:
            return Money(minor, currency)
        case {"uuid": str(text)}:
            return UUID(text)
        case {"time": str(text)}:
            return datetime.fromisoformat(text)
        case _:
            return value


class Unavailable(Exception):
    """A store did not answer, or too many wait for it. Nothing is known to be decided; the same key may be sent again."""

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestRefused(Exception):
    """The request as a whole is refused before anything ran; `code` is one of the top-level codes."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
