"""Recordings of a live call, begun, paused and stopped from the cloud."""

import asyncio

import pytest

from edge_agent.call.equipment import Waits
from telecore.audio.tone import tone
from telecore.audio.wav import read_wav
from telecore.commands import ControlRecording, RecordCall
from telecore.ids import RecordingSid, new_sid
from telecore.twiml.page import Goto
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.redirect import Redirect
from tests.edge_agent.call.test_dialing import Story
from tests.fakes.edge import ONE, TWO, FakeEdge

LOUD = tone((440,), 20, -6)


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


@pytest.fixture
async def call(edge):
    """One that is answered and says a tone for ever."""
    call, voice = await edge.place()
    voice.ring()
    voice.far.say(LOUD * 2000)
    voice.pick_up()
    await edge.tick(2)
    return call


def begin(edge, call, **options) -> RecordingSid:
    sid = RecordingSid(new_sid("RE"))
    edge.calls.record(RecordCall(call=call, recording=sid, **options))
    return sid


def change(edge, call, sid, status, **options):
    edge.calls.control_recording(ControlRecording(call=call, recording=sid, status=status, **options))


def news(edge):
    return [event for event in edge.announced() if event.kind.startswith("recording.")]


async def made(edge, sid):
    """Its WAV file, once it is kept."""
    await edge.until(lambda: any(event.recording.sid == sid for event in edge.events("recording.made")))
    (event,) = [event for event in edge.events("recording.made") if event.recording.sid == sid]
    return read_wav((edge.blobs.directory / event.recording.sha256).read_bytes())


def loud_frames(samples, width=320):
    frames = [samples[at : at + width] for at in range(0, len(samples), width)]
    return [max(frame) > 0 for frame in frames]


async def test_begun_paused_gone_on_with_and_stopped(edge, call):
    sid = begin(edge, call)
    await edge.tick(20)
    change(edge, call, sid, "paused", silence=False)
    await edge.tick(30)
    change(edge, call, sid, "in-progress")
    await edge.tick(10)
    change(edge, call, sid, "paused")
    await edge.tick(5)
    change(edge, call, sid, "stopped")
    sound = await made(edge, sid)
    assert sound.rate == 8000
    frames = loud_frames(sound.samples)
    assert len(frames) == 20 + 10 + 5
    assert frames[1:30] == [True] * 29
    assert frames[30:] == [False] * 5
    began, *changes, end = news(edge)
    told = (began.kind, began.sid, began.source, began.track)
    assert told == ("recording.began", sid, "StartCallRecordingAPI", "both")
    assert [event.status for event in changes] == ["paused", "in-progress", "paused", "stopped"]
    assert end.kind == "recording.made"


async def test_it_ends_with_the_call_and_before_that_is_told(edge, call):
    first, second = begin(edge, call), begin(edge, call, channels=2)
    await edge.tick(10)
    edge.lines[edge.calls._calls[call].origin.channel].voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    kept = {event.recording.sid: event.recording.channels for event in edge.events("recording.made")}
    assert kept == {first: 1, second: 2}
    assert edge.announced()[-1].kind == "call.ended"


async def test_one_that_the_disk_takes_after_the_end_of_the_call_is_written_too(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_sound=0.01, keeping=0.01)) as edge:
        add, free = edge.blobs.add, asyncio.Event()

        async def slow(source):
            await free.wait()
            return await add(source)

        edge.blobs.add = slow
        call, voice = await edge.place()
        voice.pick_up()
        sid = begin(edge, call)
        await edge.tick(10)
        voice.drop()
        await edge.until(lambda: any(event.kind == "call.ended" for event in edge.written))
        assert edge.calls.busy(ONE) == 0
        free.set()
        await made(edge, sid)
        await edge.until(lambda: not edge.calls._calls)
        assert edge.written == edge.announced()


@pytest.mark.parametrize(("track", "heard"), [("inbound", True), ("outbound", False)])
@pytest.mark.parametrize("channels", [1, 2])
async def test_one_track(edge, call, track, heard, channels):
    sid = begin(edge, call, track=track, channels=channels)
    await edge.tick(10)
    change(edge, call, sid, "stopped")
    sound = await made(edge, sid)
    assert any(loud_frames(sound.samples)) is heard


async def test_the_whole_call_can_be_paused_as_well(edge):
    _, voice = await edge.place(record=True, record_track="inbound")
    voice.ring()
    voice.far.say(LOUD * 100)
    voice.pick_up()
    await edge.tick(5)
    (began,) = news(edge)
    assert (began.source, began.track) == ("OutboundAPI", "inbound")
    change(edge, began.call, began.sid, "paused", silence=False)
    await edge.tick(20)
    voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    assert 4 <= len(loud_frames((await made(edge, began.sid)).samples)) <= 6


async def test_a_recorded_dial_that_was_stopped_is_still_named_by_its_action(edge):
    story = await Story(edge).begin(record="record-from-answer")
    await story.route()
    await story.pick_up()
    story.line().far.say(LOUD * 50)
    await edge.tick(10)
    (began,) = news(edge)
    change(edge, story.call, began.sid, "stopped")
    await edge.tick(10)
    story.line(TWO).drop()
    params = await story.outcome()
    assert params["RecordingSid"] == began.sid


async def test_the_page_runs_on(edge, call):
    sid = begin(edge, call)
    await edge.run_page(call, Play("http://x/a.wav", clip=edge.clip(LOUD * 5)), Redirect("http://app.example/next"))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(6)
    assert edge.outcomes() == [Goto("http://app.example/next")]
    change(edge, call, sid, "stopped")
    await made(edge, sid)


async def test_what_cannot_be_done_changes_nothing(edge, call):
    sid = begin(edge, call)
    edge.calls.record(RecordCall(call=call, recording=sid))
    change(edge, call, RecordingSid(new_sid("RE")), "paused")
    assert len(news(edge)) == 1
    await edge.tick(5)
    change(edge, call, sid, "stopped")
    await made(edge, sid)
    change(edge, call, sid, "in-progress")
    edge.calls.record(RecordCall(call=call, recording=sid))
    assert [event.kind for event in news(edge)] == ["recording.began", "recording.changed", "recording.made"]


async def test_a_call_that_nobody_answered_is_not_recorded(edge):
    call, voice = await edge.place()
    voice.ring()
    begin(edge, call)
    assert not news(edge)
