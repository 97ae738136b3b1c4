"""Patterns that no customer makes: runs of neighbouring numbers, and many calls that ring once. Pure, bounded.

Whoever pumps SMS or calls into a range goes through it number by number, for the range is his; people whom a clinic
writes to are strewn over their network's numbers. A warning to a village may look alike, so by itself this blocks
nothing at home.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

REMEMBERED = 5000
WITHIN_S = 600.0
MOST = 256
LAST_DIGITS = 4
"""Numbers that differ only in these are of one block, as networks hand them out."""
NEIGHBOURS = 16
"""Numbers no farther apart are neighbours."""
LOOK_EVERY = 8

MESSAGES, CALLS, SHORT_CALLS = "messages", "calls", "short calls"
ENOUGH = {MESSAGES: 30, CALLS: 15, SHORT_CALLS: 30}
"""So many different numbers make a burst."""
SHORT_S = 8.0
"""A call that rang no longer, and was not answered."""
_SHORT_PREFIX = 6


@dataclass(slots=True)
class _Seen:
    """``at``: number → when it was reached last, the latest at the end. ``told``: it was a burst, until when."""

    at: OrderedDict[str, float] = field(default_factory=OrderedDict)
    others: OrderedDict[str, float] = field(default_factory=OrderedDict)
    since: int = 0
    told: float = float("-inf")


class Bursts:
    """Remembers what was reached in the last ten minutes, by account and block."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str, str], _Seen] = OrderedDict()

    def reached(self, account: str, what: str, number: str, at: float) -> str | None:
        """``what``: MESSAGES or CALLS. The block's prefix when it is a burst, once in ten minutes."""
        if not number[1:].isdigit() or len(number) <= LAST_DIGITS + 2:
            return None
        block = number[:-LAST_DIGITS]
        seen = self._of(account, what, block)
        _add(seen.at, number, at)
        seen.since += 1
        if len(seen.at) < ENOUGH[what] or seen.since < LOOK_EVERY or at - seen.told < WITHIN_S:
            return None
        seen.since = 0
        if not _is_run(seen.at):
            return None
        seen.told = at
        return block

    def over(self, account: str, number: str, at: float, *, short: bool) -> str | None:
        """A call has ended; ``short``: unanswered within seconds. The prefix when most to it are, and many."""
        if not number[1:].isdigit() or len(number) <= _SHORT_PREFIX:
            return None
        prefix = number[:_SHORT_PREFIX]
        seen = self._of(account, SHORT_CALLS, prefix)
        _add(seen.at if short else seen.others, number, at)
        _expire(seen.at, at)
        _expire(seen.others, at)
        many = len(seen.at) >= ENOUGH[SHORT_CALLS] and len(seen.at) >= 4 * len(seen.others)
        if not many or at - seen.told < WITHIN_S:
            return None
        seen.told = at
        return prefix

    def _of(self, *key: str) -> _Seen:
        account, what, block = key
        found = self._seen.pop((account, what, block), None) or _Seen()
        self._seen[account, what, block] = found
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return found


def _add(known: OrderedDict[str, float], number: str, at: float) -> None:
    known.pop(number, None)
    known[number] = at
    _expire(known, at)
    if len(known) > MOST:
        known.popitem(last=False)


def _expire(known: OrderedDict[str, float], at: float) -> None:
    while known and at - next(iter(known.values())) > WITHIN_S:
        known.popitem(last=False)


def _is_run(numbers: OrderedDict[str, float]) -> bool:
    """Whether half of them or more have a neighbour just above."""
    last = sorted(int(number[-LAST_DIGITS:]) for number in numbers)
    near = sum(above - below <= NEIGHBOURS for below, above in zip(last, last[1:], strict=False))
    return 2 * near >= len(last)
