"""The way from a modem to the agent, when it is not a good one: late, or byte by byte."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from simulator.faults import Faults
from simulator.timing import Handle, Timers


class Line(Protocol):
    """The port."""

    def write(self, data: bytes) -> None:
        """Bytes to the agent."""


class Wire:
    """Keeps the order of the bytes whatever happens to their timing."""

    def __init__(self, line: Line, device: str, timers: Timers, faults: Faults) -> None:
        self._line = line
        self._device = device
        self._timers = timers
        self._faults = faults
        self._held: deque[tuple[float, bytes]] = deque()
        self._timer: Handle | None = None

    def write(self, data: bytes) -> None:
        """Bytes to the agent, now or when the faults in force let them through."""
        late, split = (self._faults.on(kind, self._device) for kind in ("late_answers", "split_writes"))
        if late is None and split is None and not self._held:
            self._line.write(data)
            return
        now = self._timers.monotonic()
        due = now + (late.options["delay_s"] if late else 0.0)
        gap = split.options["gap_ms"] / 1000 if split else 0.0
        if self._held:
            due = max(due, self._held[-1][0] + gap)
        pieces = [data[at : at + 1] for at in range(len(data))] if split else [data]
        self._held.extend((due + number * gap, piece) for number, piece in enumerate(pieces))
        if self._timer is None:
            self._deliver()

    def straighten(self) -> None:
        """The fault is over: what was held comes at once."""
        held = b"".join(piece for _, piece in self._held)
        self.clear()
        if held:
            self._line.write(held)

    def clear(self) -> None:
        """Forget what was held."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is None and self._held:
            wait = self._held[0][0] - self._timers.monotonic()
            self._timer = self._timers.after(max(0.0, wait), self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        now = self._timers.monotonic()
        while self._held and self._held[0][0] <= now:
            self._line.write(self._held.popleft()[1])
        self._arm()
