"""Whether a box counts the parts of a long SMS from 0 or from 1; its firmware decides, its manual does not say."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.contracts import SmsPart

_HELD = 64
USUAL = 0
"""As a TG200 was seen to count."""


class PartsIndex:
    """Numbers parts from 1. Until the box has shown how it counts, what could be either is held back.

    An index of 0 shows it, and one that equals the total: so at the latest the last part of the first long SMS. Those
    that come alone show nothing: some are numbered 0 of 1 by a box that counts from 1.
    """

    def __init__(self, base: int | None = None) -> None:
        """``base``: how it counts, where that is known."""
        self.base = base
        self._held: list[SmsPart] = []

    @property
    def holding(self) -> bool:
        return bool(self._held)

    def number(self, part: SmsPart, index: int) -> list[SmsPart]:
        """A part as the box numbered it; what is known whole now: nothing, or it and those held back before."""
        if part.parts <= 1 or not 0 <= index <= part.parts:
            return [replace(part, part=1, parts=1, ref=None)]
        if index in (0, part.parts):
            self.base = 0 if index == 0 else 1
        self._held.append(replace(part, part=index))
        return [] if self.base is None and len(self._held) < _HELD else self.release()

    def release(self) -> list[SmsPart]:
        """All that is held back, by the usual count where nothing has shown it."""
        shift = 1 - (USUAL if self.base is None else self.base)
        parts, self._held = [replace(part, part=part.part + shift) for part in self._held], []
        return parts
