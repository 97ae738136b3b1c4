"""After a message is deleted, its words and its numbers are in no file of the data folder."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.store import accounts, callbacks, erasing, events, messages, notifications, webhook_log
from cloud.store.database import Connection, Database, StoreFailed
from cloud.store.records import Hook, MessageRecord, WebhookLogRecord
from telecore.events import MessageReceived
from telecore.ids import Address, ChannelId, EdgeId, MessageSid, new_sid
from telecore.model import Direction, MessageStatus
from tests.fakes.store import store_url

COUNT = 200
SECRET, NUMBER = "the-code-is-", "+85599"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def keep(conn: Connection, account: str, n: int) -> str:
    """A message, and every place where a copy of it stands."""
    sid, body, sender = MessageSid(new_sid("SM")), f"{SECRET}{n} " + "x" * (n % 7) * 900, Address(f"{NUMBER}{n:06}")
    messages.insert(
        conn,
        MessageRecord(
            sid=sid, account=account, direction=Direction.INBOUND, sender=sender, recipient=Address("+85512000001"),
            body=body, status=MessageStatus.RECEIVED, created_at=NOW, updated_at=NOW,
        ),
    )  # fmt: skip
    event = MessageReceived(
        message=sid, channel=ChannelId("site-1/modem1"), sender=sender, recipient=None, body=body, parts=1,
        sent_at=NOW, at=NOW,
    )  # fmt: skip
    assert events.insert(conn, event, EdgeId("site-1"))
    row = callbacks.add(conn, account, sid, Hook("https://app.example/"), {"Body": body, "From": sender})
    callbacks.failed(conn, row, None, f"11200 {body}")
    notifications.add(conn, account, sid, 11200, body)
    webhook_log.add(
        conn,
        [
            WebhookLogRecord(
                sid=new_sid("WH"), account=account, subject=sid, url="https://app.example/", method="POST",
                params={"Body": body, "From": sender}, whole=True, sent={}, status=500, code=11200, fault=body, got={},
                body=body, size=4, duration_ms=1, at=NOW,
            )
        ],
    )  # fmt: skip
    return sid


def found(folder: Path) -> list[str]:
    """Files that hold any of it."""
    marks = (SECRET.encode(), NUMBER.encode())
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if any(mark in path.read_bytes() for mark in marks)]


async def test_nothing_is_left_of_what_was_deleted(tmp_path: Path) -> None:
    async with Database(await asyncio.to_thread(store_url, tmp_path)) as db:
        account = (await db.write(lambda conn: accounts.create(conn, "Clinic"))).sid
        sids = [await db.write(lambda conn, n=n: keep(conn, account, n)) for n in range(COUNT)]  # type: ignore[misc]
        assert await asyncio.to_thread(found, tmp_path)
        for sid in sids:
            await db.write(lambda conn, sid=sid: erasing.message(conn, sid))  # type: ignore[misc]
        assert await db.scrub()
        assert await asyncio.to_thread(found, tmp_path) == []
        # What the events were is gone; that they were heard is not.
        again = MessageReceived(
            message=MessageSid(sids[0]), channel=ChannelId("site-1/modem1"), sender=Address("+1"), recipient=None,
            body="", parts=1, sent_at=NOW, at=NOW,
        )  # fmt: skip
        kept = await db.read(lambda conn: events.list_(conn, about=sids[0]))
        assert [(event.kind, event.payload) for event in kept] == [(again.kind, {})]


async def test_nothing_is_left_either_by_one_that_is_killed_before_it_is_scrubbed(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "killed").mkdir)
    url = await asyncio.to_thread(store_url, tmp_path / "killed")
    async with Database(url) as db:
        account = (await db.write(lambda conn: accounts.create(conn, "Clinic"))).sid
        sid = await db.write(lambda conn: keep(conn, account, 1))
        await db.write(lambda conn: erasing.message(conn, sid))
        await asyncio.to_thread(shutil.copytree, tmp_path / "killed", tmp_path / "next")
    assert await asyncio.to_thread(found, tmp_path / "next")
    async with Database(url.replace("/killed/", "/next/")) as db:
        assert db.erased
        assert await db.scrub()
        assert await asyncio.to_thread(found, tmp_path / "next") == []
        assert not db.erased


async def test_a_scrub_that_fails_is_still_due(tmp_path: Path) -> None:
    async with Database(await asyncio.to_thread(store_url, tmp_path)) as db:
        path = tmp_path / "cloud.db"
        path.rename(tmp_path / "aside")
        path.mkdir()
        with pytest.raises(StoreFailed):
            await db.scrub()
        assert db.erased
        path.rmdir()
        (tmp_path / "aside").rename(path)
        assert await db.scrub()
        assert not db.erased
