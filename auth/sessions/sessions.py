"""Sessions on devices: made by a code, refreshed, raised to a tier and ended, each in one step of the store.

`touching` has what each request asks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from auth.envelope import Envelope, Unreadable
from auth.names import NotAName, tag_of_sid
from auth.sessions.answers import limits_text, milliseconds, read_found, read_standing, read_touched
from auth.sessions.keys import Keys, sid_of
from auth.sessions.marker import Marker
from auth.sessions.records import (
    EndReason,
    FoundCode,
    FoundSession,
    NewSession,
    Redeemed,
    RedeemStatus,
    RiskAction,
    Rotated,
    RotateStatus,
    SessionStatus,
    Touched,
)
from auth.sessions.revocations import Revocation, announce
from auth.sessions.store import Store
from auth.tiers import Tier
from kernel.errors import Unavailable

__all__ = ["CODE_LIFE", "Sessions"]

CODE_LIFE = timedelta(seconds=60)
USED_CODE_LIFE = timedelta(days=1)  # So long a second redemption is known for what it is.
MOST_SESSIONS = 64  # Of one holder; when there is one more, the one that would end first does.
BLOB = "blob"

log = structlog.get_logger("auth.sessions")


class Sessions:
    """All operations raise `Unavailable` where the store does not answer, or lost its data and cannot say that something is not there.

    `proof_life` is how long a proof is remembered: twice the age at which one is refused anyway.
    """

    def __init__(self, store: Store, marker: Marker, keys: Keys, envelope: Envelope, *, proof_life: timedelta) -> None:
        self._store = store
        self._marker = marker
        self._keys = keys
        self._envelope = envelope
        self._proof_life = proof_life // timedelta(milliseconds=1)

    # ------------------------------------------------------------ codes

    async def put_code(self, code: str, content: bytes, *, jkt: str | None, life: timedelta = CODE_LIFE) -> None:
        """Keep what a code stands for. Where it was asked for with a device key, only that key redeems it."""
        key = self._keys.code(code)
        sealed = self._envelope.seal(key, BLOB, content)
        await self._store.call("put_code", [key], life // timedelta(milliseconds=1), jkt or "", sealed)

    async def find_code(self, code: str) -> FoundCode | None:
        """What a code stands for, also when it was used; redeems nothing."""
        try:
            key, sid = self._keys.code(code), sid_of(code)
        except NotAName:
            return None
        status, *rest = (await self._store.call("find_code", [key])).split(" ")
        if status == "gone":
            await self._marker.vouch()
            return None
        content = self._opened(key, rest[1])
        return None if content is None else FoundCode(content=content, sid=sid, was_used=rest[0] == "1")

    async def redeem_code(self, code: str, made: NewSession, *, proof: str | None = None) -> Redeemed:
        """Make the session of a code, once. Who brings the code again ends that session.

        Listeners are told of the sessions in `ended`; the database is for the caller to tell.
        """
        try:
            sid = sid_of(code)
        except NotAName:
            return Redeemed(status=RedeemStatus.GONE)
        session, *others = self._keys.of_session(sid, proof)
        answer = await self._store.call(
            "redeem_code",
            [self._keys.code(code), session, *others],
            made.jkt,
            made.tier.value,
            made.acr,
            milliseconds(made.auth_time),
            limits_text(made.limits),
            self._envelope.seal(session, BLOB, made.details),
            USED_CODE_LIFE // timedelta(milliseconds=1),
            MOST_SESSIONS,
            self._proof_life,
        )
        status, *rest = answer.split(" ")
        if status == "gone":
            await self._marker.vouch()
        elif status == "replayed" and rest == ["1"]:
            await self._mention((sid,), EndReason.CODE_REUSED)
            return Redeemed(status=RedeemStatus.REPLAYED, sid=sid, ended=(sid,))
        elif status == "redeemed" and rest:
            return Redeemed(status=RedeemStatus.REDEEMED, sid=sid, ended=await self._make_room(rest))
        return Redeemed(status=RedeemStatus(status), sid=sid)

    # ------------------------------------------------------------ refresh

    async def rotate(self, sid: str, *, n: int, jkt: str, proof: str | None = None) -> Rotated:
        """Answer a refresh token whose MAC is ours, brought by the key `jkt`; `turn` in functions/sessions.lua says what follows from what.

        An answer may get lost after the session was ended: what `reason` tells is to be recorded whenever it is new to the caller.
        """
        answer = await self._store.call("rotate", self._keys.of_session(sid, proof), n, jkt, self._proof_life)
        rotated, sealed = _read_rotated(answer)
        if rotated.status is RotateStatus.GONE:
            await self._marker.vouch()
        if sealed is not None:
            details = self._opened(self._keys.session(sid), sealed)
            if details is None and rotated.status.grants:
                ended = await self.revoke([sid], reason=EndReason.BROKEN)
                return Rotated(status=RotateStatus.BROKEN, reason=EndReason.BROKEN, ended_now=bool(ended))
            if details is not None and rotated.status.grants:
                await self._reseal(sid, sealed, details)
            rotated = dataclasses.replace(rotated, details=details)
        if rotated.ended_now:
            assert rotated.reason is not None
            await self._mention((sid,), rotated.reason)
        return rotated

    # ------------------------------------------------------------ one session

    async def find(self, sid: str) -> FoundSession | None:
        """A session that lives; changes nothing."""
        found = await self._look(tag_of_sid(sid), [sid])
        if not found:
            await self._marker.vouch()
            return None
        return found[0]

    async def raise_tier(self, sid: str, *, tier: Tier, acr: str, auth_time: datetime) -> Touched:
        """After a step-up at `auth_time`. Tokens from before it do not carry the tier; the next ones do."""
        answer = await self._store.call("raise_tier", self._keys.of_session(sid), tier.value, acr, milliseconds(auth_time))
        touched = read_touched(answer)
        if touched.status is SessionStatus.GONE:
            await self._marker.vouch()
        return touched

    async def set_risk(self, sid: str, *, score: int, action: RiskAction) -> bool:
        """Note the last assessment, which each request is judged by; False where no such session lives."""
        return await self._write(sid, "risk", str(score), "action", action.value)

    async def set_details(self, sid: str, details: bytes) -> bool:
        """Replace the caller's own part, sealed with the newest key; False where no such session lives."""
        return await self._write(sid, BLOB, self._envelope.seal(self._keys.session(sid), BLOB, details))

    # ------------------------------------------------------------ all of a holder's

    async def list_sessions(self, tag: str) -> list[FoundSession]:
        """The holder's living sessions, the one that was used last first."""
        sids: list[str] = await self._store.ask("ZRANGE", self._keys.sessions(tag), 0, -1)
        if not sids:
            await self._marker.vouch()
        found = await self._look(tag, sids) if sids else []
        return sorted(found, key=lambda session: session.seen_at, reverse=True)

    async def revoke(self, sids: Collection[str], *, reason: EndReason) -> tuple[str, ...]:
        """End sessions of one holder and tell all listeners; those that lived until now.

        May be called again after `Unavailable`: listeners are told again too.
        """
        if not sids:
            return ()
        [tag] = {tag_of_sid(sid) for sid in sids}
        answer = await self._store.call("revoke", [self._keys.sessions(tag), *map(self._keys.session, sids)], reason.value)
        await self._announce(Revocation(sids=tuple(sids), reason=reason))
        return tuple(answer.split())

    async def revoke_all(self, tag: str, *, reason: EndReason, but: str | None = None) -> tuple[str, ...]:
        """End the holder's sessions, all or all but one. With `set_epoch` before it, none can begin by an older sign-in meanwhile."""
        sids: list[str] = await self._store.ask("ZRANGE", self._keys.sessions(tag), 0, -1)
        return await self.revoke([sid for sid in sids if sid != but], reason=reason)

    async def set_epoch(self, tag: str, *, at: datetime, reason: EndReason, keep: str | None = None) -> None:
        """From now on no sign-in before `at` counts for anything: sessions, tokens, codes. `keep` is the one session that stays.

        The epoch only rises, so what the database knows may be applied again at any time.
        """
        assert keep is None or tag_of_sid(keep) == tag
        keys = [self._keys.epoch(tag)] if keep is None else [self._keys.epoch(tag), self._keys.session(keep)]
        epoch = await self._store.call("set_epoch", keys, milliseconds(at))
        await self._announce(Revocation(tag=tag, epoch=int(epoch), keep=keep, reason=reason))

    # ------------------------------------------------------------ steps

    async def _write(self, sid: str, *fields: str) -> bool:
        answer = await self._store.call("write", self._keys.of_session(sid), *fields)
        if answer == "gone":
            await self._marker.vouch()
        return bool(answer == "alive")

    async def _look(self, tag: str, sids: Collection[str]) -> list[FoundSession]:
        answers = await self._store.call("look", [self._keys.epoch(tag), *map(self._keys.session, sids)])
        found = []
        for sid, answer in zip(sids, answers, strict=True):
            if not answer:
                continue
            session, sealed = read_found(sid, answer)
            if (details := self._opened(self._keys.session(sid), sealed)) is not None:
                found.append(dataclasses.replace(session, details=details))
        return found

    def _opened(self, key: str, sealed: str) -> bytes | None:
        try:
            return self._envelope.open(key, BLOB, sealed)
        except Unreadable as error:
            # As good as not there, and an alarm: nothing of ours changes or moves a value, but a master key may have been taken out.
            log.error("a sealed value does not open", reason=error.reason.value)
            return None

    async def _reseal(self, sid: str, sealed: str, details: bytes) -> None:
        """A refresh brings what an older master key sealed under the newest, so that the older one can be taken out some day."""
        if self._envelope.needs_reseal(sealed):
            key = self._keys.session(sid)
            await self._store.call("reseal", self._keys.of_session(sid), sealed, self._envelope.seal(key, BLOB, details))

    async def _make_room(self, sids: list[str]) -> tuple[str, ...]:
        with suppress(Unavailable):  # The next sign-in tries again; this one must not get lost by it.
            return await self.revoke(sids, reason=EndReason.CROWDED)
        return ()

    async def _announce(self, revocation: Revocation) -> None:
        await announce(self._store, self._keys, revocation)

    async def _mention(self, sids: tuple[str, ...], reason: EndReason) -> None:
        """Tell listeners of an end that is decided: if that fails they find out by themselves, and the caller has to know now."""
        with suppress(Unavailable):
            await self._announce(Revocation(sids=sids, reason=reason))


def _read_rotated(answer: str) -> tuple[Rotated, str | None]:
    """What a refresh came to, without the details, and those as they are sealed."""
    status, *rest = answer.split(" ")
    match RotateStatus(status):
        case RotateStatus.ENDED as ended:
            return Rotated(status=ended, reason=EndReason(rest[0]), ended_now=rest[1] == "1"), None
        case (RotateStatus.OTHER_DEVICE | RotateStatus.REUSED | RotateStatus.LATE) as why:
            return Rotated(status=why, reason=EndReason(why.value), ended_now=True), rest[0]
        case granted if granted.grants:
            *standing, n, replayed, sealed = rest
            return Rotated(status=granted, standing=read_standing(standing), n=int(n), replayed=int(replayed)), sealed
        case other:
            return Rotated(status=other), None
