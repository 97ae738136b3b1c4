"""The updater's states as a table. Each state is on the disk before its work begins, and its work may be done twice."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """IDLE: nothing is under way. STAGING: a release is checked and unpacked beside the running version.
    SWITCHING: the link is pointed to it and the agent stopped. TRIAL: it runs and has to prove itself.
    COMMITTING: it stays; what is older is removed. REVERTING: the link goes back and the agent is stopped again."""

    IDLE = "idle"
    STAGING = "staging"
    SWITCHING = "switching"
    TRIAL = "trial"
    COMMITTING = "committing"
    REVERTING = "reverting"


class Step(StrEnum):
    WANTED = "wanted"
    STAGED = "staged"
    REFUSED = "refused"
    SWITCHED = "switched"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    COMMITTED = "committed"
    REVERTED = "reverted"


TABLE: dict[tuple[State, Step], State] = {
    (State.IDLE, Step.WANTED): State.STAGING,
    (State.STAGING, Step.STAGED): State.SWITCHING,
    (State.STAGING, Step.REFUSED): State.IDLE,
    (State.SWITCHING, Step.SWITCHED): State.TRIAL,
    (State.SWITCHING, Step.FAILED): State.REVERTING,
    (State.TRIAL, Step.CONFIRMED): State.COMMITTING,
    (State.TRIAL, Step.FAILED): State.REVERTING,
    (State.COMMITTING, Step.COMMITTED): State.IDLE,
    (State.REVERTING, Step.REVERTED): State.IDLE,
}
