"""The uplink against a real hub on loopback, through a proxy that cuts, throttles and goes silent."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from edge_agent.uplink import LineTimes, UplinkTimes
from telecore.backoff import Policy
from telecore.errors import NotFound, TimedOut, TunnelDown
from telecore.ids import Sha256
from telecore.notices import BlobHeld, BlobStored, Heartbeat
from tests.fakes.tunnel import EDGE, Rig, running, until


async def test_items_cross_both_ways_and_are_forgotten() -> None:
    rig = Rig()
    for value in range(300):
        rig.up.add(value)
        rig.down.add(value)
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: not rig.up.rows and not rig.down.rows)
            rig.up.add("new")
            uplink.wake()
            rig.down.add("new")
            rig.hub.wake(EDGE)
            await until(lambda: not rig.up.rows and not rig.down.rows)
    assert rig.at_cloud.values == rig.at_edge.values == [*range(300), "new"]
    assert rig.at_edge.history == [True] * 300 + [False]


async def test_every_item_is_applied_once_in_order_while_the_line_is_cut_again_and_again() -> None:
    rig = Rig()
    rng = random.Random(11)
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            for value in range(600):
                rig.up.add(value)
                uplink.wake()
                rig.down.add(value)
                rig.hub.wake(EDGE)
                await asyncio.sleep(0.002)
                if rng.randrange(15) == 0:
                    rig.proxy.cut()
            await until(lambda: not rig.up.rows and not rig.down.rows)
    assert rig.proxy.connections > 10
    assert rig.at_cloud.values == rig.at_edge.values == list(range(600))


async def test_the_greeting_comes_first_and_notices_pass_both_ways() -> None:
    rig = Rig()
    heartbeat = Heartbeat("i", "0.1", 1.0, (), (), 0)
    rig.greeting = [heartbeat, BlobHeld(())]
    name = Sha256("a" * 64)
    async with rig.cloud():
        uplink = rig.uplink()
        assert uplink.notify(BlobHeld(())) is False
        assert rig.hub.notify(EDGE, BlobStored(name)) is False
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            assert uplink.notify(BlobHeld((name,)))
            assert rig.hub.notify(EDGE, BlobStored(name))
            await until(lambda: len(rig.cloud_notices) == 3 and rig.edge_notices)
            rig.proxy.cut()
            await until(lambda: len(rig.cloud_notices) == 5)
    assert rig.cloud_notices == [heartbeat, BlobHeld(()), BlobHeld((name,)), heartbeat, BlobHeld(())]
    assert rig.edge_notices == [BlobStored(name)]
    assert rig.edge_links == [True, False, True, False]
    assert rig.cloud_links == [True, False, True, False]


async def test_sound_crosses_in_shared_messages() -> None:
    rig = Rig()
    heard: list[tuple[int, bytes]] = []
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            uplink.on_media(3, lambda seq, payload: heard.append((seq, payload)))
            rig.hub.on_media(EDGE, 7, lambda seq, payload: rig.hub.send_media(EDGE, 3, payload))
            for n in range(10):
                assert uplink.send_media(7, bytes([n]) * 160)
                uplink.send_media(8, b"nobody listens")
            await until(lambda: len(heard) == 10)
            uplink.on_media(3, None)
            uplink.send_media(7, b"late")
            await asyncio.sleep(0.05)
    assert heard == [(n, bytes([n]) * 160) for n in range(10)]


async def test_blobs_both_ways_go_on_after_cuts() -> None:
    rig = Rig()
    rng = random.Random(2)
    clip = rig.cloud_blobs.add(rng.randbytes(2_000_000))
    recording = rig.edge_blobs.add(rng.randbytes(2_000_000))
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            fetch = asyncio.create_task(uplink.fetch(clip, 2_000_000, 10))
            broken = 0
            while True:
                await until(lambda: rig.hub.connected(EDGE))
                try:
                    cut = asyncio.get_running_loop().call_later(0.04 * (broken + 1), rig.proxy.cut)
                    await rig.hub.fetch(EDGE, recording, 2_000_000, 10)
                    cut.cancel()
                    break
                except TunnelDown:
                    broken += 1
            await fetch
    assert broken > 0
    assert rig.edge_blobs.whole == rig.cloud_blobs.whole
    assert rig.edge_blobs.written == rig.cloud_blobs.written == 2_000_000


async def test_fetching_fails_with_the_reason() -> None:
    rig = Rig()
    nothing = Sha256("0" * 64)
    async with rig.cloud():
        uplink = rig.uplink()
        with pytest.raises(TunnelDown):
            await uplink.fetch(nothing, 5, 0.05)
        with pytest.raises(TunnelDown):
            await rig.hub.fetch(EDGE, nothing, 5, 0.05)
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            with pytest.raises(NotFound):
                await uplink.fetch(nothing, 5, 2)
            with pytest.raises(NotFound):
                await rig.hub.fetch(EDGE, nothing, 5, 2)
            clip = rig.cloud_blobs.add(b"x" * 3_000_000)
            with pytest.raises(TimedOut):
                await uplink.fetch(clip, 3_000_000, 0.02)
            await uplink.fetch(clip, 3_000_000, 10)
            await uplink.fetch(clip, 3_000_000, 0.0)
    assert rig.edge_blobs.written == 3_000_000


async def test_a_wrong_key_is_refused_logged_once_and_tried_again_slowly(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink(key="wrong")
        with caplog.at_level(logging.INFO):
            async with running(uplink.run()):
                await until(lambda: len(rig.refusals) == 3)
    assert "401" in rig.refusals[0]
    assert "not its key" in rig.refusals[0]
    assert rig.proxy.connections == 3
    for logger in ("edge_agent.uplink.uplink", "cloud.tunnel.entrance"):
        assert len([r for r in caplog.records if r.name == logger and "refused" in r.getMessage()]) == 1
    assert "wrong" not in caplog.text


async def test_a_line_that_was_held_counts_as_heard_when_it_is_read_again() -> None:
    """The pong for which the watch waits came meanwhile, and is only seen in a later turn of the loop."""
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            assert uplink.line is not None
            connection = uplink.line._connection
            uplink.line.hold(True)
            connection.heard = -100.0
            uplink.line.hold(False)
            assert connection.heard > 0


async def test_a_half_open_line_is_noticed_and_replaced_on_both_sides() -> None:
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            rig.proxy.silent = True
            rig.up.add("sent into silence")
            uplink.wake()
            await until(lambda: not uplink.connected and not rig.hub.connected(EDGE), 3)
            rig.proxy.silent = False
            await until(lambda: rig.at_cloud.values == ["sent into silence"], 5)


async def test_a_blob_wanted_while_a_dead_line_is_being_closed_comes_over_the_next() -> None:
    rig = Rig()
    clip = rig.cloud_blobs.add(b"x" * 50_000)
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            rig.proxy.silent = True
            await until(lambda: not uplink.connected, 3)
            fetch = asyncio.create_task(uplink.fetch(clip, 50_000, 5))
            await asyncio.sleep(0.05)
            rig.proxy.silent = False
            await fetch
    assert rig.edge_blobs.whole == rig.cloud_blobs.whole


async def test_no_cloud_is_logged_once_and_the_uplink_comes_up_with_it(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud():
        port = rig.proxy.port
    with caplog.at_level(logging.INFO, "edge_agent"):
        uplink = rig.uplink(port=port)
        async with running(uplink.run()):
            await asyncio.sleep(0.3)
            messages = [record.getMessage() for record in caplog.records]
            assert len(messages) == 1
            assert "cannot be reached" in messages[0]
            assert "Connect call failed" in messages[0]
            rig.hub = rig.make_hub(port)
            async with running(rig.hub.run()):
                await until(lambda: uplink.connected)
    assert [record.getMessage().split(" is ")[1][:4] for record in caplog.records] == ["down", "up", "down"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/", "not the address of a tunnel"),
        ("ws://no-such-host.invalid/", "cannot be reached"),
        ("ws://127.0.0.1:{garbage}/", "does not speak WebSocket"),
    ],
)
async def test_what_is_no_tunnel_is_told_in_a_sentence(url: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    rig = Rig()
    uplink = rig.uplink(port=1)
    uplink._url = url.format(garbage=server.sockets[0].getsockname()[1])
    async with server, running(uplink.run()):
        await until(lambda: caplog.records)
        assert reason in caplog.records[0].getMessage()


async def test_a_store_that_fails_comes_out_of_run_and_takes_the_line_down() -> None:
    rig = Rig()

    async def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    rig.at_edge.apply = fail  # type: ignore[method-assign]
    rig.down.add("x")
    async with rig.cloud():
        uplink = rig.uplink()
        with pytest.raises(OSError, match="No space left"):
            await asyncio.wait_for(uplink.run(), 5)
        await until(lambda: not rig.hub.connected(EDGE))
    assert not uplink.connected
    assert rig.down.rows


async def test_retry_now_does_not_wait_for_the_delay() -> None:
    rig = Rig()
    times = UplinkTimes(line=LineTimes(close=0.2), retry=Policy(first=1000, factor=1, cap=1000), coalesce=0.0)
    async with rig.cloud():
        uplink = rig.uplink(times=times)
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            rig.proxy.cut()
            await until(lambda: not uplink.connected)
            await asyncio.sleep(0.1)
            uplink.retry_now()
            await until(lambda: uplink.connected)


async def test_a_live_call_does_not_wait_for_a_long_delay() -> None:
    """One that begins while the tunnel is down wakes it; those that live keep the attempts coming."""
    rig = Rig()
    slow, soon = Policy(first=1000, factor=1, cap=1000), Policy(first=0.05, factor=1, cap=0.05)
    times = UplinkTimes(line=LineTimes(close=0.2), retry=slow, urgent=soon, coalesce=0.0)
    async with rig.cloud():
        uplink = rig.uplink(times=times)
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
            rig.proxy.cut()
            await until(lambda: not uplink.connected)
            assert not uplink.notify(BlobHeld(()))
            await asyncio.sleep(0.1)
            assert not uplink.connected
            rig.urgent = True
            assert not uplink.notify(BlobHeld(()))
            await until(lambda: uplink.connected)
            rig.proxy.cut()
            await until(lambda: rig.edge_links == [True, False, True, False, True])


async def test_stopping_says_goodbye(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig()
    async with rig.cloud():
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: rig.hub.connected(EDGE))
        await until(lambda: rig.cloud_links == [True, False])
        assert rig.edge_links == [True, False]
    assert "the agent is stopping" in caplog.text


async def test_sound_overtakes_bulk_on_a_slow_line() -> None:
    """2 Mbit/s with a 400 kB recording under way: sound arrives within some tens of milliseconds."""
    rig = Rig()
    recording = rig.edge_blobs.add(random.Random(1).randbytes(400_000))
    loop = asyncio.get_running_loop()
    late: list[float] = []
    async with rig.cloud(bytes_per_s=250_000):
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected and rig.hub.connected(EDGE))
            sent: list[float] = []
            rig.hub.on_media(EDGE, 7, lambda seq, payload: late.append(loop.time() - sent[len(late)]))
            began = loop.time()
            fetch = asyncio.create_task(rig.hub.fetch(EDGE, recording, 400_000, 10))
            while not fetch.done():
                sent.append(loop.time())
                uplink.send_media(7, b"\xff" * 160)
                await asyncio.sleep(0.02)
            await fetch
            took = loop.time() - began
            await until(lambda: len(late) == len(sent))
    late.sort()
    assert len(late) > 50
    assert late[len(late) // 2] < 0.1
    assert late[int(len(late) * 0.9)] < 0.2
    assert took < 4.0


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_over_tls_a_certificate_nobody_vouches_for_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    await asyncio.to_thread(
        subprocess.run, [*command, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    rig = Rig()
    rig.hub._tls = server
    rig.up.add("over TLS")
    async with rig.cloud():
        uplink = rig.uplink()
        uplink._url = uplink._url.replace("ws:", "wss:")
        async with running(uplink.run()):
            await until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
            assert not uplink.connected
            uplink._tls = ssl.create_default_context(cafile=certificate)
            await until(lambda: rig.at_cloud.values == ["over TLS"])
