"""The composition root: settings, stores, services, schema, edge. Only here (and in worker/) are parts chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.tokens import Tokens
from edge import graphiql, health, statements
from edge.demo import demo_sign_in
from edge.graphql import GraphQL
from edge.requests import RequestLog
from kernel import logs
from kernel.clock import Clock
from kernel.errors import Unavailable
from kernel.sealing import Sealer
from kernel.settings import Settings
from models.database import Database
from schema.roots import SCHEMA
from services.accounts import Accounts
from services.bank import Bank
from services.destinations import Facts
from services.ledger import Ledger
from services.payees import Payees
from services.payments import Payments
from services.quotes import Quotes
from services.statements import Statements
from services.tariffs import TariffBook

__all__ = ["create_app", "open_bank", "open_redis"]

CLOCK_SECONDS = 1.0  # How old the store's time may be that Python decides by.
TARIFF_SECONDS = 60.0
VALKEY_SECONDS = 0.15

log = structlog.get_logger("app")


@asynccontextmanager
async def open_bank(settings: Settings) -> AsyncIterator[Bank]:
    """All services on open stores; also for commands and the worker."""
    if settings.database_url is None:
        raise SystemExit("TALLYSTICK_DATABASE_URL is not set: `make run` starts an embedded PostgreSQL and sets it")
    database = Database(
        settings.database_url,
        reads=settings.read_connections,
        money=settings.money_connections,
        jobs=settings.job_connections,
        waiting=settings.waiting_requests,
    )
    await database.open()
    try:
        clock = Clock()
        clock.set(await database.now())
        tariffs = TariffBook(database)
        await tariffs.refresh()
        sealer = Sealer.of(settings.sealing_keys.get_secret_value())
        ledger = await Ledger.open(database, clock)
        facts = Facts(database)
        quotes = Quotes(facts, tariffs, sealer, clock)
        yield Bank(
            settings=settings,
            database=database,
            clock=clock,
            sealer=sealer,
            tariffs=tariffs,
            ledger=ledger,
            accounts=Accounts(tariffs, clock),
            payees=Payees(clock),
            payments=Payments(facts, quotes, tariffs, ledger),
            quotes=quotes,
            statements=Statements(database, tariffs, sealer, clock, settings),
        )
        await ledger.drain()
    finally:
        await database.close()


def create_app(settings: Settings | None = None) -> Starlette:
    """The server; `settings` come from the environment where none are given."""
    chosen = settings or Settings()
    logs.configure(chosen)
    redis = open_redis(chosen)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_bank(chosen) as bank:
            app.state.bank, app.state.tokens, app.state.draining = bank, Tokens.of(chosen), False
            tasks = [
                asyncio.create_task(_every(CLOCK_SECONDS, lambda: _read_clock(bank))),
                asyncio.create_task(_every(TARIFF_SECONDS, bank.tariffs.refresh)),
            ]
            try:
                yield
            finally:
                app.state.draining = True
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await redis.aclose()

    async def postgres_answers(request: Request) -> None:
        await request.app.state.bank.database.check()

    async def valkey_answers(request: Request) -> None:
        await redis.ping()

    return Starlette(
        routes=[
            Route("/graphql", GraphQL(SCHEMA, page=None if chosen.is_production else _graphiql)),
            *([] if chosen.is_production else graphiql.routes()),
            *health.routes({"postgresql": postgres_answers, "valkey": valkey_answers}, lambda request: request.app.state.draining),
            *statements.routes(),
        ],
        middleware=[Middleware(RequestLog)],
        lifespan=lifespan,
    )


def open_redis(settings: Settings) -> Redis:
    """The client of sessions. It never sends a command twice by itself: what counts must not be counted twice."""
    if settings.redis_url is None:
        raise SystemExit("TALLYSTICK_REDIS_URL is not set: `make run` starts an embedded Valkey and sets it")
    return Redis.from_url(settings.redis_url, socket_timeout=VALKEY_SECONDS, socket_connect_timeout=VALKEY_SECONDS, retry=Retry(NoBackoff(), 0))


async def _graphiql(request: Request) -> Response:
    """GraphiQL with the demo queries, and a demo customer signed in where there is a demo bank."""
    signed_in = await demo_sign_in(request.app.state.bank)
    headers = {"Authorization": f"Bearer {signed_in.token}"} if signed_in else {}
    return graphiql.page_response(endpoint="/graphql", tabs=graphiql.demo_tabs(signed_in.customer if signed_in else None), headers=headers)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` again and again; a store that is away is waited for."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Unavailable as away:
            log.warning("store away", reason=str(away))


async def _read_clock(bank: Bank) -> None:
    bank.clock.set(await bank.database.now())
