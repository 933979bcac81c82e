"""The ledger's jobs: the hash chain, holds whose time has passed, and the heads of feeds."""

from __future__ import annotations

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.errors import Unavailable
from services.bank import Bank
from services.ledger import HoldEnded
from services.verify import verify
from worker.jobs import Job

__all__ = ["chain", "expire_holds", "jobs", "relay", "tidy_words", "verify_books"]

log = structlog.get_logger("worker")

CHAINED_AT_ONCE = 1000
EXPIRED_AT_ONCE = 100
RELAYED_AT_ONCE = 1000

CHAIN = "SELECT chain($1)"
TIDY = "SELECT tidy_words()"
DUE = "SELECT id, account_id FROM holds WHERE state = 'ACTIVE' AND expires_at <= bank_now() ORDER BY expires_at LIMIT $1"
HEADS = "SELECT holder_id, head FROM take_feed_heads($1)"

# A head lives two seconds: when it is not there, one indexed read tells it. Written upwards only, so that a late relay is harmless.
HEAD_SECONDS = 2
UPWARDS = """
local known = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) >= known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
redis.call('PUBLISH', KEYS[1], ARGV[1])
"""


async def chain(bank: Bank) -> bool:
    """Chain the postings that were committed since."""
    async with bank.database.jobs.connection() as connection:
        return bool(await connection.fetchval(CHAIN, CHAINED_AT_ONCE))


async def tidy_words(bank: Bank) -> bool:
    """Take the search words of new entries into their index."""
    async with bank.database.jobs.connection() as connection:
        await connection.execute(TIDY)
    return False


async def expire_holds(bank: Bank) -> bool:
    """Give back what was set aside until a time that has passed. Each hold has one key: several workers may try it."""
    async with bank.database.jobs.connection() as connection:
        due = await connection.fetch(DUE, EXPIRED_AT_ONCE)
    for hold in due:
        try:
            await bank.ledger.expire(hold_id=hold["id"], account_id=hold["account_id"])
        except HoldEnded:
            continue  # Captured or released a moment ago: there is nothing to give back.
    return len(due) == EXPIRED_AT_ONCE


def relay(redis: Redis) -> Job:
    """The job that tells the heads of feeds that moved. A message may be lost: the next one's number shows the gap."""

    async def work(bank: Bank) -> bool:
        async with bank.database.jobs.connection() as connection:
            heads = await connection.fetch(HEADS, RELAYED_AT_ONCE)
        try:
            for head in heads:
                await redis.eval(UPWARDS, 1, f"feed:{head['holder_id']}", head["head"], HEAD_SECONDS)
        except RedisError as error:
            raise Unavailable("Valkey is away") from error
        return bool(heads)

    return Job(name="relay", every_seconds=0.2, work=work)


async def verify_books(bank: Bank) -> bool:
    """Check the books; what is wrong is an error in the log, and somebody is to be woken by it."""
    async with bank.database.jobs.connection() as connection:
        for finding in await verify(connection):
            log.error("the books are wrong", rule=finding.rule, place=finding.place)
    return False


def jobs(redis: Redis) -> list[Job]:
    """All jobs of the ledger."""
    return [
        Job(name="chain", every_seconds=1.0, work=chain),
        Job(name="tidy words", every_seconds=5.0, work=tidy_words),
        Job(name="expire holds", every_seconds=1.0, work=expire_holds),
        relay(redis),
        Job(name="verify", every_seconds=3600.0, work=verify_books),
    ]
