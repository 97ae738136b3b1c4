"""The speech path: one 20 ms clock for all calls, running only while calls are up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.timing import Handle, Timers

FRAME_S = 0.02
FRAME_BYTES = 320  # 160 samples, signed 16 bit little endian, 8 kHz
SILENCE = bytes(FRAME_BYTES)
GIVE_UP_S = 2.0


class AudioPort(Protocol):
    """One end of a call as the speech path sees it."""

    def pull(self) -> bytes:
        """The next 20 ms said at this end: exactly 320 bytes."""

    def push(self, frame: bytes) -> None:
        """The next 20 ms to be heard at this end."""


class SpeechClock:
    """Calls every registered bridge once per 20 ms and catches up what it was late."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._bridges: dict[str, Callable[[], None]] = {}
        self._handle: Handle | None = None
        self._due = 0.0

    def start(self, key: str, bridge: Callable[[], None]) -> None:
        """Tick `bridge` from now on."""
        self._bridges[key] = bridge
        if self._handle is None:
            self._due = self._timers.monotonic() + FRAME_S
            self._handle = self._timers.after(FRAME_S, self._tick)

    def stop(self, key: str) -> None:
        """Tick it no longer; harmless when it is not there."""
        self._bridges.pop(key, None)

    def _tick(self) -> None:
        late = self._timers.monotonic() - self._due
        if late > GIVE_UP_S:  # the machine slept: nobody listens to what was missed
            self._due += late
        try:
            while self._bridges and self._due <= self._timers.monotonic():
                self._due += FRAME_S
                for bridge in list(self._bridges.values()):
                    bridge()
        finally:  # whatever one call does, the others keep their clock
            self._handle = None
            if self._bridges:
                self._handle = self._timers.after(self._due - self._timers.monotonic(), self._tick)
