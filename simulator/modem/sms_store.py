"""The memories of a modem: SM on the card, ME in the modem, SR for status reports, each of its own size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """27.005 §3.1 stat in PDU mode."""

    UNREAD = 0
    READ = 1
    UNSENT = 2
    SENT = 3


@dataclass(slots=True)
class Stored:
    """A stored message: the PDU as the AT interface shows it, SMSC address first."""

    status: Status
    pdu: bytes
    tpdu_length: int


class SmsStore:
    """Slots by index, from 0; `full` makes a store claim to be full whatever is in it."""

    def __init__(self, sizes: Mapping[str, int], full: Callable[[], bool], changed: Callable[[], None]) -> None:
        self._own_sizes = dict(sizes)
        self._sizes = dict(sizes)
        self._full = full
        self._changed = changed
        self.slots: dict[str, dict[int, Stored]] = {name: {} for name in sizes}
        self._alias = False

    @property
    def alias(self) -> bool:
        """Whether ME shows what SM holds, as some modems do."""
        return self._alias

    @alias.setter
    def alias(self, alias: bool) -> None:
        if alias == self._alias or "ME" not in self.slots:
            return
        self._alias = alias
        self.slots["ME"] = self.slots["SM"] if alias else {}
        self._sizes["ME"] = self._sizes["SM"] if alias else self._own_sizes["ME"]

    def names(self) -> list[str]:
        """The memories."""
        return list(self._sizes)

    def size(self, memory: str) -> int:
        """How many messages fit."""
        return self._sizes[memory]

    def used(self, memory: str) -> int:
        """How many are in it."""
        return self._sizes[memory] if self._is_full(memory) else len(self.slots[memory])

    def add(self, memory: str, message: Stored) -> int | None:
        """Store in the lowest free slot; its index, or None when full."""
        if self._is_full(memory):
            return None
        index = next(index for index in range(self._sizes[memory]) if index not in self.slots[memory])
        self.slots[memory][index] = message
        self._changed()
        return index

    def get(self, memory: str, index: int) -> Stored | None:
        """The message in a slot."""
        return self.slots[memory].get(index)

    def valid(self, memory: str, index: int) -> bool:
        """Whether there is such a slot."""
        return 0 <= index < self._sizes[memory]

    def remove(self, memory: str, index: int) -> None:
        """Empty a slot; harmless when it is empty."""
        if self.slots[memory].pop(index, None) is not None:
            self._changed()

    def mark_read(self, message: Stored) -> None:
        """Received unread becomes received read."""
        if message.status is Status.UNREAD:
            message.status = Status.READ
            self._changed()

    def _is_full(self, memory: str) -> bool:
        return len(self.slots[memory]) >= self._sizes[memory] or (memory != "SR" and self._full())
