"""Releases for edges, and how each edge fared with each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from telecore.ids import EdgeId, Sha256

ADDED, STAGED, PAUSED, HALTED = "added", "staged", "paused", "halted"
DONE, REFUSED, REVERTED = "done", "refused", "reverted"
ENDS = (DONE, REFUSED, REVERTED)


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """``state``: ``added`` (offered to nobody), ``staged`` (to ``percent`` of the edges), ``paused``, ``halted``.

    ``urgent``: edges fetch it without regard to their data budgets."""

    sha256: Sha256
    what: str
    version: str
    channel: str
    size: int
    created_at: datetime
    state: str = ADDED
    reason: str = ""
    percent: float = 0.0
    attempt: int = 1
    staged_at: datetime | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class EdgeUpdateRecord:
    edge: EdgeId
    sha256: Sha256
    attempt: int
    outcome: str
    reason: str
    at: datetime
