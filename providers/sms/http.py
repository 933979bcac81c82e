"""SMS over an API of the shape of Africa's Talking: a form in, JSON with one status for each recipient out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from pydantic import SecretStr

from providers.http import Party
from providers.sms import E164, LONGEST_REFERENCE, LONGEST_TEXT, SmsAccepted, SmsRefused, SmsUnavailable, e164

__all__ = ["TIMEOUT_SECONDS", "HttpSms"]

TIMEOUT_SECONDS = 4.0  # Half of what a request has outside; somebody looks at a phone and waits.
REFERENCE = re.compile(rf"[A-Za-z0-9:._-]{{1,{LONGEST_REFERENCE}}}")

# Statuses of a recipient, as developers.africastalking.com lists them. Any other may still end in a message.
ACCEPTED = {100, 101, 102}  # Processed, sent, queued.
REFUSED = {
    403: "not a phone number",
    404: "a kind of number that takes no messages",
    406: "its owner stopped messages",
    407: "no network reaches it",
    409: "its owner is not to be disturbed",
}
NOT_SENT = {402, 405, 502}  # Our sender's name, our credit, the gateway's refusal: nothing that the number could help.
ANSWERS = {200, 201, 409}  # 409 comes with the same JSON, for an owner who is not to be disturbed.


class HttpSms:
    """The adapter; the port is `providers.sms.Sms`."""

    def __init__(self, party: Party, *, username: str, api_key: SecretStr, sender: str | None, timeout_seconds: float) -> None:
        self._party = party
        self._api_key = api_key
        self._account = {"username": username} if sender is None else {"username": username, "from": sender}
        self._timeout_seconds = timeout_seconds

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, username: str, api_key: SecretStr, sender: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> AsyncIterator[Self]:
        """With a pool of connections to `url`; `sender` is what phones show, if the account has such a name."""
        async with Party.open(url, unavailable=SmsUnavailable) as party:
            yield cls(party, username=username, api_key=api_key, sender=sender, timeout_seconds=timeout_seconds)

    async def send(self, *, to: E164, text: str, reference: str) -> SmsAccepted:
        if not 1 <= len(text) <= LONGEST_TEXT:
            raise ValueError(f"a message has 1 to {LONGEST_TEXT} characters, not {len(text)}")
        if not REFERENCE.fullmatch(reference):
            raise ValueError(f"a reference has 1 to {LONGEST_REFERENCE} letters, digits and :._-")
        answer = await self._party.post(
            "/version1/messaging",
            timeout_seconds=self._timeout_seconds,
            # A party that does not know the second header sends again at each try.
            headers={"apiKey": self._api_key.get_secret_value(), "Idempotency-Key": reference},
            # Looked at once more: the party reads a comma as the beginning of another number.
            form=self._account | {"to": e164(to), "message": text},
            answers=ANSWERS,
        )
        return _read(answer)


def _read(answer: Any) -> SmsAccepted:
    match answer:
        case {"SMSMessageData": {"Recipients": [{"statusCode": int(code), "messageId": str(message_id)}]}}:
            if code in ACCEPTED:
                return SmsAccepted(message_id=message_id)
            if code in REFUSED:
                raise SmsRefused(REFUSED[code])
            raise SmsUnavailable(f"did not take the message: {code}", maybe_done=code not in NOT_SENT)
        case {"SMSMessageData": {"Recipients": []}}:
            raise SmsUnavailable("took no recipient", maybe_done=False)
        case _:
            raise SmsUnavailable("answered in a form that is not known", maybe_done=True)
