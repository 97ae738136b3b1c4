"""Cookies between two numbers are kept for four hours, and nobody else's are touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud.store import accounts, conversations
from cloud.store.database import Connection, Database
from tests.fakes.store import store_url

AT = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS, OTHER = "+85510000001", "+85512000001", "+85512000002"


async def test_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    def story(conn: Connection) -> list[str]:
        mine, other = accounts.create(conn, "A").sid, accounts.create(conn, "B").sid
        conversations.keep(conn, mine, OURS, THEIRS, "one", at=AT)
        conversations.keep(conn, mine, OURS, THEIRS, "two", at=AT + timedelta(hours=1))
        conversations.keep(conn, mine, OURS, OTHER, "three", at=AT)
        later = AT + timedelta(hours=4, minutes=30)
        seen = [
            conversations.cookies(conn, mine, OURS, THEIRS, at=later),
            conversations.cookies(conn, mine, OURS, OTHER, at=later),
            conversations.cookies(conn, other, OURS, THEIRS, at=later),
        ]
        conversations.keep(conn, mine, OURS, THEIRS, "", at=later)
        return [*seen, conversations.cookies(conn, mine, OURS, THEIRS, at=later)]

    async with Database(store_url(tmp_path)) as db:
        assert await db.write(story) == ["two", "", "", ""]
