"""SIP over TLS: a call over one connection, in both directions of set-up, and certificates that are refused."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.drivers.sip import tls
from edge_agent.drivers.sip.endpoint import Endpoint
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.settings import SipSettings, TlsFiles, Transport
from edge_agent.drivers.sip.stack import SipStack
from telecore.errors import DeviceLost
from tests.fakes.sip_media import FakeMediaPorts
from tests.fakes.sip_site import LINE1, QUICK, Heard, Told, gateway


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate,
         "-subj", "/CN=trunk.test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:trunk.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    return TlsFiles(certificate, key, certificate)


class End:
    """A stack with one far end over TLS."""

    def __init__(self, files: TlsFiles | None, port: int, *, listens: bool, host: str = "127.0.0.1") -> None:
        settings = SipSettings(port=0, tls_port=0 if listens else None, tls=files)
        self.stack = SipStack(settings, FakeMediaPorts(), intervals=QUICK)
        self.peer = SipPeer(self.stack, gateway(port, host=host, transport=Transport.TLS))
        self.told = Told()
        self.running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.peer.open()
        self.running = asyncio.create_task(self.peer.run(self.told))
        await asyncio.sleep(0)

    async def close(self) -> None:
        assert self.running is not None
        self.running.cancel()
        await asyncio.wait({self.running})
        await self.peer.close()


async def test_a_call_over_tls_and_its_end_from_there(files: TlsFiles) -> None:
    b = End(files, 5061, listens=True)
    await b.open()
    assert b.stack.tls_port is not None
    a = End(files, b.stack.tls_port, listens=False)
    await a.open()
    b.told.accept = True
    heard = Heard()
    await a.peer.voice(LINE1).dial("+85512345678", heard)
    call = await asyncio.wait_for(b.told.calls.get(), 3)
    await heard.until("answered")
    await call.voice.hang_up(17)
    ended = await heard.until("ended")
    assert ended.cause == 17
    await a.close()
    await b.close()


async def test_a_certificate_of_somebody_else_is_not_trusted(files: TlsFiles) -> None:
    b = End(files, 5061, listens=True)
    await b.open()
    assert b.stack.tls_port is not None
    stranger = End(TlsFiles(files.certificate, files.key, None), b.stack.tls_port, listens=False)
    await stranger.open()
    heard = Heard()
    await stranger.peer.voice(LINE1).dial("+85512345678", heard)
    assert (await heard.until("ended", 5)).cause == 102
    assert b.told.calls.empty()
    await stranger.close()
    await b.close()


async def test_a_site_without_certificates_of_its_own_trusts_whom_the_system_trusts(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
    b = End(TlsFiles(files.certificate, files.key), 5061, listens=True)
    await b.open()
    assert b.stack.tls_port is not None
    a = End(None, b.stack.tls_port, listens=False)
    await a.open()
    b.told.accept = True
    heard = Heard()
    call = await a.peer.voice(LINE1).dial("+85512345678", heard)
    await heard.until("answered")
    await call.hang_up()
    await a.close()
    await b.close()


async def test_files_that_are_not_there_are_told_at_opening() -> None:
    end = End(TlsFiles("missing.pem", "missing.key"), 5061, listens=True)
    with pytest.raises(DeviceLost, match="TLS"):
        await end.peer.open()


async def test_a_quiet_connection_is_pinged_and_a_dead_one_given_up(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.drivers.sip.tls.PING_S", 0.05)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate or "", files.key)
    received = bytearray()
    closed = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            received.extend(data)
        closed.set()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0, ssl=context)
    end = End(files, server.sockets[0].getsockname()[1], listens=False)
    await end.open()
    heard = Heard()
    await end.peer.voice(LINE1).dial("+85512345678", heard)
    await asyncio.wait_for(closed.wait(), 3)
    assert received.startswith(b"INVITE ")
    assert received.endswith(b"\r\n\r\n" * 4)
    await end.close()
    server.close()


async def test_a_connection_that_is_being_made_while_we_close_is_not_kept(files: TlsFiles) -> None:
    """Nobody would answer on it, and its far end would take it for good."""
    end = End(files, 5061, listens=True)
    await end.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", end.stack.tls_port)
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.certificate or "", files.key)
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    hands = context.wrap_bio(came, goes, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        hands.do_handshake()
    writer.write(goes.read())
    came.write(await asyncio.wait_for(reader.read(65_536), 3))
    await end.close()
    while True:
        try:
            hands.do_handshake()
            break
        except ssl.SSLWantReadError:
            came.write(await asyncio.wait_for(reader.read(65_536), 3))
    writer.write(goes.read())
    with suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(65_536), 3):
            pass
    writer.close()


async def test_an_opening_that_is_given_up_lets_go_of_the_address(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = asyncio.Event(), threading.Event()
    loop, read = asyncio.get_running_loop(), tls._client_context

    def slow(given: TlsFiles) -> ssl.SSLContext:
        loop.call_soon_threadsafe(reading.set)
        go_on.wait(5)
        return read(given)

    monkeypatch.setattr(tls, "_client_context", slow)
    endpoint = Endpoint(SipSettings(port=0, tls=files), lambda data, hop: None)
    opening = asyncio.create_task(endpoint.open())
    await asyncio.wait_for(reading.wait(), 3)
    udp = endpoint._udp
    assert udp is not None
    opening.cancel()
    await asyncio.wait({opening})
    go_on.set()
    assert udp.is_closing()
