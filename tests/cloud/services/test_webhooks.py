"""The client against a real server on loopback, with real misbehaviour and shortened time-outs."""

from __future__ import annotations

import asyncio
import socket

import pytest
from twilio.request_validator import RequestValidator

from cloud.services.addresses import AddressPolicy
from cloud.services.cookies import Cookies
from cloud.services.webhooks import (
    DOCUMENT_LIMIT,
    FetchedDocument,
    Timeouts,
    WebhookClient,
    WebhookFailure,
    WebhookRequest,
)
from telecore.ids import AccountSid
from tests.fakes.customer_app import CustomerApp, Reply, twiml

ACCOUNT = AccountSid("AC" + "1" * 32)
SECRET = "0123456789abcdef"
FIELDS = {"CallSid": "CA1", "From": "+855 12", "Body": "ប្រុង & =?\n", "Empty": ""}


@pytest.fixture
async def app():
    async with CustomerApp() as app:
        yield app


@pytest.fixture
async def client():
    client = WebhookClient(AddressPolicy(["127.0.0.1"]))
    yield client
    await client.close()


def ask(url: str, **more) -> WebhookRequest:
    return WebhookRequest(url, ACCOUNT, **{"params": FIELDS, "secret": SECRET} | more)


async def test_a_post_is_signed_as_twilios_validator_wants(app, client):
    url = app.answer("/voice", twiml("<Hangup/>"))
    answer = await client.fetch(ask(url + "?a=1&b=c%20d#rc=3"))
    assert isinstance(answer, FetchedDocument)
    assert (answer.status, answer.content_type, answer.text) == (200, "text/xml", twiml("<Hangup/>"))
    (seen,) = app.received
    assert seen.params == FIELDS
    assert seen.headers["User-Agent"] == "TwilioProxy/1.1"
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert len(seen.headers["I-Twilio-Idempotency-Token"]) >= 32
    validator = RequestValidator(SECRET)
    assert validator.validate(url + "?a=1&b=c%20d", seen.params, seen.headers["X-Twilio-Signature"])
    assert not validator.validate(url, {**seen.params, "From": "+1"}, seen.headers["X-Twilio-Signature"])


async def test_a_get_carries_its_fields_in_the_signed_url(app, client):
    url = app.answer("/voice", "")
    await client.fetch(ask(url + "?x=1", method="GET"))
    (seen,) = app.received
    assert seen.method == "GET"
    assert seen.params == {"x": "1", **FIELDS}
    raw = url + "?x=1&CallSid=CA1&From=%2B855+12"
    assert await client.fetch(ask(url + "?x=1", method="GET", params={"CallSid": "CA1", "From": "+855 12"}))
    assert RequestValidator(SECRET).validate(raw, {}, app.received[1].headers["X-Twilio-Signature"])


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_becomes_a_get_and_is_signed_anew(app, client, status):
    app.answer("/old", Reply(status=status, headers={"Location": "new?y=2"}))
    app.answer("/new", "here")
    answer = await client.fetch(ask(app.url("/old")))
    assert isinstance(answer, FetchedDocument)
    assert answer.url == app.url("/new?y=2")
    seen = app.received[1]
    assert (seen.method, seen.params) == ("GET", {"y": "2"})
    assert RequestValidator(SECRET).validate(app.url("/new?y=2"), {}, seen.headers["X-Twilio-Signature"])


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_that_keeps_the_method_keeps_the_fields(app, client, status):
    app.answer("/old", Reply(status=status, headers={"Location": app.url("/new")}))
    app.answer("/new", "here")
    await client.fetch(ask(app.url("/old")))
    seen = app.received[1]
    assert (seen.method, seen.params) == ("POST", FIELDS)
    assert RequestValidator(SECRET).validate(app.url("/new"), FIELDS, seen.headers["X-Twilio-Signature"])


async def test_a_redirect_loop_ends(app, client):
    app.answer("/loop", Reply(status=307, headers={"Location": "/loop"}))
    answer = await client.fetch(ask(app.url("/loop")))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == 11215
    assert len(app.received) == 11


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        (Reply(status=500), 11200, 500),
        (Reply(status=404), 11200, 404),
        (Reply(status=302), 11200, 302),
        (Reply(size=10_000_000), 11750, 200),
        (Reply(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), 11200, 200),
        (Reply(status=302, headers={"Location": "file:///etc/passwd"}), 11100, None),
        (Reply(status=302, headers={"Location": "http://127.0.0.2:9/"}), 11205, None),
        (Reply(status=302, headers={"Location": "http://169.254.169.254/latest"}), 11205, None),
    ],
)
async def test_each_misbehaviour_has_its_code(app, client, reply, code, status):
    answer = await client.fetch(ask(app.answer("/voice", reply)))
    assert isinstance(answer, WebhookFailure)
    assert (answer.code, answer.status) == (code, status)
    assert answer.url == app.url("/voice")
    assert len(app.received) == 1


async def test_what_comes_too_late_has_its_code(app):
    client = WebhookClient(AddressPolicy(["127.0.0.1"]), Timeouts(connect_s=0.5, total_s=0.5))
    answer = await client.fetch(ask(app.answer("/voice", Reply("late", delay_s=5))))
    assert isinstance(answer, WebhookFailure)
    assert (answer.code, answer.status, answer.url) == (11203, None, app.url("/voice"))
    await client.close()


async def test_a_big_answer_is_not_read_to_its_end(app, client):
    await client.fetch(ask(app.answer("/big", Reply(size=10_000_000))))
    await asyncio.sleep(0.05)
    assert app.sent_bytes < 9_000_000


async def test_a_document_of_exactly_the_limit_is_read(app, client):
    answer = await client.fetch(ask(app.answer("/voice", "x" * DOCUMENT_LIMIT)))
    assert isinstance(answer, FetchedDocument)
    answer = await client.fetch(ask(app.answer("/voice", "x" * (DOCUMENT_LIMIT + 1))))
    assert isinstance(answer, WebhookFailure)


async def test_a_dropped_connection_is_tried_once_more_with_the_same_token(app, client):
    url = app.answer("/voice", [Reply(drop=True), "now"])
    assert isinstance(await client.fetch(ask(url)), FetchedDocument)
    first, second = app.received
    assert first.headers["I-Twilio-Idempotency-Token"] == second.headers["I-Twilio-Idempotency-Token"]
    answer = await client.fetch(ask(app.answer("/gone", Reply(drop=True))))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == 11205
    assert len(app.seen("/gone")) == 2


async def test_nobody_listens(client):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = await client.fetch(ask(f"http://127.0.0.1:{port}/"))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == 11205


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", 11100),
        ("ftp://127.0.0.1/", 11100),
        ("http://no-such-host.invalid/", 11210),
        ("http://10.0.0.1/", 11205),
        ("http://[::1]/", 11205),
        ("http://[::ffff:10.0.0.1]/", 11205),
        ("http://0x7f000002/", 11205),
        ("http://2130706434/", 11100),
    ],
)
async def test_addresses_that_may_not_or_cannot_be_asked(client, url, code):
    answer = await client.fetch(ask(url))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == code


async def test_a_name_is_judged_by_where_it_leads(app):
    shut = WebhookClient(AddressPolicy(), Timeouts(0.5, 0.5))
    answer = await shut.fetch(ask(f"http://localhost:{app.port}/voice"))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == 11205
    assert "allow-list" in answer.text
    await shut.close()
    assert not app.received


async def test_an_allowed_name_is_asked(app, client):
    app.answer("/voice", "ok")
    assert isinstance(await client.fetch(ask(f"http://localhost:{app.port}/voice")), FetchedDocument)


async def test_a_tls_failure_has_its_code(app, client):
    answer = await client.fetch(ask(f"https://127.0.0.1:{app.port}/"))
    assert isinstance(answer, WebhookFailure)
    assert answer.code in {11220, 11237}


async def test_cookies_live_as_long_as_the_call(app, client):
    url = app.answer("/voice", Reply(headers={"Set-Cookie": "session=7; Path=/"}))
    call, other = Cookies(), Cookies()
    await client.fetch(ask(url), call)
    await client.fetch(ask(url), call)
    await client.fetch(ask(url), other)
    await client.fetch(ask(url))
    assert [dict(request.cookies) for request in app.received] == [{}, {"session": "7"}, {}, {}]


async def test_one_accounts_slow_server_delays_nobody_else(app):
    client = WebhookClient(AddressPolicy(["127.0.0.1"]), Timeouts(0.5, 1.5), per_account=1)
    slow, quick = app.answer("/slow", Reply(delay_s=5)), app.answer("/quick", "ok")
    waiting = asyncio.create_task(client.fetch(ask(slow)))
    await app.wait_for("/slow")
    behind = asyncio.create_task(client.fetch(ask(quick)))
    other = WebhookRequest(quick, AccountSid("AC" + "2" * 32))
    assert isinstance(await client.fetch(other), FetchedDocument)
    assert isinstance(await client.fetch(ask(quick, lane="later")), FetchedDocument)
    assert not waiting.done()
    assert not behind.done()
    assert len(app.seen("/quick")) == 2
    await asyncio.gather(waiting, behind)
    await client.close()


async def test_the_connection_is_kept(app, client):
    url = app.answer("/voice", "ok")
    for _ in range(3):
        await client.fetch(ask(url))
    assert client._session is not None
    assert len(client._session.connector._conns) == 1


# ------------------------------------------------------------------ connection overrides


@pytest.mark.parametrize(
    ("fragment", "replies", "asked", "well"),
    [
        ("#rc=2&rp=5xx", [Reply(status=500), Reply(status=503), "now"], 3, True),
        ("#rc=2&rp=4xx", [Reply(status=404), "now"], 2, True),
        ("#rc=5&rp=4xx", [Reply(status=500), "now"], 1, False),
        ("#rc=1&rp=all", [Reply(status=500), Reply(status=404), "now"], 2, False),
        ("#rc=0", [Reply(drop=True), "now"], 1, False),
        ("#rc=3", [Reply(drop=True), Reply(drop=True), Reply(drop=True), "now"], 4, True),
        ("#rc=1&rp=5xx", [Reply(drop=True), "now"], 1, False),
        ("#rt=100&rp=rt", [Reply("late", delay_s=2), "now"], 2, True),
        ("#rt=100", [Reply("late", delay_s=2), "now"], 1, False),
        ("#rp=always", ["now"], 0, False),
    ],
)
async def test_retries_are_as_the_url_says(app, client, fragment, replies, asked, well):
    url = app.answer("/voice", replies)
    answer = await client.fetch(ask(url + fragment))
    assert isinstance(answer, FetchedDocument) is well
    assert len(app.received) == asked
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in app.received}) <= 1


async def test_the_whole_may_take_as_long_as_the_url_says(app, client):
    answer = await client.fetch(ask(app.answer("/slow", Reply("late", delay_s=0.8)) + "#tt=3000"))
    assert isinstance(answer, FetchedDocument)
    answer = await client.fetch(ask(app.answer("/slower", Reply("late", delay_s=0.8)) + "#tt=100"))
    assert isinstance(answer, WebhookFailure)
    assert (answer.code, "0.1 s" in answer.text) == (11203, True)


async def test_a_policy_that_is_none_has_its_code(app, client):
    answer = await client.fetch(ask(app.answer("/voice", "") + "#rp=always"))
    assert isinstance(answer, WebhookFailure)
    assert answer.code == 11243
