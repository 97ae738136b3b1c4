"""Validated caller ids, and the calls that validate them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy import update as set_

from cloud.store import keyset, tables
from cloud.store.records import CallerIdRecord, Cursor, PageOf, ValidationRecord
from cloud.store.rows import now, to_row
from cloud.store.schema import outgoing_caller_ids, validations
from telecore.ids import new_sid

PAGE = "simferry:validation"
"""What stands for a URL in the row of a call that asks for a code: its documents are made here."""


@dataclass(frozen=True, slots=True)
class CallerIdFilter:
    number: str | None = None
    friendly_name: str | None = None


def begin(conn: Connection, record: ValidationRecord) -> None:
    """A call has been placed that asks for the code."""
    tables.insert_row(conn, validations, to_row(record))


def validation(conn: Connection, call: str) -> ValidationRecord | None:
    return tables.find(conn, validations, ValidationRecord, call=call)


def tried(conn: Connection, record: ValidationRecord, code: str) -> CallerIdRecord | None:
    """Count one attempt; with the right code the number is the account's caller id from now on. One that was given up
    with a lost key is matched by nothing."""
    changes: dict[str, object] = {"tries": record.tries + 1}
    made = _make(conn, record) if record.code and code == record.code else None
    if made is not None:
        changes["caller_id"] = made.sid
    conn.execute(set_(validations).where(validations.c.call == record.call).values(changes))
    return made


def get(conn: Connection, sid: str) -> CallerIdRecord | None:
    return tables.find(conn, outgoing_caller_ids, CallerIdRecord, sid=sid)


def get_by_number(conn: Connection, account: str, number: str) -> CallerIdRecord | None:
    return tables.find(conn, outgoing_caller_ids, CallerIdRecord, account=account, number=number)


def update(conn: Connection, sid: str, **changes: object) -> CallerIdRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, outgoing_caller_ids, CallerIdRecord, sid, changes)


def remove(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, outgoing_caller_ids, sid)


def list_(conn: Connection, account: str, wanted: CallerIdFilter, cursor: Cursor) -> PageOf[CallerIdRecord]:
    where = [outgoing_caller_ids.c.account == account]
    if wanted.number is not None:
        where.append(outgoing_caller_ids.c.number == wanted.number)
    if wanted.friendly_name is not None:
        where.append(outgoing_caller_ids.c.friendly_name == wanted.friendly_name)
    return keyset.page(conn, outgoing_caller_ids, CallerIdRecord, where, cursor)


def _make(conn: Connection, record: ValidationRecord) -> CallerIdRecord:
    known = get_by_number(conn, record.account, record.number)
    if known is not None:
        return known
    made = now()
    return tables.add(
        conn,
        outgoing_caller_ids,
        CallerIdRecord(
            sid=new_sid("PN"),
            account=record.account,
            number=record.number,
            friendly_name=record.friendly_name,
            created_at=made,
            updated_at=made,
        ),
    )
