"""A store of sessions with all that asks it, under a prefix of its own: so each has its own clock, which a test moves."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auth.envelope import Envelope, KeyRing, base64url
from auth.names import holder_tag, new_handle
from auth.sessions.artefacts import Artefacts
from auth.sessions.keys import Keys
from auth.sessions.library import Library
from auth.sessions.marker import Marker
from auth.sessions.rates import Rates
from auth.sessions.records import NewSession, Redeemed, Rotated, Touch, Touched
from auth.sessions.revocations import Revocations
from auth.sessions.sessions import Sessions
from auth.sessions.store import Store
from auth.sessions.touching import Touching
from auth.tiers import DEFAULT_LIMITS, Tier, TierLimits

__all__ = ["DETAILS", "LIBRARY", "MASTER", "Device", "World", "fresh_prefix", "new_jkt", "new_proof", "new_tag", "seconds"]

LIBRARY = Library.test()
MASTER, SUBJECT_KEY = b"m" * 32, b"s" * 32
PROOF_LIFE = timedelta(minutes=2)
DETAILS = b'{"device": "a phone"}'
_numbers = itertools.count()


def fresh_prefix() -> str:
    return f"run-{secrets.token_hex(4)}:{next(_numbers)}:"


def new_proof() -> str:
    return base64url(hashlib.sha256(secrets.token_bytes(16)).digest())


def new_jkt() -> str:
    return new_proof()


def new_tag() -> str:
    return holder_tag(b"t" * 32, uuid.uuid4())


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass(slots=True)
class Device:
    """A phone, with what it got when it signed in last."""

    tag: str
    jkt: str
    sid: str
    auth_time: datetime
    n: int = 0


@dataclass
class World:
    """One process of the bank, as far as sessions go."""

    url: str
    prefix: str
    store: Store
    keys: Keys
    marker: Marker
    envelope: Envelope
    sessions: Sessions
    touching: Touching
    revocations: Revocations
    artefacts: Artefacts
    rates: Rates
    monotonic: list[float] = field(default_factory=lambda: [1000.0])

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        prefix: str | None = None,
        marked: bool = True,
        masters: tuple[bytes, ...] = (MASTER,),
        library: Library = LIBRARY,
        on_return: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[World]:
        """With another's prefix it is another process of the same bank."""
        told = [1000.0]
        monotonic: Callable[[], float] = lambda: told[0]  # noqa: E731
        prefix = prefix or fresh_prefix()
        keys, store = Keys(prefix), Store(url, library, on_return=on_return, monotonic=monotonic)
        marker, revocations = Marker(store, keys.marker), Revocations(url, library, keys, monotonic=monotonic)
        envelope = Envelope(KeyRing(masters), environment="test", schema_version=1)
        world = cls(
            url=url,
            prefix=prefix,
            store=store,
            keys=keys,
            marker=marker,
            envelope=envelope,
            sessions=Sessions(store, marker, keys, envelope, proof_life=PROOF_LIFE),
            touching=Touching(store, marker, keys, revocations, proof_life=PROOF_LIFE, monotonic=monotonic),
            revocations=revocations,
            artefacts=Artefacts(store, marker, keys, envelope),
            rates=Rates(store, keys, subject_key=SUBJECT_KEY),
            monotonic=told,
        )
        await store.open()
        await marker.ensure(database_knows_sessions=not marked)
        try:
            yield world
        finally:
            await revocations.close()
            await store.close()

    async def advance(self, time: timedelta) -> None:
        """Let time pass, for the store."""
        await self.store.call("advance", [self.keys.clock], time // timedelta(milliseconds=1))

    async def now(self) -> datetime:
        """The time that the store decides by."""
        whole, micros = await self.store.ask("TIME")
        offset = await self.store.ask("GET", self.keys.clock) or 0
        return datetime.fromtimestamp(int(whole) + int(micros) / 1e6 + int(offset) / 1000, UTC)

    async def code(self, tag: str, *, jkt: str | None = None) -> str:
        """A code that was issued."""
        code = new_handle(tag)
        await self.sessions.put_code(code, b"what was asked for", jkt=jkt)
        return code

    async def redeem(
        self,
        code: str,
        *,
        jkt: str,
        tier: Tier = Tier.GENERAL,
        limits: Mapping[Tier, TierLimits] = DEFAULT_LIMITS,
        auth_time: datetime | None = None,
        proof: str | None = None,
        details: bytes = DETAILS,
    ) -> Redeemed:
        made = NewSession(jkt=jkt, tier=tier, acr=tier.acr, auth_time=auth_time or await self.now(), limits=limits, details=details)
        return await self.sessions.redeem_code(code, made, proof=proof)

    async def sign_in(
        self, *, tag: str | None = None, tier: Tier = Tier.GENERAL, limits: Mapping[Tier, TierLimits] = DEFAULT_LIMITS, details: bytes = DETAILS
    ) -> Device:
        """A device with a session, by a code."""
        tag, jkt, auth_time = tag or new_tag(), new_jkt(), await self.now()
        code = await self.code(tag, jkt=jkt)
        made = await self.redeem(code, jkt=jkt, tier=tier, limits=limits, auth_time=auth_time, details=details)
        assert made.sid is not None
        return Device(tag=tag, jkt=jkt, sid=made.sid, auth_time=auth_time)

    async def touch(
        self,
        device: Device,
        *,
        wanted: Tier = Tier.BROWSE,
        proof: str | None = None,
        active: bool = False,
        n: int | None = None,
        jkt: str | None = None,
        auth_time: datetime | None = None,
        only_reads: bool = False,
    ) -> Touched:
        """A request of the device, with a fresh proof unless told otherwise."""
        asked = Touch(
            sid=device.sid,
            jkt=jkt or device.jkt,
            n=device.n if n is None else n,
            auth_time=auth_time or device.auth_time,
            wanted=wanted,
            proof=proof or new_proof(),
            is_activity=active,
            only_reads=only_reads,
        )
        return await self.touching.touch(asked)

    async def rotate(self, device: Device, *, n: int | None = None, jkt: str | None = None, proof: str | None = None) -> Rotated:
        """A refresh by the device; it keeps what it gets."""
        rotated = await self.sessions.rotate(device.sid, n=device.n if n is None else n, jkt=jkt or device.jkt, proof=proof or new_proof())
        if rotated.status.grants:
            assert rotated.standing is not None
            device.n, device.auth_time = rotated.n, rotated.standing.auth_time
        return rotated
