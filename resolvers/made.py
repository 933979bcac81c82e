"""What a mutation made, or why it did not: the rows behind payloads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.errors import DomainError, Told
from resolvers.context import Context

__all__ = ["Made", "made"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`id` is None exactly when `errors` is not empty; `replayed` where an earlier try decided it."""

    id: UUID | None = None
    account_id: UUID | None = None
    replayed: bool = False
    errors: Sequence[Told] = ()


async def made(context: Context, work: Callable[[], Awaitable[Made]]) -> Made:
    """What `work` makes, or its refusal, told in the language of the request. Anything else that it raises is a defect."""
    try:
        return await work()
    except DomainError as refusal:
        return Made(errors=[refusal.told_in(context.language)], replayed=refusal.replayed)
