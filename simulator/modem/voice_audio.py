"""The modem's end of the speech path: the PCM line to the agent, the tones of AT+VTS, the tone detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.playout import PlayoutBuffer
from simulator.speech import FRAME_BYTES, SILENCE
from simulator.tones import tone
from telecore.audio.dtmf import DtmfDetector


class PcmLine(Protocol):
    """The second pseudo terminal; between calls it throws away what is written to it."""

    def take_over(self) -> None:
        """Forget what was written so far; from now on `read` returns it."""

    def let_go(self) -> None:
        """Throw away again."""

    def read(self, limit: int) -> bytes:
        """What the agent wrote, without waiting."""

    def write(self, frame: bytes) -> None:
        """A frame for the agent; dropped when it does not read."""

    def plug(self) -> None:
        """The device appears."""

    def unplug(self) -> None:
        """The device vanishes."""


class NoPcmLine:
    """Of a modem without a port for speech."""

    def take_over(self) -> None:
        """Nothing to take."""

    def let_go(self) -> None:
        """Nothing to let go."""

    def read(self, limit: int) -> bytes:
        """Nothing is ever said."""
        del limit
        return b""

    def write(self, frame: bytes) -> None:
        """Nobody hears it."""

    def plug(self) -> None:
        """There is no plug."""

    def unplug(self) -> None:
        """There is no plug."""


class ModemAudio:
    """Audio of the one active call of a modem."""

    def __init__(self, line: PcmLine) -> None:
        self._line = line
        self.on_digit: Callable[[str], None] = lambda digit: None
        self._playout = PlayoutBuffer()
        self._tones = bytearray()
        self._detector = DtmfDetector()
        self.detecting = False
        self.uplink_silent = False
        self.written_frames = 1
        self.flow_limits: tuple[int, int] | None = None
        self.on_flow: Callable[[bool], None] = lambda ready: None
        self._paused = False
        self._unwritten = bytearray()
        self._on = False

    @property
    def on(self) -> bool:
        """Whether speech flows on the PCM line."""
        return self._on

    def switch(self, on: bool) -> None:
        """Connect the PCM line to the call, or disconnect it."""
        if on == self._on:
            return
        self._on = on
        self._playout.clear()
        self._unwritten.clear()
        self._paused = False
        if on:
            self._line.take_over()
        else:
            self._line.let_go()

    def press(self, digit: str, on_ms: int) -> None:
        """Sound a digit towards the other side; it takes the place of speech."""
        self._tones += tone(digit, on_ms)

    def hush(self) -> None:
        """The call is over: no tones are left, the detector starts anew."""
        self._tones.clear()
        self._detector.reset()
        self.switch(False)

    def pull(self) -> bytes:
        """The next 20 ms said here."""
        frame = SILENCE
        if self._on:
            self._playout.put(self._line.read(self._playout.room()))
            frame = self._playout.take()
            self._regulate()
        if self.uplink_silent:
            frame = SILENCE
        if not self._tones:
            return frame
        sounding = bytes(self._tones[:FRAME_BYTES])
        del self._tones[:FRAME_BYTES]
        return sounding + frame[len(sounding) :]

    def push(self, frame: bytes) -> None:
        """The next 20 ms heard here."""
        if self._on:
            self._unwritten += frame
            if len(self._unwritten) >= self.written_frames * FRAME_BYTES:
                self._line.write(bytes(self._unwritten))
                self._unwritten.clear()
        if self.detecting:
            for digit in self._detector.feed(frame):
                self.on_digit(digit)

    def _regulate(self) -> None:
        """Tell the agent to pause when much waits to be played, and to go on when little does."""
        if self.flow_limits is None:
            return
        low, high = self.flow_limits
        depth = self._playout.depth()
        if depth > high and not self._paused:
            self._paused = True
            self.on_flow(False)
        elif depth <= low and self._paused:
            self._paused = False
            self.on_flow(True)


class LineAudio:
    """One call's share of the modem's audio: nothing while it is on hold."""

    def __init__(self, audio: ModemAudio, held: Callable[[], bool]) -> None:
        self._audio = audio
        self._held = held

    def pull(self) -> bytes:
        """The next 20 ms said here."""
        return SILENCE if self._held() else self._audio.pull()

    def push(self, frame: bytes) -> None:
        """The next 20 ms heard here."""
        if not self._held():
            self._audio.push(frame)
