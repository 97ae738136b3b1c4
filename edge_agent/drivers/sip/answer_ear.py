"""Has somebody really answered? For gateways that say 200 while the GSM side still rings ("answer mode: alerted")."""

from __future__ import annotations

from edge_agent.drivers.sip.ring_tone import RingTone
from telecore.audio.frames import FRAME_MS, FRAME_SAMPLES

_SPEECH_MS = 240
_WINDOW_MS = 1000
_AFTER_RINGING_MS = 7000
"""No country pauses longer between two rings; silence beyond it is somebody who says nothing."""


class AnswerEar:
    """Fed with 20 ms of L16 at a time. Music in place of the ringing tone counts as an answer: it cannot be told."""

    def __init__(self) -> None:
        self._tone = RingTone()
        self._speech: list[bool] = []
        self._rang = False
        self._silent_ms = 0

    def feed(self, frame: bytes) -> bool:
        """Whether there is an answer by now."""
        if len(frame) != 2 * FRAME_SAMPLES:
            return False
        heard = self._tone.look(frame)
        self._rang = self._rang or heard.tonal
        self._silent_ms = 0 if heard.loud else self._silent_ms + FRAME_MS
        self._speech = [*self._speech[1 - _WINDOW_MS // FRAME_MS :], heard.loud and not heard.tonal]
        if sum(self._speech) * FRAME_MS >= _SPEECH_MS:
            return True
        return self._rang and self._silent_ms >= _AFTER_RINGING_MS
