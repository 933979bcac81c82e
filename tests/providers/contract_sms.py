"""What every adapter of `providers.sms.Sms` keeps to, whoever the party is."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from providers.sms import E164, LONGEST_REFERENCE, LONGEST_TEXT, Sms, SmsRefused, e164

__all__ = ["CONTRACT", "SmsParty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsParty:
    """An adapter, and a number that its party reaches."""

    sms: Sms
    reachable: E164


def reference() -> str:
    return str(uuid.uuid4())


async def a_message_is_taken_on_under_an_id(party: SmsParty) -> None:
    accepted = await party.sms.send(to=party.reachable, text="Your code is 123 456", reference=reference())

    assert accepted.message_id


async def two_messages_have_ids_of_their_own(party: SmsParty) -> None:
    ids = {(await party.sms.send(to=party.reachable, text="Your code is 123 456", reference=reference())).message_id for _ in range(2)}

    assert len(ids) == 2


async def any_script_is_taken_on(party: SmsParty) -> None:
    for text in ("Votre code : 123 456, à bientôt", "رمزك هو 123456", "a&b=c+d %41\nsecond line"):
        assert (await party.sms.send(to=party.reachable, text=text, reference=reference())).message_id


async def a_number_that_cannot_exist_is_refused(party: SmsParty) -> None:
    with pytest.raises(SmsRefused):
        await party.sms.send(to=e164("+999123456789"), text="Your code is 123 456", reference=reference())


async def what_is_no_message_does_not_leave(party: SmsParty) -> None:
    for text in ("", "x" * (LONGEST_TEXT + 1)):
        with pytest.raises(ValueError, match="characters"):
            await party.sms.send(to=party.reachable, text=text, reference=reference())
    for wrong in ("", "x" * (LONGEST_REFERENCE + 1), "two words", "line\r\nHeader: x", "é"):
        with pytest.raises(ValueError, match="a reference has"):
            await party.sms.send(to=party.reachable, text="Your code is 123 456", reference=wrong)
    with pytest.raises(ValueError, match="not a phone number"):
        await party.sms.send(to=E164(f"{party.reachable},+254700000001"), text="Your code is 123 456", reference=reference())


CONTRACT: tuple[Callable[[SmsParty], Awaitable[None]], ...] = (
    a_message_is_taken_on_under_an_id,
    two_messages_have_ids_of_their_own,
    any_script_is_taken_on,
    a_number_that_cannot_exist_is_refused,
    what_is_no_message_does_not_leave,
)
