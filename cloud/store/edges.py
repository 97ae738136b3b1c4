"""Edges: who may connect. A token enrols one edge once; after that its key alone is known, and only its hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, select
from sqlalchemy import update as change

from cloud.store import tables
from cloud.store.records import EdgeRecord
from cloud.store.rows import columns, now
from cloud.store.schema import applied, edges
from telecore.errors import NotAllowed
from telecore.ids import AccountSid, EdgeId, new_id

TOKEN_LIFE = timedelta(hours=24)


def create(
    conn: Connection, edge: EdgeId, account: AccountSid, *, at: datetime | None = None, life: timedelta = TOKEN_LIFE
) -> str:
    """Make the edge, or give one that exists a new token; the token, to be shown once.

    An edge that has enrolled keeps its key until the new token is used, so a running site is not cut off.
    """
    token, made = secrets.token_urlsafe(32), at or now()
    terms: dict[str, object] = {"token_sha256": digest(token), "token_expires_at": made + life}
    fresh = {"edge": edge, "account": account, "created_at": made, "key_sha256": "", "instance": "", "version": ""}
    if not tables.insert_new(conn, edges, {**fresh, "outbox_stream": new_id(), "outbox_highest": 0, **terms}):
        conn.execute(change(edges).where(edges.c.edge == edge).values(terms))
    return token


def enrol(conn: Connection, token: str, key_sha256: str, *, at: datetime | None = None) -> EdgeRecord:
    """Spend the token: the edge it was made for, which now has this key. Raises NotAllowed 20003."""
    moment = at or now()
    good = (edges.c.token_sha256 == digest(token)) & (edges.c.token_expires_at > moment)
    edge = conn.execute(select(edges.c.edge).where(good)).scalar()
    record = None if edge is None else get(conn, edge)
    if record is None:
        raise NotAllowed("The enrolment token is unknown, used or expired")
    spent: dict[str, Any] = {"token_sha256": None, "token_expires_at": None}
    return update(conn, record.edge, key_sha256=key_sha256, enrolled_at=moment, **spent) or record


def digest(secret: str) -> str:
    """What is kept of a token or a key. They are random and long: a plain SHA-256 needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def get(conn: Connection, edge: str) -> EdgeRecord | None:
    row = conn.execute(_ONE, {"which": edge}).mappings().one_or_none()
    return None if row is None else _record(conn, row)


def by_key(conn: Connection, key_sha256: str) -> EdgeRecord | None:
    """The edge that has this key."""
    row = conn.execute(select(edges).where(edges.c.key_sha256 == key_sha256)).mappings().first()
    return None if row is None or not key_sha256 else _record(conn, row)


def update(conn: Connection, edge: str, **changes: object) -> EdgeRecord | None:
    """Set columns by name (last_seen_at, instance, version, account, …); the record as it is now."""
    conn.execute(change(edges).where(edges.c.edge == edge).values(columns(changes)))
    return get(conn, edge)


def list_(conn: Connection) -> list[EdgeRecord]:
    """All, by name."""
    return [_record(conn, row) for row in conn.execute(select(edges).order_by(edges.c.edge)).mappings().all()]


_OF: BindParameter[str] = bindparam("which")
_ONE = select(edges).where(edges.c.edge == _OF)
_STREET = select(applied.c.stream, applied.c.seq).where(applied.c.edge == _OF).order_by(applied.c.at.desc()).limit(1)


def _record(conn: Connection, row: RowMapping) -> EdgeRecord:
    street = conn.execute(_STREET, {"which": row["edge"]}).one_or_none()
    return EdgeRecord(
        edge=row["edge"],
        account=row["account"],
        created_at=row["created_at"],
        key_sha256=row["key_sha256"],
        enrolled_at=row["enrolled_at"],
        last_seen_at=row["last_seen_at"],
        instance=row["instance"],
        version=row["version"],
        stream=street.stream if street else "",
        applied=street.seq if street else 0,
        outbox_acked=row["outbox_acked"],
        linked=row["linked"],
        doubt_at=row["doubt_at"],
        doubt_stream=row["doubt_stream"],
        doubt_seq=row["doubt_seq"],
    )
