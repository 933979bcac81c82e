"""Idempotency keys of what is not a posting: decided once, in the transaction that writes what was decided."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import DBConnectionError
from tortoise.transactions import in_transaction

from kernel.errors import STORED, DomainError, Unavailable
from models.database import AWAY
from services.decisions import POSTED, Decision, request_hash

__all__ = ["decide_once"]

CLAIM = "SELECT * FROM claim($1, $2, $3)"
DECIDE = "SELECT decide($1, $2, $3, $4, $5, $6, $7)"


async def decide_once(
    *, holder_id: UUID, key: UUID, operation: str, asked: Mapping[str, Any], decide: Callable[[BaseDBAsyncClient], Awaitable[UUID]]
) -> Decision:
    """Run `decide` in a transaction that holds the key, or give what was decided under it before.

    `decide` gives the id of what it wrote, or raises the refusal before it writes; final refusals are stored. The work runs in a
    task of its own: who waits may be cancelled, the work goes on.

    Raises:
        Unavailable: the database is away; the same key may be sent again.
    """

    async def work() -> Decision:
        try:
            async with in_transaction("money") as transaction:
                return await _decide(transaction, holder_id, key, operation, asked, decide)
        except (DBConnectionError, *AWAY) as error:
            raise Unavailable("the database is away") from error

    task = asyncio.get_running_loop().create_task(work(), context=contextvars.Context())
    return await asyncio.shield(task)


async def _decide(
    transaction: BaseDBAsyncClient,
    holder_id: UUID,
    key: UUID,
    operation: str,
    asked: Mapping[str, Any],
    decide: Callable[[BaseDBAsyncClient], Awaitable[UUID]],
) -> Decision:
    asked_hash = bytes.fromhex(request_hash(operation, asked)[2:])
    for row in await transaction.execute_query_dict(CLAIM, [holder_id, key, asked_hash]):
        if not row["same_request"]:
            return Decision(status="IDEMPOTENCY_CONFLICT", replayed=True, facts={}, subject_id=None)
        return Decision.of(row["status"], True, row["facts"], row["subject_id"])
    try:
        subject_id, status, facts = await decide(transaction), POSTED, None
    except DomainError as refused:
        if refused.code not in STORED:
            raise
        subject_id, status, facts = None, refused.code.value, orjson.dumps(refused.stored(), default=str).decode()
    await transaction.execute_query_dict(DECIDE, [holder_id, key, operation, asked_hash, status, facts, subject_id])
    return Decision.of(status, False, facts, subject_id)
