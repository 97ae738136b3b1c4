"""How channels stand, and which number is to be found in which."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from cloud.store import accounts, applications, channels, edges, numbers
from cloud.store.database import Connection
from cloud.store.records import ChannelRecord, EdgeRecord, NumberRecord
from telecore.errors import NotFound
from telecore.ids import E164, AccountSid, ChannelId, EdgeId
from telecore.model import ChannelStatus

log = logging.getLogger(__name__)


def hear(conn: Connection, edge: EdgeRecord, status: ChannelStatus, now: datetime) -> None:
    """Remember how a channel stands, and where the numbers of its SIM or its trunk are to be found."""
    channels.upsert(conn, edge.edge, status, at=now)
    if not status.own_numbers:
        return
    for other in numbers.of_channel(conn, status.channel):
        if other.number not in status.own_numbers:
            numbers.update(conn, other.sid, channel=None)
    for number in status.own_numbers:
        _find(conn, edge, status, number)


def _find(conn: Connection, edge: EdgeRecord, status: ChannelStatus, number: E164) -> None:
    known = numbers.get_by_number(conn, number)
    if known is not None and not within(conn, known.account, edge.account):
        log.warning("edge %s has the SIM of a number of another account: it is not bound", edge.edge)
    elif known is None or known.channel != status.channel:
        if known is not None:
            numbers.update(conn, known.sid, channel=status.channel)
        elif not _given_up(conn, number, edge.account):
            numbers.create(conn, edge.account, number, channel=status.channel)


def _given_up(conn: Connection, number: E164, owner: AccountSid) -> bool:
    """Whether its owners have released it. In the hands of others a SIM begins anew."""
    account = numbers.released_by(conn, number)
    return account is not None and within(conn, account, owner)


def within(conn: Connection, account: AccountSid, owner: AccountSid) -> bool:
    """Whether the account is that owner, or a subaccount of his, or his own owner's."""
    if account == owner:
        return True
    one, other = accounts.get(conn, account), accounts.get(conn, owner)
    return (one is not None and one.owner == owner) or (other is not None and other.owner == account)


def account_of(conn: Connection, channel: ChannelId, edge: EdgeId) -> AccountSid:
    """Whose the SIM in this channel is: who has its number, else who has the edge. Raises NotFound for no edge."""
    number, record = numbers.get_by_channel(conn, channel), edges.get(conn, edge)
    if number is not None:
        return number.account
    if record is None:
        raise NotFound(f"There is no edge {edge}")
    return record.account


def accounts_of(conn: Connection, found: Sequence[ChannelRecord]) -> dict[ChannelId, AccountSid]:
    """Whose each of these is, as ``account_of`` says; those of no edge are left out."""
    owners = {record.edge: record.account for record in edges.list_(conn, {one.edge for one in found})}
    bound = numbers.accounts_by_channel(conn, [one.channel for one in found])
    whose = {one.channel: bound.get(one.channel) or owners.get(one.edge) for one in found}
    return {channel: account for channel, account in whose.items() if account is not None}


def number_of(conn: Connection, edge: EdgeRecord, number: E164 | None, channel: ChannelId) -> NumberRecord | None:
    """The number that was called or written to: as the SIM tells it, else by the channel it came through.

    Its URLs are those that count, which may be an application's.
    """
    found = numbers.get_by_number(conn, number) if number else None
    if found is None or not within(conn, found.account, edge.account):
        found = numbers.get_by_channel(conn, channel)
    return None if found is None else applications.applied(conn, found)
