"""What each request asks the store: whether its session lives, what it may do, and whether its proof is new. One round trip.

While the store is away, requests that only read live on for half a minute on what it said last.
"""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from auth.sessions.answers import read_touched
from auth.sessions.keys import Keys
from auth.sessions.marker import Marker
from auth.sessions.records import SessionStatus, Touch, Touched
from auth.sessions.revocations import Resumed, Revocation, Revocations
from auth.sessions.store import Store
from auth.tiers import DEVICE_ACR, Tier
from kernel.errors import Unavailable

__all__ = ["Touching"]

REMEMBERED_SECONDS = 30.0
SYNC_SECONDS = 5.0  # So fresh what was known of revocations must have been when the store went away.
MOST = 10_000  # Sessions, and as many proofs, that one process remembers; some 10 MB.


@dataclasses.dataclass(frozen=True, slots=True)
class _Remembered:
    at: float
    asked: Touch
    touched: Touched


class Touching:
    """Asks the store, and remembers its last good answer for each session.

    `revocations` has to be followed by somebody: as long as it is not, nothing is answered from memory.
    """

    def __init__(
        self,
        store: Store,
        marker: Marker,
        keys: Keys,
        revocations: Revocations,
        *,
        proof_life: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._marker = marker
        self._keys = keys
        self._revocations = revocations
        self._proof_life = proof_life // timedelta(milliseconds=1)
        self._monotonic = monotonic
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()  # The one that was noted last stands last.
        self._proofs: OrderedDict[tuple[str, str | None], None] = OrderedDict()
        revocations.hear.append(self._forget)

    async def touch(self, asked: Touch) -> Touched:
        """What the request may do; its proof is used up by it.

        Raises:
            Unavailable: the store does not answer, and memory has no answer for this request.
        """
        try:
            touched = read_touched(await self._ask(asked))
        except Unavailable:
            if (touched_before := self._from_memory(asked)) is None:
                raise
            return touched_before
        if touched.status is SessionStatus.GONE:
            await self._marker.vouch()
        self._note(asked, touched)
        return touched

    async def _ask(self, asked: Touch) -> str:
        answer: str = await self._store.call(
            "touch",
            self._keys.of_session(asked.sid, asked.proof),
            asked.jkt,
            asked.n,
            int(asked.auth_time.timestamp()),
            int(asked.is_activity),
            asked.wanted.value,
            self._proof_life,
        )
        return answer

    def _note(self, asked: Touch, touched: Touched) -> None:
        if not touched.is_allowed:
            self._remembered.pop(asked.sid, None)
            return
        self._remembered[asked.sid] = _Remembered(self._monotonic(), asked, touched)
        self._remembered.move_to_end(asked.sid)
        if len(self._remembered) > MOST:
            self._remembered.popitem(last=False)
        self._note_proof(asked)

    def _note_proof(self, asked: Touch) -> None:
        if asked.proof is not None:
            self._proofs[asked.sid, asked.proof] = None
            if len(self._proofs) > MOST:
                self._proofs.popitem(last=False)

    def _from_memory(self, asked: Touch) -> Touched | None:
        """The last good answer, as far down as the lowest tier, if all that was true then has to be true now."""
        before, away, synced = self._remembered.get(asked.sid), self._store.failing_since, self._revocations.synced_at
        if before is None or away is None or synced is None or not asked.only_reads or asked.wanted is not Tier.BROWSE:
            return None
        if self._monotonic() - before.at > REMEMBERED_SECONDS or synced < away - SYNC_SECONDS:
            return None
        if asked.jkt != before.asked.jkt or asked.auth_time < before.asked.auth_time:
            return None
        if (asked.sid, asked.proof) in self._proofs:
            return Touched(status=SessionStatus.PROOF_SEEN)
        self._note_proof(asked)
        standing = before.touched.standing
        assert standing is not None
        lowered = dataclasses.replace(standing, tier=Tier.BROWSE, acr=DEVICE_ACR)
        return dataclasses.replace(before.touched, standing=lowered, from_memory=True)

    def _forget(self, event: Revocation | Resumed) -> None:
        if isinstance(event, Resumed):
            if event.has_gap:
                self._remembered.clear()
        elif event.tag is None:
            for sid in event.sids:
                self._remembered.pop(sid, None)
        else:
            for sid in [sid for sid, known in self._remembered.items() if event.reaches(sid, known.asked.auth_time)]:
                del self._remembered[sid]
