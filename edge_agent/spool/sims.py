"""What is remembered of each SIM by its ICCID, wherever it is plugged in: facts by name, and what it has carried."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from telecore.ids import Iccid

KEPT_S = 63 * 24 * 3600.0
"""This month and the last one."""
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Used:
    """``kind``: ``sms`` (segments) or ``call`` (seconds). ``hour``: since 1970; ``tail``: whom, shortened."""

    iccid: Iccid
    kind: str
    hour: int
    tail: str
    amount: float


def put(db: sqlite3.Connection, iccid: Iccid, name: str, value: Any, now: float) -> None:
    """Keep a JSON value; None forgets it."""
    if value is None:
        db.execute("DELETE FROM sim_facts WHERE iccid = ? AND name = ?", (iccid, name))
        return
    row = (iccid, name, json.dumps(value, separators=(",", ":")), now)
    db.execute("INSERT OR REPLACE INTO sim_facts (iccid, name, value, at) VALUES (?, ?, ?, ?)", row)


def facts(db: sqlite3.Connection) -> dict[Iccid, dict[str, Any]]:
    """Everything kept, by ICCID and name."""
    found: dict[Iccid, dict[str, Any]] = {}
    for iccid, name, value in db.execute("SELECT iccid, name, value FROM sim_facts"):
        found.setdefault(Iccid(iccid), {})[name] = json.loads(value)
    return found


def use(db: sqlite3.Connection, used: Used) -> None:
    """Add to what was carried in that hour."""
    db.execute(
        "INSERT INTO sim_usage (iccid, kind, hour, tail, amount) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (iccid, kind, hour, tail) DO UPDATE SET amount = amount + excluded.amount",
        (used.iccid, used.kind, used.hour, used.tail, used.amount),
    )


def usage(db: sqlite3.Connection, since: float) -> list[Used]:
    """What was carried since then."""
    rows = db.execute("SELECT iccid, kind, hour, tail, amount FROM sim_usage WHERE hour >= ?", (int(since // _HOUR_S),))
    return [Used(Iccid(iccid), kind, hour, tail, amount) for iccid, kind, hour, tail, amount in rows]


def tidy(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM sim_usage WHERE hour < ?", (int((now - KEPT_S) // _HOUR_S),))
