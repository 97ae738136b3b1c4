"""What a copy in the modem tells of a message whose submit was interrupted. Pure: no clock, no disk, no modem."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from edge_agent.contracts import HeldCopy, HeldEntry


class Fate(StrEnum):
    """``sent``: the network took it. ``unsent``: it did not, send it. ``wait``: look again after ``settle_s``."""

    SENT = "sent"
    UNSENT = "unsent"
    WAIT = "wait"
    UNKNOWN = "unknown"


def fate_of(copy: HeldCopy, entries: Sequence[HeldEntry], *, lived: bool, proven: bool, settled: bool) -> Fate:
    """``lived``: the modem was not restarted since; ``proven``: it was seen to mark what it sent; ``settled``: enough
    time has passed for a submit that was under way to end.

    STO SENT says that the network took it. STO UNSENT says that it did not only if the modem lived to write the mark:
    one that lost power between the network's answer and its mark would say the same.
    """
    there = next((entry for entry in entries if _is(entry, copy)), None)
    if there is None or there.sent is None:
        return Fate.UNKNOWN
    if there.sent:
        return Fate.SENT
    if not (lived and proven):
        return Fate.UNKNOWN
    return Fate.UNSENT if settled else Fate.WAIT


def _is(entry: HeldEntry, copy: HeldCopy) -> bool:
    return (entry.store, entry.index, entry.identity) == (copy.store, copy.index, copy.identity)
