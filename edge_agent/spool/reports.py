"""Status reports and the submits they are about: early, late, twice or never."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from edge_agent.contracts import UNNAMED, StatusReport
from edge_agent.spool import outbox
from edge_agent.spool.refs import to_column, to_list
from telecore.causes import ReportKind, report_code, report_kind
from telecore.events import MessageDelivered, MessageFailed
from telecore.ids import MessageSid

KEPT_S = 7 * 24 * 3600.0
_TAIL = 7


def tail(address: str) -> str:
    """The digits that national and international form of a number share; of a name, the name."""
    digits = "".join(char for char in address if char.isdigit())
    return digits[-_TAIL:] or address.lower()


def store(db: sqlite3.Connection, report: StatusReport, now: float) -> None:
    """Keep a report, and tell what it settles. A report whose submit is not known yet waits for it."""
    done_at = report.done_at.isoformat() if report.done_at else None
    about = tail(report.recipient)
    cursor = db.execute(
        "INSERT OR IGNORE INTO reports (channel, key, ref, tail, status, done_at, at, matched, others)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
        (
            report.channel,
            report.key,
            to_column(report.ref),
            about,
            report.status,
            done_at,
            now,
            to_list(report.others),
        ),
    )
    if cursor.rowcount == 0:
        return
    row = _submitted(db, report, about) or _unnamed(db, report, about)
    if row is None:
        return
    db.execute("UPDATE reports SET matched = 1 WHERE n = ?", (cursor.lastrowid,))
    _note(db, row[0], row[1], report.status, done_at)
    settle(db, MessageSid(row[0]))


_SUBMITTED = (
    "SELECT message, segment FROM submit_refs WHERE channel = ? AND ref = ? AND tail = ? AND outcome IS NULL"
    " ORDER BY rowid DESC LIMIT 1"
)
_ANY = "SELECT 1 FROM submit_refs WHERE channel = ? AND ref = ? AND tail = ?"


def _submitted(db: sqlite3.Connection, report: StatusReport, about: str) -> tuple[str, int] | None:
    """The segment it is about. Another writing of its ref counts only where nothing has the ref as it stands."""
    row: tuple[str, int] | None = db.execute(_SUBMITTED, (report.channel, to_column(report.ref), about)).fetchone()
    if row is not None or not report.others:
        return row
    if db.execute(_ANY, (report.channel, to_column(report.ref), about)).fetchone() is not None:
        return None
    for other in report.others:
        row = db.execute(_SUBMITTED, (report.channel, to_column(other), about)).fetchone()
        if row is not None:
            return row
    return None


_UNNAMED = """
SELECT u.message, u.segment FROM submit_refs u WHERE u.channel = ? AND u.ref = ? AND u.tail = ? AND u.outcome IS NULL
AND NOT EXISTS (SELECT 1 FROM submit_refs f WHERE f.channel = u.channel AND f.ref = ? AND f.rowid > u.rowid - ?)
ORDER BY u.rowid LIMIT 1"""
_NEAR = 250
"""TP-MR counts modulo 256, so of so many neighbours each has another one."""


def _unnamed(db: sqlite3.Connection, report: StatusReport, about: str) -> tuple[str, int] | None:
    """The oldest segment to this number that went without its ref being heard; a ref that is another's is not its."""
    ref = to_column(report.ref)
    row: tuple[str, int] | None = db.execute(
        _UNNAMED, (report.channel, to_column(UNNAMED), about, ref, _NEAR)
    ).fetchone()
    return row


_EARLY_UNNAMED = """
SELECT r.n, r.status, r.done_at FROM submit_refs u JOIN reports r ON r.channel = u.channel AND r.tail = u.tail
WHERE u.message = ? AND u.segment = ? AND r.matched = 0 AND r.n > ? AND NOT EXISTS (
    SELECT 1 FROM submit_refs f WHERE f.channel = r.channel AND f.ref = r.ref AND f.rowid > u.rowid - ?)
ORDER BY r.n LIMIT 1"""


def adopt_unnamed(db: sqlite3.Connection, message: str, segment: int, *, after: int) -> bool:
    """Give a segment whose ref was not heard the report that came since it began and is nobody else's."""
    row = db.execute(_EARLY_UNNAMED, (message, segment, after, _NEAR)).fetchone()
    if row is not None:
        db.execute("UPDATE reports SET matched = 1 WHERE n = ?", (row[0],))
        _note(db, message, segment, row[1], row[2])
    return row is not None


_EARLY = """
SELECT r.n, r.status, r.done_at FROM submit_refs s JOIN reports r ON r.channel = s.channel AND r.ref = s.ref
AND r.tail = s.tail WHERE s.message = ? AND s.segment = ? AND r.matched = 0 AND r.n > ? ORDER BY r.n DESC"""
_EARLY_OTHERWISE = """
SELECT r.n, r.status, r.done_at FROM submit_refs s JOIN reports r ON r.channel = s.channel AND r.tail = s.tail
AND r.others != '' AND instr(r.others, char(10) || s.ref || char(10)) > 0
WHERE s.message = ? AND s.segment = ? AND r.matched = 0 AND r.n > ? ORDER BY r.n DESC"""


def adopt_early(db: sqlite3.Connection, message: str, segment: int, *, after: int) -> bool:
    """Give a segment the report that overtook the answer to its submit. True: there was one.

    ``after``: the newest report when the submit began; older ones are about an earlier use of the same TP-MR.
    """
    if db.execute("SELECT 1 FROM reports WHERE n > ?", (after,)).fetchone() is None:
        return False
    where = (message, segment, after)
    row = db.execute(_EARLY, where).fetchone() or db.execute(_EARLY_OTHERWISE, where).fetchone()
    if row is not None:
        db.execute("UPDATE reports SET matched = 1 WHERE n = ?", (row[0],))
        _note(db, message, segment, row[1], row[2])
    return row is not None


def settle(db: sqlite3.Connection, message: MessageSid) -> None:
    """Delivered when every segment is, failed when one is; told once, and not before the submit itself."""
    row = db.execute("SELECT state, segments FROM submits WHERE message = ?", (message,)).fetchone()
    if row is None or row[0] != "submitted":
        return
    refs = db.execute("SELECT outcome, status, done_at FROM submit_refs WHERE message = ?", (message,)).fetchall()
    failed = [status for outcome, status, _ in refs if outcome == ReportKind.FAILED]
    if failed:
        reason = f"the service centre gave up: TP-ST 0x{failed[0]:02x}"
        outbox.append(db, MessageFailed(message=message, code=report_code(failed[0]), reason=reason, after_submit=True))
        db.execute("UPDATE submits SET state = 'undelivered' WHERE message = ?", (message,))
    elif len(refs) >= row[1] and all(outcome == ReportKind.DELIVERED for outcome, _, _ in refs):
        stamps = [datetime.fromisoformat(done_at) for _, _, done_at in refs if done_at]
        outbox.append(db, MessageDelivered(message=message, done_at=max(stamps, default=None)))
        db.execute("UPDATE submits SET state = 'delivered' WHERE message = ?", (message,))


def tidy(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM reports WHERE at < ?", (now - KEPT_S,))


def _note(db: sqlite3.Connection, message: str, segment: int, status: int, done_at: str | None) -> None:
    kind = report_kind(status)
    db.execute(
        "UPDATE submit_refs SET outcome = ?, status = ?, done_at = ? WHERE message = ? AND segment = ?",
        (None if kind is ReportKind.TRYING else kind.value, status, done_at, message, segment),
    )
