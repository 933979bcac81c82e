"""The worker's jobs: everything is chained once, heads go upwards only, a job that fails does not stop the others."""

from __future__ import annotations

import asyncio
import uuid
from datetime import date

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from kernel.errors import Unavailable
from services.bank import Bank
from services.orders import Leg, words
from tests.bank import Account, BankUnderTest
from worker.jobs import Job
from worker.ledger import chain, relay
from worker.loop import Loop


async def pay(bank: BankUnderTest, payer: Account, payee: Account) -> None:
    legs = [
        Leg(account_id=payer.id, minor=-100, kind="TRANSFER", description="x", words=words(payer.number, "x")),
        Leg(account_id=payee.id, minor=100, kind="TRANSFER", description="x", words=words(payee.number, "x")),
    ]
    await bank.services.ledger.book(key=uuid.uuid4(), kind="transfer", legs=legs, value_date=date(2026, 1, 1))


async def test_every_posting_is_chained_once_while_others_are_posted(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()

    async def posting() -> None:
        for _ in range(30):
            await pay(bank, payer, payee)

    work = asyncio.gather(*(posting() for _ in range(4)))
    while not work.done():
        await asyncio.gather(chain(bank.services), chain(bank.services))
    await work
    while await chain(bank.services):
        pass

    assert await bank.value("SELECT count(*) FROM chain_links") == await bank.value("SELECT count(*) FROM postings") == 121
    assert await bank.value("SELECT count(*) FROM outbox WHERE topic = 'posted'") == 0


async def test_the_relay_tells_heads_upwards_only(bank: BankUnderTest) -> None:
    payer, payee = await bank.account(booked="1000.00"), await bank.account()
    redis = Redis.from_url(bank.stores.redis_url)
    name = f"feed:{payee.holder.id}"
    job = relay(redis)
    try:
        async with redis.pubsub() as heard:
            await heard.subscribe(name)
            await pay(bank, payer, payee)
            while await job.work(bank.services):
                pass
            head = await bank.value("SELECT head FROM feeds WHERE holder_id = $1", payee.holder.id)
            assert await redis.get(name) == str(head).encode()
            assert str(head).encode() in await _read(heard)
        await redis.set(name, head + 10)
        await pay(bank, payer, payee)
        await job.work(bank.services)
        assert await redis.get(name) == str(head + 10).encode()
    finally:
        await redis.aclose()


async def _read(heard: PubSub) -> list[bytes]:
    """All that was heard so far."""
    found = []
    while (message := await heard.get_message(timeout=0.2)) is not None:
        found.append(message["data"])
    return found


async def test_a_job_that_fails_is_tried_again_and_stops_nothing_else(bank: BankUnderTest) -> None:
    loop = Loop(bank.services)
    seen: list[str] = []

    async def broken(services: Bank) -> bool:
        seen.append("broken")
        raise Unavailable("away") if len(seen) % 2 else ValueError("defect")

    async def sound(services: Bank) -> bool:
        seen.append("sound")
        if seen.count("sound") >= 5 and seen.count("broken") >= 3:
            loop.stop()
        return False

    jobs = [Job(name="broken", every_seconds=0.001, work=broken), Job(name="sound", every_seconds=0.001, work=sound)]
    async with asyncio.timeout(20):
        await loop.run(jobs)

    assert seen.count("broken") >= 3
