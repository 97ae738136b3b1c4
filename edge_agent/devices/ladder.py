"""What to do next for a device that does not serve: one rung after the other, then quarantine. Pure.

The rungs below the first, a probe and a resynchronisation, are the driver's own: it does them within an open port,
and a device comes here only after they have failed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from edge_agent.contracts import Heal


@dataclass(frozen=True, slots=True)
class Rung:
    """``wait_s``: what the device may need after this step before it is opened again."""

    step: Heal
    wait_s: float


LADDER: tuple[Rung, ...] = (
    Rung(Heal.REOPEN, 1.0),
    Rung(Heal.REOPEN, 4.0),
    Rung(Heal.SOFT_RESET, 15.0),
    Rung(Heal.VENDOR_RESET, 20.0),
    Rung(Heal.USB_POWER, 20.0),
)
QUARANTINE_S = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""How long it is left alone, longer each time. It is never given up."""
RESETS = (Heal.SOFT_RESET, Heal.VENDOR_RESET, Heal.USB_POWER)
"""One of them is tried again, in turn, at the end of each quarantine."""
STEADY_S = 60.0
"""A device that served for so long is well: what fails next begins at the foot of the ladder."""
GONE_S = 300.0
"""A device whose port is gone for so long may come back when its socket loses power for a moment."""
GONE_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Climb:
    """How far up: ``failures`` in a row, ``rounds`` of quarantine."""

    failures: int = 0
    rounds: int = 0

    @property
    def in_quarantine(self) -> bool:
        return self.rounds > 0


@dataclass(frozen=True, slots=True)
class Move:
    """Do these steps, wait, and open the device again. ``skipped`` are steps that this site cannot do."""

    steps: tuple[Heal, ...]
    wait_s: float
    skipped: tuple[Heal, ...] = ()


def failed(climb: Climb, served_s: float, possible: Collection[Heal]) -> tuple[Climb, Move]:
    """It did not serve, or serves no more after ``served_s``. Steps that are not possible are passed over."""
    if served_s >= STEADY_S:
        climb = Climb()
    skipped: list[Heal] = []
    at = climb.failures
    while at < len(LADDER):
        rung = LADDER[at]
        at += 1
        if rung.step is Heal.REOPEN or rung.step in possible:
            return Climb(at), Move((rung.step,), rung.wait_s, tuple(skipped))
        skipped.append(rung.step)
    return _quarantine(replace(climb, failures=at), possible, skipped)


def gone_for(seconds: float, last_power_s: float | None, possible: Collection[Heal]) -> bool:
    """Whether to cut the power of a socket whose device is gone. ``last_power_s``: since that was done last."""
    due = last_power_s is None or last_power_s >= GONE_AGAIN_S
    return seconds >= GONE_S and due and Heal.USB_POWER in possible


def _quarantine(climb: Climb, possible: Collection[Heal], skipped: list[Heal]) -> tuple[Climb, Move]:
    wait_s = QUARANTINE_S[min(climb.rounds, len(QUARANTINE_S) - 1)]
    after = replace(climb, rounds=climb.rounds + 1)
    if not climb.rounds:
        return after, Move((Heal.QUARANTINE,), wait_s, tuple(skipped))
    reset = RESETS[(climb.rounds - 1) % len(RESETS)]
    steps = (reset, Heal.QUARANTINE) if reset in possible else (Heal.QUARANTINE,)
    return after, Move(steps, wait_s)
