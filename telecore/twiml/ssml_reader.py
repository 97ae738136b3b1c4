"""Elements within <Say> → speech markup. What cannot be read is spoken as plain words, with a warning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.ssml import Block, Break, Emphasis, InLanguage, Phoneme, Piece, Prosody, SayAs, Speech, Words, plain

WARNING = 13520
MAX_BREAK_MS = 10_000

_STRENGTHS = {"none": 0, "x-weak": 50, "weak": 150, "medium": 300, "strong": 600, "x-strong": 1000}
_LEVELS = ("strong", "moderate", "none", "reduced")
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PITCHES = {"x-low": 0.6, "low": 0.8, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.4}
_GAINS = {"silent": -96.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 6.0, "x-loud": 9.0}
_FACTOR_LOW, _FACTOR_HIGH = 0.2, 3.0
_GAIN_LOW, _GAIN_HIGH = -96.0, 12.0
AS = (
    "characters", "spell-out", "cardinal", "number", "ordinal", "digits", "fraction", "unit", "date", "time",
    "telephone", "address", "expletive", "bleep", "interjection",
)  # fmt: skip
_DATES = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y", "yyyymmdd")


def read_speech(node: Node, reading: Reading) -> Speech:
    """All that is said within this element, in order."""
    pieces: list[Piece] = []
    for part in node.content:
        if isinstance(part, str):
            pieces.append(Words(re.sub(r"\s+", " ", part)))
        else:
            reader = _READERS.get(part.name)
            pieces += _unknown(part, reading) if reader is None else reader(part, reading)
    return tuple(pieces)


def _unknown(node: Node, reading: Reading) -> Speech:
    reading.warn(WARNING, f"<{node.name}> within <Say> is spoken as plain text", node)
    return read_speech(node, reading)


def _break(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    ms = _STRENGTHS[attributes.choice("strength", "medium", _STRENGTHS, WARNING)]
    given = attributes.text("time").strip()
    if given:
        length = re.fullmatch(r"\+?(\d{1,6}(?:\.\d{1,3})?)(ms|s)", given)
        if length is None:
            reading.warn(WARNING, "<break> time must be such as 500ms or 2s", node)
        else:
            asked = round(float(length[1]) * (1000 if length[2] == "s" else 1))
            ms = min(asked, MAX_BREAK_MS)
            if ms < asked:
                reading.warn(WARNING, f"<break> lasts {MAX_BREAK_MS // 1000} s at most", node)
    _close(node, reading, attributes)
    return (Break(ms), *read_speech(node, reading))


def _emphasis(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    level = attributes.choice("level", "moderate", _LEVELS, WARNING)
    _close(node, reading, attributes)
    return (Emphasis(level, read_speech(node, reading)),)


def _lang(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    tag = attributes.text("xml:lang").strip() or attributes.text("lang").strip()
    _close(node, reading, attributes)
    inside = read_speech(node, reading)
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", tag):
        reading.warn(WARNING, "<lang> xml:lang must be a language such as fr-FR", node)
        return inside
    return (InLanguage(tag, inside),)


def _block(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    _close(node, reading, attributes)
    return (Block(node.name, read_speech(node, reading)),)


def _prosody(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    rate = _factor(attributes.text("rate"), _RATES)
    pitch = _factor(attributes.text("pitch"), _PITCHES)
    gain = _gain(attributes.text("volume"))
    for name, value, form in (
        ("rate", rate, "x-slow to x-fast or such as 90%"),
        ("pitch", pitch, "x-low to x-high or such as +10%"),
        ("volume", gain, "silent, x-soft to x-loud or such as -6dB"),
    ):
        if value is None:
            reading.warn(WARNING, f"<prosody> {name} must be {form}", node)
    _close(node, reading, attributes)
    inside = read_speech(node, reading)
    return (Prosody(inside, rate or 1.0, pitch or 1.0, gain or 0.0),)


def _factor(text: str, words: Mapping[str, float]) -> float | None:
    """A word, ``120%`` of what is usual, ``+20%``, ``-10%``, or semitones (``+1st``); None when it is none of these."""
    text = text.strip().lower()
    if not text or text in words:
        return words.get(text, 1.0)
    form = re.fullmatch(r"([+-]?)(\d{1,4}(?:\.\d{1,3})?)(%|st)", text)
    if form is None or (form[3] == "st" and not form[1]):
        return None
    number = float(form[1] + form[2])
    factor = 2 ** (number / 12) if form[3] == "st" else (1 + number / 100 if form[1] else number / 100)
    return min(max(factor, _FACTOR_LOW), _FACTOR_HIGH)


def _gain(text: str) -> float | None:
    text = text.strip().lower()
    if not text or text in _GAINS:
        return _GAINS.get(text, 0.0)
    form = re.fullmatch(r"([+-]?\d{1,3}(?:\.\d{1,3})?)db", text)
    return None if form is None else min(max(float(form[1]), _GAIN_LOW), _GAIN_HIGH)


def _phoneme(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    alphabet = attributes.choice("alphabet", "ipa", ("ipa", "x-sampa"), WARNING)
    ph = attributes.text("ph").strip()
    _close(node, reading, attributes)
    text = plain(read_speech(node, reading))
    if not ph:
        reading.warn(WARNING, "<phoneme> has no ph", node)
        return (Words(text),)
    return (Phoneme(alphabet, ph, text),)


def _say_as(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    kind = attributes.choice("interpret-as", "", AS, WARNING)
    form = ""
    if kind == "date":
        form = attributes.choice("format", "", _DATES, WARNING)
    else:
        attributes.given("format")
    if not attributes.given("interpret-as"):
        reading.warn(WARNING, "<say-as> has no interpret-as", node)
    _close(node, reading, attributes)
    refuse_children(node, reading, WARNING)
    text = " ".join(node.text.split())
    return (SayAs(kind, text, form),) if kind else (Words(text),)


def _sub(node: Node, reading: Reading) -> Speech:
    attributes = Attributes(node, reading)
    alias = " ".join(attributes.text("alias").split())
    _close(node, reading, attributes)
    if not alias:
        reading.warn(WARNING, "<sub> has no alias", node)
    return (Words(alias),) if alias else read_speech(node, reading)


def _word(node: Node, reading: Reading) -> Speech:
    reading.warn(WARNING, "<w> role: no engine here tells the meanings of a word apart; it is read as it stands", node)
    return read_speech(node, reading)


def _effect(node: Node, reading: Reading) -> Speech:
    reading.warn(WARNING, "<amazon:effect> is Amazon's own; its words are spoken without it", node)
    return read_speech(node, reading)


def _through(node: Node, reading: Reading) -> Speech:
    """<speak> around everything is allowed, and is nothing."""
    return read_speech(node, reading)


def _close(node: Node, reading: Reading, attributes: Attributes) -> None:
    attributes.close(ignored=("xml:lang",))


_READERS: Mapping[str, Callable[[Node, Reading], Speech]] = {
    "amazon:effect": _effect,
    "break": _break,
    "emphasis": _emphasis,
    "lang": _lang,
    "p": _block,
    "phoneme": _phoneme,
    "prosody": _prosody,
    "s": _block,
    "say-as": _say_as,
    "speak": _through,
    "sub": _sub,
    "w": _word,
}
