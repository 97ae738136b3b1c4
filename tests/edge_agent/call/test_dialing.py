import asyncio
import random
import struct

import pytest

from edge_agent.call.equipment import Waits
from telecore.audio.tone import dtmf_tone
from telecore.commands import HangUp, RouteDial, RoutedLeg
from telecore.errors import Busy
from telecore.ids import CallSid, new_sid
from telecore.notices import PageFaulted, RouteWanted
from telecore.twiml.control import DialSpec, DialTarget
from telecore.twiml.page import Goto
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.say import Say
from tests.fakes.edge import THREE, TWO, FakeEdge
from tests.fakes.line import SILENCE, FakeVoiceCall, settle

ACTION = "http://app.example/dialled"


def noise(frames, seed=1):
    chance = random.Random(seed)
    count = frames * 160
    return struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


class Story:
    """An inbound call whose page dials."""

    def __init__(self, edge):
        self.edge = edge
        self.children = {}

    async def begin(self, *targets, **options):
        self.call, self.voice = await self.edge.ring()
        numbers = targets or (DialTarget("+85512000002"),)
        await self.edge.run_page(self.call, Dial(DialSpec(numbers, **options), ACTION))
        self.wanted = self.edge.told(RouteWanted)[-1]
        return self

    async def route(self, *channels, whisper=False):
        legs = []
        for target, channel in enumerate(channels or (TWO,)):
            sid = CallSid(new_sid("CA"))
            self.children[channel] = sid
            legs.append(RoutedLeg(sid, channel, self.wanted.spec.targets[target].number, target, None, whisper))
        self.edge.calls.route_dial(RouteDial(call=self.call, dial=self.wanted.dial, legs=tuple(legs)))
        await settle(20)

    def line(self, channel=TWO):
        return self.edge.lines[channel].voice

    async def pick_up(self, channel=TWO):
        self.line(channel).pick_up()
        await settle(20)

    async def outcome(self):
        await self.edge.until(self.edge.outcomes)
        (outcome,) = self.edge.outcomes()
        assert isinstance(outcome, Goto)
        assert outcome.url == ACTION
        return outcome.params

    def end_of(self, channel=TWO):
        return next(event for event in self.edge.events("call.ended") if event.call == self.children[channel])


@pytest.fixture
def story(edge):
    return Story(edge)


async def test_two_parties_talk_until_the_callee_hangs_up(edge, story):
    await story.begin()
    assert story.voice.answered
    assert edge.calls.repeat() == [story.wanted]
    await story.route()
    assert edge.calls.repeat() == []
    assert edge.lines[TWO].dialled == ["+85512000002"]
    await story.pick_up()
    story.voice.far.say(noise(50, 1))
    story.line().far.say(noise(50, 2))
    await edge.tick(51)
    assert story.voice.far.heard == SILENCE + noise(50, 2)
    assert story.line().far.heard == SILENCE + noise(50, 1)
    story.line().drop(16)
    params = await story.outcome()
    assert params == {
        "DialCallStatus": "completed",
        "DialBridged": "true",
        "DialCallSid": story.children[TWO],
        "DialCallDuration": "0",
    }
    assert not story.voice.ended.is_set()
    assert story.end_of().by == "callee"
    assert [notice.kind for notice in edge.notices[-2:]] == ["announced", "page.ended"]


async def test_a_line_that_does_not_come_free_does_not_hold_up_the_caller(edge, story, monkeypatch):
    monkeypatch.setattr("edge_agent.call.dialing._SLOW_LINE_S", 0.01)
    free = asyncio.Event()

    async def hang_up(cause=16):
        await free.wait()

    await story.begin(hangup_on_star=True)
    await story.route()
    await story.pick_up()
    story.line().hang_up = hang_up
    story.voice.press("*")
    assert (await story.outcome())["DialCallStatus"] == "completed"
    assert edge.calls.busy(TWO) == 1
    free.set()
    await edge.until(lambda: edge.calls.busy(TWO) == 0)


async def test_the_caller_hears_it_ringing(edge, story):
    await story.begin()
    await story.route()
    story.line().ring()
    await edge.tick(300)
    sounding = [frame != SILENCE for frame in story.voice.far.sent]
    assert 45 <= sum(sounding[:50]) <= 50
    assert sounding[52:248] == [False] * 196
    assert sum(sounding[250:300]) >= 45
    await story.pick_up()
    await edge.tick(2)
    assert story.voice.far.sent[-1] == SILENCE


async def test_a_caller_who_hangs_up_ends_everything(edge, story):
    await story.begin()
    await story.route()
    await story.pick_up()
    await edge.tick(5)
    story.voice.drop()
    await edge.until(lambda: len(edge.events("call.ended")) == 2)
    assert story.line().hung_up_with == 16
    assert (await story.outcome())["DialCallStatus"] == "completed"
    assert edge.events("call.ended")[-1].call == story.call


async def test_after_that_the_page_leads_nowhere(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Dial(DialSpec((DialTarget("+2"),))), Say("sorry", clip=edge.clip(noise(5))))
    leg = RoutedLeg(CallSid(new_sid("CA")), TWO, "+2", 0)
    edge.calls.route_dial(RouteDial(call=call, dial=edge.told(RouteWanted)[0].dial, legs=(leg,)))
    await settle(20)
    voice.drop()
    await edge.until(lambda: len(edge.events("call.ended")) == 2, within_s=1.0)
    assert edge.outcomes() == []


async def test_a_caller_who_gives_up_while_it_rings(edge, story):
    await story.begin()
    await story.route()
    story.line().ring()
    story.voice.drop()
    await edge.until(lambda: len(edge.events("call.ended")) == 2)
    assert (story.end_of().by, story.end_of().duration_s) == ("us", None)
    assert (await story.outcome())["DialCallStatus"] == "canceled"


@pytest.mark.parametrize(("cause", "status"), [(17, "busy"), (19, "no-answer"), (1, "failed"), (20, "no-answer")])
async def test_nobody_answers(edge, story, cause, status):
    await story.begin()
    await story.route()
    story.line().drop(cause)
    params = await story.outcome()
    assert params == {"DialCallStatus": status, "DialBridged": "false", "DialCallSid": story.children[TWO]}


async def test_nobody_answers_in_time(edge, story):
    await story.begin(timeout_s=0.03)
    await story.route()
    assert (await story.outcome())["DialCallStatus"] == "no-answer"
    await edge.until(lambda: story.line().hung_up_with)
    assert (story.line().hung_up_with, story.end_of().by) == (19, "timeout")


async def test_a_line_that_is_in_use(edge, story):
    edge.lines[TWO].error = Busy("in use")
    await story.begin()
    await story.route()
    assert (await story.outcome())["DialCallStatus"] == "failed"


async def test_without_a_route_nobody_is_dialled(edge, story):
    await story.begin()
    edge.calls.route_dial(RouteDial(call=story.call, dial=story.wanted.dial, legs=(), refusals=("no channel",)))
    assert await story.outcome() == {"DialCallStatus": "failed", "DialBridged": "false"}


async def test_a_cloud_that_does_not_answer(tmp_path):
    async with FakeEdge(tmp_path, Waits(route=0.03)) as edge:
        story = await Story(edge).begin()
        assert (await story.outcome())["DialCallStatus"] == "failed"
        assert len(edge.told(PageFaulted)) == 1


async def test_the_first_to_answer_wins_and_the_others_are_hung_up(edge, story):
    await story.begin(DialTarget("+2"), DialTarget("+3"))
    await story.route(TWO, THREE)
    assert (edge.lines[TWO].dialled, edge.lines[THREE].dialled) == (["+2"], ["+3"])
    await story.pick_up(THREE)
    await edge.until(lambda: story.line(TWO).hung_up_with)
    assert (story.line(TWO).hung_up_with, story.end_of(TWO).by) == (16, "us")
    story.line(THREE).drop()
    assert (await story.outcome())["DialCallSid"] == story.children[THREE]


async def test_one_busy_does_not_end_the_others(edge, story):
    await story.begin(DialTarget("+2"), DialTarget("+3"))
    await story.route(TWO, THREE)
    story.line(TWO).drop(17)
    await settle()
    assert edge.outcomes() == []
    story.line(THREE).drop(19)
    assert (await story.outcome())["DialCallStatus"] == "no-answer"


async def test_one_after_the_other(edge, story):
    await story.begin(DialTarget("+2"), DialTarget("+3"), sequential=True)
    await story.route(TWO, THREE)
    assert edge.lines[THREE].dialled == []
    story.line(TWO).drop(17)
    await settle(20)
    assert edge.lines[THREE].dialled == ["+3"]
    await story.pick_up(THREE)
    story.line(THREE).drop()
    assert (await story.outcome())["DialCallStatus"] == "completed"


async def test_answer_on_bridge_leaves_the_caller_unanswered_until_then(edge, story):
    await story.begin(answer_on_bridge=True)
    await story.route()
    assert not story.voice.answered
    await story.pick_up()
    assert story.voice.answered
    story.line().far.say(noise(3, 2))
    await edge.tick(4)
    assert noise(3, 2) in story.voice.far.heard
    story.line().drop()
    await story.outcome()


async def test_answer_on_bridge_and_nobody_answers(edge, story):
    await story.begin(answer_on_bridge=True)
    await story.route()
    story.line().drop(17)
    assert (await story.outcome())["DialCallStatus"] == "busy"
    assert not story.voice.answered


async def test_digits_are_pressed_before_the_join(edge, story):
    await story.begin(DialTarget("+2", send_digits="ww12"))
    await story.route()
    await story.pick_up()
    await edge.tick(49)
    assert story.line().digits == ""
    story.line().far.say(noise(1, 2))
    await edge.tick(1)
    assert story.line().digits == "12"
    story.line().drop()
    await story.outcome()


async def test_a_whisper_is_heard_by_the_callee_alone_and_then_they_are_joined(edge, story):
    whisper = noise(10, 7)
    await story.begin()
    await story.route(whisper=True)
    await story.pick_up()
    child = story.children[TWO]
    await edge.run_page(child, Say("for you", clip=edge.clip(whisper)))
    await edge.until(lambda: edge.calls._calls[child].leg._playing)
    await edge.tick(10)
    heard = [frame for frame in story.line().far.sent if frame != SILENCE]
    assert len(heard) == 10
    assert len(edge.outcomes()) == 1
    story.voice.far.say(noise(5, 1))
    await edge.tick(6)
    assert noise(5, 1) in story.line().far.heard
    assert not any(frame in heard for frame in story.voice.far.sent)
    story.line().drop()
    await edge.until(lambda: len(edge.outcomes()) == 2)
    assert edge.outcomes()[1].params["DialCallStatus"] == "completed"


async def test_a_whisper_that_hangs_up(edge, story):
    await story.begin()
    await story.route(whisper=True)
    await story.pick_up()
    await edge.run_page(story.children[TWO], Hangup())
    await edge.until(lambda: len(edge.outcomes()) == 2)
    assert edge.outcomes()[1].params["DialCallStatus"] == "no-answer"
    assert edge.outcomes()[1].params["DialBridged"] == "false"
    assert not story.voice.ended.is_set()


async def test_a_star_of_the_caller_ends_the_join(edge, story):
    await story.begin(hangup_on_star=True)
    await story.route()
    await story.pick_up()
    story.line().far.say(dtmf_tone("*"))
    await edge.tick(12)
    assert edge.outcomes() == []
    story.voice.far.say(dtmf_tone("5") + dtmf_tone("*"))
    await edge.tick(22)
    assert (await story.outcome())["DialCallStatus"] == "completed"
    assert story.line().hung_up_with == 16
    assert not story.voice.ended.is_set()


async def test_a_star_means_nothing_otherwise(edge, story):
    await story.begin()
    await story.route()
    await story.pick_up()
    story.voice.press("*")
    await edge.tick(3)
    assert edge.outcomes() == []
    story.line().drop()
    await story.outcome()


async def test_keys_that_the_sound_does_not_carry_are_pressed_on_the_other_line(edge, story):
    await story.begin()
    story.voice.keys_apart = True
    await story.route()
    await story.pick_up()
    story.voice.press("47#")
    await settle(20)
    assert story.line().digits == "47#"
    story.line().press("1")  # of a line whose keys are in its sound
    await settle(20)
    assert story.voice.digits == ""
    story.line().drop()
    await story.outcome()
    story.voice.press("9")
    await settle(20)
    assert story.line().digits == "47#"


async def test_keys_are_tones_for_a_line_that_cannot_press(edge, story):
    await story.begin()
    story.voice.keys_apart = True
    await story.route()
    await story.pick_up()
    story.line().presses_digits = False
    story.voice.press("5")
    await edge.tick(20)
    assert dtmf_tone("5")[:640] in story.line().far.heard


async def test_a_conversation_has_its_limit(edge, story):
    await story.begin(time_limit_s=0.05)
    await story.route()
    await story.pick_up()
    assert (await story.outcome())["DialCallStatus"] == "completed"
    await edge.until(lambda: story.line().hung_up_with)


async def test_the_cloud_ends_the_callees_leg(edge, story):
    await story.begin()
    await story.route()
    await story.pick_up()
    edge.calls.hang_up(HangUp(call=story.children[TWO]))
    assert (await story.outcome())["DialCallStatus"] == "completed"


async def test_a_new_page_for_the_caller_ends_the_callees_leg(edge, story):
    await story.begin()
    await story.route()
    await story.pick_up()
    await edge.run_page(story.call, Pause(60))
    await edge.until(lambda: story.line().hung_up_with)
    assert not story.voice.ended.is_set()
    assert edge.outcomes() == []


async def test_a_new_page_for_the_callee_takes_his_leg_out_of_the_join(edge, story):
    await story.begin()
    await story.route()
    await story.pick_up()
    clip = noise(5, 8)
    child = story.children[TWO]
    await edge.run_page(child, Say("you are moved", clip=edge.clip(clip)), Pause(60))
    assert (await story.outcome())["DialCallStatus"] == "completed"
    await edge.until(lambda: edge.calls._calls[child].leg._playing)
    await edge.tick(6)
    assert not story.line().ended.is_set()
    assert len([frame for frame in story.line().far.sent if frame != SILENCE]) == 5


async def test_a_new_page_for_the_callee_while_the_caller_is_being_answered_takes_his_leg_too(edge, story):
    connected = asyncio.Event()
    await story.begin(answer_on_bridge=True, record="record-from-answer")
    answer = story.voice.answer

    async def slow():
        await connected.wait()
        await answer()

    story.voice.answer = slow
    await story.route()
    await story.pick_up()
    clip = noise(5, 8)
    child = story.children[TWO]
    await edge.run_page(child, Say("you are moved", clip=edge.clip(clip)), Pause(60))
    connected.set()
    params = await story.outcome()
    assert (params["DialCallStatus"], params["DialBridged"]) == ("completed", "false")
    await edge.until(lambda: edge.calls._calls[child].leg._playing)
    story.voice.far.say(noise(6, 1))
    await edge.tick(6)
    assert not story.line().ended.is_set()
    assert len([frame for frame in story.line().far.sent if frame != SILENCE]) == 5
    assert edge.events("recording.began") == []


@pytest.mark.parametrize(("record", "channels"), [("record-from-answer", 1), ("record-from-answer-dual", 2)])
async def test_a_conversation_recorded(edge, story, record, channels):
    await story.begin(record=record, recording_status_callback="http://s", recording_status_callback_method="GET")
    await story.route()
    await edge.tick(20)
    await story.pick_up()
    story.voice.far.say(noise(50, 1))
    story.line().far.say(noise(50, 2))
    await edge.tick(51)
    story.line().drop()
    params = await story.outcome()
    made = edge.events("recording.made")[0]
    assert params["RecordingSid"] == made.recording.sid
    assert (made.call, made.source, made.recording.channels) == (story.call, "DialVerb", channels)
    assert (made.status_callback, made.status_callback_method) == ("http://s", "GET")
    assert made.recording.duration_s == pytest.approx(1.02)
    if channels == 2:
        data = edge.blobs.path(made.recording.sha256).read_bytes()[44:]
        samples = struct.unpack(f"<{len(data) // 2}h", data)
        assert noise(50, 1) in struct.pack(f"<{len(samples) // 2}h", *samples[0::2])
        assert noise(50, 2) in struct.pack(f"<{len(samples) // 2}h", *samples[1::2])


async def test_recorded_from_the_first_ringing(edge, story):
    await story.begin(record="record-from-ringing")
    await story.route()
    await edge.tick(50)
    await story.pick_up()
    await edge.tick(50)
    story.line().drop()
    await story.outcome()
    assert edge.events("recording.made")[0].recording.duration_s == pytest.approx(2.0)


async def test_ringing_that_led_to_nothing_is_not_kept(edge, story, tmp_path):
    await story.begin(record="record-from-ringing")
    await story.route()
    await edge.tick(60)
    story.line().drop(17)
    await story.outcome()
    edge.calls.hang_up(HangUp(call=story.call))
    await edge.until(lambda: len(edge.events("call.ended")) == 2)
    assert edge.events("recording.made") == []
    assert list(tmp_path.iterdir()) == []


async def test_a_caller_who_hangs_up_leaves_the_recording_behind(edge, story):
    await story.begin(record="record-from-answer")
    await story.route()
    await story.pick_up()
    story.voice.far.say(noise(50, 1))
    await edge.tick(50)
    story.voice.drop()
    await edge.until(lambda: any(e.kind == "call.ended" and e.call == story.call for e in edge.written))
    mine = [event.kind for event in edge.written if event.call == story.call]
    assert mine[-2:] == ["recording.made", "call.ended"]


async def test_a_callee_who_drops_while_the_caller_is_being_answered(edge, story):
    await story.begin(answer_on_bridge=True)
    await story.route()
    edge.lines[TWO].voice.pick_up()
    edge.lines[TWO].voice.drop()
    await story.outcome()
    edge.lines[TWO].voice = FakeVoiceCall()
