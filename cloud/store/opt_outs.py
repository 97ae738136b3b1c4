"""Who wants no more messages: by recipient, and the SID of the service or of the number that wrote to him."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from cloud.store import tables
from cloud.store.rows import now
from cloud.store.schema import opt_outs, service_numbers
from telecore.ids import AccountSid


def add(conn: Connection, account: AccountSid, sender: str, recipient: str) -> bool:
    """Whether he had not said so before."""
    values = {"sender": sender, "recipient": recipient, "account": account, "at": now()}
    return tables.insert_new(conn, opt_outs, values)


def remove(conn: Connection, senders: Iterable[str], recipient: str) -> bool:
    """Whether he had said so before."""
    where = opt_outs.c.sender.in_(tuple(senders)) & (opt_outs.c.recipient == recipient)
    return conn.execute(delete(opt_outs).where(where)).rowcount > 0


def among(conn: Connection, senders: Iterable[str], recipient: str) -> frozenset[str]:
    """Those of these senders that he wants nothing from."""
    where = opt_outs.c.sender.in_(tuple(senders)) & (opt_outs.c.recipient == recipient)
    return frozenset(conn.execute(select(opt_outs.c.sender).where(where)).scalars())


def refuses(conn: Connection, recipient: str, *, number: str = "", service: str = "") -> bool:
    """Whether he wants nothing from this number (by SID), from the service it is in, or from this service."""
    asked = {"to_whom": recipient, "the_number": number, "the_service": service}
    return conn.execute(_REFUSES, asked).scalar() is not None


_NUMBER: BindParameter[str] = bindparam("the_number")
_ITS_SERVICE = select(service_numbers.c.service).where(service_numbers.c.number == _NUMBER)
_BY = (opt_outs.c.sender == _NUMBER) | (opt_outs.c.sender == bindparam("the_service"))
_REFUSES = (
    select(opt_outs.c.sender)
    .where(opt_outs.c.recipient == bindparam("to_whom"), _BY | opt_outs.c.sender.in_(_ITS_SERVICE))
    .limit(1)
)
"""Asked for every message, so it is made once."""
