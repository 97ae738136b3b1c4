"""Calls that have begun and not ended, so that a restart can end them."""

from __future__ import annotations

import sqlite3

from telecore.causes import Cause
from telecore.events import CallEnded
from telecore.ids import CallSid, CommandId


def begin(db: sqlite3.Connection, call: str, command: str | None) -> None:
    db.execute("INSERT OR IGNORE INTO open_calls (call, command) VALUES (?, ?)", (call, command))


def answer(db: sqlite3.Connection, call: str, at: float) -> None:
    db.execute("UPDATE open_calls SET answered_at = ? WHERE call = ? AND answered_at IS NULL", (at, call))


def end(db: sqlite3.Connection, call: str) -> None:
    db.execute("DELETE FROM open_calls WHERE call = ?", (call,))


def ends(db: sqlite3.Connection, alive_at: float | None) -> list[CallEnded]:
    """How the calls of an earlier process ended: with it, when it last gave a sign of life."""
    return [
        CallEnded(
            call=CallSid(call),
            command=CommandId(command) if command else None,
            cause=Cause.TEMPORARY_FAILURE,
            by="restart",
            duration_s=None if answered_at is None else max(0, round((alive_at or answered_at) - answered_at)),
        )
        for call, command, answered_at in db.execute("SELECT call, command, answered_at FROM open_calls ORDER BY rowid")
    ]
