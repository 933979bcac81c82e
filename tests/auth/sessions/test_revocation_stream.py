"""Every process hears which sessions ended, also after its connection was lost.

Method: a listener on a real server; its connection is cut by the server, the stream is trimmed or lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from auth.sessions.records import EndReason, RotateStatus
from auth.sessions.revocations import Resumed, Revocation, Revocations
from tests.auth.sessions.world import World, new_jkt, new_tag, seconds

PATIENCE_SECONDS = 20


class Listener:
    """Follows the stream, and hands on what it hears."""

    def __init__(self, revocations: Revocations) -> None:
        self.events: asyncio.Queue[Revocation | Resumed] = asyncio.Queue()
        self.task = asyncio.create_task(self._listen(revocations))

    async def _listen(self, revocations: Revocations) -> None:
        async for event in revocations.follow():
            self.events.put_nowait(event)

    async def next(self) -> Revocation | Resumed:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.events.get()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def listener(other: World) -> AsyncIterator[Listener]:
    """Of another process than the one that ends sessions."""
    made = Listener(other.revocations)
    assert await made.next() == Resumed(has_gap=True)  # Of what was before it knows nothing.
    yield made
    await made.stop()


async def cut_off(world: World) -> None:
    """The server ends all connections but ours, as a fail-over would."""
    me = await world.store.ask("CLIENT", "ID")
    for line in (await world.store.ask("CLIENT", "LIST")).splitlines():
        client = dict(part.split("=", 1) for part in line.split(" "))
        if client["cmd"] == "xread" and int(client["id"]) != me:
            await world.store.ask("CLIENT", "KILL", "ID", client["id"])


async def next_millisecond(world: World) -> None:
    began = await world.now()
    while await world.now() - began < timedelta(milliseconds=2):
        pass


async def test_an_ended_session_is_heard_of_by_name(world: World, listener: Listener) -> None:
    device, neighbour = await world.sign_in(), await world.sign_in()

    await world.sessions.revoke([device.sid], reason=EndReason.DEVICE_REVOKED)

    event = await listener.next()
    assert event == Revocation(sids=(device.sid,), reason=EndReason.DEVICE_REVOKED)
    assert event.reaches(device.sid, device.auth_time)
    assert not event.reaches(neighbour.sid, neighbour.auth_time)


async def test_an_epoch_is_heard_of_by_its_holder(world: World, listener: Listener) -> None:
    tag = new_tag()
    before, kept = await world.sign_in(tag=tag), await world.sign_in(tag=tag)
    stranger = await world.sign_in()
    at = await world.now() + seconds(1)

    await world.sessions.set_epoch(tag, at=at, reason=EndReason.PASSWORD_CHANGED, keep=kept.sid)

    event = await listener.next()
    assert isinstance(event, Revocation)
    assert event.reaches(before.sid, before.auth_time)
    assert not event.reaches(before.sid, at + seconds(1))
    assert not event.reaches(kept.sid, kept.auth_time)
    assert not event.reaches(stranger.sid, stranger.auth_time)


async def test_a_stolen_refresh_token_and_a_code_that_came_twice_are_heard_of(world: World, listener: Listener) -> None:
    device = await world.sign_in()
    assert (await world.rotate(device, jkt=new_jkt())).status is RotateStatus.OTHER_DEVICE
    assert await listener.next() == Revocation(sids=(device.sid,), reason=EndReason.OTHER_DEVICE)

    code, jkt = await world.code(device.tag), new_jkt()
    made = await world.redeem(code, jkt=jkt)
    await world.redeem(code, jkt=jkt)
    assert made.sid is not None
    assert await listener.next() == Revocation(sids=(made.sid,), reason=EndReason.CODE_REUSED)


async def test_what_ends_while_the_connection_is_lost_is_heard_of_after_it(world: World, listener: Listener) -> None:
    devices = [await world.sign_in() for _ in range(5)]
    await world.sessions.revoke([devices[0].sid], reason=EndReason.SIGNED_OUT)
    await listener.next()
    await cut_off(world)
    for device in devices[1:]:
        await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)

    heard = [await listener.next() for _ in range(5)]

    assert heard == [Resumed(has_gap=False), *(Revocation(sids=(device.sid,), reason=EndReason.SIGNED_OUT) for device in devices[1:])]


async def test_a_listener_that_connects_again_before_anything_happened_has_no_gap(world: World, listener: Listener) -> None:
    await cut_off(world)

    assert await listener.next() == Resumed(has_gap=False)


@pytest.mark.parametrize("loss", ["trimmed", "gone", "begun anew"])
async def test_a_listener_knows_that_it_may_have_missed_something(world: World, other: World, listener: Listener, loss: str) -> None:
    devices = [await world.sign_in() for _ in range(3)]
    await world.sessions.revoke([devices[0].sid], reason=EndReason.SIGNED_OUT)
    await listener.next()
    await listener.stop()
    await next_millisecond(world)  # A stream begun anew within one would count as the old one.
    if loss == "trimmed":
        await world.sessions.revoke([devices[1].sid], reason=EndReason.SIGNED_OUT)
        await world.store.ask("XTRIM", world.keys.revocations, "MAXLEN", 0)
    else:
        await world.store.ask("DEL", world.keys.revocations)
    if loss == "begun anew":
        await world.sessions.revoke([devices[1].sid], reason=EndReason.SIGNED_OUT)

    again = Listener(other.revocations)

    assert await again.next() == Resumed(has_gap=True)
    await world.sessions.revoke([devices[2].sid], reason=EndReason.SIGNED_OUT)
    last = await again.next()
    while last == Revocation(sids=(devices[1].sid,), reason=EndReason.SIGNED_OUT):
        last = await again.next()
    assert last == Revocation(sids=(devices[2].sid,), reason=EndReason.SIGNED_OUT)
    await again.stop()


async def test_a_listener_knows_until_when_it_has_heard_everything(world: World, other: World, listener: Listener) -> None:
    device = await world.sign_in()
    other.monotonic[0] += 100
    await world.sessions.revoke([device.sid], reason=EndReason.SIGNED_OUT)

    await listener.next()

    assert other.revocations.synced_at == other.monotonic[0]


async def test_only_the_last_revocations_are_kept(world: World) -> None:
    sid = new_tag() + "A" * 22
    for _ in range(300):
        await asyncio.gather(*(world.sessions.revoke([sid], reason=EndReason.SIGNED_OUT) for _ in range(40)))

    assert 10_000 <= await world.store.ask("XLEN", world.keys.revocations) < 11_000


def test_an_epoch_reaches_to_the_millisecond() -> None:
    tag = "t" * 16
    event = Revocation(tag=tag, epoch=1_000_500, reason=EndReason.LOCKED)
    at = datetime.fromtimestamp(1000.5, UTC)
    assert not event.reaches(tag + "A" * 22, at)
    assert event.reaches(tag + "A" * 22, at - timedelta(milliseconds=1))
