"""Which of several deliveries with the same content is which: SMPP gives them neither an id nor a stamp (sans-I/O)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_REMEMBERED = 10_000
_REPEATED_AFTER_S = 4.0
"""An SMSC that waits for our answer asks again no sooner; two people, or one in a hurry, do."""


@dataclass(slots=True)
class _Content:
    count: int = 0
    storing: int = 0
    since: float = 0.0


class Occurrences:
    """Counts within one session. The first is 0, after a restart too, so that a repetition has the key of the first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._contents: OrderedDict[str, _Content] = OrderedDict()

    @contextmanager
    def arrival(self, key: str) -> Iterator[int]:
        """The number of this one. If storing it fails it did not come, and comes again under the same number."""
        content = self._contents.setdefault(key, _Content())
        self._contents.move_to_end(key)
        number = self._number(content)
        content.storing += 1
        kept = False
        try:
            yield number
            kept = True
        finally:
            content.storing -= 1
            if not kept and number == content.count - 1:
                content.count = number
            while len(self._contents) > _REMEMBERED:
                self._contents.popitem(last=False)

    def _number(self, content: _Content) -> int:
        now = self._clock()
        if content.storing and now - content.since >= _REPEATED_AFTER_S:
            return content.count - 1
        content.count += 1
        content.since = now
        return content.count - 1
