"""Speech markup as a tree of values: what Twilio's <Say> may hold of SSML 1.1, its attributes read and bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from telecore.schema import Tagged


class Piece(Tagged, family=True):
    """A part of what is said."""

    __slots__ = ()


Speech = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Words(Piece):
    """Text to be read; white space at its ends parts it from what stands beside it."""

    kind: ClassVar[str] = "words"
    text: str


@dataclass(frozen=True, slots=True)
class Break(Piece):
    """Silence."""

    kind: ClassVar[str] = "break"
    ms: int


@dataclass(frozen=True, slots=True)
class Emphasis(Piece):
    """``level``: strong, moderate, none or reduced."""

    kind: ClassVar[str] = "emphasis"
    level: str
    inside: Speech


@dataclass(frozen=True, slots=True)
class InLanguage(Piece):
    """``tag`` is BCP 47's."""

    kind: ClassVar[str] = "lang"
    tag: str
    inside: Speech


@dataclass(frozen=True, slots=True)
class Block(Piece):
    """A paragraph (``p``) or a sentence (``s``)."""

    kind: ClassVar[str] = "block"
    name: str
    inside: Speech


@dataclass(frozen=True, slots=True)
class Prosody(Piece):
    """Changes against what is around it: ``rate`` 1.0 and ``pitch`` 1.0 are factors, ``gain_db`` is loudness."""

    kind: ClassVar[str] = "prosody"
    inside: Speech
    rate: float = 1.0
    pitch: float = 1.0
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Phoneme(Piece):
    """``ph`` in the ``alphabet`` ipa or x-sampa is how ``text`` is pronounced."""

    kind: ClassVar[str] = "phoneme"
    alphabet: str
    ph: str
    text: str


@dataclass(frozen=True, slots=True)
class SayAs(Piece):
    """``text`` is to be read as what it is."""

    kind: ClassVar[str] = "say-as"
    interpret_as: str
    text: str
    format: str = ""


def plain(speech: Iterable[Piece]) -> str:
    """The words alone, one space between any two."""
    return " ".join(_plain(speech).split())


def _plain(speech: Iterable[Piece]) -> str:
    return "".join(_words(piece) for piece in speech)


def _words(piece: Piece) -> str:
    match piece:
        case Words() | SayAs() | Phoneme():
            return piece.text
        case Block():
            return f" {_plain(piece.inside)} "
        case Emphasis() | InLanguage() | Prosody():
            return _plain(piece.inside)
        case _:
            return " "
