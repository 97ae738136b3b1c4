"""What a self-test measured, and what it says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telecore.ids import ChannelId

HEARD = -45.0
"""A test tone weaker than this at the other side (dBm0) was not heard; it is sent with -16."""


@dataclass(frozen=True, slots=True)
class SmsFigures:
    """``seconds`` from submit to arrival. ``problem``: why there is no such figure."""

    seconds: float | None = None
    problem: str = ""

    @property
    def passed(self) -> bool:
        return self.seconds is not None

    def sentence(self) -> str:
        return f"SMS: arrived after {self.seconds:.1f} s" if self.seconds is not None else f"SMS: {self.problem}"


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Seconds from dialling to ringing there, and from answering there to the answer here; levels in dBm0.

    ``echo``: the level of the caller's own tone at the caller. ``silent``: why sound was not tried.
    """

    ring_s: float | None = None
    answer_s: float | None = None
    heard_to: float | None = None
    heard_back: float | None = None
    echo: float | None = None
    silent: str = ""
    problem: str = ""

    @property
    def passed(self) -> bool:
        heard = [level for level in (self.heard_to, self.heard_back) if level is not None]
        return not self.problem and self.answer_s is not None and all(level >= HEARD for level in heard)

    def sentence(self) -> str:
        said = [] if self.ring_s is None else [f"rang after {self.ring_s:.1f} s"]
        said += [] if self.answer_s is None else [f"answered {self.answer_s:.1f} s after it was picked up"]
        said += _heard("there", self.heard_to) + _heard("back", self.heard_back)
        if self.echo is not None and self.echo >= HEARD:
            said.append(f"the caller hears himself with {self.echo:.0f} dBm0")
        return "call: " + ", ".join([*said, *(text for text in (self.silent, self.problem) if text)])


def _heard(where: str, level: float | None) -> list[str]:
    if level is None:
        return []
    return [f"heard {where} with {level:.0f} dBm0" if level >= HEARD else f"NOT heard {where}"]


def pairs(channels: Sequence[ChannelId]) -> list[tuple[ChannelId, ChannelId]]:
    """Each calls its neighbour, the last one the first: every SIM once in either part."""
    ordered = sorted(channels)
    return list(zip(ordered, [*ordered[1:], ordered[0]], strict=True)) if len(ordered) > 1 else []
