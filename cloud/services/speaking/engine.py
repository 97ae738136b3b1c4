"""What a speech engine is. docs/speech.md says how to write one as a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from telecore.audio.wav import Pcm
from telecore.errors import Transient
from telecore.twiml.ssml import Speech

MARKUP = 13520
"""Twilio's code for a text that could not be said as it is written."""


class SpeechFailed(Transient):
    """The text could not be spoken; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who shall speak: ``name`` as the document gives it, ``language`` the nearest one that the engine has."""

    language: str
    female: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A text in the engine's own tongue. ``voice`` is the engine's name of it; ``problems`` are told to the customer.

    Equal scripts sound alike: a clip is remembered by engine, voice and text.
    """

    text: str
    voice: str
    problems: tuple[str, ...] = ()


class SpeechEngine(Protocol):
    """``name`` goes into the cache's key; ``available`` are its languages as BCP 47 tags in lower case."""

    name: str
    available: frozenset[str]

    async def open(self) -> None:
        """Make ready; until then ``available`` may be empty. Raises SpeechFailed."""

    def write(self, speech: Speech, voice: Voice) -> Script:
        """Translate. What the engine cannot do becomes a problem, in words that go behind "<Say>: ".

        Raises SpeechFailed when nothing of it could be said.
        """

    async def render(self, script: Script) -> Pcm:
        """Raises SpeechFailed."""
