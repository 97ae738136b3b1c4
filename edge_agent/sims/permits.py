"""Whether a SIM may carry something now, by its health and what its quotas leave. Pure."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.config import Quotas
from edge_agent.contracts import Permit
from edge_agent.sims.quotas import Book
from telecore.sim_health import Health, HealthState

Ask = Callable[[Quotas, Book, str, float], Permit]
"""What the quotas say: of a SIM's book, to this destination, at this time of day."""

HELD_CODE = 30007
"""Twilio's "carrier violation": the nearest to a SIM that its operator seems to have blocked."""
ASK_AGAIN_S = 300.0
SOMEBODY_ENDS = frozenset({HealthState.EXHAUSTED})
"""States that somebody may end at any moment: what has time waits."""
TOLD_BY_THE_MODEM = frozenset(
    {HealthState.ABSENT, HealthState.LOCKED_PIN, HealthState.LOCKED_PUK, HealthState.LOCKED_NET, HealthState.SIM_FAULT}
    | {HealthState.DENIED, HealthState.SEARCHING}
)
"""In these the channel is not registered, and what is to be sent waits for that."""


def permit(told: Health, quota: Permit, rests_s: float | None, *, urgent: bool) -> Permit:
    """``quota``: what the quotas say; ``rests_s``: for how long it rests.

    A warning passes whatever we concluded ourselves, but not a person's decision.
    """
    if urgent:
        held = told.forced and told.share == 0
        return Permit(_sentence(told), None, HELD_CODE) if held else Permit()
    if not quota.granted or told.may_send() or told.state in TOLD_BY_THE_MODEM:
        return quota
    if told.state is HealthState.COOLDOWN and rests_s is not None:
        return Permit(_sentence(told), max(1.0, rests_s), HELD_CODE)
    if told.state is HealthState.QUOTA:
        return quota  # of its other kind of traffic there is some left
    return Permit(_sentence(told), ASK_AGAIN_S if told.state in SOMEBODY_ENDS else None, HELD_CODE)


def _sentence(told: Health) -> str:
    return f"the SIM is {told.state}" + (f": {told.reason}" if told.reason else "")
