"""<Connect>, <Start> and <Stop> on a call of an edge, with a cloud that answers as the test says."""

import random

import pytest

from edge_agent.call.equipment import Waits
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.commands import CloseFeed, HangUp, OpenFeed
from telecore.model import Track
from telecore.notices import FeedClosed, FeedOpened, PageFaulted, StreamWanted
from telecore.twiml.control import CallRecordingSpec, StreamSpec
from telecore.twiml.page import Goto
from telecore.twiml.verbs.connect import Connect
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.start import Start, StartRecording
from telecore.twiml.verbs.stop import Stop
from tests.fakes.edge import FakeEdge
from tests.fakes.line import SILENCE, settle
from tests.fakes.media import FakeMedia

TALK = StreamSpec("wss://app.example/", both_ways=True)
LISTEN = StreamSpec("wss://app.example/", name="ears")
NEXT = Redirect("http://app.example/next")
LONG = Pause(3600)


class Site:
    def __init__(self, edge, media):
        self.edge, self.media = edge, media

    async def page(self, *verbs):
        self.call, self.voice = await self.edge.ring()
        await self.edge.run_page(self.call, *verbs)
        await self.edge.until(lambda: self.edge.told(StreamWanted))
        return self.edge.told(StreamWanted)[-1]

    async def open(self, wanted, **options):
        spec = wanted.spec
        command = OpenFeed(
            call=wanted.call, feed=wanted.stream, tracks=spec.tracks, speaks=spec.both_ways, name=spec.name,
            answers=True, **options,
        )  # fmt: skip
        self.edge.calls.open_feed(command)
        await settle()
        return self.edge.told(FeedOpened)[-1]

    async def close(self, wanted):
        self.edge.calls.close_feed(CloseFeed(call=wanted.call, feed=wanted.stream))
        await settle()


@pytest.fixture
async def site(tmp_path):
    media = FakeMedia()
    async with FakeEdge(tmp_path, media=media, waits=Waits(last_sound=0.01, stream=0.2)) as edge:
        yield Site(edge, media)
    assert not media.handlers


def words(frames):
    chance = random.Random(1)
    return [l16_to_ulaw(chance.randbytes(160) + b"\x40" * 160) for _ in range(frames)]


async def test_connect_answers_lets_both_talk_and_goes_on_when_the_cloud_closes(site):
    wanted = await site.page(Connect(TALK, "http://app.example/after"))
    assert site.voice.answered
    assert wanted.stream.startswith("MZ")
    opened = await site.open(wanted)
    said = words(3)
    site.media.say(opened.inbound, *said)
    await site.edge.tick(5)
    assert [f for f in site.voice.far.sent if f != SILENCE] == [ulaw_to_l16(frame) for frame in said]
    assert len(site.media.sent[opened.inbound]) == 5
    await site.close(wanted)
    await site.edge.tick(2)
    assert site.edge.outcomes() == [Goto("http://app.example/after", "POST", {"StreamSid": wanted.stream})]


async def test_without_an_action_the_next_verb_follows(site):
    wanted = await site.page(Connect(TALK), NEXT)
    await site.open(wanted)
    await site.close(wanted)
    await site.edge.tick(2)
    assert [outcome.url for outcome in site.edge.outcomes()] == ["http://app.example/next"]


async def test_an_application_that_cannot_be_had_leaves_the_page_going_on(site):
    wanted = await site.page(Connect(TALK), NEXT)
    await site.close(wanted)
    await site.edge.tick(2)
    assert [outcome.url for outcome in site.edge.outcomes()] == ["http://app.example/next"]


async def test_a_cloud_that_does_not_answer_is_waited_for_a_bounded_time(site):
    wanted = await site.page(Connect(TALK), NEXT)
    await site.edge.until(site.edge.outcomes)
    assert [fault.code for fault in site.edge.told(PageFaulted)] == [31901]
    assert site.edge.told(FeedClosed) == [FeedClosed(site.call, wanted.stream, "the page was left")]
    late = OpenFeed(call=wanted.call, feed=wanted.stream, answers=True)
    site.edge.calls.open_feed(late)
    assert site.edge.told(FeedOpened) == []
    assert site.edge.told(FeedClosed)[-1].because == "it is wanted no more"


async def test_a_new_page_ends_the_stream_of_the_old_one(site):
    wanted = await site.page(Connect(TALK), NEXT)
    await site.open(wanted)
    await site.edge.run_page(site.call, LONG)
    assert site.edge.told(FeedClosed) == [FeedClosed(site.call, wanted.stream, "the page was left")]
    await site.edge.tick()
    assert site.edge.outcomes() == []


async def test_the_end_of_the_call_ends_it_and_what_is_only_wanted(site):
    wanted = await site.page(Start(LISTEN), Connect(TALK))
    both = site.edge.told(StreamWanted)
    await site.open(wanted)
    site.edge.calls.hang_up(HangUp(call=site.call))
    await site.edge.until(lambda: len(site.edge.told(FeedClosed)) == 2)
    assert {closed.feed for closed in site.edge.told(FeedClosed)} == {one.stream for one in both}
    assert {closed.because for closed in site.edge.told(FeedClosed)} == {"the call is over"}
    assert site.edge.calls.repeat() == []


async def test_start_runs_beside_pages_until_stop(site):
    wanted = await site.page(Start(LISTEN), LONG)
    assert wanted.spec.tracks == (Track.INBOUND,)
    opened = await site.open(wanted)
    await site.edge.calls._find(site.call).answer()
    await site.edge.run_page(site.call, Pause(2))
    await site.edge.tick(60)
    assert len(site.media.sent[opened.inbound]) >= 50
    await site.edge.run_page(site.call, Stop("ears"), LONG)
    assert site.edge.told(FeedClosed) == [FeedClosed(site.call, wanted.stream, "stopped")]
    await site.edge.run_page(site.call, Stop("nobody"), LONG)
    assert [fault.code for fault in site.edge.told(PageFaulted)] == [31900]


async def test_what_a_customer_begins_a_page_may_stop_by_name(site):
    call, _ = await site.edge.ring()
    await site.edge.run_page(call, LONG)
    site.edge.calls.open_feed(OpenFeed(call=call, feed="MZrest", tracks=(Track.INBOUND,), name="mine"))
    await site.edge.run_page(call, Stop("mine"), LONG)
    assert site.edge.told(FeedClosed) == [FeedClosed(call, "MZrest", "stopped")]


async def test_a_wish_is_told_again_until_it_is_answered(site):
    wanted = await site.page(Connect(TALK))
    assert site.edge.calls.repeat() == [wanted]
    opened = await site.open(wanted)
    assert site.edge.calls.repeat() == [opened]
    assert site.edge.outcomes() == []


async def test_a_recording_runs_beside_pages_to_the_end_of_the_call(site):
    call, voice = await site.edge.ring()
    await site.edge.run_page(call, StartRecording(CallRecordingSpec(status_callback="http://app.example/told")), LONG)
    await site.edge.calls._find(call).answer()
    began = site.edge.events("recording.began")
    assert [(event.source, event.status_callback) for event in began] == [
        ("StartCallRecordingTwiML", "http://app.example/told")
    ]
    voice.far.say(ulaw_to_l16(b"".join(words(20))))
    await site.edge.tick(25)
    await site.edge.run_page(call, LONG)
    await site.edge.tick(5)
    site.edge.calls.hang_up(HangUp(call=call))
    await site.edge.until(lambda: site.edge.events("recording.made"))
    (made,) = site.edge.events("recording.made")
    assert made.recording.sid == began[0].sid
    assert made.recording.duration_s >= 0.5


async def test_a_page_that_starts_recordings_without_end_is_told(site):
    call, _ = await site.edge.ring()
    await site.edge.run_page(call, *[StartRecording(CallRecordingSpec())] * 9, LONG)
    assert len(site.edge.events("recording.began")) == 8
    assert [fault.code for fault in site.edge.told(PageFaulted)] == [21220]
