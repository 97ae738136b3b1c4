"""Each fault that greenswitch 0.0.19 was found to have, and that it is none of ours."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.drivers.freeswitch.event_socket import EventSocket
from edge_agent.drivers.freeswitch.event_text import MAX_BLOCK, EslMessage
from telecore.errors import DeviceLost, DeviceRefused, LocalProtocolError, TimedOut
from tests.fakes.event_socket import PASSWORD, FakeEventSocket, api, event, packed, reply

LIMIT_S = 5.0
SOON_S = 0.2


class Site:
    """A fake event socket, a client of it, and the events it heard."""

    def __init__(self, fake: FakeEventSocket) -> None:
        self.fake = fake
        self.events: list[EslMessage] = []
        self.client = self.another()

    def another(self, password: str = PASSWORD, limit_s: float = LIMIT_S) -> EventSocket:
        return EventSocket(
            "127.0.0.1",
            self.fake.port,
            password,
            self.events.append,
            connect_limit_s=limit_s,
            command_limit_s=limit_s,
        )

    async def event(self, count: int = 1) -> EslMessage:
        for _ in range(1000):
            if len(self.events) >= count:
                break
            await asyncio.sleep(0.002)
        return self.events[count - 1]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with FakeEventSocket() as fake:
        site = Site(fake)
        yield site
        await site.client.close()


async def silent(command: str) -> None:
    del command


# 1


async def test_a_caller_cannot_forge_a_header(site: Site) -> None:
    await site.client.open()
    name = "x\N{LINE SEPARATOR}variable_verified: yes"
    site.fake.send(event({"Event-Name": "CHANNEL_CREATE", "Caller-Caller-ID-Name": name}))
    heard = await site.event()
    assert heard.get("Caller-Caller-ID-Name") == name
    assert "variable_verified" not in heard.headers


# 2


async def test_commands_fail_when_freeswitch_dies(site: Site) -> None:
    await site.client.open()
    site.fake.answers = {"api ": silent, "bgapi ": reply()}
    waiting = [asyncio.create_task(site.client.api("status")) for _ in range(3)]
    waiting.append(asyncio.create_task(site.client.job("originate x", 5)))
    await site.fake.until("api", 3)
    site.fake.cut()
    done = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 2)
    assert [type(outcome) for outcome in done] == [DeviceLost] * 4
    assert isinstance(await asyncio.wait_for(site.client.lost, 1), DeviceLost)
    with pytest.raises(DeviceLost):
        await site.client.api("status")


async def test_a_new_connection_after_a_loss(site: Site) -> None:
    await site.client.open()
    site.fake.cut()
    await asyncio.wait_for(site.client.lost, 1)
    await site.client.close()
    site.client = site.another()
    await site.client.open()
    assert await site.client.api("status") == "+OK\n"


@pytest.mark.parametrize(
    "notice",
    [
        b"Content-Type: text/disconnect-notice\nContent-Length: 9\n\nGood bye\n",
        b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    ],
)
async def test_notices_of_the_end(site: Site, notice: bytes) -> None:
    await site.client.open()
    site.fake.send(notice)
    assert isinstance(await asyncio.wait_for(site.client.lost, 1), DeviceLost)


# 3


async def test_a_byte_that_is_no_utf8_ends_nothing(site: Site) -> None:
    site.fake.answers = {"api url_decode": api(b"\xff")}
    await site.client.open()
    assert await site.client.api("url_decode %FF") == "\ufffd"
    site.fake.send(event({"Event-Name": "HEARTBEAT"}, b"\xff\xfe"))
    assert (await site.event()).body == "\ufffd\ufffd"
    assert await site.client.api("status") == "+OK\n"


# 4


async def test_json_and_xml_events_end_nothing(site: Site) -> None:
    await site.client.open()
    site.fake.send(packed(b'{"Event-Name":"HEARTBEAT","_body":"b"}', "text/event-json"))
    site.fake.send(packed(b"<event></event>", "text/event-xml"))
    site.fake.send(b"Content-Type: log/data\nContent-Length: 3\nLog-Level: 3\n\nlog")
    assert (await site.event()).name == "HEARTBEAT"
    assert (await site.event(2)).body == "<event></event>"
    assert await site.client.api("status") == "+OK\n"


# 5


async def test_connecting_has_a_limit(site: Site) -> None:
    site.fake.greets = False
    with pytest.raises(DeviceLost, match="within"):
        await asyncio.wait_for(site.another(limit_s=SOON_S).open(), LIMIT_S)


async def test_logging_in_has_a_limit(site: Site) -> None:
    site.fake.mute = True
    with pytest.raises(DeviceLost, match="within"):
        await asyncio.wait_for(site.another(limit_s=SOON_S).open(), LIMIT_S)


async def test_a_wrong_password(site: Site) -> None:
    client = site.another("wrong")
    with pytest.raises(DeviceRefused, match="password") as caught:
        await client.open()
    assert caught.value.text


async def test_nobody_listens() -> None:
    async with FakeEventSocket() as fake:
        port = fake.port
    with pytest.raises(DeviceLost, match="refused"):
        await EventSocket("127.0.0.1", port, PASSWORD, print).open()


async def test_closed_while_it_connects(site: Site) -> None:
    site.fake.greets = False
    opening = asyncio.create_task(site.client.open())
    await asyncio.sleep(0.05)
    opening.cancel()
    await asyncio.wait([opening], timeout=2)
    assert opening.cancelled()
    assert esl_threads() == []


# 6


async def test_the_result_of_a_job_is_the_body_of_its_event(site: Site) -> None:
    async def job(command: str) -> bytes:
        uuid = command.partition("Job-UUID: ")[2]
        result = event({"Event-Name": "BACKGROUND_JOB", "Job-UUID": uuid}, "-ERR USER_BUSY\n\nmore: text\n")
        return reply(f"+OK Job-UUID: {uuid}") + result

    site.fake.answers = {"bgapi": job}
    await site.client.open()
    assert await site.client.job("originate x", 2) == "-ERR USER_BUSY\n\nmore: text\n"


async def test_bodies_are_no_headers(site: Site) -> None:
    await site.client.open()
    site.fake.send(event({"Event-Name": "CUSTOM", "Event-Subclass": "x"}, "hello: body"))
    heard = await site.event()
    assert "hello" not in heard.headers
    assert heard.body == "hello: body"


async def test_a_job_without_result(site: Site) -> None:
    site.fake.answers = {"bgapi": reply()}
    await site.client.open()
    with pytest.raises(TimedOut):
        await site.client.job("originate x", 0.05)


# 7: its server lets in more than it may; we have none


async def test_we_listen_for_nobody(site: Site) -> None:
    before = listening_sockets()
    await site.client.open()
    assert listening_sockets() == before


# 8


async def test_a_late_reply_is_not_the_next_commands(site: Site) -> None:
    late = asyncio.Event()

    async def first(command: str) -> bytes:
        await late.wait()
        return api("first")

    site.fake.answers = {"api first": first, "api second": api("second")}
    client = site.another(limit_s=SOON_S)
    await client.open()
    with pytest.raises(TimedOut):
        await client.api("first")
    second = asyncio.create_task(client.api("second"))
    late.set()
    assert await second == "second"
    await client.close()


async def test_a_reply_of_the_wrong_kind_ends_the_connection(site: Site) -> None:
    site.fake.answers = {"api": reply()}
    await site.client.open()
    with pytest.raises(DeviceLost, match="step"):
        await site.client.api("status")
    assert "waits for" in str(await asyncio.wait_for(site.client.lost, 1))


async def test_a_reply_to_nothing_ends_the_connection(site: Site) -> None:
    await site.client.open()
    site.fake.send(reply())
    assert "nothing" in str(await asyncio.wait_for(site.client.lost, 1))


async def test_a_long_command_goes_out_whole(site: Site) -> None:
    async def length(command: str) -> bytes:
        return api(str(len(command)))

    site.fake.answers = {"api": length}
    await site.client.open()
    assert await site.client.api("x" * 60_000) == str(60_000 + len("api "))


async def test_200_commands_at_once_each_get_their_own_reply(site: Site) -> None:
    async def same(command: str) -> bytes:
        return api(command)

    site.fake.answers = {"api": same}
    await site.client.open()
    replies = await asyncio.gather(*(site.client.api(str(number)) for number in range(200)))
    assert replies == [f"api {number}" for number in range(200)]


# and what follows from owning it


@pytest.mark.parametrize("text", ["status\n\napi fsctl shutdown", "a\rb", "a\0b"])
async def test_a_command_is_one_line(site: Site, text: str) -> None:
    await site.client.open()
    with pytest.raises(LocalProtocolError):
        await site.client.api(text)


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MAX_BLOCK + 10),
        b"A: b\n" * (MAX_BLOCK // 4),
        b"Content-Type: api/response\nContent-Length: 999999999\n\n",
        b"Content-Type: text/event-json\nContent-Length: 1\n\n{",
    ],
)
async def test_nonsense_ends_the_connection_and_nothing_else(site: Site, data: bytes) -> None:
    await site.client.open()
    site.fake.send(data)
    assert isinstance(await asyncio.wait_for(site.client.lost, 2), DeviceLost)


async def test_threads_and_descriptors_after_50_openings(site: Site) -> None:
    async def once() -> None:
        client = site.another()
        await client.open()
        await client.api("status")
        await client.close()

    await once()
    await asyncio.sleep(0.02)
    before, threads = len(os.listdir("/proc/self/fd")), native_threads()
    for _ in range(50):
        await once()
    await asyncio.sleep(0.02)
    assert esl_threads() == []
    assert native_threads() <= threads
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_threads_and_descriptors_after_failed_openings(site: Site) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises(DeviceRefused):
            await site.another("wrong").open()
    await asyncio.sleep(0.02)
    assert esl_threads() == []
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_more_than_we_can_follow(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.drivers.freeswitch.event_socket.MAX_WAITING", 100)
    await site.client.open()
    site.fake.send(b"".join(event({"Event-Name": "HEARTBEAT"}) for _ in range(5000)))
    deadline = asyncio.get_running_loop().time() + 2
    while not site.client.lost.done() and asyncio.get_running_loop().time() < deadline:
        import time

        time.sleep(0.02)  # noqa: ASYNC251 a loop that is held up
        await asyncio.sleep(0)
    assert "follow" in str(site.client.lost.result())


def esl_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("esl ")]


def native_threads() -> int:
    """Also those that gevent would make behind Python's back."""
    return len(os.listdir("/proc/self/task"))


def listening_sockets() -> set[str]:
    """This process's sockets that listen for TCP."""
    folder = "/proc/self/fd"
    mine = {os.readlink(f"{folder}/{name}") for name in os.listdir(folder) if os.path.lexists(f"{folder}/{name}")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return mine & {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
