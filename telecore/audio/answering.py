"""Who answered: a person, an answering machine or a fax? Told from the sound alone, as Twilio's MachineDetection does.

People say a word or two and wait; machines go on talking. So the length of the first speech decides, and a beep or a
fax tone before that. What is told when:

=============  ==================================================================================================
human          somebody spoke for less than ``speech_threshold_ms`` and was then silent for ``speech_end_ms``
machine_start  somebody spoke for longer, or there was a beep (``Enable``: told at once)
machine_end_*  ``DetectMessageEnd``: after the ``beep``; after ``GREETING_OVER_MS`` of ``silence``; ``other``: late
fax            2100 Hz for a second or more (CED, ANSam), or 1100 Hz for half a second before any speech (CNG)
unknown        silence for ``silence_timeout_ms``, or nothing of this within ``timeout_ms``
=============  ==================================================================================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import StrEnum

from telecore.audio.frames import FRAME_MS
from telecore.audio.pure_tone import Tone, ToneFinder
from telecore.audio.voice_activity import VoiceActivity
from telecore.model import MachineSpec

GREETING_OVER_MS = 2500
"""Silence that ends a machine's greeting which has no beep; longer than people pause between sentences."""
BEEP_MS = (100, 3000)
"""How long a beep lasts; what goes on for longer is a tone of the network."""
PROGRESS_HZ = 500.0
"""Below it, before anybody spoke, a tone tells how a call goes (E.180: 425, 440, 480 Hz) and is no beep."""
CED_HZ = (2050.0, 2150.0)
CED_FRAMES, CED_WITHIN = 24, 75
"""T.30 §4: 2100 Hz for 2.6 to 4 s. GSM's codec leaves a third of the frames recognisable, and some 40 Hz off."""
CNG_HZ, CNG_MS = (1062.0, 1138.0), (425, 580)
"""T.30 §4: 1100 ± 38 Hz for 0.5 s ± 15 %."""
_WORD_MS, _WORD_WITHIN_MS = 100, 260
"""Less sound than this is a click."""


class State(StrEnum):
    """Where the detection stands. All but the first two are Twilio's words for what it found."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    MACHINE_START = "machine_start"
    HUMAN = "human"
    BEEP = "machine_end_beep"
    SILENCE = "machine_end_silence"
    OTHER = "machine_end_other"
    FAX = "fax"
    UNKNOWN = "unknown"


class Heard(StrEnum):
    SPEECH = "speech"
    PAUSE = "pause"
    LONG_SPEECH = "long speech"
    GREETING_OVER = "greeting over"
    BEEP = "beep"
    FAX = "fax"
    NOTHING = "nothing"
    TIME_UP = "time up"


STATES: Mapping[State, Mapping[Heard, State]] = {
    State.WAITING: {
        Heard.SPEECH: State.SPEAKING,
        Heard.BEEP: State.BEEP,
        Heard.FAX: State.FAX,
        Heard.NOTHING: State.UNKNOWN,
        Heard.TIME_UP: State.UNKNOWN,
    },
    State.SPEAKING: {
        Heard.PAUSE: State.HUMAN,
        Heard.LONG_SPEECH: State.MACHINE_START,
        Heard.BEEP: State.BEEP,
        Heard.FAX: State.FAX,
        Heard.TIME_UP: State.UNKNOWN,
    },
    State.MACHINE_START: {
        Heard.GREETING_OVER: State.SILENCE,
        Heard.BEEP: State.BEEP,
        Heard.FAX: State.FAX,
        Heard.TIME_UP: State.OTHER,
    },
}
"""A state without a row is final; with ``to_end`` off so is MACHINE_START."""


class AnsweringDetector:
    """Feed what the called party is heard to say, from the answer on, until ``verdict`` is not empty."""

    def __init__(self, spec: MachineSpec) -> None:
        self.state = State.WAITING
        self.ms = 0
        """What was fed so far."""
        self._spec = spec
        self._activity = VoiceActivity()
        self._tones = ToneFinder()
        self._lately: deque[int] = deque()
        self._answer_tone: deque[bool] = deque(maxlen=CED_WITHIN)
        self._quiet_ms = 0
        self._speech_from = 0
        self._speech_until = 0

    @property
    def verdict(self) -> str:
        """Twilio's ``AnsweredBy``; empty while nobody knows."""
        if self.state not in STATES:
            ended = self.state in (State.BEEP, State.SILENCE, State.OTHER)
            return (State.MACHINE_START if ended and not self._spec.to_end else self.state).value
        return "" if self.state is not State.MACHINE_START or self._spec.to_end else self.state.value

    def feed(self, frame: bytes) -> str:
        """20 ms more, s16le at 8 kHz; the verdict."""
        if self.verdict:
            return self.verdict
        self.ms += FRAME_MS
        tone = self._tones.feed(frame)
        tonal = tone is not None and not tone.over
        self._answer_tone.append(CED_HZ[0] <= self._tones.hz <= CED_HZ[1])
        tonal = tonal or self._answer_tone.count(True) >= CED_FRAMES // 4
        active = self._activity.feed(frame) and not tonal
        for heard in (self._of_tone(tone), self._of_voice(active, tonal), self._of_time()):
            if heard is not None and not self.verdict:
                self.state = STATES[self.state].get(heard, self.state)
        return self.verdict

    def _of_tone(self, tone: Tone | None) -> Heard | None:
        if self._answer_tone.count(True) >= CED_FRAMES:
            return Heard.FAX
        if tone is None or not tone.over or not BEEP_MS[0] <= tone.ms <= BEEP_MS[1]:
            return None
        if self.state is not State.WAITING:
            return Heard.BEEP
        if CNG_HZ[0] <= tone.hz <= CNG_HZ[1] and CNG_MS[0] <= tone.ms <= CNG_MS[1]:
            return Heard.FAX
        faxlike = CED_HZ[0] <= tone.hz <= CED_HZ[1]
        return Heard.BEEP if tone.hz >= PROGRESS_HZ and not faxlike else None

    def _of_voice(self, active: bool, tonal: bool) -> Heard | None:
        if active:
            self._quiet_ms, self._speech_until = 0, self.ms
        elif not tonal:
            self._quiet_ms += FRAME_MS
        if self.state is State.WAITING:
            return self._first_word(active)
        if self.state is State.SPEAKING:
            if self._speech_until - self._speech_from >= self._spec.speech_threshold_ms:
                return Heard.LONG_SPEECH
            return Heard.PAUSE if self._quiet_ms >= self._spec.speech_end_ms else None
        over = self._quiet_ms >= max(GREETING_OVER_MS, self._spec.speech_end_ms)
        return Heard.GREETING_OVER if over else None

    def _first_word(self, active: bool) -> Heard | None:
        if active:
            self._lately.append(self.ms)
        while self._lately and self.ms - self._lately[0] > _WORD_WITHIN_MS:
            self._lately.popleft()
        if len(self._lately) * FRAME_MS < _WORD_MS:
            return None
        self._speech_from = self._lately[0] - FRAME_MS
        return Heard.SPEECH

    def _of_time(self) -> Heard | None:
        if self.ms >= self._spec.timeout_ms:
            return Heard.TIME_UP
        silent = self.state is State.WAITING and self._quiet_ms >= self._spec.silence_timeout_ms
        return Heard.NOTHING if silent else None
