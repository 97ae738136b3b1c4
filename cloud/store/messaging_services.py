"""Messaging services, the numbers in them, and the sender that each recipient knows."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from cloud.store import keyset, tables
from cloud.store.records import Cursor, MessagingServiceRecord, NumberRecord, PageOf, ServiceNumberRecord
from cloud.store.rows import from_row, now
from cloud.store.schema import messaging_services, numbers, opt_outs, service_numbers, sticky_senders
from telecore.ids import NumberSid, new_sid


def insert(conn: Connection, record: MessagingServiceRecord) -> MessagingServiceRecord:
    return tables.add(conn, messaging_services, record)


def get(conn: Connection, sid: str) -> MessagingServiceRecord | None:
    return tables.find(conn, messaging_services, MessagingServiceRecord, sid=sid)


def update(conn: Connection, sid: str, **changes: object) -> MessagingServiceRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, messaging_services, MessagingServiceRecord, sid, changes)


def remove(conn: Connection, sid: str) -> bool:
    """Delete it; its numbers are free again, and nobody is known by it any more."""
    conn.execute(delete(sticky_senders).where(sticky_senders.c.service == sid))
    conn.execute(delete(opt_outs).where(opt_outs.c.sender == sid))
    conn.execute(delete(service_numbers).where(service_numbers.c.service == sid))
    return tables.remove(conn, messaging_services, sid)


def list_(conn: Connection, account: str, cursor: Cursor) -> PageOf[MessagingServiceRecord]:
    where = [messaging_services.c.account == account]
    return keyset.page(conn, messaging_services, MessagingServiceRecord, where, cursor)


# ------------------------------------------------------------------ its numbers


def add_number(conn: Connection, service: MessagingServiceRecord, number: NumberRecord) -> ServiceNumberRecord:
    """Raises IntegrityError (Conflict outside) for one that is in a service."""
    made = now()
    record = ServiceNumberRecord(new_sid("SN"), service.account, service.sid, number.sid, made, made)
    return tables.add(conn, service_numbers, record)


def membership(conn: Connection, number: NumberSid) -> ServiceNumberRecord | None:
    """Which service the number is in."""
    return tables.find(conn, service_numbers, ServiceNumberRecord, number=number)


def service_of(conn: Connection, number: NumberSid) -> MessagingServiceRecord | None:
    """The service that the number is in."""
    found = membership(conn, number)
    return get(conn, found.service) if found is not None else None


def remove_number(conn: Connection, record: ServiceNumberRecord) -> None:
    tables.remove(conn, service_numbers, record.sid)
    gone = (sticky_senders.c.service == record.service) & (sticky_senders.c.number == record.number)
    conn.execute(delete(sticky_senders).where(gone))


def list_numbers(conn: Connection, service: str, cursor: Cursor) -> PageOf[ServiceNumberRecord]:
    return keyset.page(conn, service_numbers, ServiceNumberRecord, [service_numbers.c.service == service], cursor)


def pool(conn: Connection, service: str) -> list[NumberRecord]:
    """The numbers of a service, in the order they came."""
    joined = numbers.join(service_numbers, service_numbers.c.number == numbers.c.sid)
    asked = select(numbers).select_from(joined).where(service_numbers.c.service == service)
    return [from_row(NumberRecord, row) for row in conn.execute(asked.order_by(service_numbers.c.id)).mappings()]


# ------------------------------------------------------------------ whom recipients know


def sticky_sender(conn: Connection, service: str, recipient: str) -> NumberSid | None:
    """The number that wrote to him last."""
    where = (sticky_senders.c.service == service) & (sticky_senders.c.recipient == recipient)
    found = conn.execute(select(sticky_senders.c.number).where(where)).scalar()
    return None if found is None else NumberSid(found)


def set_sticky_sender(conn: Connection, service: str, recipient: str, number: NumberSid) -> None:
    values = {"service": service, "recipient": recipient, "number": number, "at": now()}
    tables.upsert(conn, sticky_senders, values)
