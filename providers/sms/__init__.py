"""Text messages: the port. Whoever sends knows no party."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType, Protocol

from providers import PartyUnavailable

__all__ = ["E164", "LONGEST_REFERENCE", "LONGEST_TEXT", "Sms", "SmsAccepted", "SmsRefused", "SmsUnavailable", "e164"]

LONGEST_TEXT = 459  # Characters: three messages of 153, as GSM 03.38 joins them; of other scripts it takes more.
LONGEST_REFERENCE = 64

E164 = NewType("E164", str)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(text: str) -> E164:
    """`text` as one phone number.

    Raises:
        ValueError: it is none; without the text, which is somebody's.
    """
    if not _E164.fullmatch(text):
        raise ValueError("not a phone number: + and 7 to 15 digits (ITU-T E.164)")
    return E164(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsAccepted:
    """The party took the message on; that it reached the phone nobody has said yet."""

    message_id: str  # The party's own, to ask it by.


class SmsRefused(Exception):
    """The party says that this number cannot be reached: to send again changes nothing."""


class SmsUnavailable(PartyUnavailable):
    """Nothing is known against the number. Sent again, it goes under the same reference."""


class Sms(Protocol):
    async def send(self, *, to: E164, text: str, reference: str) -> SmsAccepted:
        """Hand a message over.

        `reference` is one for each message, the same for each try: letters, digits and `:._-`, at most `LONGEST_REFERENCE` of them.
        A party that keeps to it sends once. `text` has 1 to `LONGEST_TEXT` characters and is written nowhere.

        Raises:
            SmsRefused: the number cannot be reached.
            SmsUnavailable: no answer to go by; where `maybe_done`, the message may arrive all the same.
            ValueError: text or reference are not as said.
        """
        ...
