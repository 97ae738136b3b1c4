"""What can become of a call, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class CallState(StrEnum):
    DIALLING = "dialling"
    PROCEEDING = "proceeding"
    OFFERED = "offered"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class News(StrEnum):
    PROGRESS = "progress"
    CONNECTED = "connected"
    HANG_UP = "hang up"
    GONE = "gone"


S, N = CallState, News
CALLS: Mapping[tuple[CallState, News], CallState] = {
    (S.DIALLING, N.PROGRESS): S.PROCEEDING,
    (S.DIALLING, N.CONNECTED): S.ACTIVE,
    (S.PROCEEDING, N.CONNECTED): S.ACTIVE,
    (S.OFFERED, N.CONNECTED): S.ACTIVE,
    **{(state, N.HANG_UP): S.ENDING for state in (S.DIALLING, S.PROCEEDING, S.OFFERED, S.ACTIVE)},
    **{(state, N.GONE): S.ENDED for state in (S.DIALLING, S.PROCEEDING, S.OFFERED, S.ACTIVE, S.ENDING)},
}
"""State, news → next state; what is absent is no news any more."""
