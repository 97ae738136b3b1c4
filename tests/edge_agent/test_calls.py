import asyncio
import random
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.call.equipment import Waits
from telecore.audio.tone import tone
from telecore.commands import HangUp, LimitCall, OfferCall, PlaceCall
from telecore.errors import Busy, DeviceLost, DeviceRefused, NoNetwork, StorageFailed, TimedOut
from telecore.ids import CallSid, ChannelId
from telecore.notices import LiveCall, PageFaulted
from telecore.twiml.page import Ended, Goto
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.reject import Reject
from telecore.twiml.verbs.say import Say
from tests.fakes.edge import ONE, FakeEdge
from tests.fakes.line import SILENCE, settle

NEXT = Redirect("http://app.example/next")


def noise(frames, seed=1):
    """Sound that µ-law carries exactly: what comes out can be compared with what went in."""
    from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16

    chance = random.Random(seed)
    count = frames * 160
    return ulaw_to_l16(l16_to_ulaw(struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))))


def kinds(events):
    return [event.kind for event in events]


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


async def ended(edge, call):
    await edge.until(lambda: [event for event in edge.written if event.kind == "call.ended" and event.call == call])
    return next(event for event in edge.written if event.kind == "call.ended" and event.call == call)


async def test_the_first_page_of_a_browsers_call_may_come_in_the_same_breath_as_the_call(tmp_path):
    async with FakeEdge(tmp_path, Waits(page=0.02)) as edge:
        call = CallSid("CA" + "1" * 32)
        edge.calls.offer(OfferCall(call=call, channel=ChannelId("site-1/~client"), caller="client:ann"))
        await edge.run_page(call, Pause(60))
        await asyncio.sleep(0.1)
        assert [live.page for live in edge.calls.live()] == [1]
        assert kinds(edge.announced()) == ["call.offered"]


async def test_a_browsers_call_that_gets_no_page_ends(tmp_path):
    async with FakeEdge(tmp_path, Waits(page=0.02)) as edge:
        call = CallSid("CA" + "1" * 32)
        edge.calls.offer(OfferCall(call=call, channel=ChannelId("site-1/~client"), caller="client:ann"))
        assert (await ended(edge, call)).by == "timeout"


async def test_an_offered_call_is_announced_while_it_is_being_written(edge):
    edge.disk = asyncio.Event()
    call, _ = await edge.ring()
    offered = edge.events("call.offered")[0]
    assert (offered.call, offered.channel, offered.caller) == (call, ONE, "+85512000001")
    assert edge.written == []
    edge.disk.set()
    await settle()
    assert edge.written == [offered]


async def test_a_page_answers_plays_and_ends_the_call(edge):
    clip = noise(25)
    call, voice = await edge.ring()
    await edge.run_page(call, Say("hello", clip=edge.clip(clip)))
    await edge.until(lambda: voice.answered)
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(25)
    event = await ended(edge, call)
    assert voice.far.heard == clip
    assert edge.outcomes() == [Ended("finished")]
    assert (event.cause, event.by) == (16, "us")
    assert voice.hung_up_with == 16
    assert kinds(edge.announced()) == ["call.offered", "call.answered", "call.ended"]
    assert [event.id for event in edge.written] == [event.id for event in edge.announced()]


async def test_the_last_sound_is_heard_before_the_line_is_hung_up(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_sound=0.1)) as edge:
        call, voice = await edge.ring()
        await edge.run_page(call, Say("a", clip=edge.clip(noise(3))), Hangup())
        await edge.until(lambda: edge.calls._calls[call].leg._playing)
        began = asyncio.get_running_loop().time()
        await edge.tick(5)
        assert not voice.ended.is_set()
        assert voice.far.sent[3:] == [SILENCE] * 2
        await ended(edge, call)
        assert asyncio.get_running_loop().time() - began >= 0.09


async def test_between_two_verbs_there_is_no_silence(edge):
    first, second = noise(10, 1), noise(10, 2)
    call, voice = await edge.ring()
    await edge.run_page(call, Say("a", clip=edge.clip(first)), Say("b", clip=edge.clip(second)), NEXT)
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.until(lambda: len(edge.calls._equipment.clips._kept) == 2)
    await edge.tick(20)
    assert voice.far.heard == first + second
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_clips_that_are_missing_are_fetched_while_the_first_plays(edge):
    first, second = noise(10, 1), noise(10, 2)
    call, voice = await edge.ring()
    clips = [edge.clip(first), edge.clip(second, here=False)]
    await edge.run_page(call, *(Say("x", clip=clip) for clip in clips), NEXT)
    await edge.until(lambda: len(edge.calls._equipment.clips._kept) == 2)
    assert edge.fetched == [clips[1].sha256]
    await edge.tick(20)
    assert voice.far.heard == first + second


async def test_a_clip_that_cannot_be_had_is_told_of_and_left_out(edge):
    sound = noise(5)
    gone = edge.clip(noise(5, 9), here=False)
    edge.remote.clear()
    call, voice = await edge.ring()
    page = await edge.run_page(call, Play("http://x/gone.wav", clip=gone), Say("b", clip=edge.clip(sound)), NEXT)
    await edge.until(lambda: edge.told(PageFaulted))
    fault = edge.told(PageFaulted)[0]
    assert (fault.call, fault.page, fault.code) == (call, page, 12400)
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(5)
    assert voice.far.heard == sound
    assert len(edge.outcomes()) == 1


async def test_a_newer_page_interrupts_the_one_that_runs(edge):
    first, second = noise(50, 1), noise(5, 2)
    call, voice = await edge.ring()
    await edge.run_page(call, Say("a", clip=edge.clip(first)))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(10)
    await edge.run_page(call, Say("b", clip=edge.clip(second)), NEXT)
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(5)
    assert voice.far.heard == first[:3200] + second
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_a_repeated_page_is_ignored(edge):
    from telecore.commands import RunPage

    call, _ = await edge.ring()
    page = await edge.run_page(call, NEXT)
    edge.calls.run_page(RunPage(call=call, page=page, verbs=(NEXT,)))
    edge.calls.run_page(RunPage(call=call, page=page - 1, verbs=(NEXT,)))
    await settle()
    assert len(edge.outcomes()) == 1


async def test_an_outcome_is_repeated_until_a_page_answers_it(edge):
    call, _ = await edge.ring()
    assert edge.calls.repeat() == []
    await edge.run_page(call, NEXT)
    assert edge.calls.repeat() == edge.notices[-1:]
    await edge.run_page(call, Pause(10))
    assert edge.calls.repeat() == []


async def test_where_a_call_led_that_ended_while_the_tunnel_was_down_is_told_once_it_is_up(edge):
    call, voice = await edge.ring()
    edge.up = False
    page = await edge.run_page(call, NEXT)
    voice.drop(16)
    await edge.until(lambda: any(event.kind == "call.ended" for event in edge.written))
    await edge.until(lambda: call not in edge.calls._calls)
    assert edge.outcomes() == []
    (told,) = edge.calls.repeat()
    assert (told.call, told.page, type(told.outcome)) == (call, page, Goto)
    assert edge.calls.repeat() == []


async def test_what_was_told_is_not_told_again_when_the_call_is_over(edge):
    told, voice = await edge.ring()
    await edge.run_page(told, NEXT)
    voice.drop(16)
    await edge.until(lambda: told not in edge.calls._calls)
    again, voice = await edge.ring()
    edge.up = False
    await edge.run_page(again, NEXT)
    edge.up = True
    assert [notice.call for notice in edge.calls.repeat()] == [again]
    voice.drop(16)
    await edge.until(lambda: again not in edge.calls._calls)
    assert edge.calls.repeat() == []


async def test_a_page_that_came_too_late_is_not_run(edge):
    from telecore.commands import RunPage

    call, _ = await edge.ring()
    late = datetime.now(UTC) - timedelta(seconds=1)
    edge.calls.run_page(RunPage(call=call, page=99, verbs=(NEXT,), not_after=late))
    await settle()
    assert edge.outcomes() == []


async def test_a_hang_up_of_the_caller_ends_the_page_for_good(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Say("a", clip=edge.clip(noise(500)), loop=0))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(10)
    voice.drop(16)
    event = await ended(edge, call)
    assert (event.cause, event.by) == (16, "caller")
    assert voice.hung_up_with is None
    assert edge.outcomes() == []
    await edge.tick(2)
    assert len(voice.far.sent) == 10


async def test_a_caller_who_gives_up_before_the_answer(edge):
    call, voice = await edge.ring()
    voice.drop(16)
    event = await ended(edge, call)
    assert (event.cause, event.by, event.duration_s) == (16, "caller", None)


async def test_the_cloud_hangs_up(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Pause(60))
    edge.calls.hang_up(HangUp(call=call, cause=17))
    event = await ended(edge, call)
    assert (event.cause, event.by) == (17, "us")
    assert voice.hung_up_with == 17
    assert edge.calls.busy(ONE) == 0
    edge.calls.hang_up(HangUp(call=call))


@pytest.mark.parametrize(("busy", "cause"), [(True, 17), (False, 21)])
async def test_reject_does_not_answer(edge, busy, cause):
    call, voice = await edge.ring()
    await edge.run_page(call, Reject(busy))
    event = await ended(edge, call)
    assert (event.cause, event.duration_s) == (cause, None)
    assert (voice.answered, voice.hung_up_with) == (False, cause)
    assert edge.outcomes() == [Ended("reject")]


async def test_hangup_within_a_page(edge):
    call, _ = await edge.ring()
    await edge.run_page(call, Hangup())
    await ended(edge, call)
    assert edge.outcomes() == [Ended("hangup")]


async def test_a_pause_before_the_answer_does_not_answer(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Pause(0), NEXT)
    assert not voice.answered
    assert len(edge.outcomes()) == 1


async def test_without_a_page_the_call_is_given_up(tmp_path):
    async with FakeEdge(tmp_path, Waits(page=0.05)) as edge:
        call, _ = await edge.ring()
        event = await ended(edge, call)
        assert (event.cause, event.by) == (41, "timeout")


async def test_and_so_it_is_when_the_next_page_does_not_come(tmp_path):
    async with FakeEdge(tmp_path, Waits(page=0.05)) as edge:
        call, _ = await edge.ring()
        await edge.run_page(call, Pause(0), Pause(0), NEXT)
        assert (await ended(edge, call)).cause == 41


async def test_a_line_that_cannot_be_answered_ends_the_call(tmp_path):
    async with FakeEdge(tmp_path, Waits(last_words=0.05)) as edge:
        call, voice = await edge.ring()
        voice.answer_error = DeviceRefused("cme", 3)
        await edge.run_page(call, Say("a", clip=edge.clip(noise(3))))
        event = await ended(edge, call)
        assert (event.cause, event.by) == (41, "network")


async def test_unless_the_caller_gave_up_meanwhile(edge):
    call, voice = await edge.ring()
    voice.answer_error = DeviceRefused("cme", 3)
    await edge.run_page(call, Say("a", clip=edge.clip(noise(3))))
    voice.drop(16)
    assert (await ended(edge, call)).by == "caller"


async def test_a_page_that_is_replaced_while_the_line_connects_does_not_cost_the_call(edge):
    call, voice = await edge.ring()
    connected = asyncio.Event()
    pick_up = voice.pick_up

    async def answer():
        try:
            await connected.wait()
        except asyncio.CancelledError:
            voice.drop()
            raise
        pick_up(tell=False)

    voice.answer = answer
    await edge.run_page(call, Say("a", clip=edge.clip(noise(3, 1))))
    await edge.run_page(call, Say("b", clip=edge.clip(noise(3, 2))), NEXT)
    connected.set()
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(3)
    assert voice.far.heard == noise(3, 2)
    assert kinds(edge.announced()) == ["call.offered", "call.answered"]


async def test_a_device_that_is_lost_while_keys_are_pressed(edge):
    call, voice = await edge.place(send_digits="1")

    async def lost(digits):
        raise DeviceLost("unplugged")

    voice.send_digits = lost
    voice.pick_up()
    event = await ended(edge, call)
    assert (event.cause, event.by) == (41, "network")


async def test_a_placed_call_rings_is_answered_and_runs_its_page(edge):
    call, voice = await edge.place()
    voice.ring()
    await settle()
    assert kinds(edge.announced()) == ["call.initiated", "call.ringing"]
    voice.pick_up()
    await settle()
    clip = noise(5)
    await edge.run_page(call, Say("a", clip=edge.clip(clip)))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    assert edge.calls.live() == (LiveCall(call, ONE, True, 1),)
    await edge.tick(5)
    event = await ended(edge, call)
    assert voice.far.heard == clip
    assert (event.cause, event.by, event.duration_s) == (16, "us", 0)
    assert kinds(edge.written) == ["call.initiated", "call.ringing", "call.answered", "call.ended"]


async def test_a_page_that_comes_early_waits_for_the_answer_and_the_digits(edge):
    call, voice = await edge.place(send_digits="1w2")
    await edge.run_page(call, NEXT)
    assert edge.outcomes() == []
    voice.pick_up()
    await settle()
    assert (voice.digits, edge.outcomes()) == ("1", [])
    await edge.tick(24)
    assert voice.digits == "1"
    await edge.tick(1)
    assert voice.digits == "12"
    assert len(edge.outcomes()) == 1


async def test_a_page_that_came_early_is_not_waited_for_again(tmp_path):
    async with FakeEdge(tmp_path, Waits(page=0.03)) as edge:
        call, voice = await edge.place(send_digits="1w2")
        voice.pick_up()
        await edge.run_page(call, Pause(60))
        await edge.tick(30)
        assert voice.digits == "12"
        await asyncio.sleep(0.1)
        assert [live.call for live in edge.calls.live()] == [call]


async def test_a_line_that_cannot_press_keys_sends_the_tones(edge):
    from telecore.audio.dtmf import DtmfDetector

    edge.lines[ONE].voice.presses_digits = False
    _, voice = await edge.place(send_digits="12w#")
    voice.pick_up()
    await settle()
    await edge.tick(60)
    assert "".join(map(DtmfDetector().feed, [voice.far.heard])) == "12#"


@pytest.mark.parametrize(
    ("error", "cause"),
    [(Busy("the line is in use"), 34), (NoNetwork("not registered"), 38), (DeviceRefused("error", None), 29)],
)
async def test_a_call_that_cannot_be_made(edge, error, cause):
    edge.lines[ONE].error = error
    call, _ = await edge.place()
    event = await ended(edge, call)
    assert (event.cause, event.by, event.duration_s) == (cause, "network", None)


@pytest.mark.parametrize(("cause", "by"), [(17, "callee"), (19, "callee"), (1, "network"), (38, "network")])
async def test_a_call_that_is_not_answered(edge, cause, by):
    call, voice = await edge.place()
    voice.ring()
    voice.drop(cause)
    event = await ended(edge, call)
    assert (event.cause, event.by) == (cause, by)


async def test_ringing_has_a_limit(edge):
    call, voice = await edge.place(timeout_s=0.03)
    voice.ring()
    event = await ended(edge, call)
    assert (event.cause, event.by) == (19, "timeout")
    assert voice.hung_up_with == 19


async def test_too_late_to_place(edge):
    with pytest.raises(TimedOut):
        await edge.place(not_after=datetime.now(UTC) - timedelta(seconds=1))
    assert edge.notices == []


async def test_a_channel_that_is_not_there(edge):
    command = PlaceCall(call=CallSid("CA" + "0" * 32), channel="site-1/modem9", to="+1")
    with pytest.raises(NoNetwork):
        await edge.calls.place(command)


async def test_hung_up_while_the_number_is_being_dialled(edge):
    edge.lines[ONE].hold = asyncio.Event()
    call, voice = await edge.place()
    edge.calls.hang_up(HangUp(call=call))
    await settle()
    assert edge.calls.busy(ONE) == 1
    edge.lines[ONE].hold.set()
    assert (await ended(edge, call)).by == "us"
    assert voice.hung_up_with == 16


async def test_a_call_has_a_time_limit(edge):
    call, voice = await edge.place(time_limit_s=0.05)
    voice.pick_up()
    event = await ended(edge, call)
    assert (event.cause, event.by) == (16, "timeout")


async def test_and_the_cloud_may_set_another(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Say("a", clip=edge.clip(noise(5)), loop=0))
    await edge.until(lambda: voice.answered)
    edge.calls.limit(LimitCall(call=call, time_limit_s=0.02))
    assert (await ended(edge, call)).by == "timeout"


async def test_a_whole_call_recorded_on_two_channels(edge):
    call, voice = await edge.place(record=True, record_channels=2)
    voice.pick_up()
    await settle()
    clip = noise(50)
    voice.far.say(tone((300,), 1000))
    await edge.run_page(call, Say("a", clip=edge.clip(clip)))
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(50)
    await ended(edge, call)
    assert kinds(edge.written)[-2:] == ["recording.made", "call.ended"]
    made = edge.events("recording.made")[0]
    assert (made.source, made.recording.channels, made.recording.duration_s) == ("OutboundAPI", 2, 1.0)
    data = edge.blobs.path(made.recording.sha256).read_bytes()
    samples = struct.unpack(f"<{len(data[44:]) // 2}h", data[44:])
    assert struct.pack("<8000h", *samples[1::2]) == clip


@pytest.mark.parametrize(("trim", "seconds"), [(False, 2.0), (True, 1.3)])
async def test_a_whole_call_recorded_without_the_silence_around_it(edge, trim, seconds):
    call, voice = await edge.place(record=True, record_channels=1, record_trim=trim)
    voice.pick_up()
    await settle()
    voice.far.say(bytes(8000) + tone((300,), 900) + bytes(16000))
    await edge.run_page(call, Pause(2))
    await edge.tick(101)
    await ended(edge, call)
    recording = edge.events("recording.made")[0].recording
    assert recording.duration_s == pytest.approx(seconds, abs=0.05)


async def test_the_disk_may_be_slow_or_fail_for_a_while(edge):
    failures = iter([StorageFailed("disk full")])
    emit = edge._emit

    async def failing(event):
        for error in failures:
            raise error
        return await emit(event)

    object.__setattr__(edge.calls._equipment, "emit", failing)
    call, voice = await edge.ring()
    voice.drop()
    await ended(edge, call)
    assert kinds(edge.written) == ["call.offered", "call.ended"]


@dataclass(frozen=True)
class Faulty:
    async def execute(self, call):
        await call.ensure_answered()
        raise ZeroDivisionError


async def test_a_fault_of_ours_ends_one_call_only(edge, caplog):
    good, other = await edge.ring()
    bad, voice = await edge.ring()
    await edge.run_page(bad, Faulty())
    event = await ended(edge, bad)
    assert (event.cause, event.by) == (41, "us")
    assert voice.hung_up_with == 41
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert [call.call for call in edge.calls.live()] == [good]
    assert not other.ended.is_set()


async def test_stopping_ends_what_lives_and_takes_nothing_new(tmp_path):
    edge = FakeEdge(tmp_path)
    async with edge:
        call, voice = await edge.ring()
        await edge.run_page(call, Pause(60))
        await edge.calls.stop()
        assert edge.written[-1].by == "restart"
        assert voice.hung_up_with == 41
        with pytest.raises(NoNetwork):
            await edge.place()
        late, late_voice = await edge.ring()
        await ended(edge, late)
        assert not late_voice.answered


async def test_silence_is_sent_while_the_next_page_is_awaited(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, Say("a", clip=edge.clip(noise(2))), NEXT)
    await edge.until(lambda: edge.calls._calls[call].leg._playing)
    await edge.tick(5)
    assert voice.far.sent[2:] == [SILENCE] * 3
