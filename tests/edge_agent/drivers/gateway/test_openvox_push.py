"""An OpenVox's "SMS to HTTP": what the box may ask for, and what is stored of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.http_request import HttpRequest
from edge_agent.drivers.gateway.management import ManagementSettings
from edge_agent.drivers.gateway.openvox import OpenVoxManagement
from edge_agent.drivers.gateway.openvox_push import Pushed, read_push
from simulator.gateway.contracts import Received
from simulator.gateway.manager import openvox_habits
from telecore.errors import RemoteProtocolError
from tests.fakes.manager_site import ManagerSite, manager_site

SMS = {"phonenumber": "+85511111111", "port": "1", "time": "2026-03-25 17:20:48", "message": "Got it: €5 & more\nbye"}


def _pushing(settings: ManagementSettings) -> OpenVoxManagement:
    return OpenVoxManagement(replace(settings, listen_port=0, options={**settings.options, "received": "http"}))


@asynccontextmanager
async def site() -> AsyncIterator[tuple[ManagerSite, int]]:
    async with manager_site(_pushing, openvox_habits(), 2) as here:
        assert isinstance(here.management, OpenVoxManagement)
        yield here, here.management.push_port


async def ask(port: int, head: str, body: str = "") -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{head} HTTP/1.1\r\nHost: edge\r\n{form}Connection: close\r\n\r\n{body}".encode())
    answer = await asyncio.wait_for(reader.read(), 3)
    writer.close()
    return int(answer.split()[1])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_sms_is_stored_before_it_is_answered(method: str) -> None:
    async with site() as (here, port):
        words = urlencode(SMS)
        here.core.slow_s = 0.05
        status = await (ask(port, f"GET /sms?{words}") if method == "GET" else ask(port, "POST /sms", words))
        assert status == 200
        part = here.core.parts[0]
        assert (part.channel, part.sender, part.body) == ("e/gw/1", SMS["phonenumber"], SMS["message"])
        assert part.sent_at is not None


async def test_the_same_sms_has_the_same_key_and_another_port_another_channel() -> None:
    async with site() as (here, port):
        for given in (SMS, SMS, SMS | {"port": "gsm-1.2"}):
            assert await ask(port, f"GET /?{urlencode(given)}") == 200
        first, again, other = here.core.parts
        assert first.key == again.key != other.key
        assert other.channel == "e/gw/2"


async def test_a_full_disk_has_the_box_try_again() -> None:
    async with site() as (here, port):
        here.core.full = 1
        assert await ask(port, f"GET /?{urlencode(SMS)}") == 503
        assert await ask(port, f"GET /?{urlencode(SMS)}") == 200
        assert len(here.core.parts) == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /?message=x&port=1", 400),
        ("GET /?phonenumber=1&message=x", 400),
        ("GET /?phonenumber=1&port=1", 400),
        ("GET /?phonenumber=1&port=9&message=x", 404),
        ("PUT /?phonenumber=1&port=1&message=x", 405),
        ("GET /?" + "a=b&" * 100, 400),
    ],
)
async def test_what_is_no_sms_of_ours_is_not_taken(head: str, status: int) -> None:
    async with site() as (here, port):
        assert await ask(port, head) == status
        assert not here.core.parts


async def test_what_is_pushed_is_not_taken_from_events_too() -> None:
    async with site() as (here, port):
        here.lines[0].on_received(Received("+85511111111", "hello", 0.0))
        assert await ask(port, f"GET /?{urlencode(SMS)}") == 200
        await asyncio.sleep(0.05)
        assert [part.body for part in here.core.parts] == [SMS["message"]]


@pytest.mark.parametrize(
    ("query", "pushed"),
    [
        ("num=10086&port=1&portname=gsm-1.1&time=t&message=m", Pushed("10086", "m", "1", "t")),
        ("from=Smart&portname=lte-2.03&text=", Pushed("Smart", "", "3")),
    ],
)
def test_fields_are_taken_by_the_names_of_the_makers_examples(query: str, pushed: Pushed) -> None:
    assert read_push(HttpRequest("GET", f"/?{query}", {})) == pushed


@given(st.text(max_size=80), st.binary(max_size=80))
@example("//[x", b"")
def test_any_request_gives_an_sms_or_the_one_error(target: str, body: bytes) -> None:
    with suppress(RemoteProtocolError):
        read_push(HttpRequest("POST", target, {}, body))
