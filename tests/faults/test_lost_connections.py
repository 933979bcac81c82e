"""Connections that die at the worst moment: between a request's last statement and its end, and behind a commit.

Method: a real database whose administrator ends the connections, or a relay before it that keeps back one answer.
"""

from __future__ import annotations

import asyncio
import random

import asyncpg

from kernel.errors import Unavailable
from models.rows import CustomerRow
from resolvers.context import Context
from tests.bank import BankUnderTest

ROUNDS = 150
END_THEM = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'tallystick'"
CUSTOMER = f"SELECT {CustomerRow.columns} FROM customers WHERE id = $1"


async def test_a_request_that_has_read_all_it_needs_survives_the_end_of_its_connection(bank: BankUnderTest) -> None:
    customer = await bank.customer()
    administrator = await asyncpg.connect(bank.stores.admin_url)
    chance = random.Random(3)
    away = 0
    try:
        for _ in range(ROUNDS):
            async with Context(bank.services, customer_id=customer.id, language="en") as context:
                try:
                    rows = await context.fetch(CUSTOMER, customer.id, row=CustomerRow)
                except Unavailable:  # The pool gave a connection that had just died: the request is told to come again.
                    away += 1
                    continue
                ending = asyncio.create_task(administrator.execute(END_THEM, bank.database))
                await asyncio.sleep(chance.uniform(0, 0.0015))
            assert [row.id for row in rows] == [customer.id]
            await ending
    finally:
        await administrator.close()

    assert away < ROUNDS / 2
    # The pool heals by itself: nobody has to do anything.
    async with asyncio.timeout(10):
        while (await bank.post("{ viewer { id } }", by=customer)).status_code == 503:
            await asyncio.sleep(0.01)
    assert (await bank.execute("{ viewer { id } }", by=customer))["viewer"]["id"] == customer.node_id
