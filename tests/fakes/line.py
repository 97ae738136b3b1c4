"""A phone line without a phone: what is sent is kept, frame by frame, and time passes only when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.media.clock import MediaClock
from telecore.audio.frames import FRAME_BYTES
from telecore.errors import DeviceRefused

SILENCE = bytes(FRAME_BYTES)


class FakePcm:
    """The far end of a PCM stream. What it says is taken from ``speech``, one frame per frame that is sent to it."""

    rate = 8000

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.speech = b""
        self.always_on = True
        self.on_frame: Callable[[bytes], None] = lambda frame: None

    def send(self, frame: bytes) -> None:
        assert len(frame) == FRAME_BYTES
        self.sent.append(frame)
        said, self.speech = self.speech[:FRAME_BYTES], self.speech[FRAME_BYTES:]
        if said or self.always_on:
            self.on_frame(said.ljust(FRAME_BYTES, b"\0"))

    def say(self, samples: bytes) -> None:
        self.speech += samples

    @property
    def heard(self) -> bytes:
        return b"".join(self.sent)


class FakeVoiceCall:
    """A call on that line."""

    def __init__(self, *, detects_dtmf: bool = False, presses_digits: bool = True) -> None:
        self.far = FakePcm()
        self.pcm: FakePcm | None = None
        self.detects_dtmf = detects_dtmf
        self.presses_digits = presses_digits
        self.keys_apart = False
        self.on_event: Callable[[VoiceEvent], None] = lambda event: None
        self.digits = ""
        self.answered = False
        self.hung_up_with: int | None = None
        self.ended = asyncio.Event()
        self.answer_error: Exception | None = None

    async def answer(self) -> None:
        await asyncio.sleep(0)
        if self.answer_error is not None:
            raise self.answer_error
        self.pick_up(tell=False)

    async def hang_up(self, cause: int = 16) -> None:
        await asyncio.sleep(0)
        if not self.ended.is_set():
            self.hung_up_with = cause
            self._end()

    async def send_digits(self, digits: str) -> None:
        if not self.presses_digits:
            raise DeviceRefused("cme", 3)
        self.digits += digits

    def ring(self) -> None:
        self.on_event(VoiceEvent(VoiceEventKind.RINGING))

    def pick_up(self, *, tell: bool = True) -> None:
        self.answered = True
        self.pcm = self.far
        if tell:
            self.on_event(VoiceEvent(VoiceEventKind.ANSWERED))

    def drop(self, cause: int = 16) -> None:
        """The far end, or the network, ends it."""
        self._end()
        self.on_event(VoiceEvent(VoiceEventKind.ENDED, cause=cause))

    def press(self, keys: str) -> None:
        """The modem reports keys."""
        for key in keys:
            self.on_event(VoiceEvent(VoiceEventKind.DIGIT, digit=key))

    def _end(self) -> None:
        self.pcm = None
        self.ended.set()


class StillTimer:
    """An event loop's timer that never fires: the test ticks the clock itself."""

    class Never:
        def cancel(self) -> None:
            """There is nothing to cancel."""

    def time(self) -> float:
        return 0.0

    def call_at(self, when: float, callback: Callable[[], None], /) -> Never:
        return self.Never()


def still_clock() -> MediaClock:
    return MediaClock(StillTimer())


async def settle(rounds: int = 8) -> None:
    """Let everybody run who can."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def tick(clock: MediaClock, count: int = 1) -> None:
    """20 ms pass, so many times, and everybody gets to run in between."""
    for _ in range(count):
        clock.tick()
        await settle()
