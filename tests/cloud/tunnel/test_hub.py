"""The hub against real WebSockets on loopback: honest agents, second agents, strangers and nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent.uplink import UplinkTimes
from telecore.errors import Transient
from telecore.ids import EdgeId
from tests.fakes.streets import Out
from tests.fakes.tunnel import EDGE, KEY, QUICK, Rig, running, until


@contextlib.asynccontextmanager
async def raw(
    rig: Rig, authorization: str = f"Bearer {EDGE}:{KEY}", **options: object
) -> AsyncIterator[ClientConnection]:
    """A WebSocket that speaks whatever the test wants."""
    headers = {"Authorization": authorization} if authorization else {}
    url = f"ws://127.0.0.1:{rig.hub.port}/"
    async with connect(url, additional_headers=headers, compression=None, max_size=None, **options) as socket:  # type: ignore[arg-type]
        yield socket


async def last_words(socket: ClientConnection) -> tuple[list[dict[str, object]], int | None, str | None]:
    """All that is said until the end, the close code and its reason."""
    said = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                said.append(json.loads(await socket.recv()))
    return said, socket.close_code, socket.close_reason


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        ("", "or Bearer"),
        ("Basic c2l0ZS0xOmtleQ==", "or Bearer"),
        ("Bearer site-1", "or Bearer"),
        ("Bearer ../x:key", "or Bearer"),
        (f"Bearer {EDGE}:wrong", "not its key"),
        (f"Bearer site-2:{KEY}", "not enrolled"),
    ],
)
async def test_who_has_no_key_gets_401_and_the_reason(authorization: str, says: str) -> None:
    rig = Rig()
    async with rig.cloud():
        with pytest.raises(InvalidStatus) as caught:
            async with raw(rig, authorization):
                pass
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert says in bytes(response.body).decode()


async def test_many_wrong_keys_close_the_door_for_a_while() -> None:
    rig = Rig()
    statuses = []
    async with rig.cloud():
        for _ in range(12):
            with pytest.raises(InvalidStatus) as caught:
                async with raw(rig, f"Bearer {EDGE}:wrong"):
                    pass
            statuses.append(caught.value.response.status_code)
        assert statuses == [401] * 10 + [429] * 2
        assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 61


class Away(dict[EdgeId, str]):
    """What edges' keys are while the store is gone."""

    def get(self, edge: EdgeId, default: object = None) -> str:
        raise Transient("the store is away")


async def test_while_the_store_is_away_edges_are_put_off_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    known, rig.keys = rig.keys, Away()
    async with rig.cloud():
        for n in range(5):
            with pytest.raises(InvalidStatus) as caught:
                async with raw(rig, f"Bearer site-{n}:{KEY}"):
                    pass
            assert caught.value.response.status_code == 503
        assert caplog.text.count("edges cannot be let in now: the store is away") == 1
        assert "Traceback" not in caplog.text
        rig.keys = known
        async with running(rig.uplink().run()):
            await until(lambda: rig.cloud_links)
        rig.keys = Away()
        with pytest.raises(InvalidStatus):
            async with raw(rig):
                pass
    assert caplog.text.count("edges cannot be let in now: the store is away") == 2


async def test_a_second_agent_is_refused_and_the_first_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud():
        first, second = rig.uplink(), rig.uplink()
        async with running(first.run()):
            await until(lambda: first.connected)
            refusals = rig.refusals
            async with running(second.run()):
                await until(lambda: len(refusals) >= 3)
                assert not second.connected
                assert first.connected
                rig.up.add("from the first")
                first.wake()
                await until(lambda: rig.at_cloud.values == ["from the first"])
        assert set(refusals) == {"another agent uses this key"}
    assert rig.cloud_links == [True, False]
    assert len([r for r in caplog.records if "a second agent is refused" in r.getMessage()]) == 1
    told = [r.getMessage() for r in caplog.records if r.name.startswith("edge_agent")]
    assert len([text for text in told if "another agent uses this key" in text]) == 1


async def test_a_second_agent_takes_over_when_the_first_is_dead() -> None:
    rig = Rig()
    slow = UplinkTimes(line=QUICK.line.__class__(ping=60, pong=60, close=0.3), refused=0.1, retry=QUICK.retry)
    async with rig.cloud():
        dead = rig.uplink(times=slow)
        async with running(dead.run()):
            await until(lambda: dead.connected and rig.hub.connected(EDGE))
            rig.proxy.silent = True
            fresh = rig.uplink(port=rig.hub.port)
            async with running(fresh.run()):
                await until(lambda: fresh.connected)
                await until(lambda: rig.cloud_links[-2:] == [False, True])
                rig.up.add("from the second")
                fresh.wake()
                await until(lambda: rig.at_cloud.values == ["from the second"])
            rig.proxy.cut()


async def test_the_same_agent_replaces_its_own_old_connection_at_once() -> None:
    rig = Rig()
    hello = {"type": "hello", "side": "edge", "edge": EDGE, "instance": "one", "stream": "up", "highest": 0}
    hello |= {"version": 1, "minimum": 1}
    async with rig.cloud(), raw(rig) as old, raw(rig) as new:
        await old.send(json.dumps(hello))
        assert json.loads(await old.recv())["type"] == "hello"
        await new.send(json.dumps(hello))
        assert json.loads(await new.recv())["type"] == "hello"
        said, _, _ = await last_words(old)
        assert said[-1]["code"] == "replaced"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("garbage", "not JSON"),
        (b"\x01\x02\x03", "before the greeting"),
        ('{"type":"dance"}', "unknown frame type"),
        ('{"type":"notice","payload":{}}', "out of turn"),
        ('{"type":"hello","side":"edge","edge":"site-9","instance":"","stream":"s","highest":0,"version":1,"minimum":1}',
         "which is not whom the key belongs to"),
        ("x" * 100_000, "above the limit"),
    ],
)  # fmt: skip
async def test_nonsense_before_the_greeting_is_answered_and_ends(
    message: str | bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig()
    async with rig.cloud(), raw(rig) as socket:
        await socket.send(message)
        said, code, _ = await last_words(socket)
        assert said[-1]["type"] == "bye"
        assert reason in str(said[-1]["reason"])
        assert code == 1000
        await until(lambda: reason in caplog.text)
    assert rig.cloud_links == []


async def test_a_frame_of_16_megabytes_is_refused_and_the_hub_lives_on() -> None:
    rig = Rig()
    async with rig.cloud():
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.hub.port)
        writer.write(
            f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {EDGE}:{KEY}\r\n\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(b"\x82\xff" + (16_000_000).to_bytes(8, "big") + b"mask" + b"\x01" * 100_000)
        close = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert close[0] == 0x88
        assert int.from_bytes(close[2:4], "big") == 1009
        assert b"1048576" in close
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)


async def test_a_text_above_the_limit_is_refused_after_the_greeting_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig()
    hello = {"type": "hello", "side": "edge", "edge": EDGE, "instance": "one", "stream": "up", "highest": 0}
    hello |= {"version": 1, "minimum": 1}
    async with rig.cloud(), raw(rig) as socket:
        await socket.send(json.dumps(hello))
        stream = json.loads(await socket.recv())["stream"]
        await socket.send(json.dumps({"type": "resume", "stream": stream, "applied": 0}))
        await until(lambda: rig.hub.connected(EDGE))
        await socket.send(b"\x01" * 70_000)
        said, _, _ = await last_words(socket)
        assert "70000 bytes is above the limit" in str(said[-1]["reason"])
    assert "disconnected: the peer broke a rule" in caplog.text


async def test_who_says_nothing_is_sent_away() -> None:
    rig = Rig()
    async with rig.cloud(), raw(rig) as socket:
        said, _, _ = await last_words(socket)
        assert "no greeting within 1 s" in str(said[-1]["reason"])


async def test_a_stranger_on_the_port_is_sent_away(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud():
        for words, status in ((b"\x16\x03\x01 this is TLS", []), (b"GET / HTTP/1.1\r\nHost: x", [b"401"])):
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.hub.port)
            writer.write(words + b"\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            assert answer.split(b" ")[1:2] == status
    assert "Traceback" not in caplog.text


async def test_an_ingest_that_fails_ends_one_session_only(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    broken = True
    apply: Callable[..., object] = rig.at_cloud.apply_batch

    async def apply_batch(stream: str, items: list[object]) -> None:
        if broken:
            raise OSError("disk full")
        await apply(stream, items)  # type: ignore[misc]

    rig.at_cloud.apply_batch = apply_batch  # type: ignore[method-assign, assignment]
    rig.up.add("x")
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: rig.cloud_links.count(False) >= 2)
            broken = False
            await until(lambda: rig.at_cloud.values == ["x"])
    assert "disk full" in caplog.text


async def test_a_new_street_after_a_wiped_disk_starts_from_its_first_row() -> None:
    rig = Rig()
    rig.up.add("old")
    async with rig.cloud():
        async with running(rig.uplink().run()):
            await until(lambda: rig.at_cloud.values == ["old"])
        rig.up = Out("another")
        rig.up.add("new")
        async with running(rig.uplink().run()):
            await until(lambda: rig.at_cloud.values == ["old", "new"])


async def test_edges_lists_who_is_connected() -> None:
    rig = Rig()
    rig.keys[EdgeId("site-2")] = KEY
    async with rig.cloud():
        assert rig.hub.edges() == []
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: rig.hub.edges() == [EDGE])
        await until(lambda: rig.hub.edges() == [])


async def test_stopping_tells_every_edge(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    caplog.set_level(logging.INFO)
    async with rig.cloud():
        port = rig.hub.port
        uplink = rig.uplink(port=port)
        tasks = running(uplink.run())
        await tasks.__aenter__()
        await until(lambda: uplink.connected)
    await until(lambda: "the cloud is stopping" in caplog.text)
    rig.hub = rig.make_hub(port)
    async with running(rig.hub.run()):
        await until(lambda: uplink.connected)
    await tasks.__aexit__(None, None, None)
