"""Do both ways of a call carry sound? Judged three seconds after the answer, without a false alarm.

A person who listens says nothing, so silence is no fault: a way counts as dead only when it is *digitally* dead, with
no frame or none but constant ones. That our sound is heard cannot be seen from here; that the line does not take it
can. A judgement that a way is dead is taken back when sound comes after all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from edge_agent.media.leg import Ear
from telecore.audio.echo import find_echo, level, powers
from telecore.audio.frames import FRAME_BYTES

CHECK_FRAMES = 150
ALIVE_FRAMES = 5
"""Fewer frames with sound in them are a click of the line's switching on."""
_TAKEN_SHARE = 0.5
_NONE = [0.0, 0.0]


class Verdict(StrEnum):
    """As in SoundChecked."""

    GOOD = "good"
    NOT_HEARD = "not_heard"
    NOT_SENT = "not_sent"
    SILENT = "silent"
    ECHO = "echo"


@dataclass(frozen=True, slots=True)
class Sound:
    """How a call sounds. Levels in dBm0."""

    verdict: Verdict
    heard: float
    sent: float
    echo_db: float | None = None
    echo_ms: int | None = None


@runtime_checkable
class Counting(Protocol):
    """A PCM stream that counts the frames its line has taken."""

    taken: int


class SoundCheck(Ear):
    """Calls ``tell`` once, and again if a way that seemed dead is not. ``line`` is the leg's PCM stream."""

    def __init__(self, line: object, tell: Callable[[Sound], None]) -> None:
        self._line = line if isinstance(line, Counting) else None
        self._tell = tell
        self._taken_before = self._line.taken if self._line is not None else 0
        self._waiting: deque[list[float]] = deque(maxlen=10)
        self._heard: list[float] = []
        self._sent: list[float] = []
        self._frames = 0
        self._alive = 0
        self._told: Verdict | None = None

    @property
    def done(self) -> bool:
        """Nothing it could hear would change what it told."""
        return self._told is not None and self._told not in (Verdict.NOT_HEARD, Verdict.SILENT)

    def hear(self, frame: bytes) -> None:
        if self.done:
            return
        self._alive += frame != frame[:2] * (FRAME_BYTES // 2)
        self._waiting.append(powers(frame))
        if self._told is not None and self._alive >= ALIVE_FRAMES:
            self._heard = [power for frame_powers in self._waiting for power in frame_powers]
            self._judge(echo=False)

    def sent(self, frame: bytes) -> None:
        if self.done:
            return
        self._frames += 1
        if self._told is not None:
            return
        self._sent += powers(frame)
        self._heard += self._waiting.popleft() if self._waiting else _NONE
        if self._frames == CHECK_FRAMES:
            self._judge(echo=True)

    def _judge(self, *, echo: bool) -> None:
        heard = self._alive >= ALIVE_FRAMES
        sent = self._line is None or self._line.taken - self._taken_before >= self._frames * _TAKEN_SHARE
        back = find_echo(self._sent, self._heard) if echo and heard and sent else None
        if not heard or not sent:
            verdict = Verdict.NOT_HEARD if sent else Verdict.NOT_SENT if heard else Verdict.SILENT
        else:
            verdict = Verdict.GOOD if back is None else Verdict.ECHO
        self._told = verdict
        heard_level, sent_level = level(self._heard), level(self._sent)
        db, ms = (None, None) if back is None else (round(back.db, 1), back.ms)
        self._tell(Sound(verdict, round(heard_level, 1), round(sent_level, 1), db, ms))
