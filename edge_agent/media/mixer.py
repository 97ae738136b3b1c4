"""Joins legs: each hears the sum of the others."""

from __future__ import annotations

from types import TracebackType

from edge_agent.media.clock import MediaClock
from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import SILENCE
from telecore.audio.mixing import mix


class _Port(Ear):
    """One leg's place at the mixer: hears the leg, and is what the leg sends when it plays nothing else."""

    finished = False

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.buffer = JitterBuffer()
        self.spoken = SILENCE
        self.heard = SILENCE

    def hear(self, frame: bytes) -> None:
        self.buffer.push(frame)

    def pull(self) -> bytes:
        return self.heard


class Mixer:
    """Ticked before the legs, so that what came since the last tick goes out in this one."""

    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self._ports: list[_Port] = []

    def __enter__(self) -> Mixer:
        self._clock.add(self, first=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clock.remove(self)
        for port in tuple(self._ports):
            self.leave(port.leg)

    def join(self, leg: Leg) -> None:
        """From the next tick on."""
        port = _Port(leg)
        self._ports.append(port)
        leg.attach(port)
        leg.background = port

    def leave(self, leg: Leg) -> None:
        """The leg hears silence from the next tick on."""
        for port in [port for port in self._ports if port.leg is leg]:
            self._ports.remove(port)
            leg.detach(port)
            if leg.background is port:
                leg.background = None

    def tick(self) -> None:
        ports = self._ports
        for port in ports:
            port.spoken = port.buffer.pull()
        if len(ports) == 2:
            ports[0].heard, ports[1].heard = ports[1].spoken, ports[0].spoken
            return
        for port in ports:
            port.heard = mix([other.spoken for other in ports if other is not port]) or SILENCE
