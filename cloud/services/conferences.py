"""Conferences: who may speak with whom, and what the others hear meanwhile.

The store says how things are; after every change each edge is told what follows from it for its calls, as a whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cloud.services.call_session import SessionTools
from cloud.services.callbacks import Callbacks
from cloud.services.live_tasks import LiveTasks
from cloud.services.seats import Seat, Seats
from cloud.services.waits import OF_CONFERENCE, Waiting, Waits
from cloud.store import calls, conferences, participants
from cloud.store.database import Connection
from cloud.store.participants import CONNECTED
from cloud.store.records import CallRecord, ConferenceRecord, Hook, ParticipantRecord
from cloud.tunnel import conference_steps as steps
from cloud.tunnel.heard import utc_now
from telecore.ids import CallSid, EdgeId, StayId
from telecore.notices import Spoke, StayWanted
from telecore.stays import ConferenceSpec, Place, RoomRecording

log = logging.getLogger(__name__)

FULL, LABEL_TAKEN, COACH_APART = 16020, 16025, 16028


@dataclass(frozen=True, slots=True)
class _Now:
    """A conference as it stands, with the calls of those who are there."""

    conference: ConferenceRecord
    there: tuple[ParticipantRecord, ...]
    calls: Mapping[CallSid, CallRecord]


class ConferenceService:
    """``wanted`` and ``left`` are what edges tell; what the API asks is in ``conference_desk.py``."""

    def __init__(
        self,
        tools: SessionTools,
        queue: Callbacks,
        seats: Seats,
        waits: Waits,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._tools = tools
        self._db = tools.db
        self._queue = queue
        self._seats = seats
        self._waits = waits
        self._now = now
        self._tasks = LiveTasks()
        self._where: dict[StayId, str] = {}
        self._far_coaches: dict[StayId, str] = {}
        self._pushing = asyncio.Lock()

    async def close(self) -> None:
        await self._tasks.close()

    async def wanted(self, call: CallRecord, notice: StayWanted, spec: ConferenceSpec) -> None:
        """A call comes into a conference, or its edge tells again that it is in one."""
        entered = await self._db.write(lambda conn: steps.enter(conn, call, notice.stay, spec, self._now()))
        self._queue.wake()
        seat = self._seats.asked(call.sid, notice.stay, call.edge or EdgeId(""), notice.version)
        self._waits.seen(notice.stay, notice.page)
        if entered.participant is None:
            self._seats.leave(seat, entered.because)
            await self._note(call, FULL, f"The conference {spec.name[:40]} is full; the call goes on without it")
            return
        if entered.label_taken:
            text = f"participantLabel {spec.label[:40]} is in use in this conference; the participant has none"
            await self._note(call, LABEL_TAKEN, text)
        self._where[notice.stay] = entered.participant.conference
        await self.push(entered.participant.conference)

    def left(self, stay: StayId) -> None:
        """An edge tells that a stay is over; what follows from it is in the store already."""
        self._far_coaches.pop(stay, None)
        conference = self._where.pop(stay, None)
        if conference is not None:
            self._tasks.start(self.push(conference), f"conference {conference}")

    async def over_already(self, stay: StayId) -> None:
        """The end of a stay was told, and written, before its beginning."""

        def write(conn: Connection) -> None:
            one = participants.by_stay(conn, stay)
            if one is not None:
                steps.leave(conn, one, "hangup", self._now())

        await self._db.write(write)
        self.left(stay)

    def changed(self, call: CallSid) -> None:
        """A call is over: the conferences that it was in may be another thing now."""
        self._tasks.start(self._push_of(call), f"conferences of {call}")

    async def spoke(self, participant: ParticipantRecord, notice: Spoke) -> None:
        """Somebody began to speak, or is silent."""
        event = "participant-speech-start" if notice.speaks else "participant-speech-stop"

        def write(conn: Connection) -> None:
            conference = conferences.get(conn, participant.conference)
            if conference is not None and participant.status == CONNECTED:
                steps.tell(conn, conference, event, self._now(), participant)

        await self._db.write(write)
        self._queue.wake()

    async def push(self, sid: str, because: str = "ended") -> None:
        """Tell the edges how this conference stands. ``because``: why those are out who are not in it any more."""
        self._queue.wake()
        async with self._pushing:
            # Who comes from now on is not in what is read.
            came = [stay for stay, where in self._where.items() if where == sid]
            now = await self._db.read(lambda conn: _read(conn, sid))
            if now is None:
                return
            there = {one.stay: one for one in now.there if one.status == CONNECTED and one.stay is not None}
            for stay in came:
                if stay not in there and stay in self._where:
                    self._dismiss(stay, because)
            for stay, one in there.items():
                seat = self._seats.of(stay)
                if seat is not None:
                    place = replace(place_of(now.conference, one), spans=_spans(now, one))
                    self._seats.put(seat, place)
                    self._hear(seat, now, one, place)
                    await self._note_far_coach(now, one)

    async def _note_far_coach(self, now: _Now, one: ParticipantRecord) -> None:
        """What crosses edges is one voice for all: a coach is heard only by somebody of his own edge."""
        coached = next((other for other in now.there if one.coaching and other.call == one.coach), None)
        call = now.calls.get(one.call)
        if coached is None or call is None or one.stay is None or coached.edge == one.edge:
            return
        if self._far_coaches.get(one.stay) == one.coach:  # told already
            return
        self._far_coaches[one.stay] = one.coach
        await self._note(call, COACH_APART, "Whom this call coaches is at another site and cannot hear it alone")

    def _dismiss(self, stay: StayId, because: str) -> None:
        del self._where[stay]
        self._far_coaches.pop(stay, None)
        self._waits.forget(stay)
        seat = self._seats.of(stay)
        if seat is not None:
            self._seats.leave(seat, because)

    def _hear(self, seat: Seat, now: _Now, one: ParticipantRecord, place: Place) -> None:
        """In the room it hears the others, else music or what the customer wants."""
        if place.room:
            seat.waits = None
            self._waits.stop(seat.stay)
            return
        hook = _hook(one.hold_url, one.hold_method) if one.hold else _hook(one.wait_url, one.wait_method)
        hears = (one.hold, hook)
        if seat.waits == hears:
            return
        seat.waits = hears
        call = now.calls.get(one.call)
        if call is not None:
            more = partial(_fields, now.conference)
            self._waits.begin(Waiting(call, seat.stay, hook, OF_CONFERENCE, more))

    async def _push_of(self, call: CallSid) -> None:
        found = await self._db.read(lambda conn: participants.of_call(conn, call))
        for sid in {one.conference for one in found}:
            await self.push(sid)

    async def _note(self, call: CallRecord, code: int, text: str) -> None:
        await self._tools.debugger.note(call.account, call.sid, code, text, level="warning")


def place_of(conference: ConferenceRecord, one: ParticipantRecord) -> Place:
    """Where a participant is to be: in the room once it has started, unless he is on hold."""
    place = Place(
        sid=conference.sid,
        muted=one.muted,
        coach=CallSid(one.coach) if one.coaching else None,
        beep_on_enter=one.beep_on_enter,
        beep_on_exit=one.beep_on_exit,
        ends_room=one.end_on_exit,
        report_speech="speaker" in conference.status_callback_events,
    )
    if conference.status != steps.IN_PROGRESS or one.hold:
        return place
    records = conference.record and one.edge == conference.recorder
    return replace(place, room=conference.sid, recording=_recording(conference) if records else None)


def _spans(now: _Now, one: ParticipantRecord) -> bool:
    """Whether others than his edge's are there to be heard, and he is in the room."""
    there = [other for other in now.there if other.status == CONNECTED and not other.hold]
    return (
        one in there and now.conference.status == steps.IN_PROGRESS and any(other.edge != one.edge for other in there)
    )


def _recording(conference: ConferenceRecord) -> RoomRecording:
    return RoomRecording(
        conference.sid,
        conference.trim_silence,
        conference.recording_callback.url,
        conference.recording_callback.method,
        conference.recording_callback_events,
    )


def _hook(url: str | None, method: str) -> Hook | None:
    return None if url is None else Hook(url, method)


async def _fields(conference: ConferenceRecord) -> Mapping[str, str]:
    return {"ConferenceSid": conference.sid, "FriendlyName": conference.name}


def _read(conn: Connection, sid: str) -> _Now | None:
    conference = conferences.get(conn, sid)
    if conference is None:
        return None
    there = participants.present(conn, sid)
    records = (calls.get(conn, one.call) for one in there)
    return _Now(conference, tuple(there), {record.sid: record for record in records if record is not None})
