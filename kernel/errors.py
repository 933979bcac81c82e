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

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
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
    "Told",
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


class Told:
    """A refusal as a reader of one language is told it: the row behind its API type. Its facts are its attributes.

    Not the exception itself: to a GraphQL execution an exception in a list is a failure and not a value.
    """

    def __init__(self, refusal: DomainError, language: str) -> None:
        self.code = refusal.code
        self.message = translate(refusal.text, language=language, **refusal.facts)
        self.field = refusal.field
        self._facts = refusal.facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_facts"][name]
        except KeyError:
            raise AttributeError(name) from None


class DomainError(Exception):
    """An expected refusal. `text` is the English message with its facts as `{names}`, and the key of its translations."""

    code: ClassVar[ErrorCode]
    # Each kind of refusal is told by a class of its own, so that a type of the API can be known by it.
    told: ClassVar[type[Told]]

    def __init_subclass__(cls) -> None:
        cls.told = type(f"{cls.__name__}Told", (Told,), {})

    def __init__(self, text: str, *, field: tuple[str, ...] | None = None, **facts: Any) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.facts = facts
        self.replayed = False  # True where an earlier try with the same key was refused so.

    def told_in(self, language: str) -> Told:
        """For a reader of `language`."""
        return self.told(self, language)

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


class LimitExceeded(DomainError):
    """Of amount or of count; the other pair is None, and `resets_at` for a limit on each payment."""

    code = ErrorCode.LIMIT_EXCEEDED


class AccountBlocked(DomainError):
    code = ErrorCode.ACCOUNT_BLOCKED


class CurrencyMismatch(DomainError):
    code = ErrorCode.CURRENCY_MISMATCH


class QuoteExpired(DomainError):
    code = ErrorCode.QUOTE_EXPIRED


class FeesChanged(DomainError):
    """Fees rose above what the client allowed; `quote` is the content of a quote of what it would be now."""

    code = ErrorCode.FEES_CHANGED


class IntentExpired(DomainError):
    code = ErrorCode.INTENT_EXPIRED


class IdempotencyConflict(DomainError):
    code = ErrorCode.IDEMPOTENCY_CONFLICT


class PossibleDuplicate(DomainError):
    code = ErrorCode.POSSIBLE_DUPLICATE


class StepUpRequired(DomainError):
    code = ErrorCode.STEP_UP_REQUIRED


class RailUnavailable(DomainError):
    code = ErrorCode.RAIL_UNAVAILABLE


class TryAgain(DomainError):
    code = ErrorCode.TRY_AGAIN


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
    if not isinstance(value, dict) or len(value) > 2:
        return value  # A pattern would match a larger object too.
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
