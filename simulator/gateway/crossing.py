"""One call through the box: a GSM call on a line, and a SIP call with the agent."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from simulator.calls import NORMAL, Call, CallState
from simulator.gateway.line import Line
from simulator.sip.causes import cause_of
from simulator.sip.leg import Leg
from simulator.sip.leg_in import LegIn
from simulator.speech import FRAME_BYTES, SILENCE, SpeechClock
from telecore.audio.tone import silence, tone

RING_HZ, RING_ON_MS, RING_OFF_MS = 425, 1000, 4000
_keys = itertools.count(1)


class Crossing:
    """A LegOwner. `gone` is called once, when both sides have ended."""

    leg: Leg

    def __init__(self, line: Line, clock: SpeechClock, gone: Callable[[], None]) -> None:
        self.line = line
        self._clock = clock
        self._gone = gone
        self._key = f"ring-back{next(_keys)}"
        self._ring = itertools.cycle(_ring_back())
        self._over = False

    # ---------------------------------------------------------------------------------- the SIP side

    def progressed(self, status: int) -> None:
        """The agent's side rings; the GSM caller hears the network's tone anyway."""

    def answered(self) -> None:
        """The agent took the call."""
        self.line.answer()

    def over(self, status: int) -> None:
        """The SIP call ended."""
        if not self._over:
            self._finish()
            self.line.end(cause_of(status))

    # ---------------------------------------------------------------------------------- the GSM side

    def ring_back(self) -> None:
        """From now until the answer whoever hears sound already hears ringing."""
        if isinstance(self.leg, LegIn):
            leg = self.leg
            self._clock.start(self._key, lambda: self._sound(leg))

    def changed(self, call: Call) -> None:
        """The GSM call went on."""
        if self._over:
            return
        if call.state is CallState.ENDED:
            self._finish()
            self.leg.hang_up(call.cause or NORMAL)
        elif isinstance(self.leg, LegIn):
            if call.state is CallState.RINGING:
                self.leg.ringing()
            else:
                self._clock.stop(self._key)
                self.leg.answered()

    def vanish(self) -> None:
        """No power: the far end hears nothing of it."""
        if not self._over:
            self._finish()
            self.leg.vanish()

    def _finish(self) -> None:
        self._over = True
        self._clock.stop(self._key)
        self._gone()

    def _sound(self, leg: LegIn) -> None:
        leg.media.pull()
        if leg.early_sound:
            ringing = self.line.call is not None and self.line.call.state is CallState.RINGING
            leg.media.send(next(self._ring) if ringing else SILENCE)


def _ring_back() -> list[bytes]:
    """One second of tone and four of pause, in frames (E.180 supplement 2)."""
    samples = tone((RING_HZ,), RING_ON_MS, -20) + silence(RING_OFF_MS)
    return [samples[at : at + FRAME_BYTES] for at in range(0, len(samples), FRAME_BYTES)]
