"""Which clip a rendered text or a fetched file became."""

from __future__ import annotations

from sqlalchemy import Connection, select

from cloud.store import tables
from cloud.store.rows import now
from cloud.store.schema import clips
from telecore.ids import Sha256
from telecore.model import Clip


def get(conn: Connection, key: str) -> Clip | None:
    """``key`` is a hash of what was rendered: the text, voice and language, or a URL and its validator."""
    row = conn.execute(select(clips).where(clips.c.key == key)).one_or_none()
    return None if row is None else Clip(Sha256(row.sha256), row.size, row.ms)


def put(conn: Connection, key: str, clip: Clip) -> None:
    """Remember, replacing what was there."""
    values = {"key": key, "sha256": clip.sha256, "size": clip.size, "ms": clip.ms, "made_at": now()}
    tables.upsert(conn, clips, values)
