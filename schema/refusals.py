"""Refusals as data: what `errors` of a payload holds."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry

from kernel import errors
from kernel.errors import DomainError, ErrorCode
from resolvers import payments
from schema.fields import batched, computed, of_rows
from schema.money import Money
from schema.scalars import DateTime

__all__ = ["REFUSALS", "ErrorCode", "StepUpMethod", "UserError"]

strawberry.enum(ErrorCode, description="Stable; a client that meets a code it does not know shows the message.")

FIELD = 'Path of the input field at fault, e.g. ["amount", "amount"]; null where none is.'


@strawberry.interface(description="Why something was refused. Ask for code and message; more with `... on InsufficientFunds` and the like.")
class UserError:
    code: ErrorCode
    message: str = strawberry.field(description="For people, in the language of the request.")
    field: list[str] | None = strawberry.field(description=FIELD)


# Refusals with facts of their own have a type of their own; all others are InputError.
_PLAIN = tuple(
    cls.told
    for cls in DomainError.__subclasses__()
    if cls
    not in {errors.InsufficientFunds, errors.LimitExceeded, errors.PossibleDuplicate, errors.FeesChanged, errors.TryAgain, errors.StepUpRequired}
)


@strawberry.type(description="A refusal that its code says all of.")
class InputError(UserError):
    is_type_of = of_rows(*_PLAIN)


@strawberry.type(description="The account cannot give this much.")
class InsufficientFunds(UserError):
    is_type_of = of_rows(errors.InsufficientFunds.told)
    available: Money = strawberry.field(description="What it could give when this was decided.")


@strawberry.type(description="Of amount or of count; the other pair is null.")
class LimitExceeded(UserError):
    is_type_of = of_rows(errors.LimitExceeded.told)
    limit: Money | None
    remaining: Money | None = strawberry.field(description="What was left of the limit when this was decided.")
    count_limit: int | None
    count_remaining: int | None
    resets_at: DateTime | None = strawberry.field(description="Null: a limit on each payment.")


@strawberry.type(description="The same was paid a few minutes ago. To pay again: allowDuplicate with a new idempotencyKey.")
class PossibleDuplicate(UserError):
    is_type_of = of_rows(errors.PossibleDuplicate.told)
    earlier: Annotated[Payment, strawberry.lazy("schema.payments")] = batched(payments.by_id, by="earlier_id")  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="The fees are higher than the client allowed.")
class FeesChanged(UserError):
    is_type_of = of_rows(errors.FeesChanged.told)
    quote: Annotated[PaymentQuote, strawberry.lazy("schema.payments")] = computed(  # type: ignore[name-defined]  # noqa: F821
        payments.quote_in_refusal, description="What the payment would cost now."
    )


@strawberry.type(description="Nothing was decided; the same key may be sent again.")
class TryAgain(UserError):
    is_type_of = of_rows(errors.TryAgain.told)
    retry_after: DateTime


@strawberry.enum(description="How a customer proves that it is them.")
class StepUpMethod(Enum):
    TOTP = "TOTP"
    PASSKEY = "PASSKEY"
    DEVICE_KEY = "DEVICE_KEY"


@strawberry.type(description="The customer has to prove again that it is them; then send it again with the same key.")
class StepUpRequired(UserError):
    is_type_of = of_rows(errors.StepUpRequired.told)
    methods: list[StepUpMethod] = strawberry.field(description="Any one of these will do.")
    challenge: str = strawberry.field(description="Opaque; goes into the proof.")


REFUSALS: tuple[Any, ...] = (InputError, InsufficientFunds, LimitExceeded, PossibleDuplicate, FeesChanged, TryAgain, StepUpRequired)
