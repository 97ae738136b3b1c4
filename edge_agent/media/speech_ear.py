"""When the party begins to speak and when it has finished, judged beside the line: docs/decisions/ says why here."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.media.clock import ticks
from telecore.audio.activity import SilenceDetector
from telecore.twiml.control import SpeechSpec

AUTO_S = 1.2
"""A pause that ends what is said, where the document leaves it to us: longer than any within a sentence."""
_LEAST_S = 0.4
"""No word of a document makes it shorter: between the parts of a word a line is silent as long."""
_BEGUN_S = 0.12
_BEGUN_OVER_PROMPT_S = 0.3
"""While a prompt plays its echo comes back in pieces; a voice goes on."""
_FORGET_S = 0.3
"""Silence after which sound that was too short for speech is forgotten."""


class SpeechEar:
    """Fed with frames of 20 ms as they come, and ticked once per frame of the leg's own time."""

    def __init__(self, spec: SpeechSpec, on_begin: Callable[[], None], on_end: Callable[[], None]) -> None:
        self.prompting = True
        self._on_begin = on_begin
        self._on_end = on_end
        self._detector = SilenceDetector()
        self._pause = ticks(max(_LEAST_S, AUTO_S if spec.end_s is None else spec.end_s))
        self._most = ticks(spec.max_s)
        self._voiced = 0
        self._silent = 0
        self._since_begin: int | None = None
        self._ended = False

    def hear(self, frame: bytes) -> None:
        self._detector.feed(frame)
        if self._detector.silent_ms == 0:
            self._silent = 0
            self._voiced += 1
            wanted = ticks(_BEGUN_OVER_PROMPT_S if self.prompting else _BEGUN_S)
            if self._since_begin is None and self._voiced >= wanted:
                self._since_begin = 0
                self._on_begin()

    def tick(self) -> None:
        """A line that pauses is silent too."""
        self._silent += 1
        if self._since_begin is None:
            if self._silent > ticks(_FORGET_S):
                self._voiced = 0
            return
        self._since_begin += 1
        if not self._ended and (self._silent > self._pause or self._since_begin >= self._most):
            self._ended = True
            self._on_end()
