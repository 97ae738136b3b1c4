"""Putting the parts of long messages together again, as values: no clock, no storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from telecore.udh import Concat

PART_LIFETIME_S = 24 * 3600.0


class ConcatKey(NamedTuple):
    """Parts with equal keys belong together; an 8-bit and a 16-bit reference never do."""

    sender: str
    reference: int
    total: int
    wide: bool = False

    @classmethod
    def of(cls, sender: str, concat: Concat) -> ConcatKey:
        """The key of a part from this sender."""
        return cls(sender, concat.reference, concat.total, concat.wide)


@dataclass(frozen=True, slots=True)
class Partial:
    """What there is of a message whose other parts never came."""

    key: ConcatKey
    parts: dict[int, str]
    """Text by part number, from 1."""

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers of the parts that never came."""
        return tuple(number for number in range(1, self.key.total + 1) if number not in self.parts)

    @property
    def text(self) -> str:
        """The parts in order; each run of missing ones is ``[…]``."""
        pieces: list[str] = []
        for number in range(1, self.key.total + 1):
            piece = self.parts.get(number, "[…]")
            if piece != "[…]" or pieces[-1:] != ["[…]"]:
                pieces.append(piece)
        return join_parts(pieces)


@dataclass(slots=True)
class _Open:
    since: float
    parts: dict[int, str] = field(default_factory=dict)


class Reassembler:
    """Open messages by key. Parts may come in any order, more than once, and interleaved with other messages'."""

    def __init__(self, lifetime_s: float = PART_LIFETIME_S) -> None:
        self._lifetime_s = lifetime_s
        self._open: dict[ConcatKey, _Open] = {}
        self._given_up: list[Partial] = []

    def add(self, key: ConcatKey, number: int, text: str, now: float) -> str | None:
        """Take one part; the whole text if it was the last that was missing.

        The same number with another text means that the sender used the reference again: the older message is
        given up and ``expire`` hands it out. Raises ``ValueError`` for a number outside 1…total.
        """
        if not 1 <= number <= key.total:
            raise ValueError(f"part {number} of {key.total}")
        message = self._open.setdefault(key, _Open(now))
        if message.parts.get(number, text) != text or now - message.since >= self._lifetime_s:
            self._given_up.append(Partial(key, message.parts))
            message = self._open[key] = _Open(now)
        message.parts[number] = text
        if len(message.parts) < key.total:
            return None
        del self._open[key]
        return join_parts([message.parts[n] for n in range(1, key.total + 1)])

    def expire(self, now: float) -> list[Partial]:
        """Messages that waited too long or were given up; they are forgotten here."""
        late = [key for key, message in self._open.items() if now - message.since >= self._lifetime_s]
        partials = self._given_up + [Partial(key, self._open.pop(key).parts) for key in late]
        self._given_up = []
        return partials

    def __len__(self) -> int:
        """How many messages wait for parts."""
        return len(self._open)


def join_parts(texts: list[str]) -> str:
    """Concatenate, and make whole the surrogate pairs that the sender cut in two; a half left alone becomes U+FFFD."""
    return heal_surrogates("".join(texts))


def heal_surrogates(text: str) -> str:
    """Text that UTF-8, JSON and SQLite accept: pairs joined, single halves replaced by U+FFFD."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
