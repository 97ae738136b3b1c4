"""Speech markup → the SSML that espeak-ng 1.51 does, as measured: tests/cloud/services/speaking/test_espeak_markup.py.

It does <break time>, <prosody> with percentages, <voice xml:lang> and <say-as interpret-as="characters">; it leaves out
<lang>, <phoneme>, decibels, and dates and ordinals of <say-as> without a word about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from xml.sax.saxutils import escape

from cloud.services.speaking.espeak_phonemes import UnknownSymbol, mnemonics
from cloud.services.voices import match_language
from telecore.twiml.say_as import SPELLED, say_as
from telecore.twiml.ssml import (
    Block,
    Break,
    Emphasis,
    InLanguage,
    Phoneme,
    Piece,
    Prosody,
    SayAs,
    Words,
)

_EMPHASIS = {"strong": (0.9, 1.15, 4.0), "moderate": (0.95, 1.08, 2.0), "reduced": (1.1, 0.95, -3.0), "none": (1, 1, 0)}
"""Rate, pitch, dB. Its own <emphasis> makes pauses between words."""


class EspeakMarkup:
    """One text's translation; ``problems`` holds what was left out."""

    def __init__(self, language: str, available: Collection[str], *, female: bool = False) -> None:
        self._language = language
        self._gender = ' gender="female"' if female else ""
        self._available = available
        self.problems: list[str] = []

    def document(self, speech: Iterable[Piece]) -> str:
        return f"<speak>{self._all(speech)}</speak>"

    def _all(self, speech: Iterable[Piece]) -> str:
        return "".join(map(self._one, speech))

    def _one(self, piece: Piece) -> str:
        match piece:
            case Words(text):
                return words(text)
            case Break(ms):
                return f'<break time="{ms}ms"/>' if ms else " "
            case Block(name, inside):
                return f"<{name}>{self._all(inside)}</{name}>"
            case Emphasis(level, inside):
                rate, pitch, gain = _EMPHASIS[level]
                return self._prosody(self._all(inside), rate, pitch, gain)
            case Prosody(inside, rate, pitch, gain):
                return self._prosody(self._all(inside), rate, pitch, gain)
            case InLanguage():
                return self._lang(piece)
            case Phoneme():
                return self._phoneme(piece)
            case SayAs():
                return self._say_as(piece)
            case _:
                self.problems.append(f"{piece.kind} is nothing that espeak-ng can do")
                return ""

    @staticmethod
    def _prosody(inside: str, rate: float, pitch: float, gain: float) -> str:
        """Volume goes by amplitude, in per cent of what it is."""
        said = [
            f'{name}="{round(factor * 100)}%"'
            for name, factor in (("rate", rate), ("pitch", pitch))
            if round(factor * 100) != 100
        ]
        if gain:
            said.append(f'volume="{round(100 * 10 ** (gain / 20))}"')
        return f"<prosody {' '.join(said)}>{inside}</prosody>" if said else inside

    def _lang(self, piece: InLanguage) -> str:
        found = match_language(piece.tag, self._available)
        if found is None:
            self.problems.append(f"there is no voice for <lang> {piece.tag}; the words are spoken as those around them")
            return self._all(piece.inside)
        outer, self._language = self._language, found
        inside = self._all(piece.inside)
        self._language = outer
        return f'<voice xml:lang="{found}"{self._gender}>{inside}</voice>'

    def _phoneme(self, piece: Phoneme) -> str:
        try:
            return f" [[{escape(mnemonics(piece.ph, piece.alphabet))}]] "
        except UnknownSymbol as error:
            self.problems.append(f"<phoneme> {piece.ph[:40]!r}: {error}; the word is read as it is written")
            return words(piece.text)

    def _say_as(self, piece: SayAs) -> str:
        if piece.interpret_as == "characters":
            return f'<say-as interpret-as="characters">{words(piece.text)}</say-as>'
        if piece.interpret_as in SPELLED:
            return f" {words(' '.join(piece.text))} "  # apart, or it reads "12" as a number
        said = say_as(piece, self._language)
        if said.problem:
            self.problems.append(f'<say-as interpret-as="{piece.interpret_as}">: {said.problem}')
        return self._all(said.speech)


def words(text: str) -> str:
    """Plain text; "[[" would begin phoneme names (espeak-ng, "Phoneme Input")."""
    return escape(text.replace("[[", "[ [").replace("\0", " "))
