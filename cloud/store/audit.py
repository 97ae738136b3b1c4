"""The audit log. It is only ever added to, and each entry is hashed together with the hash of the one before it: an
entry that is changed, taken out or put in between breaks the chain from there on.

What a chain alone cannot show is that its end was cut off. Its head (number and hash) is therefore told to the
journal and to a file beside the database, and ``verify`` asks that each head it is given is still part of the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, text

from cloud.store.records.audit import AuditRecord, Entry
from cloud.store.rows import from_row, now, to_row
from cloud.store.schema import audit

BEGINNING = "0" * 64
HEADS = "audit.heads"
"""The file of heads in the data folder, ``NUMBER:HASH`` a line."""
LONGEST = 500
_AT_ONCE = 1000
_LOCK = 61906
"""Any number: controllers that share a database take turns at the chain's end by it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry there was at some moment."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``faults`` in words, none when the log is whole."""

    entries: int
    head: Head
    faults: tuple[str, ...] = ()


def append(conn: Connection, entry: Entry, *, at: datetime | None = None) -> AuditRecord:
    """Add an entry within this transaction."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last, told = head(conn), {name: _short(value) for name, value in to_row(entry).items()}
    record = AuditRecord(number=last.number + 1, at=_micros(at or now()), before=last.hash, hash="", **told)
    record = replace(record, hash=hash_of(record))
    conn.execute(insert(audit), to_row(record))
    return record


def head(conn: Connection) -> Head:
    """The last entry; number 0 of an empty log."""
    row = conn.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).one_or_none()
    return Head(0, BEGINNING) if row is None else Head(row.number, row.hash)


def hash_of(record: AuditRecord) -> str:
    """SHA-256 of all else, as a list in JSON: no two entries are written alike."""
    moment = record.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = (record.who, record.action, record.target, record.source, record.result, record.detail)
    return hashlib.sha256(json.dumps([record.number, moment, *told, record.before]).encode()).hexdigest()


def latest(conn: Connection, limit: int, *, below: int | None = None, who: str = "") -> list[AuditRecord]:
    """Newest first; those with a lower number than ``below``, and of ``who``, where these are given."""
    asked = select(audit).order_by(audit.c.number.desc()).limit(limit)
    if below is not None:
        asked = asked.where(audit.c.number < below)
    if who:
        asked = asked.where(audit.c.who == who)
    return [from_row(AuditRecord, row) for row in conn.execute(asked).mappings()]


def verify(conn: Connection, anchors: Sequence[Head] = ()) -> Verdict:
    """Read the whole chain, and hold against it the heads that were told elsewhere."""
    faults: list[str] = []
    last, hashes = Head(0, BEGINNING), {anchor.number: "" for anchor in anchors}
    count = 0
    for record in _all(conn):
        count += 1
        if record.number != last.number + 1:
            faults.append(f"entries {last.number + 1} to {record.number - 1} are missing")
        elif record.before != last.hash:
            faults.append(f"entry {record.number} does not follow entry {last.number}")
        if hash_of(record) != record.hash:
            faults.append(f"entry {record.number} has been changed")
        last = Head(record.number, record.hash)
        if record.number in hashes:
            hashes[record.number] = record.hash
    faults.extend(_held_against(last, anchors, hashes))
    return Verdict(count, last, tuple(faults))


def _held_against(last: Head, anchors: Sequence[Head], hashes: dict[int, str]) -> Iterator[str]:
    missing = [anchor.number for anchor in anchors if anchor.number > last.number]
    if missing:
        yield f"the log ends at entry {last.number}, but it had {max(missing)}: its end has been cut off"
    for anchor in anchors:
        if 0 < anchor.number <= last.number and hashes[anchor.number] != anchor.hash:
            yield f"entry {anchor.number} is not the one that was told at the time: the log was written anew"
            return


def _all(conn: Connection) -> Iterator[AuditRecord]:
    after = 0
    while True:
        asked = select(audit).where(audit.c.number > after).order_by(audit.c.number).limit(_AT_ONCE)
        rows = [from_row(AuditRecord, row) for row in conn.execute(asked).mappings()]
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1].number


def _short(value: str) -> str:
    """What strangers wrote may be long, and no text."""
    return value[:LONGEST].encode("utf-8", "replace").decode().replace("\x00", "?")


def _micros(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
