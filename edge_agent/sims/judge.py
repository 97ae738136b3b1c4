"""From a view to a verdict: which states hold of a SIM now, which is shown, and why it changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.sims.rules import RULES, SHARES, STOPPING, Evidence, View
from telecore.sim_health import Health, HealthState

Held = Mapping[HealthState, Evidence]
"""The states that hold, each with what led to it."""


@dataclass(frozen=True, slots=True)
class Forced:
    """A person's decision: this state, whatever the agent sees."""

    state: HealthState
    note: str
    since: float


@dataclass(frozen=True, slots=True)
class Step:
    """``held`` from now on; what was ``entered`` and ``left`` just now, with the evidence of each."""

    held: dict[HealthState, Evidence]
    entered: dict[HealthState, Evidence]
    left: dict[HealthState, Evidence]


def step(held: Held, view: View, *, suspended: bool = False) -> Step:
    """Apply every rule once. ``suspended``: the operator has an outage, so nothing new is held against its SIMs."""
    now, entered, left = dict(held), dict[HealthState, Evidence](), dict[HealthState, Evidence]()
    for rule in RULES:
        if rule.state in held:
            if evidence := rule.leave(view):
                left[rule.state] = evidence
                del now[rule.state]
        elif not (suspended and rule.blames) and (evidence := rule.enter(view)):
            entered[rule.state] = now[rule.state] = evidence
    stopped = [state for state in left if state in STOPPING]
    if stopped and HealthState.PROBATION not in now:
        # In the same step, lest it be called healthy for a moment.
        entered[HealthState.PROBATION] = now[HealthState.PROBATION] = _comes_back(stopped[0], left)
    return Step(now, entered, left)


def _comes_back(state: HealthState, left: Held) -> Evidence:
    return (f"it comes back from {state}: {'; '.join(left[state])}",)


def shown(held: Held, forced: Forced | None) -> HealthState:
    """The state that counts: a person's, else the most serious that holds."""
    if forced is not None:
        return forced.state
    return next((rule.state for rule in RULES if rule.state in held), HealthState.HEALTHY)


def health(
    held: Held, forced: Forced | None, *, since: float, until: float | None = None, grounds: Evidence = ()
) -> Health:
    """What is told of it. ``grounds``: why it is so, when no rule that holds says it."""
    state = shown(held, forced)
    if forced is not None:
        return Health(state, forced.since, forced.note, SHARES[state], forced=True)
    reason = "; ".join(held.get(state, grounds)[:1])
    return Health(state, since, reason, SHARES[state], until if state is HealthState.COOLDOWN else None)


def why(step_: Step, state: HealthState) -> Evidence:
    """The evidence for a change to this state: what led to it, or what ended the states above it."""
    if state in step_.entered:
        return step_.entered[state]
    return tuple(f"{left} is over: {'; '.join(evidence)}" for left, evidence in step_.left.items())
