"""Lists in pages, and spans of time to filter by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Between:
    """From the first moment on, and before the second; None leaves that side open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which page of a list: the ``size`` rows after (older than) or before (newer than) this SID; else the newest."""

    size: int = 50
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """One page of a keyset listing, newest first.

    ``next_after`` is the SID to go on after when older rows exist, ``previous_before`` likewise towards the newer.
    """

    items: tuple[T, ...]
    next_after: str | None = None
    previous_before: str | None = None
