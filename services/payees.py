"""Payees: the book of those whom a customer pays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from kernel import ids
from kernel.clock import Clock
from kernel.errors import Forbidden, InvalidInput, NotFound
from models.payees import Payee
from services.decisions import Decision
from services.destinations import Destination
from services.keys import decide_once
from services.texts import one_line

__all__ = ["BOOK_SIZE", "NAME_LENGTH", "Payees"]

NAME_LENGTH = 60
BOOK_SIZE = 500

RESOLVE = """
SELECT a.id, a.holder_id FROM accounts a WHERE a.number = $1 AND a.status <> 'CLOSED'
UNION ALL
(SELECT a.id, a.holder_id FROM customers c JOIN accounts a ON a.holder_id = c.id
  WHERE c.phone = $2 AND a.kind = 'CURRENT' AND a.status <> 'CLOSED' ORDER BY a.id LIMIT 1)
"""
FEED = "SELECT feed($1::uuid[], $2::text[], $3::uuid[])"


class Payees:
    """Adds to the book and takes from it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def add(self, *, customer_id: UUID, key: UUID, name: str, to: Destination) -> Decision:
        """Put somebody into the book, once per key; who stands there already is given back. The decision's subject is the payee.

        Raises:
            InvalidInput, RailUnavailable: never stored; the same key may be sent again, corrected.
            Unavailable: nothing is known to be decided.
        """
        name = one_line(name, field=("name",), maximum=NAME_LENGTH)
        if to.payee_id is not None:
            raise InvalidInput("a payee is an account or a phone, not another payee", field=("to", "payeeId"))
        to.inside()

        async def decide(transaction: BaseDBAsyncClient) -> UUID:
            return await self._add(transaction, customer_id, name, to)

        asked = {"name": name, "number": to.account_number, "phone": to.phone}
        return await decide_once(holder_id=customer_id, key=key, operation="addPayee", asked=asked, decide=decide)

    async def _add(self, transaction: BaseDBAsyncClient, customer_id: UUID, name: str, to: Destination) -> UUID:
        found = await transaction.execute_query_dict(RESOLVE, [to.account_number, to.phone])
        if not found or found[0]["holder_id"] is None:
            raise NotFound("nobody can be paid there", field=to.field)
        account_id = found[0]["id"]
        standing = await Payee.get_or_none(customer_id=customer_id, account_id=account_id, removed_at=None, using_db=transaction)
        if standing is not None:
            return UUID(str(standing.id))
        if await Payee.filter(customer_id=customer_id, removed_at=None).using_db(transaction).count() >= BOOK_SIZE:
            raise Forbidden("your book has {size} payees, which is as many as it takes; remove one first", size=BOOK_SIZE)
        payee_id = ids.new()
        await Payee.create(
            id=payee_id,
            customer_id=customer_id,
            name=name,
            account_id=account_id,
            created_at=self._clock.now(),
            using_db=transaction,
        )
        await _changed(transaction, customer_id, payee_id)
        return payee_id

    async def remove(self, *, customer_id: UUID, payee_id: UUID) -> UUID:
        """Take somebody from the book; taking them out again changes nothing. Payments made to them stay.

        Raises:
            NotFound: there never was such a payee in this book.
            Unavailable: the database is away.
        """

        async def decide(transaction: BaseDBAsyncClient) -> UUID:
            payee = await Payee.filter(id=payee_id, customer_id=customer_id).using_db(transaction).select_for_update().first()
            if payee is None:
                raise NotFound("there is no such payee in your book", field=("id",))
            if payee.removed_at is None:
                payee.removed_at = self._clock.now()
                await payee.save(update_fields=["removed_at"], using_db=transaction)
                await _changed(transaction, customer_id, payee_id)
            return payee_id

        # Its key is the payee's own: removing is the same whenever it is asked.
        decision = await decide_once(holder_id=customer_id, key=payee_id, operation="removePayee", asked={"payee": payee_id}, decide=decide)
        return decision.accepted()


async def _changed(transaction: Any, customer_id: UUID, payee_id: UUID) -> None:
    await transaction.execute_query_dict(FEED, [[customer_id], ["PAYEE"], [payee_id]])
