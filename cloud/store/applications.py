"""Applications, and the numbers whose URLs they take the place of."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection
from sqlalchemy import update as set_

from cloud.store import keyset, tables
from cloud.store.records import ApplicationRecord, Cursor, Hook, NumberRecord, PageOf
from cloud.store.schema import applications, numbers


def insert(conn: Connection, record: ApplicationRecord) -> ApplicationRecord:
    return tables.add(conn, applications, record)


def get(conn: Connection, sid: str) -> ApplicationRecord | None:
    return tables.find(conn, applications, ApplicationRecord, sid=sid)


def of_account(conn: Connection, account: str, sid: str) -> ApplicationRecord | None:
    """The application, if it is this account's."""
    return tables.find(conn, applications, ApplicationRecord, sid=sid, account=account)


def update(conn: Connection, sid: str, **changes: object) -> ApplicationRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, applications, ApplicationRecord, sid, changes)


def remove(conn: Connection, sid: str) -> None:
    """Delete it; numbers that refer to it have their own URLs again."""
    for column in (numbers.c.voice_application, numbers.c.sms_application):
        conn.execute(set_(numbers).where(column == sid).values({column.name: None}))
    tables.remove(conn, applications, sid)


def list_(conn: Connection, account: str, friendly_name: str | None, cursor: Cursor) -> PageOf[ApplicationRecord]:
    where = [applications.c.account == account]
    if friendly_name is not None:
        where.append(applications.c.friendly_name == friendly_name)
    return keyset.page(conn, applications, ApplicationRecord, where, cursor)


def applied(conn: Connection, number: NumberRecord) -> NumberRecord:
    """The number with the URLs that count: its applications' in place of its own."""
    voice = of_account(conn, number.account, number.voice_application) if number.voice_application else None
    if voice is not None:
        number = replace(
            number,
            voice=voice.voice,
            voice_fallback=voice.voice_fallback,
            status_callback=voice.status_callback,
        )
    sms = of_account(conn, number.account, number.sms_application) if number.sms_application else None
    return number if sms is None else replace(number, sms=sms.sms, sms_fallback=sms.sms_fallback)


def of_number(conn: Connection, number: str) -> NumberRecord | None:
    """The number as ``applied`` makes it."""
    found = tables.find(conn, numbers, NumberRecord, number=number)
    return None if found is None else applied(conn, found)


def message_callback(record: ApplicationRecord) -> Hook:
    """Where this application hears what becomes of messages."""
    return Hook(record.message_status_callback or record.sms_status_callback)
