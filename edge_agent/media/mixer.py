"""Joins legs in a room: each hears the sum of the others, but for who is muted and who coaches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

from edge_agent.media.clock import MediaClock
from edge_agent.media.jitter import JitterBuffer
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.source import SILENCE, Source
from telecore.audio.activity import SilenceDetector
from telecore.audio.mixing import mix, packed, total, without

SILENT_MS = 700.0
"""Who says nothing for so long has stopped to speak; shorter are the pauses between words."""


class Tap(Protocol):
    """Somebody who follows all that is said in a room."""

    def heard(self, frame: bytes) -> None:
        """20 ms, one frame per tick."""


class Port(Ear):
    """One leg's place at the mixer: hears the leg, and is what the leg sends when it plays nothing else.

    ``coach``: the leg that alone hears this one. ``on_speech`` is told when it begins and when it stops to speak.
    """

    finished = False

    def __init__(self, leg: Leg, muted: bool, coach: Leg | None) -> None:
        self.leg = leg
        self.muted = muted
        self.coach = coach
        self.on_speech: Callable[[bool], None] | None = None
        self.buffer = JitterBuffer()
        self.spoken = SILENCE
        self.heard = SILENCE
        self._activity = SilenceDetector()
        self._speaks = False

    def hear(self, frame: bytes) -> None:
        self.buffer.push(frame)

    def pull(self) -> bytes:
        return self.heard

    def listen(self) -> None:
        """Take what was said since the last tick."""
        self.spoken = self.buffer.pull()
        if self.on_speech is not None:
            self._activity.feed(SILENCE if self.muted else self.spoken)
            silent = self._activity.silent_ms > SILENT_MS
            if (self._speaks and silent) or (not self._speaks and self._activity.heard and not silent):
                self._speaks = not self._speaks
                self.on_speech(self._speaks)


class _Played:
    __slots__ = ("done", "here", "source")

    def __init__(self, source: Source, here: bool) -> None:
        self.source = source
        self.here = here
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Mixer:
    """Ticked before the legs, so that what came since the last tick goes out in this one."""

    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self._ports: list[Port] = []
        self._playing: list[_Played] = []
        self._taps: tuple[Tap, ...] = ()
        self._trunk: Port | None = None

    def __enter__(self) -> Mixer:
        self._clock.add(self, first=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clock.remove(self)
        for port in tuple(self._ports):
            self.leave(port.leg)
        for played in self._playing:
            played.done.cancel()
        self._playing.clear()

    def join(self, leg: Leg, *, muted: bool = False, coach: Leg | None = None, trunk: bool = False) -> Port:
        """From the next tick on. ``muted`` and ``coach`` of the port may change at any time.

        ``trunk``: the leg is all of the room that is elsewhere; it does not hear what is played ``here``.
        """
        port = Port(leg, muted, coach)
        if trunk:
            self._trunk = port
        self._ports.append(port)
        leg.attach(port)
        leg.background = port
        return port

    def leave(self, leg: Leg) -> None:
        """The leg hears silence from the next tick on."""
        for port in [port for port in self._ports if port.leg is leg]:
            self._ports.remove(port)
            if port is self._trunk:
                self._trunk = None
            leg.detach(port)
            if leg.background is port:
                leg.background = None

    def play(self, source: Source, *, here: bool = False) -> asyncio.Future[None]:
        """Let all hear it, above what is said; ``here``: all of this edge. Cancelled when the room closes."""
        played = _Played(source, here)
        if source.finished:
            played.done.set_result(None)
        else:
            self._playing.append(played)
        return played.done

    def tap(self, tap: Tap) -> None:
        """From now on this one follows too."""
        self._taps = (*self._taps, tap)

    def tick(self) -> None:
        ports = self._ports
        for port in ports:
            port.listen()
        if len(ports) == 2 and not self._playing and not self._taps and _both_plain(*ports):
            ports[0].heard, ports[1].heard = ports[1].spoken, ports[0].spoken
            return
        self._mix(ports)

    def _mix(self, ports: Sequence[Port]) -> None:
        """The sum is made once; whoever is in it hears it without himself."""
        speakers = [p for p in ports if not p.muted and p.coach is None and p.spoken != SILENCE]
        played, here = self._pull()
        frames = [port.spoken for port in speakers] + played + here
        for_all, sums = SILENCE, None
        if len(frames) == 1:
            for_all = frames[0]
        elif frames:
            sums = total(frames)
            for_all = packed(sums)
        for port in ports:
            port.heard = for_all
        for port in speakers:
            port.heard = SILENCE if sums is None else without(sums, port.spoken)
        for port in ports:
            if port.coach is not None and not port.muted and port.spoken != SILENCE:
                self._whisper(port)
        if here and self._trunk is not None:
            others = [port.spoken for port in speakers if port is not self._trunk]
            self._trunk.heard = mix(others + played) or SILENCE
        for tap in self._taps:
            tap.heard(for_all)

    def _whisper(self, coach: Port) -> None:
        for port in self._ports:
            if port.leg is coach.coach and port is not coach:
                port.heard = mix((port.heard, coach.spoken))

    def _pull(self) -> tuple[list[bytes], list[bytes]]:
        """What is played to all now, and what is played here."""
        frames: tuple[list[bytes], list[bytes]] = ([], [])
        for played in self._playing:
            if played.done.cancelled():
                continue
            frames[played.here].append(played.source.pull())
            if played.source.finished:
                played.done.set_result(None)
        if self._playing:
            self._playing = [played for played in self._playing if not played.done.done()]
        return frames


def _both_plain(one: Port, other: Port) -> bool:
    return not (one.muted or other.muted or one.coach or other.coach)
