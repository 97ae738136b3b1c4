"""Verify services, their verifications, and each code that was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from cloud.store import keyset, tables, verify_limits
from cloud.store.records import AttemptRecord, Between, Cursor, PageOf, VerificationRecord, VerifyServiceRecord
from cloud.store.rows import from_row, now
from cloud.store.schema import verification_attempts, verifications, verify_services


@dataclass(frozen=True, slots=True)
class AttemptFilter:
    """``converted`` None: either. Empty text: any. ``prefix``: of the number, digits after the ``+``."""

    service: str = ""
    verification: str = ""
    recipient: str = ""
    country: str = ""
    channel: str = ""
    prefix: str = ""
    converted: bool | None = None
    created: Between = field(default_factory=Between)


# ------------------------------------------------------------------ services


def insert_service(conn: Connection, record: VerifyServiceRecord) -> VerifyServiceRecord:
    return tables.add(conn, verify_services, record)


def get_service(conn: Connection, sid: str) -> VerifyServiceRecord | None:
    return tables.find(conn, verify_services, VerifyServiceRecord, sid=sid)


def update_service(conn: Connection, sid: str, **changes: object) -> VerifyServiceRecord | None:
    return tables.change(conn, verify_services, VerifyServiceRecord, sid, changes)


def list_services(conn: Connection, account: str, cursor: Cursor) -> PageOf[VerifyServiceRecord]:
    return keyset.page(conn, verify_services, VerifyServiceRecord, [verify_services.c.account == account], cursor)


def remove_service(conn: Connection, sid: str) -> bool:
    """Delete it with all that is its own."""
    verify_limits.remove_of_service(conn, sid)
    for table in (verification_attempts, verifications):
        conn.execute(delete(table).where(table.c.service == sid))
    return tables.remove(conn, verify_services, sid)


# ------------------------------------------------------------------ verifications


def insert(conn: Connection, record: VerificationRecord) -> VerificationRecord:
    return tables.add(conn, verifications, record)


def pending(conn: Connection, service: str, key: str, at: datetime) -> VerificationRecord | None:
    """The one that waits for its code, by its SID or by whom it is for."""
    named = verifications.c.sid == key if key.startswith("VE") else verifications.c.recipient == key
    alive = (verifications.c.status == "pending") & (verifications.c.expires_at > at)
    asked = select(verifications).where(verifications.c.service == service, named, alive)
    row = conn.execute(asked.order_by(verifications.c.id.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else from_row(VerificationRecord, row)


def update_verification(conn: Connection, sid: str, **changes: object) -> VerificationRecord | None:
    return tables.change(conn, verifications, VerificationRecord, sid, changes)


def count_check(conn: Connection, sid: str) -> None:
    counted = update(verifications).where(verifications.c.sid == sid)
    conn.execute(counted.values(checks=verifications.c.checks + 1, updated_at=now()))


def end(conn: Connection, sid: str, status: str) -> VerificationRecord | None:
    """It waits no more, and its codes' hashes are forgotten."""
    conn.execute(update(verification_attempts).where(verification_attempts.c.verification == sid).values(code_hash=""))
    return update_verification(conn, sid, status=status)


def expire(conn: Connection, at: datetime, limit: int = 500) -> int:
    """End those whose time is over; how many."""
    late = (verifications.c.status == "pending") & (verifications.c.expires_at <= at)
    sids = list(conn.execute(select(verifications.c.sid).where(late).limit(limit)).scalars())
    for sid in sids:
        end(conn, sid, "expired")
    return len(sids)


# ------------------------------------------------------------------ attempts


def insert_attempt(conn: Connection, record: AttemptRecord) -> AttemptRecord:
    return tables.add(conn, verification_attempts, record)


def get_attempt(conn: Connection, sid: str) -> AttemptRecord | None:
    return tables.find(conn, verification_attempts, AttemptRecord, sid=sid)


def update_attempt(conn: Connection, sid: str, **changes: object) -> AttemptRecord | None:
    return tables.change(conn, verification_attempts, AttemptRecord, sid, changes)


def remove_attempt(conn: Connection, sid: str) -> None:
    tables.remove(conn, verification_attempts, sid)


def attempts_of(conn: Connection, verification: str) -> list[AttemptRecord]:
    """The oldest first."""
    return tables.find_all(conn, verification_attempts, AttemptRecord, verification=verification)


def list_attempts(conn: Connection, account: str, wanted: AttemptFilter, cursor: Cursor) -> PageOf[AttemptRecord]:
    return keyset.page(conn, verification_attempts, AttemptRecord, _where(account, wanted), cursor)


def count_attempts(conn: Connection, account: str, wanted: AttemptFilter) -> tuple[int, int]:
    """All of them, and how many were converted."""
    counted = select(func.count()).select_from(verification_attempts)
    where = _where(account, wanted)
    total = conn.execute(counted.where(*where)).scalar_one()
    return total, conn.execute(counted.where(*where, verification_attempts.c.converted.is_(True))).scalar_one()


def _where(account: str, wanted: AttemptFilter) -> list[ColumnElement[bool]]:
    columns = verification_attempts.c
    where = [columns.account == account, *keyset.within(columns.created_at, wanted.created)]
    for name in ("service", "verification", "recipient", "country", "channel"):
        if getattr(wanted, name):
            where.append(columns[name] == getattr(wanted, name))
    if wanted.prefix:
        where.append(columns.recipient.startswith(f"+{wanted.prefix}", autoescape=True))
    if wanted.converted is not None:
        where.append(columns.converted.is_(wanted.converted))
    return where
