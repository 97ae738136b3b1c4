"""API keys. A secret is 32 random characters, so that one round of SHA-256 keeps it as well as many would."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

from sqlalchemy import Connection, delete

from cloud.store import keyset, tables
from cloud.store.records import Cursor, KeyRecord, PageOf
from cloud.store.rows import now
from cloud.store.schema import keys
from telecore.ids import AccountSid, Sha256, new_sid

_LETTERS = string.ascii_letters + string.digits
_LENGTH = 32


def create(conn: Connection, account: AccountSid, friendly_name: str) -> tuple[KeyRecord, str]:
    """A new key and its secret, which is nowhere but here."""
    secret, made = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)), now()
    record = KeyRecord(
        sid=new_sid("SK"),
        account=account,
        friendly_name=friendly_name,
        secret_sha256=_hash(secret),
        created_at=made,
        updated_at=made,
    )
    return tables.add(conn, keys, record), secret


def opens(record: KeyRecord, secret: str) -> bool:
    """Whether it is the key's secret."""
    return hmac.compare_digest(record.secret_sha256, _hash(secret))


def get(conn: Connection, sid: str) -> KeyRecord | None:
    return tables.find(conn, keys, KeyRecord, sid=sid)


def update(conn: Connection, sid: str, **changes: object) -> KeyRecord | None:
    """Set fields by name; the record as it is now."""
    return tables.change(conn, keys, KeyRecord, sid, changes)


def remove(conn: Connection, sid: str) -> bool:
    return tables.remove(conn, keys, sid)


def remove_all(conn: Connection, account: str) -> None:
    """Those of an account that is closed."""
    conn.execute(delete(keys).where(keys.c.account == account))


def list_(conn: Connection, account: str, cursor: Cursor) -> PageOf[KeyRecord]:
    return keyset.page(conn, keys, KeyRecord, [keys.c.account == account], cursor)


def _hash(secret: str) -> Sha256:
    return Sha256(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())
