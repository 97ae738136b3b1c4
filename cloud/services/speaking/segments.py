"""For engines without markup of their own: a text cut into stretches of one manner and silences between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from cloud.services.speaking.engine import Script, SpeechFailed, Voice
from cloud.services.voices import same_language
from telecore.audio.mixing import gain
from telecore.audio.resample import resample
from telecore.audio.wav import Pcm
from telecore.twiml.say_as import SPELLED, say_as
from telecore.twiml.ssml import Block, Break, Emphasis, InLanguage, Phoneme, Piece, Prosody, SayAs, Speech, Words

_EMPHASIS = {"strong": (0.9, 1.15, 4.0), "moderate": (0.95, 1.08, 2.0), "reduced": (1.1, 0.95, -3.0), "none": (1, 1, 0)}
_BLOCK_MS = {"p": 600, "s": 350}
LONGEST_MS = 30 * 60 * 1000
"""With all its silences, of which a small document may ask for hours."""


@dataclass(frozen=True, slots=True)
class Style:
    """Factors of speed and pitch, and loudness, against the voice's own."""

    rate: float = 1.0
    pitch: float = 1.0
    gain_db: float = 0.0

    def changed(self, rate: float, pitch: float, gain_db: float) -> Style:
        return Style(round(self.rate * rate, 4), round(self.pitch * pitch, 4), round(self.gain_db + gain_db, 2))


@dataclass(frozen=True, slots=True)
class Segment:
    """Words in one manner, or silence when there are none."""

    text: str = ""
    ms: int = 0
    style: Style = field(default_factory=Style)


class Speaker(Protocol):
    """The one thing such an engine does."""

    async def say(self, text: str, voice: str, style: Style) -> Pcm:
        """``gain_db`` is applied afterwards and need not be looked at. Raises SpeechFailed."""


def segments_script(speech: Speech, voice: Voice, name: str, *, pitched: bool = True) -> Script:
    """``name``: the engine's own name of the voice; ``pitched``: whether it can be higher and lower."""
    cutter = _Cutter(voice.language, pitched)
    parts = list(_joined(cutter.cut(speech, Style())))
    return Script(json.dumps([asdict(part) for part in parts]), name, tuple(dict.fromkeys(cutter.problems)))


async def render_segments(script: Script, speaker: Speaker) -> Pcm:
    """Said one after the other and joined, at the rate of the first sound. Raises SpeechFailed."""
    said: list[tuple[Pcm | int, float]] = []
    length_ms = 0
    for part in json.loads(script.text):
        style = Style(**part["style"])
        if part["text"]:
            sound = await speaker.say(part["text"], script.voice, style)
            said.append((sound, 10 ** (style.gain_db / 20)))
            length_ms += len(sound.samples) * 1000 // (2 * sound.rate)
        else:
            said.append((part["ms"], 1.0))
            length_ms += part["ms"]
        if length_ms > LONGEST_MS:
            raise SpeechFailed("the speech is longer than any call should hear")
    return await asyncio.to_thread(_put_together, said)


def _put_together(said: list[tuple[Pcm | int, float]]) -> Pcm:
    """Sounds, or milliseconds of silence, each with its factor of amplitude."""
    rate = next((sound.rate for sound, _ in said if isinstance(sound, Pcm)), 8000)
    joined = bytearray()
    for sound, factor in said:
        if isinstance(sound, int):
            joined += bytes(2 * (sound * rate // 1000))
        else:
            joined += gain(resample(sound.samples, sound.rate, rate), factor)
    return Pcm(rate, bytes(joined))


class _Cutter:
    def __init__(self, language: str, pitched: bool) -> None:
        self._language = language
        self._pitched = pitched
        self.problems: list[str] = []

    def cut(self, speech: Iterable[Piece], style: Style) -> Iterator[Segment]:
        for piece in speech:
            yield from self._one(piece, style)

    def _one(self, piece: Piece, style: Style) -> Iterator[Segment]:
        match piece:
            case Words(text):
                yield Segment(text, style=style)
            case Break(ms):
                yield Segment(ms=ms)
            case Block(name, inside):
                yield from self.cut(inside, style)
                yield Segment(ms=_BLOCK_MS[name])
            case Emphasis(level, inside):
                yield from self.cut(inside, style.changed(*_EMPHASIS[level]))
            case Prosody(inside, rate, pitch, gain):
                if pitch != 1.0 and not self._pitched:
                    self.problems.append("<prosody pitch> is not done by this voice")
                yield from self.cut(inside, style.changed(rate, pitch, gain))
            case InLanguage(tag, inside):
                if not same_language(tag, self._language):
                    self.problems.append(f"<lang> {tag}: this voice speaks {self._language} only")
                yield from self.cut(inside, style)
            case Phoneme(_, ph, text):
                self.problems.append(f"<phoneme> {ph[:40]!r} is not done by this voice; the word is read as written")
                yield Segment(text, style=style)
            case SayAs():
                yield from self._say_as(piece, style)

    def _say_as(self, piece: SayAs, style: Style) -> Iterator[Segment]:
        if piece.interpret_as in SPELLED:
            yield Segment(f" {' '.join(piece.text.upper())} ", style=style)
            return
        said = say_as(piece, self._language)
        if said.problem:
            self.problems.append(f'<say-as interpret-as="{piece.interpret_as}">: {said.problem}')
        yield from self.cut(said.speech, style)


def _joined(parts: Iterable[Segment]) -> Iterator[Segment]:
    """Neighbours of one manner become one, so that a sentence is not broken where nothing changes."""
    last: Segment | None = None
    for part in parts:
        if last is not None and bool(last.text) == bool(part.text) and last.style == part.style:
            last = replace(last, text=last.text + part.text, ms=last.ms + part.ms)
            continue
        yield from _tidy(last)
        last = part
    yield from _tidy(last)


def _tidy(part: Segment | None) -> Iterator[Segment]:
    if part is not None and part.text.strip():
        yield replace(part, text=" ".join(part.text.split()))
    elif part is not None and part.ms:
        yield part
