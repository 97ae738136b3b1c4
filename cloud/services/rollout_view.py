"""How far a release is, edge by edge: what edges said of it, and whose turn it is without a word yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloud.store import edges, releases
from cloud.store.database import Connection
from cloud.store.records.releases import EdgeUpdateRecord, ReleaseRecord
from telecore.ids import EdgeId
from telecore.releases import is_staged

NOT_YET = "not yet"
"""It is this edge's turn, and nothing was heard of it."""


@dataclass(frozen=True, slots=True)
class EdgeProgress:
    """``outcome``: ``not yet``, ``fetching``, ``waiting``, a state of the updater, or how it ended."""

    edge: EdgeId
    outcome: str
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    record: ReleaseRecord
    edges: tuple[EdgeProgress, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Edges by outcome."""
        return dict(sorted(Counter(one.outcome for one in self.edges).items()))


def all_(conn: Connection) -> list[Progress]:
    """Of all releases, the latest first."""
    names = [record.edge for record in edges.list_(conn) if record.enrolled]
    turns = {
        record.sha256: [edge for edge in names if is_staged(record.sha256, edge, record.percent)]
        for record in releases.staged(conn)
    }
    return [
        progress(record, releases.updates_of(conn, record), turns.get(record.sha256, []))
        for record in releases.list_(conn)
    ]


def progress(record: ReleaseRecord, told: Sequence[EdgeUpdateRecord], turn: Sequence[EdgeId]) -> Progress:
    """``turn``: the edges to which it is offered now."""
    known = {one.edge for one in told}
    heard = [EdgeProgress(one.edge, one.outcome, one.reason, one.at) for one in told]
    silent = [EdgeProgress(edge, NOT_YET) for edge in turn if edge not in known]
    return Progress(record, tuple(sorted((*heard, *silent), key=lambda one: one.edge)))
