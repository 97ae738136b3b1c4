"""A clock that is advanced by hand, and modems whose lines are byte strings."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random

from simulator import pdu
from simulator.identity import imei
from simulator.modem.modem import Modem
from simulator.modem.profile import SIM7600, Profile
from simulator.network import Network
from simulator.speech import FRAME_BYTES


class FakeHandle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTimers:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self.time = 1_750_000_000.0
        self._count = itertools.count()
        self._heap: list[tuple[float, int, FakeHandle, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def after(self, seconds: float, call: Callable[[], None]) -> FakeHandle:
        handle = FakeHandle()
        heapq.heappush(self._heap, (self.time + max(0.0, seconds), next(self._count), handle, call))
        return handle

    network = after

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self._heap and self._heap[0][0] <= end:
            due, _, handle, call = heapq.heappop(self._heap)
            self.time = max(self.time, due)
            if not handle.cancelled:
                call()
        self.time = end


class FakeAtLine:
    def __init__(self) -> None:
        self.output = bytearray()
        self.plugged = True

    def write(self, data: bytes) -> None:
        self.output += data

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False


class FakePcmLine(FakeAtLine):
    """What the agent wrote is in `written`, what it hears in `output`."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.taken = False

    def take_over(self) -> None:
        self.taken = True
        self.written.clear()

    def let_go(self) -> None:
        self.taken = False

    def read(self, limit: int) -> bytes:
        data = bytes(self.written[:limit])
        del self.written[:limit]
        return data


class Desk:
    """A network with modems on a desk, and a hand on the clock."""

    def __init__(self, modems: int = 2, profile: Profile = SIM7600) -> None:
        self.timers = FakeTimers()
        self.network = Network(self.timers, modems, Random(7))
        self.lines: list[FakeAtLine] = []
        self.pcm: list[FakePcmLine] = []
        self.modems: list[Modem] = []
        for index, sim in enumerate(self.network.sims.values(), 1):
            self.lines.append(FakeAtLine())
            self.pcm.append(FakePcmLine())
            self.modems.append(
                Modem(
                    profile,
                    sim,
                    imei(index),
                    network=self.network,
                    at_line=self.lines[-1],
                    pcm_line=self.pcm[-1],
                )
            )
        for modem in self.modems:
            modem.start()
        self.timers.advance(5)
        for index in range(1, modems + 1):
            self.at("ATE0", index)

    def type(self, data: str | bytes, index: int = 1) -> str:
        """Bytes to a modem; what it says at once."""
        self.modems[index - 1].received(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self.said(index)

    def at(self, command: str, index: int = 1) -> str:
        return self.type(command + "\r", index)

    def said(self, index: int = 1) -> str:
        line = self.lines[index - 1]
        text = line.output.decode("latin-1")
        line.output.clear()
        return text

    def wait(self, seconds: float, index: int = 1) -> str:
        self.timers.advance(seconds)
        return self.said(index)

    def send_pdu(self, octets: bytes, index: int = 1, wait: float = 2) -> str:
        length = len(octets) - 1 - octets[0]
        prompt = self.at(f"AT+CMGS={length}", index)
        assert prompt == "\r\n> ", prompt
        self.type(octets.hex().upper() + "\x1a", index)
        return self.wait(wait, index)

    def talk(self, seconds: float, speech: bytes = b"", index: int = 1) -> None:
        """Let time pass in 20 ms, the agent of a modem speaking."""
        for start in range(0, round(seconds * 50) * FRAME_BYTES, FRAME_BYTES):
            self.pcm[index - 1].written += speech[start : start + FRAME_BYTES]
            self.timers.advance(0.02)


def submit(to: str, text: str, *, report: bool = False, header: bytes = b"", coding: int = 0, vp: bytes = b"") -> bytes:
    """An SMS-SUBMIT with the SIM's own SMSC, built by hand for the tests."""
    form = {0: 0, 1: 2, 7: 3}[len(vp)]
    first = 0x01 | (0x20 if report else 0) | (0x40 if header else 0) | form << 3
    body = pdu.encode_user_data(pdu.UserData(coding, text, text.encode() if coding == 4 else b"", header))
    return bytes([0, first, 0]) + pdu.encode_address(to) + bytes([0, coding]) + vp + body
