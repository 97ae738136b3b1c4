"""What a speech recogniser is. docs/speech.md says how to write one as a plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from telecore.errors import Transient


class RecognitionFailed(Transient):
    """What was said could not be heard; the message says what to do about it."""


class RecogniserBusy(RecognitionFailed):
    """It hears as many at once as it can; later it will not."""


@dataclass(frozen=True, slots=True)
class Heard:
    """``confidence`` is from 0 to 1. No text: nothing was understood."""

    text: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Partial:
    """What is understood so far: ``stable`` will stay as it is, ``unstable`` may still change."""

    stable: str = ""
    unstable: str = ""


@dataclass(frozen=True, slots=True)
class Listen:
    """What to listen for. ``language`` is a BCP 47 tag; ``on_partial`` is a plain call that returns at once.

    Without it nobody wants partial results.
    """

    language: str
    hints: tuple[str, ...] = ()
    on_partial: Callable[[Partial], None] | None = None


class Hearing(Protocol):
    """One utterance being heard."""

    def feed(self, samples: bytes) -> None:
        """The next s16le samples at 8 kHz, mono. Returns at once; after a failure they are dropped."""

    async def finish(self) -> Heard:
        """Nothing more comes. Called once; raises RecognitionFailed."""

    async def close(self) -> None:
        """Let go of everything; harmless after ``finish``, and called always."""


class Recogniser(Protocol):
    async def open(self) -> None:
        """Make ready. Raises RecognitionFailed."""

    async def listen(self, want: Listen) -> Hearing:
        """Raises RecogniserBusy; RecognitionFailed."""
