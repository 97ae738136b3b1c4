"""Ports of memory between the agent's drivers and the simulated modems: what a pseudo terminal does, without a kernel.

They behave as ``drivers/at_modem/serial_port`` and ``simulator/ports`` do: bytes in order, one opener at a time, and
when a device vanishes its opener learns of it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.speech import FRAME_BYTES
from telecore.errors import DeviceLost

STALE_AUDIO_BYTES = 12 * FRAME_BYTES
AUDIO_BYTES = 4096


class Wire:
    """One port: the modem's end, and the agent's while it has it open."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.plugged = False
        self.opener: WirePort | None = None
        self.on_bytes: Callable[[bytes], None] = _ignore

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False
        if self.opener is not None:
            self.opener.lose(f"{self.path}: the device is gone")

    def release(self) -> None:
        """Nothing is kept locked here."""

    def write(self, data: bytes) -> None:
        """The modem says something; lost when nobody listens."""
        if self.plugged and self.opener is not None:
            self.opener.deliver(data)

    def said(self, data: bytes) -> None:
        """The agent says something."""
        asyncio.get_running_loop().call_soon(self._arrive, data)

    def _arrive(self, data: bytes) -> None:
        if self.plugged:
            self.on_bytes(data)


class SoundWire(Wire):
    """The speech of a modem: between calls what comes is thrown away."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._taken = False
        self._heard = bytearray()
        self.dropped = 0

    def take_over(self) -> None:
        self._taken = True
        self._heard.clear()

    def let_go(self) -> None:
        self._taken = False
        self._heard.clear()

    def read(self, limit: int) -> bytes:
        piece = bytes(self._heard[:limit])
        del self._heard[:limit]
        return piece

    def said(self, data: bytes) -> None:
        if self.plugged and self._taken and len(self._heard) < AUDIO_BYTES:
            self._heard += data


class WirePort:
    """What the driver takes for a ``SerialPort``."""

    def __init__(
        self,
        wires: dict[str, Wire],
        path: str,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[DeviceLost], None],
    ) -> None:
        self.path = path
        self.on_data = on_data
        self.on_lost = on_lost
        self.lost: DeviceLost | None = None
        self.unsent = 0
        self._wires = wires
        self._wire: Wire | None = None

    def open(self) -> None:
        wire = self._wires.get(self.path)
        if wire is None or not wire.plugged:
            raise DeviceLost(f"{self.path}: no such port")
        if wire.opener is not None:
            raise DeviceLost(f"{self.path}: in use by another program")
        self.lost = None
        self._wire, wire.opener = wire, self

    def write(self, data: bytes) -> bool:
        if self._wire is None:
            return False
        self._wire.said(data)
        return True

    def close(self) -> None:
        if self._wire is not None:
            self._wire.opener = None
            self._wire = None

    def deliver(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._arrive, data)

    def lose(self, reason: str) -> None:
        self.close()
        if self.lost is None:
            self.lost = DeviceLost(reason)
            asyncio.get_running_loop().call_soon(self.on_lost, self.lost)

    def _arrive(self, data: bytes) -> None:
        if self._wire is not None:
            self.on_data(data)


def _ignore(data: bytes) -> None:
    del data
