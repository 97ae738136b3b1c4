"""net_port.py and telnet.py: a gateway with two modules behind Telnet, as Portech's, in this process."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.net_port import Login, NetAddress, NetPort
from edge_agent.drivers.at_modem.telnet import DO, DONT, IAC, SB, SE, WILL, WONT, Telnet
from telecore.errors import DeviceLost, InvalidRequest
from tests.edge_agent.drivers.conftest import ScriptedModem

PROFILES = load_profiles()
PORTECH = PROFILES.get("portech/mv37x")
NEGOTIATION = bytes([IAC, DO, 24, IAC, WILL, 1, IAC, SB, 24, 1, IAC, SE, IAC, WILL, 3, IAC, DO, 24])


class Gateway:
    """Telnet with negotiation; every byte is a segment of its own while ``split``. One user for each module."""

    def __init__(self) -> None:
        self.modules = {}
        self.heard = bytearray()
        self.refused = bytearray()
        self.left = []
        self.split = False
        self._writers = set()
        for number in (1, 2):
            modem = self.modules[f"module{number}"] = ScriptedModem(lambda data: None)
            modem.answers |= {
                "AT+CGMI": "Portech\r\n\r\nOK",
                "AT+CGMM": f"MV-372 {number}\r\n\r\nOK",
                "AT+CGSN": f"35000000000000{number}\r\n\r\nOK",
                "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
                "AT+CREG?": "+CREG: 2,1\r\n\r\nOK",
                "AT+COPS?": '+COPS: 0,0,"Cell"\r\n\r\nOK',
                "AT+CSQ": "+CSQ: 20,99\r\n\r\nOK",
            }

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        self.drop()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)

    def drop(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        writer.get_extra_info("socket").setsockopt(6, 1, 1)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._session(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _session(self, reader, writer):
        await self._say(writer, NEGOTIATION + b"\r\nusername: ")
        user = await self._line(reader)
        await self._say(writer, b"\r\npassword: ")
        password = await self._line(reader)
        if (user, password) != ("voip", "1234"):
            await self._say(writer, b"\r\nwrong\r\nusername: ")
            await asyncio.sleep(60)
        await self._say(writer, b"\r\n[MV372]> ")
        name = await self._line(reader)
        modem = self.modules[name]
        modem.send = lambda data: writer.write(data.replace(b"\xff", b"\xff\xff"))
        while data := await reader.read(4096):
            if b"\x18" in data:
                self.left.append(name)
                return
            modem.receive(data)

    async def _line(self, reader):
        line = bytearray()
        while (octet := await reader.readexactly(1)) != b"\r":
            if octet[0] == IAC:
                self.refused += octet + await reader.readexactly(2)
            else:
                line += octet
        return line.decode()

    async def _say(self, writer, data):
        pieces = [data[at : at + 1] for at in range(len(data))] if self.split else [data]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)


@pytest.fixture
async def gateway():
    there = Gateway()
    await there.start()
    yield there
    await there.stop()


def login(password="1234"):
    return Login(PORTECH.login, PORTECH.leave, "voip", password)


def modem_of(gateway, module, password="1234"):
    url = f"telnet://127.0.0.1:{gateway.port}/{module}"
    return AtModem(ModemSettings(module, f"site-1/{module}", url, login=login(password)), lambda identity: PORTECH)


@pytest.mark.parametrize("split", [False, True])
async def test_two_modules_of_one_box(gateway, split, until):
    gateway.split = split
    modems = [modem_of(gateway, "module1"), modem_of(gateway, "module2")]
    await asyncio.gather(*(modem.open() for modem in modems))
    assert [modem.identity.model for modem in modems] == ["MV-372 1", "MV-372 2"]
    for modem in modems:
        assert (await modem.radio_status()).state
    refusals = {bytes(gateway.refused)[at : at + 3] for at in range(0, len(gateway.refused), 3)}
    assert refusals == {bytes([IAC, WONT, 24]), bytes([IAC, DONT, 1]), bytes([IAC, DONT, 3])}
    for modem in modems:
        await modem.close()
    await until(lambda: sorted(gateway.left) == ["module1", "module2"])


async def test_a_wrong_password_ends_the_attempt_and_is_not_shown(gateway):
    port = NetPort(f"telnet://127.0.0.1:{gateway.port}/module1", login("secret9"), step_s=0.3)
    with pytest.raises(DeviceLost, match="step 3 expects") as raised:
        await port.open()
    assert "secret9" not in str(raised.value) + repr(login("secret9"))


async def test_the_gateway_goes_away(gateway, core, until):
    modem = modem_of(gateway, "module1")
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios)
    gateway.drop()
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(running, 5)
    await modem.close()


async def test_a_gateway_that_drops_in_the_login(gateway):
    port = NetPort(f"telnet://127.0.0.1:{gateway.port}", Login([*PORTECH.login[:1], *PORTECH.login[:1]]))
    opening = asyncio.ensure_future(port.open())
    await asyncio.sleep(0.1)
    gateway.drop()
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(opening, 5)


async def test_nobody_there():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    free = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(DeviceLost, match="is gone or not there"):
        await NetPort(f"socket://127.0.0.1:{free}").open()


async def test_a_plain_socket_has_no_telnet(until):
    modem = ScriptedModem(lambda data: None)
    heard = bytearray()

    async def serve(reader, writer):
        modem.send = writer.write
        while data := await reader.read(4096):
            heard.extend(data)
            modem.receive(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = NetPort(f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}", unsent_limit=100)
    received = bytearray()
    port.on_data = received.extend
    await port.open()
    assert port.write(b"\xffAT\r")
    assert not port.write(b"x" * 101)
    await until(lambda: b"OK" in received)
    assert bytes(heard) == b"\xffAT\r"
    port.close()
    assert not port.write(b"AT\r")
    await asyncio.sleep(0.05)
    server.close()
    await server.wait_closed()


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=5))
def test_telnet_takes_any_bytes_in_any_pieces(data, cuts):
    whole, pieces = Telnet(), Telnet()
    at_once = whole.feed(data)
    text = answer = b""
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        more, said = pieces.feed(data[begin:end])
        text, answer = text + more, answer + said
    assert (text, answer) == at_once


@given(st.binary(max_size=80))
def test_data_comes_through(data):
    assert Telnet().feed(Telnet.escaped(data))[0] == data.replace(b"\r\0", b"\r")


@pytest.mark.parametrize(
    ("url", "problem"),
    [("http://box", "must begin"), ("telnet://", "no host"), ("socket://box", "no port"), ("telnet://box:x", "box:x"),
     ("telnet://voip:1234@box", "use logins")],
)  # fmt: skip
def test_addresses_that_are_none(url, problem):
    with pytest.raises(InvalidRequest, match=problem) as raised:
        NetAddress.of(url)
    assert "1234" not in str(raised.value)


def test_addresses():
    assert NetAddress.of("telnet://box/module2") == NetAddress("telnet", "box", 23, "module2")
    assert NetAddress.of("socket://[::1]:7000").host == "::1"
