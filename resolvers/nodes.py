"""Objects by their ids, whatever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kernel import ids
from kernel.errors import RequestRefused
from resolvers import accounts, customers, payees, payments, transactions
from resolvers.context import Context
from resolvers.pages import MAXIMUM_FIRST

__all__ = ["by_typed_ids"]

# The set-based function behind each prefix.
BY_PREFIX = {
    "cus": customers.by_id,
    "acc": accounts.by_id,
    "hld": accounts.holds_by_id,
    "txn": transactions.by_id,
    "pye": payees.by_id,
    "pay": payments.by_id,
}


async def by_typed_ids(context: Context, texts: Sequence[str]) -> list[Any]:
    """Rows in the order of the ids; None where there is none. One statement a type.

    Raises:
        RequestRefused: UNAUTHENTICATED, or BAD_REQUEST where there are too many.
    """
    if not context.signed_in:
        raise RequestRefused("UNAUTHENTICATED", "sign in first: send an access token", status=401)
    if len(texts) > MAXIMUM_FIRST:
        raise RequestRefused("BAD_REQUEST", f"at most {MAXIMUM_FIRST} ids at once")
    return list(await asyncio.gather(*(_load(context, text) for text in texts)))


async def _load(context: Context, text: str) -> Any:
    try:
        prefix, id = ids.prefix_of(text)
    except ids.IdError:
        return None
    function: Any = BY_PREFIX.get(prefix)
    return await context.load(function, id) if function is not None else None
