"""Text messages: what arrives, what is refused, and what nobody knows.

Method: the adapter asks the simulator over HTTP; the outbox tells what would have reached phones.
"""

from __future__ import annotations

import itertools
import logging
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kernel.settings import Environment
from providers.simulators import serve
from providers.sms import Sms, SmsAccepted, SmsRefused, SmsUnavailable, e164
from providers.sms.http import HttpSms
from providers.sms.simulator import KEPT, create_app
from tests.providers.contract_sms import CONTRACT, SmsParty
from tests.providers.sandboxes import sandbox

KEY = SecretStr("the-key-of-the-simulator")
TEXT = "Your code is 731 904"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with serve(create_app(api_key=KEY), environment=Environment.TEST) as served:
        yield served


@pytest.fixture
async def sms(address: str) -> AsyncIterator[Sms]:
    async with HttpSms.open(address, username="bank", api_key=KEY) as opened:
        yield opened


@pytest.fixture
def phone() -> str:
    """A number of a test's own."""
    return f"+254700{next(_numbers):06}"


@pytest.fixture
def reference() -> str:
    return str(uuid.uuid4())


async def outbox(address: str, to: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        found: list[dict[str, Any]] = (await client.get("/outbox", params={"to": to})).json()
    return found


# ---------------------------------------------------------------- the contract


@pytest.fixture(params=["simulator", "sandbox"])
async def party(request: pytest.FixtureRequest, address: str) -> AsyncIterator[SmsParty]:
    if request.param == "simulator":
        url, username, key, to = address, "bank", KEY.get_secret_value(), "+254700000000"
    else:
        url, username, key, to = sandbox("SMS", "URL", "USERNAME", "KEY", "TO")
    async with HttpSms.open(url, username=username, api_key=SecretStr(key)) as opened:
        yield SmsParty(sms=opened, reachable=e164(to))


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_the_contract_holds(promise: Callable[[SmsParty], Awaitable[None]], party: SmsParty) -> None:
    await promise(party)


# ---------------------------------------------------------------- what arrives


async def test_a_message_arrives_as_it_was_written(sms: Sms, address: str, phone: str, reference: str) -> None:
    text = "Code : 123 456 – à bientôt & رمز 100% +1\nsecond line "

    accepted = await sms.send(to=e164(phone), text=text, reference=reference)

    assert await outbox(address, phone) == [{"to": phone, "message": text, "reference": reference, "messageId": accepted.message_id}]


async def test_the_outbox_shows_the_newest_first_and_only_of_the_number_that_was_asked_for(
    sms: Sms, address: str, phone: str, reference: str
) -> None:
    for number, name in ((phone, "first"), ("+254711111111", "other"), (phone, "second")):
        await sms.send(to=e164(number), text=TEXT, reference=f"{reference}:{name}")

    assert [message["reference"] for message in await outbox(address, phone)] == [f"{reference}:second", f"{reference}:first"]
    assert await outbox(address, f" {phone[1:]}") == await outbox(address, phone)  # As curl sends a plus.
    assert await outbox(address, "+254799999999") == []


async def test_a_retry_under_the_same_reference_sends_once(sms: Sms, address: str, phone: str, reference: str) -> None:
    first = await sms.send(to=e164(phone), text=TEXT, reference=reference)
    again = await sms.send(to=e164(phone), text=TEXT, reference=reference)

    assert first == again
    assert len(await outbox(address, phone)) == 1


async def test_the_outbox_keeps_a_limited_number_of_messages(phone: str) -> None:
    app = create_app(api_key=KEY)
    for number in range(KEPT + 1):
        app.state.outbox.keep(to=phone, text=TEXT, reference=str(number))

    kept = app.state.outbox.to(phone)
    assert (len(kept), kept[0].reference, kept[-1].reference) == (KEPT, str(KEPT), "1")
    assert TEXT not in repr(kept)


# ---------------------------------------------------------------- what does not, or may


async def test_after_silence_the_message_may_have_been_sent_and_a_retry_sends_no_second(sms: Sms, address: str, phone: str, reference: str) -> None:
    reference = f"fault:silent:{reference}"
    async with HttpSms.open(address, username="bank", api_key=KEY, timeout_seconds=0.5) as impatient:
        with pytest.raises(SmsUnavailable) as silence:
            await impatient.send(to=e164(phone), text=TEXT, reference=reference)
    assert silence.value.maybe_done

    accepted = await sms.send(to=e164(phone), text=TEXT, reference=reference)

    assert [message["messageId"] for message in await outbox(address, phone)] == [accepted.message_id]


@pytest.mark.parametrize(
    ("fault", "maybe_sent", "retry_after_seconds"),
    [
        ("server-error", True, None),
        ("down", True, None),
        ("garbled", True, None),
        ("throttled", False, 30),
        ("no-credit", False, None),
        ("no-recipient", False, None),
    ],
)
async def test_an_answer_that_is_none_says_whether_the_message_may_arrive(
    sms: Sms, address: str, phone: str, reference: str, fault: str, maybe_sent: bool, retry_after_seconds: int | None
) -> None:
    with pytest.raises(SmsUnavailable) as unavailable:
        await sms.send(to=e164(phone), text=TEXT, reference=f"fault:{fault}:{reference}")

    assert (unavailable.value.maybe_done, unavailable.value.retry_after_seconds) == (maybe_sent, retry_after_seconds)
    assert await outbox(address, phone) == []


@pytest.mark.parametrize("fault", ["refused", "do-not-disturb"])
async def test_a_number_that_cannot_be_reached_is_refused(sms: Sms, address: str, phone: str, reference: str, fault: str) -> None:
    with pytest.raises(SmsRefused):
        await sms.send(to=e164(phone), text=TEXT, reference=f"fault:{fault}:{reference}")

    assert await outbox(address, phone) == []


async def test_a_network_may_deliver_twice_what_was_accepted_once(sms: Sms, address: str, phone: str, reference: str) -> None:
    accepted = await sms.send(to=e164(phone), text=TEXT, reference=f"fault:duplicate:{reference}")

    arrived = await outbox(address, phone)
    assert [message["message"] for message in arrived] == [TEXT, TEXT]
    assert accepted.message_id in {message["messageId"] for message in arrived}


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        ((100, 101, 102), "accepted"),
        ((403, 404, 406, 407, 409), "refused"),
        ((402, 405, 502), "unavailable, not sent"),
        ((401, 500, 501, 777), "unavailable, maybe sent"),
    ],
)
async def test_each_status_of_a_recipient_has_its_meaning(codes: tuple[int, ...], outcome: str, reference: str) -> None:
    async def telling(request: Request) -> Response:
        code = int(dict(parse_qsl((await request.body()).decode()))["message"])
        return JSONResponse({"SMSMessageData": {"Recipients": [{"statusCode": code, "messageId": "1"}]}}, status_code=201)

    app = Starlette(routes=[Route("/version1/messaging", telling, methods=["POST"])])
    async with serve(app, environment=Environment.TEST) as address, HttpSms.open(address, username="bank", api_key=KEY) as sms:
        for code in codes:
            assert await outcome_of(sms.send(to=e164("+254700000000"), text=str(code), reference=reference)) == outcome


async def outcome_of(sending: Awaitable[SmsAccepted]) -> str:
    try:
        await sending
    except SmsRefused:
        return "refused"
    except SmsUnavailable as unavailable:
        return "unavailable, maybe sent" if unavailable.maybe_done else "unavailable, not sent"
    return "accepted"


async def test_a_fault_that_nobody_knows_is_none(sms: Sms, phone: str, reference: str) -> None:
    assert isinstance(await sms.send(to=e164(phone), text=TEXT, reference=f"fault:unheard-of:{reference}"), SmsAccepted)


async def test_a_party_that_is_not_there_was_not_told_anything(phone: str, reference: str) -> None:
    async with serve(create_app(api_key=KEY), environment=Environment.TEST) as gone:
        pass

    async with HttpSms.open(gone, username="bank", api_key=KEY) as sms:
        with pytest.raises(SmsUnavailable, match="cannot be reached") as unavailable:
            await sms.send(to=e164(phone), text=TEXT, reference=reference)
    assert not unavailable.value.maybe_done


async def test_a_wrong_key_is_our_fault_and_not_the_numbers(address: str, phone: str, reference: str) -> None:
    async with HttpSms.open(address, username="bank", api_key=SecretStr("another")) as sms:
        with pytest.raises(SmsUnavailable, match="answered 401") as unavailable:
            await sms.send(to=e164(phone), text=TEXT, reference=reference)
    assert not unavailable.value.maybe_done


async def test_without_a_reference_each_request_is_a_message(address: str, phone: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False, headers={"apiKey": KEY.get_secret_value()}) as client:
        for _ in range(2):
            await client.post("/version1/messaging", data={"username": "bank", "to": phone, "message": TEXT})

    assert len(await outbox(address, phone)) == 2


async def test_the_party_asks_for_all_that_a_message_needs(address: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False, headers={"apiKey": KEY.get_secret_value()}) as client:
        assert (await client.post("/version1/messaging", data={"to": "+254700000000"})).status_code == 400


# ---------------------------------------------------------------- nothing personal is written


@pytest.mark.parametrize("fault", ["none", "server-error", "garbled", "refused", "throttled"])
async def test_neither_text_nor_number_nor_key_is_in_a_log_or_an_error(
    sms: Sms, phone: str, reference: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "httpx", "httpcore", "uvicorn", "uvicorn.error", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)

    told = ""
    try:
        await sms.send(to=e164(phone), text=TEXT, reference=f"fault:{fault}:{reference}")
    except (SmsRefused, SmsUnavailable) as error:
        told = "".join(traceback.format_exception(error))

    assert caplog.text  # Other packages do write at this level.
    for secret in (TEXT, "731 904", "731+904", phone, phone[1:], KEY.get_secret_value()):
        assert secret not in caplog.text + told + repr(sms)


@pytest.mark.parametrize(
    "text", ["", "254700000000", "+0254700000", "+254", "+25470000000000000", "+254700000000,+254700000001", "+٢٥٤٧٠٠٠٠٠٠٠٠", "+254700000000\n"]
)
def test_what_is_not_one_number_is_told_without_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a phone number: \+ and 7 to 15 digits \(ITU-T E\.164\)$"):
        e164(text)
