"""One signed request and what is made of the answer, with a real receiver."""

import asyncio
import base64
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.webhooks.hooks_file import Hook
from services.webhooks.sender import HttpSender, read_retry_after
from services.webhooks.signature import SigningKey
from tests.webhooks.receiver import SECRET, Receiver, Reply, receiving

NOW_MS = 1_732_240_000_123
TIMEOUT_S = 0.3
BODY = b'{"changes":[]}'
FAR_ZONE = "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"


@pytest.fixture
async def make_sender() -> AsyncIterator[Callable[[str], HttpSender]]:
    made: list[HttpSender] = []

    def make(url: str) -> HttpSender:
        hook = Hook.model_validate({"id": "crm", "url": url, "secret": SECRET, "headers": {"X-Route": "audience"}})
        made.append(HttpSender(hook, SigningKey(SECRET), lambda: NOW_MS, timeout_s=TIMEOUT_S))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def sender(make_sender: Callable[[str], HttpSender], receiver: Receiver) -> HttpSender:
    return make_sender(receiver.url)


async def test_a_delivery_is_signed_as_the_specification_says(sender: HttpSender, receiver: Receiver) -> None:
    answer = await sender.send("msg_1", BODY)
    assert (answer.accepted, answer.status, answer.told) == (True, 204, "204")
    [request] = receiver.received
    headers = request.headers
    assert request.body == BODY
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", str(NOW_MS // 1000))
    signed = b"msg_1." + headers["webhook-timestamp"].encode() + b"." + request.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["content-type"], headers["x-route"]) == ("application/json", "audience")
    assert headers["user-agent"].startswith("Tranche/")


async def test_no_redirect_is_followed(sender: HttpSender, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            receiver.reply = lambda _, status=status: Reply(status, {"Location": elsewhere.url})  # type: ignore[misc]
            answer = await sender.send("msg_1", BODY)
            assert (answer.accepted, answer.status) == (False, status)
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "reply",
    [
        Reply(delay_s=5),
        Reply(pause_s=0.1),
        Reply(hangs_up=True),
        Reply(500, promised_bytes=10),
        Reply(503),
        Reply(204, {"bad header": "x"}),
    ],
    ids=["slow", "a byte at a time", "hangs up", "breaks off", "refuses", "speaks no HTTP"],
)
async def test_what_is_not_accepted_is_told_within_the_time(
    sender: HttpSender, receiver: Receiver, reply: Reply
) -> None:
    receiver.reply = lambda _: reply
    begun_s = time.monotonic()
    assert not (await sender.send("msg_1", BODY)).accepted
    assert time.monotonic() - begun_s < TIMEOUT_S + 1
    receiver.reply = lambda _: Reply()
    assert (await sender.send("msg_1", BODY)).accepted


async def test_an_address_where_nobody_listens_is_no_error(make_sender: Callable[[str], HttpSender]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        answer = await make_sender(f"http://127.0.0.1:{nobody.getsockname()[1]}/").send("msg_1", BODY)
    assert (answer.status, answer.told) == (None, "none (ConnectError)")


async def test_a_name_that_cannot_be_is_no_error(make_sender: Callable[[str], HttpSender]) -> None:
    answer = await make_sender(f"https://{'a' * 64}.invalid/").send("msg_1", BODY)
    assert (answer.accepted, answer.status) == (False, None)


async def test_an_accepted_delivery_stays_accepted_however_the_answer_goes_on(
    sender: HttpSender, receiver: Receiver
) -> None:
    for reply in (
        Reply(200, promised_bytes=10**12, body=b"x"),
        Reply(200, body=b"x" * 5_000_000),
        Reply(200, {"Content-Encoding": "gzip"}, body=b"no gzip"),
    ):
        receiver.reply = lambda _, reply=reply: reply  # type: ignore[misc]
        assert (await sender.send("msg_1", BODY)).accepted


async def test_connections_are_used_again(sender: HttpSender, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(200, body=b"thanks")
    for _ in range(5):
        await sender.send("msg_1", BODY)
    assert receiver.connections == 1


async def test_retry_after_is_read_in_both_forms(sender: HttpSender, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(429, {"Retry-After": "120"})
    assert (await sender.send("msg_1", BODY)).retry_after_ms == 120_000
    receiver.reply = lambda _: Reply(503, {"Retry-After": "Fri, 22 Nov 2024 01:56:40 GMT"})
    assert (await sender.send("msg_1", BODY)).retry_after_ms == 10 * 60_000 - 123


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "Fri, 99 Nov 2024 01:56:40 GMT", "٣", FAR_ZONE])
def test_what_retry_after_cannot_mean_is_ignored(text: str) -> None:
    assert read_retry_after(text, NOW_MS) is None


@settings(max_examples=50)
@given(st.text(st.characters(codec="latin-1")))
def test_any_retry_after_is_a_time_or_nothing(text: str) -> None:
    found = read_retry_after(text, NOW_MS)
    assert found is None or found >= 0


def test_a_moment_that_is_over_is_no_reason_to_wait() -> None:
    assert read_retry_after("Fri, 22 Nov 2004 01:56:40 GMT", NOW_MS) == 0
    assert read_retry_after("9" * 400, NOW_MS) is not None


async def test_what_nobody_foresaw_is_an_answer_that_did_not_come(
    sender: HttpSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_text: str | None, _now_ms: int) -> int | None:
        raise LookupError("secret")

    monkeypatch.setattr("services.webhooks.sender.read_retry_after", read)
    answer = await sender.send("msg_1", BODY)
    assert (answer.accepted, answer.told) == (False, "none (LookupError)")
    assert len(receiver.received) == 1


async def test_the_next_is_not_held_up_by_an_answer_without_end(sender: HttpSender, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(200, promised_bytes=10**12, body=b"x" * 1_000, body_pause_s=0.02)
    async with asyncio.timeout(2):
        await sender.send("msg_1", BODY)
        await sender.send("msg_2", BODY)
    assert len(receiver.received) == 2
