"""What operators decide of releases: whose turn it is, and when it is nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloud.services.rollouts import release_of
from cloud.store import releases
from cloud.store.database import Connection
from cloud.store.records.releases import ADDED, HALTED, PAUSED, STAGED, ReleaseRecord
from cloud.store.rows import now
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import Sha256

_FROM: Mapping[str, frozenset[str]] = {
    STAGED: frozenset({ADDED, STAGED, PAUSED}),
    PAUSED: frozenset({STAGED, PAUSED}),
    HALTED: frozenset({STAGED, PAUSED, HALTED}),
}
"""To which state from which; from ``halted`` only again."""
MOST_BYTES = 64 << 20
"""What the edges' updater reads at most."""


def added(conn: Connection, sha256: Sha256, data: bytes) -> ReleaseRecord:
    """Keep a release file that lies in the files. Raises InvalidRequest for one that is none, or is here."""
    found = release_of(data)
    record = ReleaseRecord(sha256, found.what, found.version, found.channel, len(data), now())
    if not releases.add(conn, record):
        raise InvalidRequest(f"{found.what} {found.version} is here already", code=20409, status=409)
    return record


def stage(
    conn: Connection, which: str, percent: float, *, again: bool = False, urgent: bool | None = None
) -> ReleaseRecord:
    """Offer it to so many percent of the edges. ``again``: also where it failed, and after a halt.

    ``urgent``: whatever their data budgets say; None: as it was. Raises NotFound, InvalidRequest.
    """
    record = named(conn, which)
    if record.state == HALTED and not again:
        raise InvalidRequest(f"it was halted ({record.reason}): stage it with --again once you know why", code=20409)
    if not 0 < percent <= 100:
        raise InvalidRequest("percent must be above 0 and at most 100", field="percent")
    return _changed(
        conn,
        record,
        state=STAGED,
        reason="",
        percent=percent,
        attempt=record.attempt + bool(again),
        staged_at=now(),
        urgent=record.urgent if urgent is None else urgent,
    )


def pause(conn: Connection, which: str) -> ReleaseRecord:
    """No further edge begins, and who fetches it stops; what an edge's updater has is finished."""
    return _stepped(conn, which, PAUSED)


def resume(conn: Connection, which: str) -> ReleaseRecord:
    """Go on for as many edges as before."""
    record = named(conn, which)
    if record.state != PAUSED:
        raise InvalidRequest(f"only a release that is paused goes on, and it is {record.state}", code=20409)
    return _changed(conn, record, state=STAGED)


def halt(conn: Connection, which: str, why: str) -> ReleaseRecord:
    """Over, until somebody stages it again; edges that fetch it stop."""
    return _stepped(conn, which, HALTED, reason=why[:500] or "halted by hand")


def named(conn: Connection, which: str) -> ReleaseRecord:
    """By its version, or the first digits of its hash. Raises NotFound, InvalidRequest for several."""
    found = [each for each in releases.list_(conn) if each.version == which or each.sha256.startswith(which)]
    if not found:
        raise NotFound(f"there is no release {which[:70]}")
    if len(found) > 1:
        raise InvalidRequest(f"there are several {which[:70]}: say the first digits of its hash")
    return found[0]


def _stepped(conn: Connection, which: str, state: str, **values: str) -> ReleaseRecord:
    record = named(conn, which)
    if record.state not in _FROM[state]:
        raise InvalidRequest(f"it is {record.state}, and cannot become {state}", code=20409)
    return _changed(conn, record, state=state, **values)


def _changed(conn: Connection, record: ReleaseRecord, **values: object) -> ReleaseRecord:
    releases.change(conn, record.sha256, **values)
    return replace(record, **values)  # type: ignore[arg-type]  # names of its own fields
