"""A small modem that tests script: on a pseudo terminal, or joined to a dialogue in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable

import pytest

Answer = str | None | Callable[["ScriptedModem", str], "str | None"]


class ScriptedModem:
    """Answers each command by ``answers`` (longest key that begins it), else OK. None: silence.

    Keeps stores of SMS PDUs (``stores["SM"][3] = "0791…"``), and takes the text after a prompt.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.answers: dict[str, Answer] = {"AT+CSMS?": "+CSMS: 0,1,1,1\r\n\r\nOK"}
        self.stores: dict[str, dict[int, str]] = {"SM": {}, "ME": {}, "SR": {}}
        self.log: list[str] = []
        self.bodies: list[str] = []
        self.prompt: bytes | None = b"\r\n> "
        self.submit: Answer = "+CMGS: 7\r\n\r\nOK"
        self.selected = "SM"
        self.places = 20
        self._partial = bytearray()
        self._in_body = False

    def receive(self, data: bytes) -> None:
        for byte in data:
            if byte == 0x1B:
                self._partial.clear()
                if self._in_body:
                    self._in_body = False
                    self.reply("OK")
            elif byte == 0x1A and self._in_body:
                self._in_body = False
                self.bodies.append(self._take())
                self._answer(self.submit, "body")
            elif byte == 0x0D and not self._in_body:
                self._command(self._take())
            else:
                self._partial.append(byte)

    def urc(self, text: str) -> None:
        self.send(f"\r\n{text}\r\n".encode("latin-1"))

    def reply(self, text: str) -> None:
        self.send(f"\r\n{text}\r\n".encode("latin-1"))

    def _take(self) -> str:
        text = self._partial.decode("latin-1")
        self._partial.clear()
        return text

    def _command(self, text: str) -> None:
        self.log.append(text)
        keys = [key for key in self.answers if text.startswith(key)]
        if keys:
            self._answer(self.answers[max(keys, key=len)], text)
        elif text.startswith("AT+CMGS="):
            if self.prompt is not None:
                self._in_body = True
                self.send(self.prompt)
        elif text.startswith(("AT+CPMS=", "AT+CMG")):
            self.reply(self._storage(text))
        else:
            self.reply("OK")

    def _answer(self, answer: Answer, text: str) -> None:
        said = answer(self, text) if callable(answer) else answer
        if said is not None:
            self.reply(said)

    def _storage(self, text: str) -> str:
        name, _, value = text.partition("=")
        if name == "AT+CPMS":
            wanted = value.split(",")[0].strip('"')
            if wanted not in self.stores:
                return "+CMS ERROR: 302"
            self.selected = wanted
            return f"+CPMS: {len(self.stores[wanted])},{self.places},0,20,0,20\r\n\r\nOK"
        store = self.stores[self.selected]
        if name == "AT+CMGF":
            return "OK"
        if name == "AT+CMGL":
            listed = "".join(f"+CMGL: {at},0,,{len(p) // 2 - 8}\r\n{p}\r\n" for at, p in sorted(store.items()))
            return f"{listed}\r\nOK"
        index = int(value)
        if name == "AT+CMGR":
            return f"+CMGR: 0,,24\r\n{store[index]}\r\n\r\nOK" if index in store else "+CMS ERROR: 321"
        store.pop(index, None)
        return "OK"


class MemoryPort:
    """Satisfies ``dialogue.ByteStream``; whatever the modem says arrives on the next turn of the loop."""

    def __init__(self) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_lost: Callable[[Exception], None] = lambda error: None
        self.written = bytearray()
        self.unsent = 0
        self.modem = ScriptedModem(self._later)

    def write(self, data: bytes) -> bool:
        self.written += data
        self.modem.receive(data)
        return True

    def _later(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(lambda: self.on_data(data))


class PtyModem:
    """A ScriptedModem at the far end of a pseudo terminal."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.modem = ScriptedModem(self._write)
        self.heard = bytearray()
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def unplug(self) -> None:
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            data = os.read(self._master, 4096)
            self.heard += data
            self.modem.receive(data)

    def _write(self, data: bytes) -> None:
        os.write(self._master, data)


@pytest.fixture
async def port():
    return MemoryPort()


@pytest.fixture
async def pty_modem():
    modem = PtyModem()
    yield modem
    modem.unplug()


class RecordingCore:
    """A Core that keeps what it is told."""

    def __init__(self) -> None:
        self.parts = []
        self.reports = []
        self.radios = []
        self.ussds = []
        self.events = []
        self.levels = []
        self.calls = asyncio.Queue()
        self.before_safe: Callable[[], None] = lambda: None

    async def part(self, part) -> None:
        self.before_safe()
        await asyncio.sleep(0)
        self.parts.append(part)

    async def report(self, report) -> None:
        self.reports.append(report)

    async def radio(self, channel, status) -> None:
        self.radios.append(status)

    async def ussd(self, channel, reply) -> None:
        self.ussds.append(reply)

    async def event(self, event) -> None:
        self.events.append(event)

    def stored(self, channel, level) -> None:
        self.levels.append(level)

    def incoming(self, call) -> None:
        self.calls.put_nowait(call)


@pytest.fixture
async def core():
    return RecordingCore()


async def _until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  (any condition at all)
            await asyncio.sleep(0.005)


@pytest.fixture
def until():
    return _until
