"""What is past its days goes, wherever it stands; what is under way, young or another account's stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cloud.services import retention as service
from cloud.services.callbacks import Callbacks
from cloud.services.renditions import Renditions
from cloud.services.retention import PIECE, Retention
from cloud.store import (
    accounts,
    callbacks,
    calls,
    edges,
    erasing,
    events,
    messages,
    notifications,
    outbox,
    recordings,
    retention,
    schema,
    streams,
    transcriptions,
    webhook_log,
)
from cloud.store.database import Connection, StoreFailed
from cloud.store.records import CallRecord, Hook, MessageRecord, RecordingRecord, WebhookLogRecord
from cloud.tunnel.heard import utc_now
from telecore.audio.wav import write_wav
from telecore.codec import decode_command
from telecore.commands import Erase
from telecore.events import CallOffered, Event, MessageReceived
from telecore.ids import E164, Address, CallSid, ChannelId, EdgeId, MessageSid, RecordingSid, Sha256, new_sid
from telecore.model import CallStatus, Direction, MessageStatus
from tests.fakes.customer_app import Reply

OURS, CHANNEL = Address("+85512000001"), ChannelId("site-1/modem1")
WORDS, NUMBER, SOUND, HEARD = "the-code-is-", "+85599", b"what-was-said-", "heard-words-"
MARKS = (WORDS.encode(), NUMBER.encode(), SOUND, HEARD.encode())
NOW = utc_now()
OLD, YOUNG = NOW - timedelta(days=8), NOW - timedelta(days=6)


@pytest.fixture
async def keeper(db, files, tmp_path):
    renditions = Renditions(tmp_path / "renditions", files)
    yield Retention(db, files, renditions, wake=lambda edge: None, now=lambda: NOW)
    renditions.close()


def told(conn: Connection, account: str, sid: str, event: Event, text: str) -> None:
    """Every copy of it that there can be."""
    assert events.insert(conn, event, EdgeId("site-1"))
    row = callbacks.add(conn, account, sid, Hook("https://app.example/"), {"Body": text})
    callbacks.failed(conn, row, None, text)
    notifications.add(conn, account, sid, 11200, text)
    exchange = WebhookLogRecord(
        sid=new_sid("WH"), account=account, subject=sid, url="https://app.example/", method="POST",
        params={"Body": text}, whole=True, sent={}, status=500, code=11200, fault=text, got={}, body=text, size=4,
        duration_ms=1, at=NOW,
    )  # fmt: skip
    webhook_log.add(conn, [exchange])


def message(conn: Connection, account, n: int = 0, status=MessageStatus.RECEIVED, at=OLD, **more) -> MessageSid:
    sid, body, theirs = MessageSid(new_sid("SM")), f"{WORDS}{n}", Address(f"{NUMBER}{n:06}")
    inbound = status is MessageStatus.RECEIVED
    record = MessageRecord(
        sid=sid, account=account.sid, direction=Direction.INBOUND if inbound else Direction.OUTBOUND_API,
        sender=theirs if inbound else OURS, recipient=OURS if inbound else theirs, body=body, status=status,
        created_at=at, updated_at=at, channel=CHANNEL,
    )  # fmt: skip
    messages.insert(conn, replace(record, **more))
    event = MessageReceived(
        message=sid, channel=CHANNEL, sender=theirs, recipient=None, body=body, parts=1, sent_at=at, at=at
    )
    told(conn, account.sid, sid, event, f"{body} {theirs}")
    return sid


def call(conn: Connection, account, n: int = 0, status=CallStatus.COMPLETED, at=OLD, **more) -> CallSid:
    sid, theirs = CallSid(new_sid("CA")), Address(f"{NUMBER}{n:06}")
    record = CallRecord(
        sid=sid, account=account.sid, direction=Direction.INBOUND, caller=theirs, called=OURS, status=status,
        created_at=at, updated_at=at, channel=CHANNEL, edge=EdgeId("site-1"), twiml=f"<Say>{WORDS}</Say>",
    )  # fmt: skip
    calls.insert(conn, replace(record, **more))
    event = CallOffered(call=sid, channel=CHANNEL, caller=theirs, called=E164("+85512000001"), at=at)
    told(conn, account.sid, sid, event, str(theirs))
    streams.add(conn, account.sid, sid, new_sid("MZ"), f"{WORDS}{n}")
    return sid


def recording(conn: Connection, account, of: CallSid, sha256: str, status="completed", at=OLD) -> RecordingSid:
    record = RecordingRecord(
        sid=RecordingSid(new_sid("RE")), account=account.sid, call=of, sha256=Sha256(sha256), size=100, duration_s=1.0,
        channels=1, source="RecordVerb", status=status, created_at=at, updated_at=at,
    )  # fmt: skip
    recordings.insert(conn, record)
    heard = transcriptions.begin(conn, record, Hook())
    transcriptions.update(conn, heard.sid, status="completed", text=f"{HEARD}{record.sid}")
    return record.sid


async def wav(files, n: int = 0) -> Sha256:
    return await files.add(write_wav((SOUND + f"{n:06}".encode()) * 200))


async def kept(db, table, sids) -> list[bool]:
    return [await db.read(lambda conn, sid=sid: table.get(conn, sid)) is not None for sid in sids]


async def setting(db, account, **changes) -> None:
    await db.write(lambda conn: accounts.update(conn, account.sid, **changes))


def found(folder: Path) -> dict[str, list[str]]:
    """Files that hold any of it, and what they hold."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    held = {path.name: [mark.decode() for mark in MARKS if mark in path.read_bytes()] for path in files}
    return {name: marks for name, marks in held.items() if marks}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL's lies elsewhere, in its own hands
@pytest.mark.parametrize("level", ["redacted", "deleted"])
async def test_nothing_is_left_in_the_data_folder(db, account, files, keeper, tmp_path, level):
    count = PIECE + 3

    def fill(conn: Connection, sounds: list[Sha256]) -> tuple[list[str], list[str], list[str]]:
        texts = [message(conn, account, n) for n in range(count)]
        texts += [message(conn, account, n, MessageStatus.SENT, secret_body=f"{WORDS}x") for n in range(count)]
        spoken = [call(conn, account, n) for n in range(count)]
        sound = [recording(conn, account, one, sha) for one, sha in zip(spoken, sounds, strict=True)]
        return texts, spoken, sound

    # Two of them have the same sound.
    sounds = [await wav(files, max(n, 1)) for n in range(count)]
    texts, spoken, sound = await db.write(lambda conn: fill(conn, sounds))
    await keeper._renditions.path(sounds[0], 1, mp3=True)
    shown = await asyncio.to_thread(found, tmp_path)
    assert {mark for marks in shown.values() for mark in marks} == {mark.decode() for mark in MARKS}
    assert await keeper.purge() == 0  # for ever, unless said
    await setting(db, account, message_retention=level, message_days=7, recording_days=7, call_days=7)
    assert await keeper.purge() == 4 * count
    assert await db.scrub()
    assert await asyncio.to_thread(found, tmp_path) == {}
    assert list((tmp_path / "renditions").iterdir()) == []
    assert not any(await kept(db, calls, spoken) + await kept(db, recordings, sound))
    assert set(await kept(db, messages, texts)) == {level == "redacted"}
    assert await keeper.purge() == 0


async def test_the_edge_that_may_have_it_too_is_told(db, account, files, tmp_path):
    """What its days end goes from the site as what is deleted by hand."""
    site, woken = EdgeId("site-1"), []
    renditions = Renditions(tmp_path / "renditions", files)
    keeper = Retention(db, files, renditions, wake=woken.append, now=lambda: NOW)
    await setting(db, account, message_days=2, recording_days=2, call_days=2)
    sound, before = await wav(files), NOW - timedelta(days=3)

    def fill(conn: Connection) -> tuple[str, str, str]:
        edges.create(conn, site, account.sid)
        spoken = call(conn, account, at=before)
        return message(conn, account, at=before), spoken, recording(conn, account, spoken, sound, at=before)

    text, spoken, heard = await db.write(fill)
    assert await keeper.purge() == 3
    rows = await db.read(lambda conn: outbox.read(conn, site, 0, 100))
    commands = [decode_command(payload) for _, payload in rows]
    assert [(one.subjects, one.redacted, one.sounds) for one in commands if isinstance(one, Erase)] == [
        ((), (text,), ()), ((heard,), (), (sound,)), ((spoken,), (), ()),
    ]  # fmt: skip
    assert woken == [site] * 3
    renditions.close()


async def test_a_redacted_message_says_that_it_was(db, account, keeper):
    await setting(db, account, message_days=7)
    sid = await db.write(lambda conn: message(conn, account, 123))
    out = await db.write(lambda conn: message(conn, account, 5, MessageStatus.DELIVERED))
    assert await keeper.purge() == 2
    came, went = [await db.read(lambda conn, sid=sid: messages.get(conn, sid)) for sid in (sid, out)]
    assert (came.body, came.sender, came.recipient, came.created_at) == ("", "+8559*******", OURS, OLD)
    assert (went.body, went.sender, went.recipient, went.status) == ("", OURS, "+8559*******", "delivered")


@pytest.mark.parametrize("level", ["redacted", "deleted"])
async def test_what_is_under_way_or_young_or_anothers_stays(db, account, files, keeper, tmp_path, level):
    other = await db.write(lambda conn: accounts.create(conn, "Other"))
    await setting(db, account, message_retention=level, message_days=7, recording_days=7, call_days=7)
    sha = await wav(files)
    under_way = ("scheduled", "accepted", "queued", "sending", "receiving")

    def fill(conn: Connection) -> tuple[list[str], list[str], list[str]]:
        texts = [message(conn, account, n, MessageStatus(status)) for n, status in enumerate(under_way)]
        texts += [message(conn, account, 10, at=YOUNG), message(conn, other, 11)]
        texts.append(message(conn, account, 12, MessageStatus.DELIVERED, send_at=YOUNG))
        texts.append(message(conn, account, 13))
        callbacks.add(conn, account.sid, texts[-1], Hook("https://app.example/"), {"Body": WORDS})
        live = [call(conn, account, n, CallStatus(s)) for n, s in enumerate(("queued", "ringing", "in-progress"))]
        leg = call(conn, account, 4, parent=live[2])
        above = call(conn, account, 5)
        below = call(conn, account, 6, CallStatus.IN_PROGRESS, parent=above)
        long = call(conn, account, 7, ended_at=YOUNG)
        awaited = call(conn, account, 8)
        spoken = [*live, leg, above, below, long, awaited, call(conn, account, 9, at=YOUNG), call(conn, other, 10)]
        sound = [recording(conn, account, awaited, "", s) for s in ("in-progress", "paused", "stopped", "processing")]
        sound += [recording(conn, account, live[2], sha, at=YOUNG), recording(conn, other, spoken[-1], sha)]
        heard = recording(conn, account, live[2], sha)
        transcriptions.begin(conn, recordings.get(conn, heard), Hook())
        gone = recording(conn, account, live[2], sha)
        return texts, spoken, [*sound, heard, gone]

    texts, spoken, sound = await db.write(fill)
    assert await keeper.purge() == 1
    assert all(await kept(db, messages, texts) + await kept(db, calls, spoken))
    assert await kept(db, recordings, sound) == [True] * (len(sound) - 1) + [False]
    assert await files.size(sha) is not None  # others have the same
    bodies = [(await db.read(lambda conn, sid=sid: messages.get(conn, sid))).body for sid in texts]
    assert all(bodies)
    # What held them up is over: they go at the next pass, the other account's and the young ones stay.
    await db.write(lambda conn: messages.update(conn, texts[0], status=MessageStatus.CANCELED))
    await db.write(lambda conn: calls.update(conn, spoken[2], status=CallStatus.COMPLETED))
    assert await keeper.purge() == 3
    left = await db.read(lambda conn: messages.get(conn, texts[0]))
    assert (left.body if left is not None else "") == ""
    assert await kept(db, calls, spoken[2:4]) == [False, False]


async def test_more_than_is_looked_at_in_one_go(db, account, keeper, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 4)
    await setting(db, account, message_days=7)
    old = await db.write(lambda conn: [message(conn, account, n) for n in range(10)])
    waits = await db.write(lambda conn: message(conn, account, 10, MessageStatus.QUEUED))
    later = await db.write(lambda conn: [message(conn, account, 20 + n) for n in range(10)])
    assert await keeper.purge() == 20
    await db.write(lambda conn: messages.update(conn, waits, status=MessageStatus.FAILED))
    assert await keeper.purge() == 1
    bodies = [(await db.read(lambda conn, sid=sid: messages.get(conn, sid))).body for sid in (*old, waits, *later)]
    assert not any(bodies)
    # Shorter: redacted already is not deleted yet.
    await setting(db, account, message_retention="deleted")
    assert await keeper.purge() == 21
    assert not any(await kept(db, messages, (*old, waits, *later)))


async def test_others_write_between_the_pieces(db, account, keeper):
    await setting(db, account, message_retention="deleted", message_days=7)
    await db.write(lambda conn: [message(conn, account, n) for n in range(PIECE * 8)])
    purging = asyncio.create_task(keeper.purge())
    wrote = 0
    while not purging.done():
        await db.write(lambda conn: notifications.add(conn, account.sid, "", 11200, "x"))
        wrote += 1
        await asyncio.sleep(0)
    assert purging.result() == PIECE * 8
    assert wrote >= 8


async def test_it_runs_by_itself_and_outlives_a_store_that_fails(db, account, keeper, monkeypatch, caplog):
    monkeypatch.setattr(service, "FIRST_S", 0.0)
    monkeypatch.setattr(service, "EVERY_S", 0.01)
    await setting(db, account, message_retention="deleted", message_days=7)
    sid = await db.write(lambda conn: message(conn, account))
    read, failures = db.read, [StoreFailed("the disk is full")]

    async def reads(work):
        if failures:
            raise failures.pop()
        return await read(work)

    monkeypatch.setattr(db, "read", reads)
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(5):
        while await read(lambda conn: messages.get(conn, sid)) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert "the disk is full" in caplog.text
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("how", ["redacted", "deleted"])
async def test_a_callback_that_is_given_up_afterwards_leaves_nothing(db, account, app, client, debugger, how):
    """As long as it is pending its parameters stand; then they go, though it was deleted by hand before."""
    url = app.answer("/sms", Reply("", status=400))

    def fill(conn: Connection) -> str:
        sid = message(conn, account)
        callbacks.add(conn, account.sid, sid, Hook(url), {"Body": f"{WORDS}7"})
        (erasing.redact if how == "redacted" else erasing.message)(conn, sid)
        return sid

    sid = await db.write(fill)
    running = asyncio.create_task(Callbacks(db, client, debugger).run())
    rows = select(schema.callbacks.c.id).where(schema.callbacks.c.subject == sid)
    assert await db.read(lambda conn: conn.execute(rows).all())
    async with asyncio.timeout(5):
        while await db.read(lambda conn: conn.execute(rows).all()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [request.path for request in app.received] == ["/sms"]
    running.cancel()
    await asyncio.wait([running])


async def test_sound_is_gone_before_its_row(db, account, files, keeper, monkeypatch):
    """So that a crash in between leaves no sound that nobody knows of."""
    await setting(db, account, recording_days=7)
    sha = await wav(files)
    of = await db.write(lambda conn: call(conn, account))
    sid = await db.write(lambda conn: recording(conn, account, of, sha))

    async def crash(sha256: Sha256) -> None:
        raise OSError("here it ends")

    with monkeypatch.context() as patch:
        patch.setattr(keeper._renditions, "forget", crash)
        with pytest.raises(OSError, match="here it ends"):
            await keeper.purge()
    assert await files.size(sha) is None
    assert await kept(db, recordings, [sid]) == [True]
    assert await keeper.purge() == 1
    assert await kept(db, recordings, [sid]) == [False]
