"""Requests to boxes whose web servers are odd: real sockets, hand-written answers."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from edge_agent.drivers.gateway.http_client import HttpAuth, HttpClient, auth_of, base_url
from edge_agent.drivers.gateway.management import ManagementSettings
from telecore.errors import (
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    OutcomeUnknown,
    RemoteProtocolError,
    TelecoreError,
    TimedOut,
)
from telecore.ids import DeviceId


class OddServer:
    """Answers each request with the next of ``answers`` (bytes, or None: hangs up); keeps the heads it was sent."""

    def __init__(self, *answers, close=True):
        self.answers = list(answers)
        self.heads = []
        self.close = close

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            answer = self.answers.pop(0) if self.answers else None
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            if not self.close:
                await asyncio.sleep(10)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def odd(*answers, close=True, **options):
    server = OddServer(*answers, close=close)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = HttpClient(f"http://127.0.0.1:{port}", "u", "p", **{"auth": HttpAuth.NONE, "total_s": 0.3, **options})
    try:
        yield server, client
    finally:
        await client.close()
        listening.close()


def answer(body=b"{}", *, status=b"200 OK", extra=b"", newline=b"\r\n"):
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *([extra] if extra else []), b"", b""]
    return newline.join(lines) + body


async def test_an_answer_is_read():
    async with odd(answer(b'{"a": "\xc3\xa9"}')) as (_, client):
        assert (await client.get("/x")).json() == {"a": "é"}


async def test_commas_are_escaped_in_a_query():
    async with odd(answer()) as (server, client):
        await client.get("/api", (("port", "0,1"), ("text", "a b&c+ភ")))
        assert b"GET /api?port=0%2C1&text=a+b%26c%2B%E1%9E%97 HTTP/1.1" in server.heads[0]


async def test_lines_that_end_in_lf_alone_are_read():
    async with odd(answer(b"ok", newline=b"\n")) as (_, client):
        assert (await client.get("/x")).text() == "ok"


@pytest.mark.parametrize("acts", [False, True])
async def test_a_request_goes_out_once_even_when_the_connection_breaks(acts):
    async with odd(None, answer()) as (server, client):
        with pytest.raises(OutcomeUnknown if acts else TimedOut):
            await client.get("/send", acts=acts)
        await asyncio.sleep(0.05)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    "broken",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\nContent-Le"],
    ids=["body", "head"],
)
async def test_half_an_answer_to_what_acts_is_unknown(broken):
    async with odd(broken, broken) as (_, client):
        with pytest.raises(OutcomeUnknown):
            await client.post_json("/send", {}, acts=True)
        with pytest.raises((TimedOut, RemoteProtocolError)):
            await client.get("/ask")


async def test_a_box_that_says_nothing_is_given_up():
    async with odd(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", close=False) as (_, client):
        with pytest.raises(TimedOut, match="no answer"):
            await client.get("/ask")
        with pytest.raises(OutcomeUnknown, match="may have been done"):
            await client.post_form("/send", (("a", "b"),), acts=True)


async def test_a_box_that_is_not_there_is_lost_and_did_nothing():
    async with odd() as (_, client):
        pass
    client = HttpClient(client._base, total_s=0.5)
    with pytest.raises(DeviceLost, match="is gone"):
        await client.post_json("/send", {}, acts=True)
    await client.close()


async def test_redirects_are_not_followed():
    async with odd(answer(status=b"302 Found", extra=b"Location: http://127.0.0.1:1/"), answer()) as (server, client):
        with pytest.raises(DeviceRefused) as error:
            await client.get("/api")
        assert "login page" in str(error.value)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "password"), (403, "refuses our address"), (404, "switched off"), (405, "another one"), (413, "too long")],
)
async def test_refusals_are_told_in_words(status, words):
    async with odd(answer(status=b"%d No" % status)) as (_, client):
        with pytest.raises(DeviceRefused) as error:
            await client.post_json("/api", {}, acts=True)
        assert words in str(error.value)
        assert error.value.code is None


async def test_a_box_that_wants_another_login_says_which():
    async with odd(answer(status=b"401 No", extra=b'WWW-Authenticate: Digest realm="x"'), auth=HttpAuth.BASIC) as (
        _,
        c,
    ):
        with pytest.raises(DeviceRefused, match="asks for digest"):
            await c.get("/api")


@pytest.mark.parametrize("challenge", [b"Digest", b'Digest realm="x"', b'Digest nonce="", realm="", qop="x"', b"\xff"])
async def test_a_challenge_that_makes_no_sense(challenge):
    refused = answer(status=b"401 No", extra=b"WWW-Authenticate: " + challenge)
    async with odd(refused, refused, auth=HttpAuth.DIGEST) as (_, client):
        with pytest.raises((DeviceRefused, RemoteProtocolError)):
            await client.get("/api")


async def test_an_endless_answer_is_cut_off():
    async with odd(answer(b"x" * 5000), limit=1000) as (_, client):
        with pytest.raises(RemoteProtocolError, match="more than 1000"):
            await client.get("/x")


async def test_compressed_answers_are_not_unpacked():
    async with odd(answer(b"\x1f\x8b\x08bomb", extra=b"Content-Encoding: gzip")) as (_, client):
        with pytest.raises(RemoteProtocolError, match="not JSON"):
            (await client.get("/x")).json()


async def test_random_octets_are_an_error_of_ours():
    async with odd(*[os.urandom(size) for size in (1, 9, 200, 20_000)], b"HTTP/1.1 999999 \r\n\r\n") as (
        server,
        client,
    ):
        while server.answers:
            with pytest.raises(TelecoreError):
                await client.get("/x")


async def test_one_request_at_a_time():
    async with odd(*[answer()] * 5) as (server, client):
        await asyncio.gather(*(client.get(f"/{n}") for n in range(5)))
        assert len(server.heads) == 5


async def test_what_is_under_way_when_it_is_closed_ends():
    async with odd(b"", b"", close=False) as (server, client):
        sending, waiting = (asyncio.create_task(client.post_json(path, {}, acts=True)) for path in ("/a", "/b"))
        while not server.heads:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await client.close()
        with pytest.raises(OutcomeUnknown):
            await sending
        with pytest.raises(DeviceLost, match="not asked any more"):
            await waiting
        assert len(server.heads) == 1


def settings(**options):
    return ManagementSettings(DeviceId("gw"), **{"host": "127.0.0.1", **options})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:80"),
        ({"port": 8080}, "http://127.0.0.1:8080"),
        ({"host": "::1", "port": 8080}, "http://[::1]:8080"),
        ({"url": "https://box.lan/"}, "https://box.lan"),
    ],
)
def test_where_the_box_is_asked(given, url):
    assert base_url(settings(**given)) == url


def test_options_are_checked():
    assert auth_of(settings(options={"auth": "basic"}), HttpAuth.DIGEST) is HttpAuth.BASIC
    with pytest.raises(InvalidRequest):
        auth_of(settings(options={"auth": "ntlm"}), HttpAuth.DIGEST)


async def test_a_certificate_is_named_by_its_hash_or_not_at_all():
    with pytest.raises(InvalidRequest, match="SHA-256"):
        HttpClient("https://127.0.0.1", tls="maybe")
    client = HttpClient("https://127.0.0.1", tls="ab:" * 31 + "ab")
    await client.close()
