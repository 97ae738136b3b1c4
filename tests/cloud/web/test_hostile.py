"""Random and twisted requests against every route: an answer in the one shape, never a fault of ours."""

from __future__ import annotations

import asyncio
import json
import random
from base64 import b64encode

from cloud.api.urls import PATHS
from tests.cloud.api.conftest import site as site  # noqa: PLC0414
from tests.fakes.api_site import HANDSET, NUMBER, Site

TWISTED = (
    b"%00",
    b"%ff%fe",
    b"%ED%A0%80",
    b"%2e%2e%2f",
    b"%0d%0aX: y",
    b"'; DROP TABLE messages; --",
    b"\xf0\x9f\x98\x80",
    b"%E2%80%AE",
    b"9" * 5000,
    b"-1",
    b"9999-12-31",
    b"0001-01-01T00:00:00%2B14:00",
    b"1e309",
    b"%",
    b"{{7*7}}",
    b"<script>",
)
NAMES = (
    b"To", b"From", b"Body", b"Url", b"Twiml", b"StatusCallback", b"Timeout", b"SendDigits", b"PageSize", b"PageToken",
    b"DateSent", b"DateSent%3E", b"StartTime%3C", b"Status", b"FriendlyName", b"PhoneNumber", b"AccountSid",
    b"VoiceUrl", b"ValidityPeriod", b"StatusCallbackEvent", b"Record", b"CallSid", b"Page", b"token", b"csrf",
)  # fmt: skip
ROUNDS = 400


def request(dice: random.Random, site: Site) -> bytes:
    path = dice.choice(list(PATHS.values())).encode()
    account = dice.choice([site.account.sid.encode(), dice.choice(TWISTED)]).replace(b" ", b"")
    sid = dice.choice([site.number.sid.encode(), b"CA" + b"0" * 32, dice.choice(TWISTED).replace(b" ", b"")])
    path = path.replace(b"{account}", account).replace(b"{call}", sid).replace(b"{sid:RE[0-9a-f]{32}}", sid)
    path = path.replace(b"{sid}", sid).replace(b"\r", b"").replace(b"\n", b"")[:4000]
    good = {b"To": HANDSET.encode(), b"From": NUMBER.encode(), b"Body": b"hi", b"Url": b"http://a.example"}
    fields = {**good, **{dice.choice(NAMES): dice.choice(TWISTED) for _ in range(3)}}
    body = b"&".join(name + b"=" + value.replace(b"+", b"%2B") for name, value in fields.items())
    if dice.random() < 0.1:
        body = dice.randbytes(200)
    method = dice.choice((b"GET", b"POST", b"DELETE", b"PUT"))
    query = (
        b"" if dice.random() < 0.5 else b"?" + body.replace(b" ", b"%20").replace(b"\r", b"").replace(b"\n", b"")[:3000]
    )
    token = b64encode(f"{site.account.sid}:{site.account.auth_token}".encode())
    head = [
        method + b" " + path + query + b" HTTP/1.1",
        b"Host: x",
        b"Authorization: Basic " + token,
        b"Cookie: simferry_operator=\xff\xfe; simferry_login=\xed\xa0\x80",
        b"Content-Type: " + dice.choice((b"application/x-www-form-urlencoded", b"application/json", b"\xff")),
        b"Content-Length: " + str(len(body)).encode(),
        b"Connection: close",
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


async def ask(port: int, data: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_no_request_is_a_fault_of_ours(site: Site) -> None:
    dice = random.Random(7)
    seen: set[int] = set()
    for _ in range(ROUNDS):
        data = request(dice, site)
        status, body = await ask(site.server.port, data)
        seen.add(status)
        assert status < 500, data
        if status >= 400:
            assert set(json.loads(body)) == {"code", "message", "more_info", "status"}, data
    assert {200, 400, 401, 404, 405} <= seen


async def test_json_that_is_no_text(site: Site) -> None:
    bodies = (
        b'{"token": "\\ud800", "key_sha256": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b'{"token": 1e999}',
        b"null",
        b"",
    )
    for body in bodies:
        head = b"POST /edges/enrol HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        status, answer = await ask(site.server.port, head + body)
        assert (status, json.loads(answer)["status"]) == (400, 400)
