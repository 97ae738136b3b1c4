"""Numbers of SIMs, Twilio's IncomingPhoneNumbers."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, select

from cloud import numbering
from cloud.store import keyset, tables
from cloud.store.records import Cursor, NumberRecord, PageOf
from cloud.store.rows import now
from cloud.store.schema import channels, numbers, opt_outs, released_numbers, service_numbers
from telecore.ids import E164, AccountSid, ChannelId, NumberSid, new_sid

_OF_CHANNEL = select(numbers).where(numbers.c.channel == bindparam("of_channel")).order_by(numbers.c.id.desc()).limit(1)
_LIKE_SPECIAL = re.compile(r"([\\%_])")


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """``pattern``: digits, ``*`` for any one of them; it may stand anywhere in the number."""

    pattern: str | None = None
    friendly_name: str | None = None
    kind: str | None = None


def create(
    conn: Connection, account: AccountSid, number: E164, *, channel: ChannelId | None = None, friendly_name: str = ""
) -> NumberRecord:
    """Take it, even back from the released. Raises IntegrityError (Conflict outside) for one that somebody has."""
    made = now()
    conn.execute(delete(released_numbers).where(released_numbers.c.number == number))
    record = NumberRecord(
        sid=NumberSid(new_sid("PN")),
        account=account,
        number=number,
        friendly_name=friendly_name or number,
        created_at=made,
        updated_at=made,
        channel=channel,
        kind=numbering.kind_of(number),
    )
    return tables.add(conn, numbers, record)


def get(conn: Connection, sid: str) -> NumberRecord | None:
    return tables.find(conn, numbers, NumberRecord, sid=sid)


def get_by_number(conn: Connection, number: str) -> NumberRecord | None:
    return tables.find(conn, numbers, NumberRecord, number=number)


def get_by_channel(conn: Connection, channel: str) -> NumberRecord | None:
    """The number whose SIM was seen last in this channel; the latest of them when SIMs were swapped."""
    row = conn.execute(_OF_CHANNEL, {"of_channel": channel}).mappings().first()
    return None if row is None else tables.record_of(conn, numbers, NumberRecord, row)


def accounts_by_channel(conn: Connection, channels: Collection[str]) -> dict[ChannelId, AccountSid]:
    """Who has the number that ``get_by_channel`` finds, for each of these channels that has one."""
    asked = select(numbers.c.channel, numbers.c.account).where(numbers.c.channel.in_(channels))
    rows = conn.execute(asked.order_by(numbers.c.id))
    return {ChannelId(channel): AccountSid(account) for channel, account in rows}


def of_channel(conn: Connection, channel: str) -> list[NumberRecord]:
    """All numbers bound to this channel."""
    return tables.find_all(conn, numbers, NumberRecord, channel=channel)


def of_account(conn: Connection, account: str) -> list[NumberRecord]:
    """All numbers of this account."""
    return tables.find_all(conn, numbers, NumberRecord, account=account)


def one_of_each_beginning(conn: Connection, account: str) -> list[str]:
    """Of an account's numbers one for each of their first six characters: enough to tell the countries."""
    asked = select(func.min(numbers.c.number)).where(numbers.c.account == account)
    return [str(number) for number in conn.execute(asked.group_by(func.substr(numbers.c.number, 1, 6))).scalars()]


def channels_of(conn: Connection, account: str) -> list[str]:
    """The channels in which this account's SIMs were seen last."""
    asked = select(numbers.c.channel).where(numbers.c.account == account, numbers.c.channel.is_not(None)).distinct()
    return [str(channel) for (channel,) in conn.execute(asked)]


def channels_with(conn: Connection, part: str) -> list[str]:
    """The channels in which SIMs were seen last whose number has this in it."""
    asked = select(numbers.c.channel).where(numbers.c.number.contains(part, autoescape=True))
    return [str(channel) for channel in conn.execute(asked.where(numbers.c.channel.is_not(None))).scalars()]


def by_channel(conn: Connection, edges: Collection[str]) -> dict[ChannelId, E164]:
    """The number that ``get_by_channel`` finds, for each channel of these edges that has one."""
    there = select(channels.c.channel).where(channels.c.edge.in_(edges))  # there may be more than a query takes values
    asked = select(numbers.c.channel, numbers.c.number).where(numbers.c.channel.in_(there))
    return {ChannelId(channel): E164(number) for channel, number in conn.execute(asked.order_by(numbers.c.id))}


def update(conn: Connection, sid: str, **changes: object) -> NumberRecord | None:
    """Set fields by name; the record as it is now. In other hands it leaves its messaging service."""
    if "account" in changes:
        conn.execute(delete(service_numbers).where(service_numbers.c.number == sid))
    return tables.change(conn, numbers, NumberRecord, sid, changes)


def release(conn: Connection, record: NumberRecord) -> None:
    """Delete it, and remember who gave it up: its SIM will be heard of again."""
    conn.execute(delete(service_numbers).where(service_numbers.c.number == record.sid))
    conn.execute(delete(opt_outs).where(opt_outs.c.sender == record.sid))
    tables.remove(conn, numbers, record.sid)
    tables.upsert(conn, released_numbers, {"number": record.number, "account": record.account, "at": now()})


def released_by(conn: Connection, number: str) -> AccountSid | None:
    """The account that gave this number up, until somebody takes it again."""
    asked = select(released_numbers.c.account).where(released_numbers.c.number == number)
    found = conn.execute(asked).scalar()
    return None if found is None else AccountSid(found)


def list_(conn: Connection, account: str, wanted: NumberFilter, cursor: Cursor) -> PageOf[NumberRecord]:
    where = [numbers.c.account == account]
    if wanted.pattern is not None:
        pattern = _LIKE_SPECIAL.sub(r"\\\1", wanted.pattern).replace("*", "_")
        where.append(numbers.c.number.like(f"%{pattern}%", escape="\\"))
    if wanted.kind is not None:
        where.append(numbers.c.kind == wanted.kind)
    if wanted.friendly_name is not None:
        where.append(numbers.c.friendly_name == wanted.friendly_name)
    return keyset.page(conn, numbers, NumberRecord, where, cursor)
