"""Two devices with one key are found out by what each was given when it joined last. Pure.

The cloud gives a new state at every join and keeps two: the last that the edge has confirmed, and the one that it
offered since. An edge that shows either is the one that was there before, whatever was cut or killed in between: it
has what was offered, or what was confirmed before that. A copy shows neither as soon as the other has joined once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telecore.tunnel.proof import read_state


@dataclass(frozen=True, slots=True)
class Verdict:
    """``accepted``: what counts as confirmed now. ``ahead``: the edge has what the cloud has forgotten it gave."""

    good: bool
    accepted: str = ""
    next_counter: int = 1
    ahead: bool = False


def judge(
    accepted: str, offered: str, shown: Sequence[str], *, forgiven: bool, genuine: Callable[[str], bool]
) -> Verdict:
    """Whether an edge that shows these states is the one we know. ``genuine``: whether the cloud has signed a state.

    A state above all that are known, and signed here, says that the cloud's database was restored from an older copy.
    """
    highest = max(_counter(accepted), _counter(offered))
    # A signature costs more than all the rest, and only what would be above everything known has to have one.
    ahead = [state for state in shown if _counter(state) > highest and genuine(state)]
    shown_highest = max(map(_counter, ahead), default=0)
    following = max(highest, shown_highest) + 1
    for known in (offered, accepted):
        if known and known in shown:
            return Verdict(True, known, following)
    if not accepted and not offered:
        return Verdict(True, "", following)
    if shown_highest > highest:
        newest = next(state for state in ahead if _counter(state) == shown_highest)
        return Verdict(True, newest, following, ahead=True)
    return Verdict(forgiven, "", following)


def _counter(state: str) -> int:
    read = read_state(state)
    return read[0] if read else 0
