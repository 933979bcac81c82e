"""Connections that die at the worst moment: between a request's last statement and its end, and behind a commit.

Method: a real database whose administrator ends the connections, or a relay before it that keeps back one answer.
"""

from __future__ import annotations

import asyncpg

from models.rows import CustomerRow
from resolvers.context import Context
from tests.bank import BankUnderTest

ROUNDS = 20
END_THEM = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'tallystick'"


async def test_a_request_that_has_read_all_it_needs_survives_the_end_of_its_connection(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    administrator = await asyncpg.connect(bank.stores.admin_url)
    try:
        for _ in range(ROUNDS):
            async with Context(bank.services, customer_id=customer.id, language="en") as context:
                rows = await context.fetch(f"SELECT {CustomerRow.columns} FROM customers WHERE id = $1", customer.id, row=CustomerRow)
                await administrator.execute(END_THEM, bank.database)
            assert [row.id for row in rows] == [customer.id]
    finally:
        await administrator.close()

    # The pool heals by itself: nobody has to do anything.
    assert (await bank.execute("{ viewer { id } }", by=customer))["viewer"]["id"] == customer.node_id
