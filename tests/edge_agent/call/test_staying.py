"""Conferences and queues at an edge: what each party hears, what the cloud is told, whatever the order of things."""

from __future__ import annotations

import asyncio
import math
import struct

import pytest

from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.hold_music import hold_music
from telecore.audio.mixing import mix, rms
from telecore.audio.tone import tone
from telecore.commands import Announce, LeaveStay, PlaceStay, RunWait
from telecore.notices import Announcement, Spoke, StayWanted, TrunkClosed, TrunkOpened, WaitEnded
from telecore.stays import ConferenceSpec, DequeueSpec, EnqueueSpec, Place, RoomRecording
from telecore.twiml.page import Ended, Goto
from telecore.twiml.verbs.conference import Conference
from telecore.twiml.verbs.enqueue import Enqueue
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.leave import Leave
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.queue import DialQueue
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.say import Say
from tests.fakes.edge import FakeEdge
from tests.fakes.line import settle

ROOM = "CF" + "1" * 32
ACTION = "http://app.example/action"
NEXT = Redirect("http://app.example/next")
VOICES = [tone((freq,), 2000, -15) for freq in (300, 500, 900)]


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


class Party:
    """One call in a stay; ``version`` and ``page`` count what the cloud has wished."""

    def __init__(self, edge, call, voice, stay):
        self.edge, self.call, self.voice, self.stay = edge, call, voice, stay
        self.version = self.page = 0

    def put(self, **place):
        self.version += 1
        place = Place(**{"sid": ROOM, "room": ROOM} | place)
        self.edge.calls.stays.place(PlaceStay(call=self.call, stay=self.stay, version=self.version, place=place))

    def hear(self, *verbs, music=False):
        self.page += 1
        self.edge.calls.stays.wait(RunWait(call=self.call, stay=self.stay, page=self.page, verbs=verbs, music=music))

    def leave(self, because, sid=""):
        self.edge.calls.stays.leave(LeaveStay(call=self.call, stay=self.stay, because=because, sid=sid))

    @property
    def ended(self):
        return [event for event in self.edge.events("call.stay_ended") if event.call == self.call]

    @property
    def last(self):
        return self.voice.far.sent[-1]


async def join(edge, verb=None, *rest, **spec):
    """A call that is answered and runs the verb."""
    call, voice = await edge.ring()
    await edge.run_page(call, verb or Conference(ConferenceSpec("R", **spec), ACTION), *rest)
    wanted = [notice for notice in edge.told(StayWanted) if notice.call == call][-1]
    return Party(edge, call, voice, wanted.stay)


async def in_room(edge, count, **place):
    """So many in the room, each speaking in a voice of its own."""
    parties = [await join(edge) for _ in range(count)]
    for party in parties:
        party.put(**place)
    await settle()
    await edge.tick(3)
    return parties


async def speak(edge, parties, frames=4):
    for party, voice in zip(parties, VOICES, strict=False):
        party.voice.far.speech = voice
    await edge.tick(frames)


def frequencies(frame):
    """Which of the three voices are in it."""
    return {at for at, freq in enumerate((300, 500, 900)) if level(frame, freq) > 500}


def level(frame, freq):
    samples = struct.unpack(f"<{len(frame) // 2}h", frame)
    step = 2 * math.pi * freq / 8000
    real = sum(s * math.cos(step * n) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(step * n) for n, s in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


async def test_it_asks_and_waits_until_it_is_placed(edge):
    party = await join(edge, muted=True)
    (wanted,) = edge.told(StayWanted)
    assert (wanted.call, wanted.spec) == (party.call, ConferenceSpec("R", muted=True))
    assert party.voice.answered
    await edge.tick(3)
    assert rms(party.last) == 0


async def test_while_the_call_is_being_answered_nothing_is_told_of_a_stay_that_may_not_be(edge):
    call, voice = await edge.ring()
    connected, answer = asyncio.Event(), voice.answer

    async def slow():
        await connected.wait()
        await answer()

    voice.answer = slow
    await edge.run_page(call, Enqueue(EnqueueSpec("q")))
    assert edge.calls.repeat() == []
    await edge.run_page(call, Gather(ACTION))
    connected.set()
    await settle()
    assert edge.told(StayWanted) == edge.events("call.stay_ended") == []


async def test_everybody_hears_the_others_and_not_himself(edge):
    parties = await in_room(edge, 3)
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1, 2}, {0, 2}, {0, 1}]


async def test_who_is_muted_is_heard_by_nobody_and_hears_all(edge):
    parties = await in_room(edge, 3)
    parties[0].put(muted=True)
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1, 2}, {2}, {1}]
    parties[0].put()
    await settle()
    await speak(edge, parties)
    assert frequencies(parties[1].last) == {0, 2}


async def test_who_coaches_is_heard_by_one_alone(edge):
    parties = await in_room(edge, 3)
    parties[2].put(coach=parties[0].call)
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1, 2}, {0}, {0, 1}]
    parties[2].put(coach="CA" + "0" * 32)
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1}, {0}, {0, 1}]


async def test_who_coaches_is_heard_again_by_one_who_is_back_from_hold(edge):
    parties = await in_room(edge, 3)
    parties[2].put(coach=parties[0].call)
    parties[0].put(room="")
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties[1:]] == [set(), {1}]
    parties[0].put()
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1, 2}, {0}, {0, 1}]


async def test_who_coaches_may_be_brought_there_first(edge):
    coached, coach = await join(edge), await join(edge)
    coach.put(coach=coached.call)
    coached.put()
    await settle()
    await speak(edge, [coached, coach])
    assert frequencies(coached.last) == {1}


async def test_on_hold_one_hears_music_and_is_not_heard(edge):
    parties = await in_room(edge, 2)
    parties[0].put(room="")
    parties[0].hear(music=True)
    await settle()
    await edge.until(lambda: edge.calls._calls[parties[0].call].leg.background is not None)
    await speak(edge, parties, 10)
    assert frequencies(parties[1].last) == set()
    assert parties[0].last in hold_music()
    parties[0].put()
    await settle()
    await speak(edge, parties)
    assert [frequencies(party.last) for party in parties] == [{1}, {0}]


async def test_what_is_heard_in_waiting_ends_with_a_notice_and_is_told_again(edge):
    party = await join(edge)
    clip = edge.clip(VOICES[0][:3200])
    party.hear(Say("hello", clip=clip))
    await settle()
    await edge.until(lambda: edge.calls._calls[party.call].leg._playing)
    await edge.tick(12)
    (ended,) = edge.told(WaitEnded)
    assert (ended.page, ended.outcome) == (1, Ended("finished"))
    assert [notice for notice in edge.calls.repeat() if isinstance(notice, WaitEnded)] == [ended]
    (again,) = [notice for notice in edge.calls.repeat() if isinstance(notice, StayWanted)]
    assert (again.page, again.version) == (1, 0)
    party.hear(NEXT)
    await settle()
    assert edge.told(WaitEnded)[-1].outcome == Goto("http://app.example/next")


async def test_a_page_is_interrupted_when_the_room_opens(edge):
    party = await join(edge)
    party.hear(Play("u", clip=edge.clip(VOICES[0]), loop=0))
    await edge.until(lambda: edge.calls._calls[party.call].leg._playing)
    other = await join(edge)
    for one in (party, other):
        one.put()
    await settle()
    await speak(edge, [other, party], 4)
    assert edge.told(WaitEnded) == []
    assert frequencies(party.last) == {0}


async def test_the_place_is_a_whole_and_old_ones_do_not_count(edge):
    one, other = await in_room(edge, 2)
    stays = edge.calls.stays
    stays.place(PlaceStay(call=one.call, stay=one.stay, version=1, place=Place(room=ROOM, muted=True)))
    stays.place(PlaceStay(call=one.call, stay="another", version=9, place=Place(room=ROOM, muted=True)))
    await settle()
    await speak(edge, [one, other])
    assert frequencies(other.last) == {0}


@pytest.mark.parametrize("because", ["ended", "kicked"])
async def test_let_go_it_asks_its_action(edge, because):
    party, other = await in_room(edge, 2)
    party.leave(because)
    await settle()
    assert edge.outcomes() == [Goto(ACTION, "POST", {"DialCallStatus": "answered", "DialBridged": "true"})]
    (ended,) = party.ended
    assert (ended.stay, ended.because) == (party.stay, because)
    await speak(edge, [party, other])
    assert frequencies(other.last) == set()


async def test_a_full_conference_lets_the_page_go_on(edge):
    party = await join(edge, Conference(ConferenceSpec("R")), NEXT)
    party.leave("full")
    await settle()
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_who_hangs_up_is_told_before_the_end_of_his_call(edge):
    party, other = await in_room(edge, 2)
    party.voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    kinds = [event.kind for event in edge.announced() if event.call == party.call]
    assert kinds[-2:] == ["call.stay_ended", "call.ended"]
    assert party.ended[0].because == "hangup"
    assert edge.outcomes()[0].params["DialCallStatus"] == "answered"
    assert other.ended == []


async def test_another_page_takes_it_out(edge):
    party, _ = await in_room(edge, 2)
    await edge.run_page(party.call, Gather(ACTION))
    assert [event.because for event in party.ended] == ["redirected"]


async def test_with_the_line_cut_who_ends_the_room_ends_it_here(edge):
    chief, other = await in_room(edge, 2)
    chief.put(ends_room=True)
    await settle()
    chief.voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    assert [event.because for event in other.ended] == ["ended"]
    told = [event.call for event in edge.events("call.stay_ended")]
    assert told == [chief.call, other.call]


async def test_the_star_key_and_the_time_limit_let_go(edge):
    party = await join(edge, hangup_on_star=True)
    party.put()
    await settle()
    party.voice.press("5*")
    await settle()
    assert party.ended[0].because == "star"
    other = await join(edge, time_limit_s=0.05)
    other.put()
    await edge.until(lambda: other.ended)
    assert other.ended[0].because == "time-limit"


async def test_beeps_are_heard_by_those_who_are_there(edge):
    one, other = await in_room(edge, 2)
    third = await join(edge)
    third.put(beep_on_enter=True, beep_on_exit=True)
    await settle()
    await edge.tick(5)
    assert all(rms(party.last) > 1000 for party in (one, other, third))
    await edge.tick(20)
    assert rms(one.last) == 0
    third.put(room="")
    third.put(beep_on_enter=True, beep_on_exit=True)
    await settle()
    await edge.tick(5)
    assert rms(one.last) == 0  # back from hold is no entering
    third.voice.drop()
    await settle()
    await edge.tick(5)
    assert rms(one.last) > 1000


async def test_a_room_is_recorded_to_its_end(edge):
    recording = RoomRecording(ROOM, status_callback="http://s", status_callback_events=("in-progress", "completed"))
    parties = await in_room(edge, 2, recording=recording)
    await speak(edge, parties, 60)
    for party in parties:
        party.voice.drop()
    await edge.until(lambda: edge.events("recording.made"))
    made = edge.events("recording.made")[0]
    assert (made.source, made.conference, made.call) == ("Conference", ROOM, parties[0].call)
    assert [event.kind for event in edge.announced() if event.kind == "recording.began"] == ["recording.began"]
    data = edge.blobs.path(made.recording.sha256).read_bytes()
    assert mix((VOICES[0][:320], VOICES[1][:320])) in data
    assert 1.0 < made.recording.duration_s < 1.6


async def test_an_announcement_is_heard_by_all(edge):
    parties = await in_room(edge, 2)
    verbs = (Say("x", clip=edge.clip(VOICES[2][:6400])),)
    edge.calls.stays.announce(Announce(announcement="a", room=ROOM, verbs=verbs))
    await edge.until(lambda: edge.clock.registered and edge.calls._rooms.of(ROOM).mixer._playing)
    await edge.tick(3)
    assert [frequencies(party.last) for party in parties] == [{2}, {2}]
    await edge.tick(20)
    assert edge.told(Announcement) == [Announcement("a", ROOM, heard=True)]


async def test_an_announcement_to_one_is_heard_by_one(edge):
    parties = await in_room(edge, 2)
    verbs = (Say("x", clip=edge.clip(VOICES[2][:6400])),)
    edge.calls.stays.announce(Announce(announcement="a", room=ROOM, verbs=verbs, call=parties[0].call))
    await edge.until(lambda: edge.calls._calls[parties[0].call].leg._playing)
    await edge.tick(3)
    assert [frequencies(party.last) for party in parties] == [{2}, set()]
    await edge.tick(20)
    assert edge.told(Announcement) == [Announcement("a", ROOM, heard=True)]


async def test_an_announcement_to_one_who_waits_interrupts_what_he_hears_and_no_more(edge):
    party = await join(edge)
    leg = edge.calls._calls[party.call].leg
    party.hear(Play("u", clip=edge.clip(VOICES[0])), NEXT)
    await edge.until(lambda: leg._playing)
    await edge.tick(10)
    waiting = leg._playing
    verbs = (Say("x", clip=edge.clip(VOICES[2][:3200])),)
    edge.calls.stays.announce(Announce(announcement="a", room=ROOM, verbs=verbs, call=party.call))
    await edge.until(lambda: leg._playing is not waiting)
    await edge.tick(3)
    assert frequencies(party.last) == {2}
    await edge.tick(10)
    assert edge.told(Announcement) == [Announcement("a", ROOM, heard=True)]
    assert frequencies(party.last) == {0}
    await edge.tick(90)
    assert [notice.outcome for notice in edge.told(WaitEnded)] == [Goto("http://app.example/next")]


async def test_two_announcements_to_one_are_both_heard(edge):
    party, _ = await in_room(edge, 2)
    leg = edge.calls._calls[party.call].leg
    for name in "ab":
        before = leg._playing
        verbs = (Say("x", clip=edge.clip(VOICES[2][:3200])),)
        edge.calls.stays.announce(Announce(announcement=name, room=ROOM, verbs=verbs, call=party.call))
        await edge.until(lambda before=before: leg._playing is not before)
    await edge.tick(30)
    assert {(notice.announcement, notice.heard) for notice in edge.told(Announcement)} == {("a", True), ("b", True)}


async def test_an_announcement_to_an_empty_room_failed(edge):
    edge.calls.stays.announce(Announce(announcement="a", room=ROOM, verbs=(Say("x", clip=edge.clip(VOICES[0])),)))
    edge.calls.stays.announce(Announce(announcement="b", room=ROOM, verbs=(), call="CA" + "0" * 32))
    await edge.until(lambda: len(edge.told(Announcement)) == 2)
    assert {(notice.announcement, notice.heard) for notice in edge.told(Announcement)} == {("a", False), ("b", False)}


async def test_who_begins_and_stops_to_speak_is_told(edge):
    one, _ = await in_room(edge, 2, report_speech=True)
    one.voice.far.speech = VOICES[0][:16000]
    await edge.tick(110)
    assert edge.told(Spoke) == [Spoke(one.call, one.stay, True), Spoke(one.call, one.stay, False)]


# ------------------------------------------------------------------ queues


async def test_leave_ends_the_waiting_and_the_page_goes_on(edge):
    party = await join(edge, Enqueue(EnqueueSpec("q")), NEXT)
    party.put(room="", sid="QU1")
    party.hear(Leave())
    await settle()
    assert edge.outcomes() == [Goto("http://app.example/next")]
    assert party.ended[0].because == "leave"


@pytest.mark.parametrize(("because", "result"), [("full", "queue-full"), ("error", "error"), ("ended", "system-error")])
async def test_what_the_action_of_a_queue_is_told(edge, because, result):
    party = await join(edge, Enqueue(EnqueueSpec("q", action=ACTION)))
    party.leave(because, "QU1")
    await settle()
    assert edge.outcomes()[0].params["QueueResult"] == result


async def test_who_hangs_up_in_a_queue_asks_its_action(edge):
    party = await join(edge, Enqueue(EnqueueSpec("q", action=ACTION)))
    party.put(room="", sid="QU1")
    await settle()
    party.voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    assert edge.outcomes() == [Goto(ACTION, "POST", {"QueueResult": "hangup", "QueueSid": "QU1", "QueueTime": "0"})]


async def test_two_of_a_queue_talk_and_end_together(edge):
    member = await join(edge, Enqueue(EnqueueSpec("q", action=ACTION)))
    taker = await join(edge, DialQueue(DequeueSpec("q"), ACTION))
    for one, peer in ((member, taker), (taker, member)):
        one.put(sid="QU1", ends_room=True, peer=peer.call)
    await settle()
    await speak(edge, [member, taker])
    assert [frequencies(party.last) for party in (member, taker)] == [{1}, {0}]
    taker.voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    results = {outcome.params.get("QueueResult", outcome.params.get("DialCallStatus")) for outcome in edge.outcomes()}
    assert results == {"bridged", "completed"}
    (of_taker,) = [outcome.params for outcome in edge.outcomes() if "DialCallStatus" in outcome.params]
    assert of_taker["DialCallSid"] == member.call


async def test_nobody_in_the_queue_rings_and_gives_up(edge):
    taker = await join(edge, DialQueue(DequeueSpec("q", timeout_s=0.05), ACTION))
    await edge.tick(3)
    assert rms(taker.last) > 500
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto(ACTION, "POST", {"DialCallStatus": "no-answer", "DialBridged": "false"})]
    await asyncio.sleep(0)


# ------------------------------------------------------------------ rooms that span edges


class FakeMedia:
    """The tunnel's sound: what leaves is kept, what comes a test says."""

    def __init__(self):
        self.sent, self.handlers = [], {}

    def send_media(self, stream, payload):
        self.sent.append((stream, payload))
        return True

    def on_media(self, stream, handler):
        if handler is None:
            self.handlers.pop(stream, None)
        else:
            self.handlers[stream] = handler


@pytest.fixture
async def spanning(tmp_path):
    media = FakeMedia()
    async with FakeEdge(tmp_path, media=media) as edge:
        yield edge, media


async def test_a_room_that_spans_edges_is_heard_there_and_hears_them(spanning):
    edge, media = spanning
    parties = await in_room(edge, 2)
    assert edge.told(TrunkOpened) == []
    assert media.sent == []
    for party in parties:
        party.put(spans=True)
    await settle()
    (opened,) = edge.told(TrunkOpened)
    assert (opened.room, opened.call) == (ROOM, parties[0].call)
    assert opened in edge.calls.repeat()
    for party, voice in zip(parties, VOICES, strict=False):
        party.voice.far.speech = voice
    for at in range(4):
        media.handlers[opened.stream](at, l16_to_ulaw(VOICES[2][at * 320 : at * 320 + 320]))
        await edge.tick()
    assert [frequencies(party.last) for party in parties] == [{1, 2}, {0, 2}]
    stream, sent = media.sent[-1]
    assert (stream, frequencies(ulaw_to_l16(sent))) == (opened.stream, {0, 1})


async def test_what_each_edge_announces_itself_does_not_cross(spanning):
    edge, media = spanning
    await in_room(edge, 2, spans=True)
    verbs = (Say("x", clip=edge.clip(VOICES[2][:6400])),)
    edge.calls.stays.announce(Announce(announcement="a", room=ROOM, verbs=verbs))
    await edge.until(lambda: edge.calls._rooms.of(ROOM).mixer._playing)
    await edge.tick(4)
    assert rms(ulaw_to_l16(media.sent[-1][1])) == 0
    third = await join(edge)
    third.put(spans=True, beep_on_enter=True)
    await settle()
    await edge.tick(4)
    assert rms(ulaw_to_l16(media.sent[-1][1])) > 1000


async def test_the_trunk_closes_behind_the_last_who_needs_it(spanning):
    edge, media = spanning
    parties = await in_room(edge, 2, spans=True)
    (opened,) = edge.told(TrunkOpened)
    parties[0].voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    assert edge.told(TrunkClosed) == []
    parties[1].put(spans=False)
    await settle()
    assert edge.told(TrunkClosed) == [TrunkClosed(ROOM, opened.stream)]
    assert media.handlers == {}
    assert not [notice for notice in edge.calls.repeat() if isinstance(notice, TrunkOpened)]
