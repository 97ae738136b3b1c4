"""Accounts and subaccounts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from cloud.store import keyset, tables
from cloud.store.records import AccountRecord, Cursor, PageOf
from cloud.store.rows import now
from cloud.store.schema import accounts
from telecore.ids import AccountSid, new_sid


@dataclass(frozen=True, slots=True)
class AccountFilter:
    friendly_name: str | None = None
    status: str | None = None


def create(conn: Connection, friendly_name: str, owner: AccountSid | None = None) -> AccountRecord:
    """A new active account with a random token."""
    made = now()
    record = AccountRecord(
        sid=AccountSid(new_sid("AC")),
        friendly_name=friendly_name,
        auth_token=new_token(),
        created_at=made,
        updated_at=made,
        owner=owner,
    )
    return tables.add(conn, accounts, record)


def new_token() -> str:
    """32 random hex digits."""
    return secrets.token_hex(16)


def get(conn: Connection, sid: str) -> AccountRecord | None:
    return tables.find(conn, accounts, AccountRecord, sid=sid)


def is_active(conn: Connection, record: AccountRecord) -> bool:
    """Whether it, and the account that owns it, are neither suspended nor closed."""
    owner = get(conn, record.owner) if record.owner is not None else None
    return record.status == "active" and (owner is None or owner.status == "active")


def update(conn: Connection, sid: str, **changes: object) -> AccountRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, accounts, AccountRecord, sid, changes)


def list_(conn: Connection, account: str, wanted: AccountFilter, cursor: Cursor) -> PageOf[AccountRecord]:
    """The account and its subaccounts."""
    where = [or_(accounts.c.sid == account, accounts.c.owner == account)]
    if wanted.friendly_name is not None:
        where.append(accounts.c.friendly_name == wanted.friendly_name)
    if wanted.status is not None:
        where.append(accounts.c.status == wanted.status)
    return keyset.page(conn, accounts, AccountRecord, where, cursor)


def below(conn: Connection, owner: str) -> list[AccountSid]:
    """The subaccounts of this one."""
    return [AccountSid(sid) for sid in conn.execute(select(accounts.c.sid).where(accounts.c.owner == owner)).scalars()]


def all_(conn: Connection) -> list[AccountRecord]:
    """Every account, oldest first."""
    return tables.find_all(conn, accounts, AccountRecord)


def roots(conn: Connection) -> list[AccountRecord]:
    """Accounts that are nobody's subaccount, oldest first."""
    rows = conn.execute(select(accounts).where(accounts.c.owner.is_(None)).order_by(accounts.c.id)).mappings()
    return [tables.record_of(conn, accounts, AccountRecord, row) for row in rows]
