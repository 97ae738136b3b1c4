"""Conferences over a whole desk: places, callbacks in order, waiting, announcements, what survives a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cloud.services import recordings as recording_service
from cloud.services.conference_desk import UpdateConference, UpdateParticipant
from cloud.services.requests import NewCall
from cloud.store import calls, conferences, notifications, numbers, participants, recordings
from cloud.store.participants import CONNECTED
from cloud.store.records import Hook
from telecore.commands import Announce, HangUp, LeaveStay, PlaceStay, RunWait
from telecore.errors import InvalidRequest, NotFound
from telecore.events import CallAnswered, RecordingBegan, RecordingMade, StayEnded
from telecore.ids import RecordingSid, StayId, new_id, new_sid
from telecore.model import CallStatus, Recording
from telecore.notices import Announcement, Do, Spoke, StayWanted, TrunkClosed, TrunkOpened, WaitEnded
from telecore.stays import ConferenceSpec
from telecore.twiml.page import Ended
from tests.cloud.services.site import EDGE, HANDSET, NUMBERS
from tests.fakes.customer_app import Reply, twiml

ALL = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")


class Room:
    """What a test does to one conference of a desk."""

    def __init__(self, desk, app):
        self.desk, self.app = desk, app
        self.callback = app.answer("/events", "")
        self.stays = {}

    async def come(self, name="R", at=0, **spec):
        """A call that is answered comes in; its CallSid."""
        call = await self.desk.offer(at=at)
        await self.desk.tell(CallAnswered(call=call))
        self.want(call, name, **spec)
        return call

    def want(self, call, name="R", **spec):
        wishes = {"status_callback": self.callback, "status_callback_events": ALL} | spec
        stay = self.stays.setdefault(call, StayId(new_id()))
        self.desk.desk.on_notice(EDGE, StayWanted(call, stay, ConferenceSpec(name, **wishes)))

    async def placed(self, call, **wanted):
        """The newest place of a call, once it is so."""

        def fits(place):
            return place is not None and all(getattr(place, name) == value for name, value in wanted.items())

        return await until(lambda: fits(place := self.place(call)) and place)

    def place(self, call):
        found = self.commands(PlaceStay, call)
        return max(found, key=lambda command: command.version).place if found else None

    def commands(self, kind, call):
        sent = [notice.command for notice in self.desk.line.sent if isinstance(notice, Do)]
        return [command for command in sent if isinstance(command, kind) and command.call == call]

    async def told(self, kind, call, count=1):
        return (await until(lambda: len(found := self.commands(kind, call)) >= count and found))[-1]

    async def go(self, call, because="hangup"):
        await self.desk.tell(StayEnded(call=call, stay=self.stays[call], because=because))

    async def events(self, count):
        """The callbacks so far, once there are so many: names, and that they are counted from 1."""
        seen = await self.app.wait_for("/events", count)
        assert [request.params["SequenceNumber"] for request in seen] == [str(n + 1) for n in range(len(seen))]
        return [request.params["StatusCallbackEvent"] for request in seen]

    async def record(self, name="R"):
        return await self.desk.db.read(lambda conn: conferences.active(conn, self.desk.account.sid, name))

    async def sid(self):
        return (await until(self.record)).sid

    async def one(self, call):
        found = await self.desk.db.read(lambda conn: participants.of_call(conn, call))
        return found[-1]

    @property
    def api(self):
        return self.desk.desk.conferences


@pytest.fixture
def room(desk, app):
    return Room(desk, app)


async def test_it_starts_with_the_second_and_ends_behind_the_last(desk, room):
    one = await room.come()
    first = await room.placed(one, room="")
    assert (await room.told(RunWait, one)).music
    assert (await room.record()).status == "init"
    two = await room.come()
    for call in (one, two):
        place = await room.placed(call, room=first.sid)
        assert (place.muted, place.beep_on_enter, place.beep_on_exit, place.ends_room) == (False, True, True, False)
    sid = await room.sid()
    await room.go(one)
    await room.go(two)
    assert await room.events(6) == [
        "participant-join", "participant-join", "conference-start",
        "participant-leave", "participant-leave", "conference-end",
    ]  # fmt: skip
    ended = await desk.db.read(lambda conn: conferences.get(conn, sid))
    assert (ended.status, ended.reason, ended.ended_by) == ("completed", "last-participant-left", two)
    last = room.app.seen("/events")[-1].params
    assert (last["ReasonConferenceEnded"], last["CallSidEndingConference"]) == ("last-participant-left", two)
    joined = room.app.seen("/events")[0].params
    assert (joined["CallSid"], joined["ConferenceSid"], joined["FriendlyName"]) == (one, sid, "R")
    assert (joined["Muted"], joined["StartConferenceOnEnter"], joined["EndConferenceOnExit"]) == (
        "false",
        "true",
        "false",
    )


class Late:
    """A database that is read at once and answers when it may."""

    def __init__(self, db):
        self.write, self._read = db.write, db.read
        self.was_read, self.may_answer = asyncio.Event(), asyncio.Event()

    async def read(self, work):
        found = await self._read(work)
        self.was_read.set()
        await self.may_answer.wait()
        return found


async def test_who_comes_while_it_is_looked_who_is_there_is_not_put_out(desk, room):
    """How it stood was read before he came in, and is acted upon afterwards."""
    service = desk.desk.stays._conferences
    service._db = late = Late(desk.db)
    one = await room.come()
    await late.was_read.wait()
    two = await room.come()
    await until(lambda: len(service._where) == 2)
    late.may_answer.set()
    sid = await room.sid()
    for call in (one, two):
        await room.placed(call, room=sid)
        assert not room.commands(LeaveStay, call)


async def test_nobody_who_may_start_it(desk, room):
    calls = [await room.come(start_on_enter=False) for _ in range(2)]
    for call in calls:
        await room.placed(call, room="")
    chief = await room.come(end_on_exit=True)
    for call in (*calls, chief):
        await room.placed(call, room=await room.sid())
    await room.go(chief)
    for call in calls:
        assert (await room.told(LeaveStay, call)).because == "ended"
    assert (await room.events(8))[-1] == "conference-end"
    reason = room.app.seen("/events")[-1].params["ReasonConferenceEnded"]
    assert reason == "participant-with-end-conference-on-exit-left"


async def test_the_first_ones_callback_rules_and_only_what_is_asked_is_told(desk, room):
    await room.come(status_callback_events=("join",))
    await room.come(status_callback=room.app.answer("/other", ""))
    assert await room.events(2) == ["participant-join"] * 2
    await asyncio.sleep(0.05)
    assert room.app.seen("/other") == []


async def test_the_end_of_a_call_is_the_end_of_its_stay(desk, room):
    one, two = await room.come(), await room.come()
    await room.placed(two, room=await room.sid())
    await desk.end(two)
    assert (await room.events(4))[-1] == "participant-leave"
    assert (await room.one(two)).status == "complete"
    await desk.end(one)
    assert (await room.events(6))[-1] == "conference-end"


async def test_a_conference_of_another_account_of_the_same_name_is_another(desk, room):
    await room.come()
    await room.placed(next(iter(room.stays)), room="")
    found = await desk.db.read(lambda conn: conferences.active(conn, "AC" + "0" * 32, "R"))
    assert found is None


async def test_a_full_one_takes_nobody(desk, room):
    one = await room.come(max_participants=2)
    await room.come(max_participants=2)
    third = await room.come(max_participants=2)
    assert (await room.told(LeaveStay, third)).because == "full"
    await until(lambda: noted(desk, third), 16020)
    await room.placed(one, room=await room.sid())


async def statuses(desk, call):
    return [one.status for one in await desk.db.read(lambda conn: participants.of_call(conn, call))]


async def until(ask, holds=None):
    """The answer, once it is true, or holds this."""
    async with asyncio.timeout(3):
        while True:
            answer = ask()
            answer = await answer if asyncio.iscoroutine(answer) else answer
            if answer if holds is None else holds in answer:
                return answer
            await asyncio.sleep(0.01)


async def noted(desk, call):
    rows = await desk.db.read(lambda conn: notifications.list_(conn, desk.account.sid, about=call))
    return [row.code for row in rows]


async def test_waiting_runs_the_customers_document_again_and_again(desk, room):
    wait = room.app.answer("/wait", twiml("<Say>Please wait</Say><Dial>+85512000009</Dial>"))
    call = await room.come(wait_url=wait)
    first = await room.told(RunWait, call)
    assert ([verb.kind for verb in first.verbs], first.music) == (["say"], False)
    request = room.app.seen("/wait")[0].params
    assert (request["CallSid"], request["FriendlyName"]) == (call, "R")
    assert 13238 in await noted(desk, call)
    desk.desk.on_notice(EDGE, WaitEnded(call, room.stays[call], first.page, Ended("finished")))
    second = await room.told(RunWait, call, 2)
    assert second.page > first.page


@pytest.mark.parametrize(("url", "music"), [(None, True), ("", False)])
async def test_without_a_document_it_is_music_or_silence(room, url, music):
    call = await room.come(wait_url=url)
    wait = await room.told(RunWait, call)
    assert (wait.verbs, wait.music) == ((), music)


async def test_a_document_that_cannot_be_had_leaves_music(desk, room):
    call = await room.come(wait_url=room.app.answer("/wait", Reply("", 404)))
    assert (await room.told(RunWait, call)).music
    assert 11200 in await noted(desk, call)


async def test_mute_hold_and_modify(desk, room):
    one = await room.come()
    await room.told(RunWait, one)
    two = await room.come()
    await room.placed(two, room=(sid := await room.sid()))
    update = room.api.update_participant
    account = desk.account.sid
    await update(account, await room.one(one), UpdateParticipant(muted=True))
    await room.placed(one, muted=True, room=sid)
    hold = Hook(room.app.answer("/hold", twiml("<Say>Hold on</Say>")))
    await update(account, await room.one(one), UpdateParticipant(hold=True, hold_hook=hold))
    await room.placed(one, room="")
    waits = await room.told(RunWait, one, 2)
    assert [verb.kind for verb in waits.verbs] == ["say"]
    await update(account, await room.one(one), UpdateParticipant(hold=False, muted=False))
    await room.placed(one, room=sid, muted=False)
    await update(account, await room.one(one), UpdateParticipant(coach=two, end_on_exit=True, beep_on_exit=False))
    await room.placed(one, coach=two, ends_room=True, beep_on_exit=False)
    assert (await room.events(8))[3:] == [
        "participant-mute", "participant-hold", "participant-unmute", "participant-unhold", "participant-modify",
    ]  # fmt: skip
    with pytest.raises(InvalidRequest):
        await update(account, await room.one(one), UpdateParticipant(coach="CA" + "0" * 32))
    with pytest.raises(InvalidRequest):
        await update(account, await room.one(one), UpdateParticipant(coach=one))
    assert (await room.one(one)).coach == two


async def test_out_with_him(desk, room):
    one, two = await room.come(), await room.come()
    await room.placed(two, room=await room.sid())
    await room.api.remove(desk.account.sid, await room.one(one))
    assert (await room.told(LeaveStay, one)).because == "kicked"
    assert not room.commands(LeaveStay, two)
    await room.go(one, "kicked")
    assert (await room.events(4))[-1] == "participant-leave"
    await room.api.remove(desk.account.sid, await room.one(two))
    await room.events(6)
    assert room.app.seen("/events")[-1].params["ReasonConferenceEnded"] == "last-participant-kicked"


async def test_one_who_has_left_before_he_is_put_out_leaves_once(desk, room):
    one, _, three = await room.come(), await room.come(), await room.come()
    await room.placed(three, room=await room.sid())
    before = await room.one(one)
    await room.go(one)
    await room.api.remove(desk.account.sid, before)
    await room.go(three)
    events = await room.events(6)
    await asyncio.sleep(0.05)
    assert (await room.events(6)) == events
    assert events.count("participant-leave") == 2


async def test_it_is_ended_by_the_api(desk, room):
    one, two = await room.come(), await room.come()
    sid = (await room.placed(two, room=await room.sid())).room
    ended = await room.api.update(desk.account.sid, sid, UpdateConference(completed=True))
    assert (ended.status, ended.reason) == ("completed", "conference-ended-via-api")
    for call in (one, two):
        assert (await room.told(LeaveStay, call)).because == "ended"
    await room.go(one, "ended")
    assert (await room.events(6))[-3:] == ["participant-leave", "participant-leave", "conference-end"]
    with pytest.raises(InvalidRequest):
        await room.api.update(desk.account.sid, sid, UpdateConference(completed=True))
    with pytest.raises(NotFound):
        await room.api.update("AC" + "0" * 32, sid, UpdateConference(completed=True))


async def test_the_edge_asks_again_after_a_cut_and_after_a_restart(desk, room):
    one, two = await room.come(), await room.come()
    place = await room.placed(one, room=await room.sid())
    await room.events(3)
    for _ in range(2):
        desk.line.sent.clear()
        room.want(one)
        assert await room.placed(one, room=place.room) == place
        await desk.restart()
    room.want(one)
    await room.placed(one, room=place.room)
    assert (await room.events(3)).count("participant-join") == 2
    assert (await room.one(two)).status == CONNECTED


async def test_an_end_that_is_told_before_its_beginning(desk, room):
    call = await desk.offer()
    room.stays[call] = StayId(new_id())
    await room.go(call, "redirected")
    room.want(call)
    await until(lambda: statuses(desk, call), "complete")
    assert await room.record() is None


async def test_an_announcement_to_all_and_one_that_fails(desk, room):
    one, two = await room.come(), await room.come()
    sid = (await room.placed(two, room=await room.sid())).room
    hook = Hook(room.app.answer("/announce", twiml("<Say>Five minutes left</Say>")), "GET")
    await room.api.update(desk.account.sid, sid, UpdateConference(announce=hook))
    notice = await desk.line.wait_for(lambda n: isinstance(n, Do) and isinstance(n.command, Announce))
    assert ([verb.kind for verb in notice.command.verbs], notice.command.call) == (["say"], None)
    desk.desk.on_notice(EDGE, Announcement(notice.command.announcement, sid, heard=True))
    assert (await room.events(4))[-1] == "announcement-end"
    assert room.app.seen("/announce")[0].params["ConferenceSid"] == sid
    bad = Hook(room.app.answer("/gone", Reply("", 404)))
    await room.api.update_participant(desk.account.sid, await room.one(one), UpdateParticipant(announce=bad))
    assert (await room.events(5))[-1] == "announcement-fail"
    assert room.app.seen("/events")[-1].params["CallSid"] == one


async def test_who_leaves_while_his_announcement_is_made_ready_does_not_hear_it_elsewhere(desk, room, monkeypatch):
    one, two = await room.come(), await room.come()
    await room.placed(two, room=await room.sid())
    await room.events(3)
    announcements = desk.desk.stays._announcements
    verbs = announcements._verbs

    async def slow(*args):
        made = await verbs(*args)
        await room.go(one, "redirected")
        return made

    monkeypatch.setattr(announcements, "_verbs", slow)
    hook = Hook(room.app.answer("/announce", twiml("<Say>Five minutes left</Say>")), "GET")
    await room.api.update_participant(desk.account.sid, await room.one(one), UpdateParticipant(announce=hook))
    assert (await room.events(5))[-2:] == ["participant-leave", "announcement-fail"]
    assert not room.commands(Announce, one)


async def test_who_speaks_is_told(desk, room):
    one, two = await room.come(), await room.come()
    assert (await room.placed(two, room=await room.sid())).report_speech
    for speaks in (True, False):
        desk.desk.on_notice(EDGE, Spoke(one, room.stays[one], speaks))
        await room.events(4 if speaks else 5)
    assert (await room.events(5))[-2:] == ["participant-speech-start", "participant-speech-stop"]


async def test_one_edge_records_and_its_recording_is_the_conferences(desk, room):
    told = room.app.answer("/recorded", "")
    old = room.app.answer("/recording-is-there", "")
    one = await room.come(record=True, recording_status_callback=told, event_callback=old)
    two = await room.come()
    place = await room.placed(one, room=(sid := await room.sid()))
    assert (place.recording.conference, place.recording.status_callback) == (sid, told)
    await room.placed(two, room=sid)
    sha = await desk.blob(b"sound")
    recording = Recording("RE" + "1" * 32, one, sha, 5, 3.4, 1)
    await desk.tell(
        RecordingMade(call=one, recording=recording, source="Conference", status_callback=told, conference=sid)
    )
    (request,) = await room.app.wait_for("/recorded")
    assert request.params["ConferenceSid"] == sid
    assert (request.params["RecordingSource"], request.params["RecordingStatus"]) == ("Conference", "completed")
    assert "CallSid" not in request.params
    (request,) = await room.app.wait_for("/recording-is-there")
    assert (request.params["ConferenceSid"], request.params["Duration"]) == (sid, "3")
    assert request.params["RecordingUrl"].endswith(recording.sid)


async def test_what_a_dead_edge_recorded_of_a_room_is_absent_once_nobody_is_there(desk, room, monkeypatch):
    monkeypatch.setattr(recording_service, "ABANDONED", timedelta(0))
    one, two = await room.come(record=True), await room.come()
    sid, recording = await room.sid(), RecordingSid(new_sid("RE"))
    await desk.tell(RecordingBegan(call=one, sid=recording, source="Conference", conference=sid))

    async def status_after(call):
        desk.desk.calls.lost(await desk.db.read(lambda conn: calls.get(conn, call)))
        await until(lambda: desk.db.read(lambda conn: calls.get(conn, call).ended_at))
        desk.desk.on_link(EDGE, True)
        await asyncio.sleep(0.05)
        return (await desk.db.read(lambda conn: recordings.get(conn, recording))).status

    assert await status_after(one) == "in-progress"
    assert await until(lambda: status_after(two), holds="absent")


async def test_a_participant_is_called_in(desk, room):
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    spec = ConferenceSpec("R", label="doctor", status_callback=room.callback, status_callback_events=ALL)
    new = NewCall(found.number, HANDSET, twiml="<Response/>")
    one = await room.api.call_in(desk.account.sid, spec, new)
    assert (one.status, one.label) == ("queued", "doctor")
    with pytest.raises(InvalidRequest) as refused:
        await room.api.call_in(desk.account.sid, spec, new)
    assert refused.value.code == 16026
    await desk.answer(one.call)
    room.want(one.call, label="doctor")
    await room.placed(one.call, room="")
    there = await room.one(one.call)
    assert (there.sid, there.status) == (one.sid, CONNECTED)
    assert await room.events(1) == ["participant-join"]


async def test_who_never_answers_leaves_and_the_conference_ends(desk, room):
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    new = NewCall(found.number, HANDSET, twiml="<Response/>")
    one = await room.api.call_in(desk.account.sid, ConferenceSpec("R"), new)
    await desk.end(one.call, cause=17, duration_s=None)
    assert (await room.one(one.call)).status == "complete"
    assert await room.record() is None


async def test_who_is_still_called_is_called_no_more(desk, room):
    found = await desk.db.read(lambda conn: numbers.get_by_number(conn, NUMBERS[0]))
    new = NewCall(found.number, HANDSET, twiml="<Response/>")
    one = await room.api.call_in(desk.account.sid, ConferenceSpec("R"), new)
    await room.api.remove(desk.account.sid, one)
    await room.told(HangUp, one.call)
    await desk.becomes(one.call, status=CallStatus.CANCELED)
    assert (await room.one(one.call)).status == "complete"


async def test_others_at_another_edge_make_the_room_span_both(desk, room):
    one, two = await room.come(), await room.come()
    assert not (await room.placed(one, room=await room.sid())).spans
    far = (await room.one(two)).sid
    await desk.db.write(lambda conn: participants.update(conn, far, edge="site-2"))
    room.want(one)
    await room.placed(one, spans=True)
    await desk.db.write(lambda conn: participants.update(conn, far, hold=True))
    room.want(one)
    await room.placed(one, spans=False)


async def test_only_an_edge_with_a_call_in_the_room_hears_it(desk, room):
    one = await room.come()
    sid = await room.sid()
    relays = desk.desk.stays._relays
    desk.desk.on_notice(EDGE, TrunkOpened(sid, "CA" + "0" * 32, 1))
    desk.desk.on_notice(EDGE, TrunkOpened("CF" + "0" * 32, one, 2))
    desk.desk.on_notice(EDGE, TrunkOpened(sid, one, 3))
    await until(lambda: relays._rooms)
    await asyncio.sleep(0.05)
    assert {name: relay.streams for name, relay in relays._rooms.items()} == {sid: {EDGE: 3}}


async def test_a_room_that_was_left_at_once_is_not_heard(desk, room):
    one = await room.come()
    sid = await room.sid()
    relays = desk.desk.stays._relays
    desk.desk.on_notice(EDGE, TrunkOpened(sid, one, 3))
    desk.desk.on_notice(EDGE, TrunkClosed(sid, 3))
    desk.desk.on_notice(EDGE, TrunkOpened(sid, one, 4))
    desk.desk.on_link(EDGE, False)
    await asyncio.sleep(0.05)
    assert relays._rooms == {}
    assert desk.desk.stays._trunks == {}
    desk.desk.on_link(EDGE, True)
    desk.desk.on_notice(EDGE, TrunkOpened(sid, one, 5))
    await until(lambda: relays._rooms)
    assert relays._rooms[sid].streams == {EDGE: 5}


async def test_a_coach_at_another_edge_is_told_of(desk, room):
    one, two = await room.come(), await room.come()
    await room.placed(one, room=await room.sid())
    far = (await room.one(two)).sid
    await desk.db.write(lambda conn: participants.update(conn, far, edge="site-2"))
    await room.api.update_participant(desk.account.sid, await room.one(one), UpdateParticipant(coach=two))
    await until(lambda: noted(desk, one), 16028)
