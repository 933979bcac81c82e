"""A bare Starlette route that sends the home screen's SQL and writes its rows as JSON: what GraphQL is compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kernel.settings import Settings
from models.database import Database
from resolvers import accounts, customers, transactions
from resolvers.context import SNAPSHOT

__all__ = ["create_app"]


def create_app() -> Starlette:
    """The application; its database is TALLYSTICK_DATABASE_URL."""
    settings = Settings()
    database = Database(settings.database_url or "", reads=8, money=1, jobs=1, waiting=256)
    page, _ = transactions.statement(transactions.Filter(), backwards=False)

    async def home(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        customer = UUID(asked["customer"])
        async with database.reads.connection() as connection:
            await connection.execute(SNAPSHOT)
            who = await connection.fetch(customers.BY_ID, [customer])
            mine = await connection.fetch(accounts.OF_CUSTOMERS_BY_ORDER["ASC"], [customer], None, None, 21)
            entries = await connection.fetch(page, [row["id"] for row in mine], 0, transactions.NEWEST, 21)
            await connection.execute("ROLLBACK")
        rows = [[dict(row) for row in part] for part in (who, mine, entries)]
        return Response(orjson.dumps(rows, default=str), media_type="application/json")

    async def ready(request: Request) -> Response:
        return Response("{}")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        yield
        await database.close()

    return Starlette(routes=[Route("/", home, methods=["POST"]), Route("/health/ready", ready)], lifespan=lifespan)
