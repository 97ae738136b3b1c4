"""One line of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """``who``: ``operator ann``, an account's or a key's SID, ``root at the command line``; ``source``: an address.

    ``result``: ``done``, or what came instead. ``detail`` names what was set, never its value.
    """

    who: str
    action: str
    target: str = ""
    source: str = ""
    result: str = "done"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """``before`` is the hash of the entry with the number before it, or 64 zeros."""

    number: int
    at: datetime
    who: str
    action: str
    target: str
    source: str
    result: str
    detail: str
    before: str
    hash: str
