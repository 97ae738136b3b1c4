"""Steps in the life of a conference, each with the callback that tells of it, in one transaction.

People come and leave; it starts with the second who comes when one of them may start it, and ends behind the last, or
behind one with whom it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloud.store import callbacks, conferences, participants
from cloud.store.database import Connection
from cloud.store.participants import COMPLETE, CONNECTED, QUEUED
from cloud.store.records import CallRecord, ConferenceRecord, Hook, ParticipantRecord, RecordingRecord
from telecore.ids import CallSid, StayId, new_sid
from telecore.stays import ConferenceSpec
from telecore.twiml import params

INIT, IN_PROGRESS, COMPLETED = "init", "in-progress", "completed"
FULL = "full"
GROUPS = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
    "participant-speech-start": "speaker",
    "participant-speech-stop": "speaker",
    "announcement-end": "announcement",
    "announcement-fail": "announcement",
}
"""Event → the word of ``statusCallbackEvent`` that asks for it."""
_LEFT_REASONS = {
    "hangup": "participant_hung_up",
    "kicked": "participant_updated_via_api",
    "redirected": "call_updated_via_api",
    "ended": "moderator_ended_conference",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """Who came in, or why not: ``full``. ``label_taken``: somebody there has its label, so it has none."""

    participant: ParticipantRecord | None
    because: str = ""
    label_taken: bool = False


def settings(account: str, spec: ConferenceSpec, now: datetime, sid: str = "") -> ConferenceRecord:
    """A conference as the first who comes wants it."""
    return ConferenceRecord(
        sid=sid or new_sid("CF"),
        account=account,  # type: ignore[arg-type]
        name=spec.name,
        status=INIT,
        created_at=now,
        updated_at=now,
        max_participants=spec.max_participants,
        record=spec.record,
        trim_silence=spec.trim_silence,
        status_callback=Hook(spec.status_callback, spec.status_callback_method),
        status_callback_events=spec.status_callback_events,
        recording_callback=Hook(spec.recording_status_callback, spec.recording_status_callback_method),
        recording_callback_events=spec.recording_status_callback_events,
        event_callback=spec.event_callback,
    )


def open_(conn: Connection, account: str, spec: ConferenceSpec, now: datetime) -> ConferenceRecord:
    """The conference of this name, made if there is none."""
    known = conferences.active(conn, account, spec.name)
    return known or conferences.insert(conn, settings(account, spec, now))


def expect(
    conn: Connection, conference: ConferenceRecord, call: CallRecord, spec: ConferenceSpec, now: datetime
) -> ParticipantRecord:
    """Somebody who is being dialled to come in."""
    return participants.insert(conn, _participant(conference, call, spec, now, QUEUED))


def enter(conn: Connection, call: CallRecord, stay: StayId, spec: ConferenceSpec, now: datetime) -> Entered:
    """A call comes in. Told again, it is who it was."""
    known = participants.by_stay(conn, stay)
    if known is not None:
        return Entered(known)
    conference = open_(conn, call.account, spec, now)
    there = participants.present(conn, conference.sid)
    expected = next((one for one in there if one.call == call.sid and one.status == QUEUED), None)
    if expected is None and len(there) >= min(spec.max_participants, conference.max_participants):
        return Entered(None, FULL)
    taken = expected is None and bool(spec.label) and any(one.label == spec.label for one in there)
    if expected is None:
        expected = participants.insert(conn, _participant(conference, call, spec, now, CONNECTED, taken=taken))
    changed = participants.update(conn, expected.sid, status=CONNECTED, stay=stay, edge=call.edge) or expected
    tell(conn, conference, "participant-join", now, changed)
    _maybe_start(conn, conference.sid, now)
    return Entered(changed, label_taken=taken)


def leave(conn: Connection, participant: ParticipantRecord, because: str, now: datetime) -> None:
    """A call left, or never came. Whoever ends the conference by it ends it for all."""
    if participant.status == COMPLETE:
        return
    was_in = participant.status == CONNECTED
    participants.update(conn, participant.sid, status=COMPLETE)
    conference = conferences.get(conn, participant.conference)
    if conference is None or conference.status == COMPLETED:
        return
    if was_in:
        tell(conn, conference, "participant-leave", now, participant, because=because)
    how = "kicked" if because == "kicked" else "left"
    if was_in and participant.end_on_exit:
        end(conn, conference, f"participant-with-end-conference-on-exit-{how}", now, by=participant.call)
    elif not (left := participants.present(conn, conference.sid)):
        end(conn, conference, f"last-participant-{how}", now, by=participant.call)
    else:
        _choose_recorder(conn, conference, left)


def call_over(conn: Connection, call: str, now: datetime) -> None:
    """A call has ended: wherever it is, it is no more."""
    for participant in participants.of_call(conn, call):
        leave(conn, participant, "hangup", now)


def end(
    conn: Connection, conference: ConferenceRecord, reason: str, now: datetime, by: CallSid | None = None
) -> ConferenceRecord:
    """It is over for all who are there."""
    for participant in participants.present(conn, conference.sid):
        participants.update(conn, participant.sid, status=COMPLETE)
        if participant.status == CONNECTED:
            tell(conn, conference, "participant-leave", now, participant, because="ended")
    ended = conferences.update(conn, conference.sid, status=COMPLETED, reason=reason, ended_by=by) or conference
    tell(conn, ended, "conference-end", now)
    return ended


def tell(
    conn: Connection,
    conference: ConferenceRecord,
    event: str,
    now: datetime,
    participant: ParticipantRecord | None = None,
    *,
    because: str = "",
    also: dict[str, str] | None = None,
) -> None:
    """Call back, if it is wished. Callbacks of a conference are counted from 1 and go out in order."""
    if not conference.status_callback.url or GROUPS[event] not in conference.status_callback_events:
        return
    fresh = conferences.get(conn, conference.sid) or conference
    fresh = conferences.update(conn, conference.sid, sequence=fresh.sequence + 1) or fresh
    fields = params.conference_event(
        conference=fresh.sid,
        name=fresh.name,
        account=fresh.account,
        event=event,
        sequence=fresh.sequence,
        at=now,
    )
    if participant is not None:
        fields |= participant_fields(participant)
    if event == "conference-end":
        fields["ReasonConferenceEnded"] = fresh.reason
        if fresh.ended_by:
            fields["CallSidEndingConference"] = fresh.ended_by
    if because:
        fields["ReasonParticipantLeft"] = _LEFT_REASONS.get(because, "participant_left_conference")
    callbacks.add(conn, fresh.account, fresh.sid, fresh.status_callback, fields | (also or {}))


def recorded(conn: Connection, record: RecordingRecord, url: str, now: datetime) -> None:
    """A recording is complete: ``eventCallbackUrl`` is told, where one was given."""
    conference = conferences.get(conn, record.conference) if record.conference else None
    if conference is None or not conference.event_callback or record.status != "completed":
        return
    fields = {
        "AccountSid": conference.account,
        "ConferenceSid": conference.sid,
        "FriendlyName": conference.name,
        "RecordingSid": record.sid,
        "RecordingUrl": url,
        "RecordingFileSize": str(record.size),
        "Duration": str(round(record.duration_s)),
        "Timestamp": params.moment(now),
    }
    callbacks.add(conn, conference.account, conference.sid, Hook(conference.event_callback), fields)


def participant_fields(participant: ParticipantRecord) -> dict[str, str]:
    """What a callback says of the one it is about."""
    fields = {
        "CallSid": participant.call,
        "Muted": _word(participant.muted),
        "Hold": _word(participant.hold),
        "Coaching": _word(participant.coaching),
        "StartConferenceOnEnter": _word(participant.start_on_enter),
        "EndConferenceOnExit": _word(participant.end_on_exit),
    }
    if participant.label:
        fields["ParticipantLabel"] = participant.label
    if participant.coaching:
        fields["CallSidToCoach"] = participant.coach
    return fields


def _participant(
    conference: ConferenceRecord,
    call: CallRecord,
    spec: ConferenceSpec,
    now: datetime,
    status: str,
    *,
    taken: bool = False,
) -> ParticipantRecord:
    return ParticipantRecord(
        sid=new_sid("CP"),
        account=call.account,
        conference=conference.sid,
        call=call.sid,
        status=status,
        created_at=now,
        updated_at=now,
        edge=call.edge,
        label="" if taken else spec.label,
        muted=spec.muted,
        coaching=bool(spec.coach),
        coach=spec.coach[:34],
        start_on_enter=spec.start_on_enter,
        end_on_exit=spec.end_on_exit,
        beep_on_enter=spec.beep in ("true", "onEnter"),
        beep_on_exit=spec.beep in ("true", "onExit"),
        wait_url=spec.wait_url,
        wait_method=spec.wait_method,
    )


def _maybe_start(conn: Connection, sid: str, now: datetime) -> None:
    conference = conferences.get(conn, sid)
    there = [one for one in participants.present(conn, sid) if one.status == CONNECTED]
    if conference is None or conference.status != INIT or len(there) < 2:
        return
    if any(one.start_on_enter for one in there):
        started = conferences.update(conn, sid, status=IN_PROGRESS) or conference
        _choose_recorder(conn, started, there)
        tell(conn, started, "conference-start", now)


def _choose_recorder(conn: Connection, conference: ConferenceRecord, there: list[ParticipantRecord]) -> None:
    """The edge that records: where somebody is in the room, and the same as long as that is so."""
    edges = [one.edge for one in there if one.status == CONNECTED and one.edge is not None]
    if conference.record and edges and conference.recorder not in edges:
        conferences.update(conn, conference.sid, recorder=edges[0])


def _word(value: bool) -> str:
    return "true" if value else "false"
