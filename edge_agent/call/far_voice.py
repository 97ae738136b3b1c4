"""A party whose line is the tunnel: somebody else dials it, tells how it goes, and sends its sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.call.live import LiveCall
from edge_agent.contracts import PcmStream, VoiceEvent, VoiceEventKind
from telecore.causes import Cause
from telecore.commands import FarNews, TellFarLeg
from telecore.errors import DeviceRefused
from telecore.ids import CallSid
from telecore.notices import FarLegHeld

GRACE_S = 15.0
"""How much longer than its line we wait for a leg: the way there and back, and a tunnel that is cut meanwhile."""

_EVENTS = {
    FarNews.RINGING: VoiceEventKind.RINGING,
    FarNews.ANSWERED: VoiceEventKind.ANSWERED,
    FarNews.DIGIT: VoiceEventKind.DIGIT,
    FarNews.ENDED: VoiceEventKind.ENDED,
}


class FarVoice:
    """A ``contracts.VoiceCall``. ``held`` is how the cloud is told of it; ``left`` is called once when it is over here,
    ``took`` when a call that came by it is answered.

    ``ready``: its sound flows. ``on_taken``: it goes on without us.
    """

    def __init__(
        self,
        held: FarLegHeld,
        pcm: PcmStream,
        left: Callable[[FarVoice, int | None], None],
        took: Callable[[FarVoice], None],
    ) -> None:
        self.held = held
        self.pcm: PcmStream | None = pcm
        self.detects_dtmf = False
        self.keys_apart = False
        self.ready = asyncio.Event()
        self.on_event: Callable[[VoiceEvent], None] = _nothing
        self.on_taken: Callable[[], None] = _nobody
        self.answered = False
        self._left = left
        self._took = took
        self._over = False

    @property
    def call(self) -> CallSid:
        return self.held.call

    def told(self, news: TellFarLeg) -> None:
        """The cloud says how it goes, perhaps again."""
        if self._over:
            return
        if news.news is FarNews.ENDED:
            self.lose(news.cause)
        elif news.news is FarNews.TAKEN:
            self._leave(None)
            self.on_taken()
        elif news.news is FarNews.READY:
            self.keys_apart = self.detects_dtmf = news.keys_apart
            self.ready.set()
        else:
            self.answered = self.answered or news.news is FarNews.ANSWERED
            self.on_event(VoiceEvent(_EVENTS[news.news], digit=news.digit))

    def lose(self, cause: int) -> None:
        """It is over, and not by our wish."""
        self._leave(None)
        self.on_event(VoiceEvent(VoiceEventKind.ENDED, cause))

    async def answer(self) -> None:
        """Take a call that a browser made."""
        self.answered = True
        self._took(self)

    async def hang_up(self, cause: int = 16) -> None:
        """Let it go; the cloud sees to its line."""
        self._leave(cause)

    async def send_digits(self, digits: str) -> None:
        """Tones go in the sound."""
        raise DeviceRefused("error", None, "keys go in the sound of the tunnel")

    def _leave(self, cause: int | None) -> None:
        if not self._over:
            self._over = True
            self._left(self, cause)


async def ring(call: LiveCall, voice: FarVoice, ring_s: float) -> None:
    """Returns when the leg is answered and may be joined."""
    call.begin_ringing(ring_s + GRACE_S)
    call.connect(voice)
    voice.on_event = call.on_voice
    voice.on_taken = lambda: _taken(call)
    await call.answer()
    await voice.ready.wait()
    call.prepare()


def _taken(call: LiveCall) -> None:
    call.taken = True
    call.on_change()
    call.end(Cause.NORMAL_CLEARING, "us")


def _nothing(event: VoiceEvent) -> None:
    """Nobody listens yet."""


def _nobody() -> None:
    """Nobody listens yet."""
