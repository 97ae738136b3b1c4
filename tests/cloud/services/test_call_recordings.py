"""Recordings of live calls, from the API to the edge and back."""

from __future__ import annotations

import asyncio

import pytest

from cloud.services.call_recordings import CURRENT, MOST, CallRecordings
from cloud.services.requests import ChangeRecording, NewCall, NewRecording
from cloud.store import accounts, recordings
from cloud.store.records import Hook
from telecore.commands import ControlRecording, RecordCall
from telecore.errors import InvalidRequest, NotFound, TunnelDown
from telecore.events import RecordingBegan, RecordingChanged, RecordingDropped, RecordingMade
from telecore.ids import CallSid, RecordingSid, Sha256, new_sid
from telecore.model import Recording
from telecore.notices import Do
from tests.cloud.services.site import HANDSET, NUMBERS
from tests.cloud.services.test_recordings import SOUND, becomes
from tests.fakes.customer_app import twiml

ALL = ("in-progress", "completed", "absent")


@pytest.fixture
async def call(desk):
    wanted = NewCall(caller=NUMBERS[0], to=HANDSET, twiml=twiml("<Pause length='60'/>"))
    record = await desk.desk.calls.create(desk.account.sid, wanted)
    await desk.answer(record.sid)
    return record.sid


@pytest.fixture
def service(desk):
    return desk.desk.call_recordings


async def started(desk, call, **options):
    return await desk.desk.call_recordings.start(desk.account.sid, call, NewRecording(**options))


async def told(desk, kind):
    notice = await desk.line.wait_for(lambda n: isinstance(n, Do) and isinstance(n.command, kind))
    return notice.command


async def changes(desk, call, sid, status, **options):
    """The change is asked for; the edge does it."""
    wanted = ChangeRecording(status, **options)
    asking = asyncio.ensure_future(desk.desk.call_recordings.change(desk.account.sid, call, sid, wanted))
    command = await desk.line.wait_for(
        lambda n: isinstance(n, Do) and isinstance(n.command, ControlRecording) and n.command.status == status
    )
    await desk.tell(RecordingChanged(call=call, sid=command.command.recording, status=status))
    return await asking, command.command


async def test_from_its_beginning_to_its_bytes(desk, app, call):
    hook = Hook(app.answer("/recorded", ""))
    record = await started(desk, call, channels=2, callback=hook, callback_events=ALL)
    assert (record.status, record.source) == ("in-progress", "StartCallRecordingAPI")
    assert (record.channels, record.track) == (2, "both")
    command = await told(desk, RecordCall)
    assert (command.call, command.recording, command.channels, command.trim) == (call, record.sid, 2, False)
    await desk.tell(RecordingBegan(call=call, sid=record.sid, channels=2, source="StartCallRecordingAPI"))
    paused, command = await changes(desk, call, record.sid, "paused", pause_silence=False)
    assert (paused.status, command.silence) == ("paused", False)
    resumed, _ = await changes(desk, call, CURRENT, "in-progress")
    assert (resumed.sid, resumed.status) == (record.sid, "in-progress")
    stopped, _ = await changes(desk, call, CURRENT, "stopped")
    assert stopped.status == "stopped"
    sha = Sha256(await desk.blob(SOUND))
    made = Recording(record.sid, call, sha, len(SOUND), 2.4, 2)
    await desk.tell(RecordingMade(call=call, recording=made, source="StartCallRecordingAPI"))
    kept = await becomes(desk, record.sid, "completed")
    assert (kept.sha256, kept.duration_s) == (sha, 2.4)
    seen = await app.wait_for("/recorded", 2)
    assert [one.params["RecordingStatus"] for one in seen] == ["in-progress", "completed"]
    assert seen[1].params["RecordingSource"] == "StartCallRecordingAPI"
    assert (seen[1].params["RecordingTrack"], seen[1].params["RecordingChannels"]) == ("both", "2")


async def test_one_that_never_began_is_absent_when_the_call_is_over(desk, app, call):
    hook = Hook(app.answer("/recorded", ""))
    record = await started(desk, call, callback=hook, callback_events=ALL)
    await desk.end(call)
    await becomes(desk, record.sid, "absent")
    (seen,) = await app.wait_for("/recorded")
    assert seen.params["RecordingStatus"] == "absent"


async def test_nothing_to_be_heard(desk, call):
    record = await started(desk, call)
    await desk.tell(RecordingBegan(call=call, sid=record.sid), RecordingDropped(call=call, sid=record.sid))
    await becomes(desk, record.sid, "absent")


async def test_sound_that_is_told_of_after_the_end_still_comes(desk, call):
    record = await started(desk, call)
    await desk.end(call)
    await becomes(desk, record.sid, "absent")
    made = Recording(record.sid, call, Sha256(await desk.blob(SOUND)), len(SOUND), 2.4)
    await desk.tell(RecordingMade(call=call, recording=made))
    await becomes(desk, record.sid, "completed")


async def test_without_its_edge_nothing_is_kept(desk, call):
    desk.line.up = False
    with pytest.raises(TunnelDown):
        await started(desk, call)
    assert await desk.db.read(lambda conn: recordings.by_call(conn, call)) == []


async def test_an_edge_that_says_nothing_is_told_as_408(desk, call):
    record = await started(desk, call)
    slow = CallRecordings(desk.db, desk.line.notify, changed_s=0.1)
    with pytest.raises(InvalidRequest) as caught:
        await slow.change(desk.account.sid, call, record.sid, ChangeRecording("paused"))
    assert caught.value.status == 408
    await becomes(desk, record.sid, "in-progress")


async def test_what_is_so_already_needs_nobody(desk, service, call):
    record = await started(desk, call)
    same = await service.change(desk.account.sid, call, record.sid, ChangeRecording("in-progress"))
    assert same.status == "in-progress"
    await changes(desk, call, record.sid, "stopped")
    same = await service.change(desk.account.sid, call, record.sid, ChangeRecording("stopped"))
    assert same.status == "stopped"


async def refused(work):
    with pytest.raises(InvalidRequest) as caught:
        await work
    return caught.value.code


async def test_a_call_that_nobody_speaks_on(desk, call):
    await desk.end(call)
    assert await refused(started(desk, call)) == 21220
    inline = twiml("<Pause/>")
    ringing = await desk.desk.calls.create(desk.account.sid, NewCall(caller=NUMBERS[0], to=HANDSET, twiml=inline))
    assert await refused(started(desk, ringing.sid)) == 21220


async def test_so_many_at_a_time(desk, call):
    for _ in range(MOST):
        await started(desk, call)
    assert await refused(started(desk, call)) == 21220


async def test_which_one(desk, service, call):
    me = desk.account.sid
    with pytest.raises(NotFound):
        await service.change(me, call, CURRENT, ChangeRecording("stopped"))
    record = await started(desk, call)
    await started(desk, call)
    assert await refused(service.change(me, call, CURRENT, ChangeRecording("stopped"))) == 21220
    with pytest.raises(NotFound):
        await service.change(me, call, new_sid("RE"), ChangeRecording("stopped"))
    with pytest.raises(NotFound):
        await service.change(me, new_sid("CA"), record.sid, ChangeRecording("stopped"))
    other = await desk.db.write(lambda conn: accounts.create(conn, "Other"))
    with pytest.raises(NotFound):
        await service.change(other.sid, call, record.sid, ChangeRecording("stopped"))
    with pytest.raises(NotFound):
        await service.start(other.sid, call, NewRecording())


async def test_one_that_is_over_and_one_of_a_verb_are_not_changed(desk, service, call):
    record = await started(desk, call)
    await desk.tell(RecordingDropped(call=call, sid=record.sid))
    assert await refused(service.change(desk.account.sid, call, record.sid, ChangeRecording("paused"))) == 21220
    verb = RecordingSid(new_sid("RE"))
    await desk.tell(RecordingBegan(call=call, sid=verb, source="RecordVerb", track="inbound"))
    assert (await becomes(desk, verb, "in-progress")).track == "inbound"
    assert await refused(service.change(desk.account.sid, call, verb, ChangeRecording("paused"))) == 21220


async def test_another_calls_news_and_words_that_are_none_change_nothing(desk, call):
    record = await started(desk, call)
    await desk.tell(RecordingChanged(call=CallSid(new_sid("CA")), sid=record.sid, status="stopped"))
    await desk.tell(RecordingChanged(call=call, sid=record.sid, status="melted"))
    await becomes(desk, record.sid, "in-progress")
