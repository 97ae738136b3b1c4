"""When a SIM's balance is to be read by itself. Pure."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

LEAST_EVERY_S = 6 * 3600.0
"""Operators take more for abuse."""
_SPREAD_S = 1800.0
_DAY_S = 86400.0


def due(
    asked_at: float | None, expires_on: str | None, iccid: str, *, now: float, every_s: float, began: float
) -> bool:
    """Whether it is time.

    ``asked_at``: when it was read last, successfully or not; ``every_s`` 0: never by itself; ``began``: the start of
    the agent, after which SIMs that were never asked come one after the other.
    """
    if every_s <= 0:
        return False
    if asked_at is None or asked_at > now:
        return now >= began + _share(iccid) * _SPREAD_S
    waited_s = now - asked_at
    return waited_s >= max(every_s, LEAST_EVERY_S) or (
        waited_s >= LEAST_EVERY_S and _last_day_began(asked_at, expires_on, now)
    )


def _last_day_began(asked_at: float, expires_on: str | None, now: float) -> bool:
    """Then it is asked once more, to see whether somebody has topped it up elsewhere."""
    if expires_on is None:
        return False
    last_day = datetime.fromisoformat(expires_on).replace(tzinfo=UTC).timestamp() - _DAY_S
    return asked_at < last_day <= now


def _share(iccid: str) -> float:
    """The same for a SIM each time, and even over SIMs of neighbouring numbers."""
    return zlib.crc32(iccid.encode()) / 2**32
