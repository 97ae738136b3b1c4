"""How many requests of whom may be under way, so that nobody's slow server costs others their turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

from cloud.store.callbacks import Lane
from telecore.ids import AccountSid

K = TypeVar("K", bound=Hashable)

PER_ACCOUNT = 50
ALTOGETHER = 1000


class Shares:
    """Nobody may have more than is left to the others: a server of its account, an account of the whole.

    So one that hangs gets half of it at most, a second half of the rest, and a newcomer always finds room.
    """

    def __init__(self, per_account: int = PER_ACCOUNT, altogether: int = ALTOGETHER) -> None:
        self._per_account = per_account
        self._altogether = altogether
        self._of_lane: Counter[Lane] = Counter()
        self._of_account: Counter[AccountSid] = Counter()

    def room(self, lane: Lane) -> int:
        """How many more it may take now, if no other takes any."""
        account = self._of_account[lane[0]]
        within = self._per_account - account
        beside = self._altogether - self._of_account.total()
        return max(0, min(within, _share(within, self._of_lane[lane]), _share(beside, account)))

    def take(self, lane: Lane) -> bool:
        """Take one, if there is room."""
        if self.room(lane) < 1:
            return False
        self._of_lane[lane] += 1
        self._of_account[lane[0]] += 1
        return True

    def give_back(self, lane: Lane) -> None:
        """One has ended."""
        _less(self._of_lane, lane)
        _less(self._of_account, lane[0])


def _less(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _share(free: int, had: int) -> int:
    """What may still be added to ``had`` until it reaches what is then left of ``free``."""
    return (free - had + 1) // 2
