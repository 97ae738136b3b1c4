"""Recordings: bytes from the edge, the callback, and the edge's permission to forget."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from cloud.services import recordings as service
from cloud.services.requests import NewCall
from cloud.store import calls, erasing, events, outbox, recordings
from cloud.store.records import Hook
from telecore.codec import decode_command
from telecore.commands import Erase
from telecore.errors import NotFound, TimedOut
from telecore.events import RecordingBegan, RecordingDropped, RecordingMade
from telecore.ids import RecordingSid, Sha256, new_sid
from telecore.model import Recording
from telecore.notices import BlobHeld, BlobStored, BlobUnknown
from tests.cloud.services.site import EDGE, HANDSET, NUMBERS
from tests.fakes.customer_app import twiml

SOUND = b"RIFF" + bytes(5000)


@pytest.fixture
async def call(desk):
    wanted = NewCall(caller=NUMBERS[0], to=HANDSET, twiml=twiml("<Record/>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted)
    await desk.answer(record.sid)
    return record.sid


def made(call, sha, **changes):
    recording = Recording(RecordingSid(new_sid("RE")), call, Sha256(sha), len(SOUND), 2.6)
    return RecordingMade(call=call, recording=recording, **changes)


async def becomes(desk, sid, status):
    async with asyncio.timeout(3):
        while True:
            record = await desk.db.read(lambda conn: recordings.get(conn, sid))
            if record and record.status == status:
                return record
            await asyncio.sleep(0.01)


def bring_by(desk, fetch):
    desk.desk.recordings._line = replace(desk.desk.recordings._line, fetch=fetch)


def stored(sha):
    return lambda notice: notice == BlobStored(Sha256(sha))


async def test_its_bytes_come_and_the_customer_is_told(desk, app, call):
    sha = await desk.blob(SOUND)
    event = made(call, sha, status_callback=app.answer("/recorded", ""))
    await desk.tell(event)
    await becomes(desk, event.recording.sid, "completed")
    await desk.line.wait_for(stored(sha))
    assert await desk.files.read(Sha256(sha), 0, 9999) == SOUND
    (seen,) = await app.wait_for("/recorded")
    assert seen.params["RecordingSid"] == event.recording.sid
    assert seen.params["RecordingUrl"] == f"http://cloud/{desk.account.sid}/{event.recording.sid}"
    assert (seen.params["RecordingStatus"], seen.params["RecordingDuration"]) == ("completed", "3")
    assert (seen.params["CallSid"], seen.params["RecordingSource"]) == (call, "RecordVerb")


@pytest.mark.parametrize("source", ["RecordVerb", "DialVerb", "OutboundAPI"])
async def test_where_it_is_told_outlives_a_restart_of_the_cloud(desk, app, source):
    """The edge says what the verb said; what the maker of the call said is in the call's row."""
    urls = {name: app.answer(f"/{name}", "") for name in ("RecordVerb", "DialVerb", "OutboundAPI")}
    hook = Hook(urls["OutboundAPI"])
    wanted = NewCall(caller=NUMBERS[0], to=HANDSET, twiml=twiml("<Pause/>"), record=True, recording_callback=hook)
    record = await desk.desk.calls.create(desk.account.sid, wanted)
    await desk.answer(record.sid)
    await desk.page(record.sid, 1)
    await desk.restart()
    told = {} if source == "OutboundAPI" else {"status_callback": urls[source]}
    await desk.tell(made(record.sid, await desk.blob(SOUND), source=source, **told))
    (seen,) = await app.wait_for(f"/{source}")
    assert seen.params["RecordingSource"] == source


async def test_the_last_callback_of_a_call_names_what_was_recorded_of_it_all(desk, app):
    hook = Hook(app.answer("/status", ""))
    wanted = NewCall(caller=NUMBERS[0], to=HANDSET, twiml=twiml("<Pause/>"), record=True, status_callback=hook)
    call = await desk.desk.calls.create(desk.account.sid, wanted)
    await desk.answer(call.sid)
    event = made(call.sid, await desk.blob(SOUND), source="OutboundAPI")
    await desk.tell(event)
    await desk.end(call.sid)
    (seen,) = await app.wait_for("/status")
    assert (seen.params["CallStatus"], seen.params["RecordingSid"]) == ("completed", event.recording.sid)
    assert seen.params["RecordingUrl"] == f"http://cloud/{desk.account.sid}/{event.recording.sid}"
    assert seen.params["RecordingDuration"] == "3"


async def test_that_it_began_and_that_nothing_came_of_it_are_told_to_who_asked(desk, app, call):
    asked = {"status_callback": app.answer("/asked", ""), "status_callback_events": ("in-progress", "absent")}
    sid = RecordingSid(new_sid("RE"))
    await desk.tell(RecordingBegan(call=call, sid=sid, **asked), RecordingDropped(call=call, sid=sid, **asked))
    not_asked = {"status_callback": app.answer("/not", ""), "sid": sid}
    await desk.tell(RecordingBegan(call=call, **not_asked), RecordingDropped(call=call, **not_asked))
    seen = await app.wait_for("/asked", 2)
    assert [one.params["RecordingStatus"] for one in seen] == ["in-progress", "absent"]
    assert {one.params["RecordingSid"] for one in seen} == {sid}
    await asyncio.sleep(0.05)
    assert app.seen("/not") == []


async def test_it_waits_for_its_edge(desk, call):
    sha = await desk.blob(SOUND)
    desk.line.up = False
    event = made(call, sha)
    await desk.send(event)
    await asyncio.sleep(0.05)
    await becomes(desk, event.recording.sid, "processing")
    desk.line.up = True
    desk.desk.on_link(EDGE, True)
    await becomes(desk, event.recording.sid, "completed")


async def test_after_a_restart_it_is_brought(desk, call):
    sha = await desk.blob(SOUND)
    desk.line.up = False
    event = made(call, sha)
    await desk.send(event)
    desk.line.up = True
    await desk.restart()
    await becomes(desk, event.recording.sid, "completed")


async def test_one_line_that_is_bad_holds_up_nobody_else(desk, call, monkeypatch):
    """More fail than are brought at once, all of them older."""
    fetch, bad = desk.line.fetch, []

    async def fails(edge, sha256, size, within_s):
        if sha256 in bad:
            raise TimedOut("the line is bad")
        await fetch(edge, sha256, size, within_s)

    bring_by(desk, fails)
    monkeypatch.setattr(service, "AGAIN_S", 0.0)
    for number in range(6):
        bad.append(await desk.blob(SOUND + bytes([number])))
        await desk.tell(made(call, bad[-1]))
    event = made(call, await desk.blob(SOUND))
    await desk.tell(event)
    await becomes(desk, event.recording.sid, "completed")


async def test_one_deleted_on_its_way_leaves_no_sound(desk, call):
    sha, fetch = Sha256(await desk.blob(SOUND)), desk.line.fetch
    event = made(call, sha)

    async def meanwhile(*asked):
        await fetch(*asked)
        await desk.db.write(lambda conn: recordings.delete(conn, event.recording.sid))

    bring_by(desk, meanwhile)
    await desk.tell(event)
    await desk.line.wait_for(stored(sha))
    assert await desk.files.size(sha) is None


async def test_what_ran_on_a_call_that_is_lost_is_absent_and_its_sound_may_still_come(desk, call):
    sid = RecordingSid(new_sid("RE"))
    await desk.tell(RecordingBegan(call=call, sid=sid))
    desk.desk.calls.lost(await desk.db.read(lambda conn: calls.get(conn, call)))
    await becomes(desk, sid, "absent")
    await desk.tell(RecordingMade(call=call, recording=Recording(sid, call, await desk.blob(SOUND), len(SOUND), 2.6)))
    await becomes(desk, sid, "completed")


async def test_bytes_the_edge_has_lost(desk, app, call):
    url = app.answer("/recorded", "")
    event = made(call, "0" * 64, status_callback=url, status_callback_events=("completed", "absent"))
    await desk.tell(event)
    await becomes(desk, event.recording.sid, "absent")
    (seen,) = await app.wait_for("/recorded")
    assert seen.params["RecordingStatus"] == "absent"


async def test_what_the_edge_still_holds_it_may_forget(desk, call):
    sha = await desk.blob(SOUND)
    event = made(call, sha)
    await desk.tell(event)
    await desk.line.wait_for(stored(sha))
    desk.line.sent.clear()
    desk.desk.on_notice(EDGE, BlobHeld((Sha256("1" * 64), Sha256(sha))))
    await desk.line.wait_for(stored(sha))
    await asyncio.sleep(0.05)
    assert [n for n in desk.line.sent if isinstance(n, BlobStored)] == [BlobStored(Sha256(sha))]


async def test_of_what_the_edge_holds_it_learns_what_no_recording_needs(desk, call):
    sha, elsewhere, nobodys = await desk.blob(SOUND), Sha256("2" * 64), Sha256("1" * 64)
    mine = made(call, sha)
    await desk.tell(mine)
    await desk.line.wait_for(stored(sha))
    record = await desk.db.read(lambda conn: recordings.get(conn, mine.recording.sid))
    other = replace(record, sid=new_sid("RE"), call=new_sid("CA"), sha256=elsewhere)
    await desk.db.write(lambda conn: recordings.insert(conn, other))
    desk.desk.on_notice(EDGE, BlobHeld((nobodys, Sha256(sha), elsewhere)))
    assert await desk.line.wait_for(lambda n: isinstance(n, BlobUnknown)) == BlobUnknown((nobodys,))


async def erased(desk):
    rows = await desk.db.read(lambda conn: outbox.read(conn, EDGE, 0, 100))
    commands = [decode_command(payload) for _, payload in rows]
    return [(one.subjects, one.sounds) for one in commands if isinstance(one, Erase)]


async def test_what_comes_late_for_a_deleted_recording_or_call_is_dropped_and_deleted_at_its_edge(desk, call):
    given_up, of_gone = RecordingSid(new_sid("RE")), made(call, "a" * 64)
    await desk.tell(RecordingBegan(call=call, sid=given_up), RecordingDropped(call=call, sid=given_up))
    await desk.db.write(lambda conn: erasing.tell(conn, [erasing.recording(conn, given_up)]))
    event = made(call, "b" * 64, status_callback="https://app.example/secret")
    event = replace(event, recording=replace(event.recording, sid=given_up))
    await desk.tell(RecordingBegan(call=call, sid=given_up), event)
    await desk.end(call)
    await desk.db.write(lambda conn: erasing.tell(conn, [erasing.call(conn, call)]))
    await desk.tell(of_gone)
    assert await desk.db.read(lambda conn: recordings.by_call(conn, call)) == []
    assert await erased(desk) == [
        ((given_up,), ()), ((given_up,), ("b" * 64,)), ((call,), ()), ((of_gone.recording.sid,), ("a" * 64,)),
    ]  # fmt: skip
    kept = await desk.db.read(lambda conn: events.list_(conn, about=call))
    assert {one.kind for one in kept if not one.payload} >= {"recording.made", "recording.began"}


async def test_sound_that_another_recording_needs_is_left_at_the_edge(desk, call):
    desk.line.up = False
    one, twin = made(call, "a" * 64), made(call, "a" * 64)
    await desk.send(one, twin)
    await asyncio.sleep(0.05)
    for event in (one, twin):
        sid = event.recording.sid
        await desk.db.write(lambda conn, sid=sid: erasing.tell(conn, [erasing.recording(conn, sid)]))
    assert await erased(desk) == [((one.recording.sid,), ()), ((twin.recording.sid,), ("a" * 64,))]


async def test_one_that_is_deleted_while_it_comes_leaves_no_part_of_it(desk, call, monkeypatch):
    monkeypatch.setattr(service, "AGAIN_S", 0.01)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def fetch(edge, sha256, size, within_s):
        await desk.files.write(sha256, 0, SOUND[:1000])
        begun.set()
        await go_on.wait()
        raise TimedOut("the line is bad")

    bring_by(desk, fetch)
    event = made(call, await desk.blob(SOUND))
    await desk.send(event)
    await asyncio.wait_for(begun.wait(), 3)
    sid, sha256 = event.recording.sid, event.recording.sha256
    await desk.db.write(lambda conn: erasing.tell(conn, [erasing.recording(conn, sid)]))
    assert await desk.files.partial(sha256) == 1000
    go_on.set()
    async with asyncio.timeout(3):
        while await desk.files.partial(sha256):  # noqa: ASYNC110  (files tell nobody)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [NotFound("no such blob"), TimedOut("the line is bad")])
async def test_a_store_that_fails_with_the_line_is_waited_for(desk, call, monkeypatch, caplog, error):
    monkeypatch.setattr(service, "AGAIN_S", 0.01)
    bring, tried = desk.desk.recordings._line.fetch, 0

    async def fetch(edge, sha256, size, within_s):
        nonlocal tried
        tried += 1
        if tried == 1:
            await desk.db.write(lambda conn: conn.execute(text("ALTER TABLE recordings RENAME TO away")))
            raise error
        await bring(edge, sha256, size, within_s)

    bring_by(desk, fetch)
    event = made(call, await desk.blob(SOUND))
    await desk.send(event)
    async with asyncio.timeout(3):
        while "whether it was deleted is not known" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await desk.db.write(lambda conn: conn.execute(text("ALTER TABLE away RENAME TO recordings")))
    await becomes(desk, event.recording.sid, "completed")
    assert tried == 2


async def test_a_recording_of_a_call_that_was_deleted_is_brought_all_the_same(desk, call):
    sha = await desk.blob(SOUND)
    desk.line.up = False
    event = made(call, sha)
    await desk.send(event)
    await becomes(desk, event.recording.sid, "processing")
    await desk.end(call)
    await desk.db.write(lambda conn: erasing.call(conn, call))
    desk.line.up = True
    desk.desk.on_link(EDGE, True)
    await becomes(desk, event.recording.sid, "completed")
    await desk.line.wait_for(stored(sha))
