"""What customers ask of conferences: end one, mute or hold somebody, call somebody in, announce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cloud.services.announcements import Announcements
from cloud.services.callbacks import Callbacks
from cloud.services.conferences import FULL, ConferenceService
from cloud.services.requests import Calls, NewCall, UpdateCall
from cloud.store import conferences, participants
from cloud.store.database import Connection, Database
from cloud.store.participants import CONNECTED, QUEUED
from cloud.store.records import CallRecord, ConferenceRecord, Hook, ParticipantRecord
from cloud.tunnel import conference_steps as steps
from cloud.tunnel.heard import utc_now
from telecore.errors import InvalidRequest, NotFound
from telecore.ids import AccountSid
from telecore.model import CallStatus
from telecore.stays import ConferenceSpec

ENDED, LABEL_IN_USE = 16022, 16026
NOT_THERE = 16028
"""Whom to coach is nobody of this conference."""


@dataclass(frozen=True, slots=True)
class UpdateConference:
    completed: bool = False
    announce: Hook | None = None


@dataclass(frozen=True, slots=True)
class UpdateParticipant:
    """What to change. None: leave it. An empty URL in ``hold_hook`` or ``wait_hook`` is silence."""

    muted: bool | None = None
    hold: bool | None = None
    hold_hook: Hook | None = None
    wait_hook: Hook | None = None
    announce: Hook | None = None
    beep_on_exit: bool | None = None
    end_on_exit: bool | None = None
    coaching: bool | None = None
    coach: str | None = None


class ConferenceDesk:
    """Every method raises NotFound for what is not the account's."""

    def __init__(
        self,
        db: Database,
        service: ConferenceService,
        announcements: Announcements,
        calls: Calls,
        queue: Callbacks,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._service = service
        self._announcements = announcements
        self._calls = calls
        self._queue = queue
        self._now = now

    async def update(self, account: AccountSid, sid: str, wanted: UpdateConference) -> ConferenceRecord:
        """Raises InvalidRequest for a conference that has ended."""

        def write(conn: Connection) -> ConferenceRecord:
            found = conferences.get(conn, sid)
            if found is None or found.account != account:
                raise NotFound(f"The conference {sid} was not found")
            if found.status == steps.COMPLETED:
                raise InvalidRequest("The conference has ended", code=ENDED)
            return steps.end(conn, found, "conference-ended-via-api", self._now()) if wanted.completed else found

        waiting = await self._db.read(lambda conn: participants.present(conn, sid))
        record = await self._db.write(write)
        self._queue.wake()
        if wanted.announce is not None and not wanted.completed:
            self._announcements.begin(record, wanted.announce)
        if wanted.completed:
            await self._service.push(record.sid)
            await self._hang_up(account, [one for one in waiting if one.status == QUEUED])
        return record

    async def call_in(self, account: AccountSid, spec: ConferenceSpec, call: NewCall) -> ParticipantRecord:
        """Call somebody who comes into the conference when he answers; it is made if there is none of this name.

        Raises InvalidRequest 16020 when it is full, 16026 for a label in use, and as ``Calls.create``.
        """
        await self._db.read(lambda conn: _check(conn, account, spec))
        record = await self._calls.create(account, call)

        def write(conn: Connection) -> ParticipantRecord:
            return steps.expect(conn, steps.open_(conn, account, spec, self._now()), record, spec, self._now())

        return await self._db.write(write)

    async def update_participant(
        self, account: AccountSid, one: ParticipantRecord, wanted: UpdateParticipant
    ) -> ParticipantRecord:
        """Raises InvalidRequest 16028 when whom to coach is not there."""

        def write(conn: Connection) -> tuple[ConferenceRecord, ParticipantRecord]:
            conference = conferences.get(conn, one.conference)
            fresh = participants.of_key(conn, one.conference, one.call)
            if conference is None or fresh is None or conference.account != account:
                raise NotFound(f"The participant {one.call} was not found")
            changes = _changes(conn, fresh, wanted)
            after = participants.update(conn, fresh.sid, **changes) or fresh if changes else fresh
            for event in _events(fresh, after):
                steps.tell(conn, conference, event, self._now(), after)
            return conference, after

        conference, after = await self._db.write(write)
        if wanted.announce is not None:
            self._announcements.begin(conference, wanted.announce, after)
        await self._service.push(conference.sid)
        return after

    async def remove(self, account: AccountSid, one: ParticipantRecord) -> None:
        """Out with him: his call goes on with its page; one who is still being called is called no more."""
        if one.status == QUEUED:
            await self._hang_up(account, [one])
            return

        def write(conn: Connection) -> None:
            fresh = participants.of_key(conn, one.conference, one.call)
            if fresh is not None:  # he has not left meanwhile
                steps.leave(conn, fresh, "kicked", self._now())

        await self._db.write(write)
        await self._service.push(one.conference, "kicked")

    async def _hang_up(self, account: AccountSid, left: list[ParticipantRecord]) -> None:
        for one in left:
            try:
                await self._calls.update(account, one.call, UpdateCall(status=CallStatus.COMPLETED))
            except InvalidRequest:  # it has ended meanwhile
                continue


def status_of(one: ParticipantRecord, call: CallRecord | None) -> str:
    """Twilio's word; before it is connected the call tells how far it has come."""
    if one.status != QUEUED or call is None:
        return one.status
    words = {CallStatus.QUEUED: "queued", CallStatus.RINGING: "ringing"}
    return words.get(call.status, "connecting")


def _check(conn: Connection, account: AccountSid, spec: ConferenceSpec) -> None:
    conference = conferences.active(conn, account, spec.name)
    if conference is None:
        return
    there = participants.present(conn, conference.sid)
    if len(there) >= min(conference.max_participants, spec.max_participants):
        raise InvalidRequest("The conference is full", field="MaxParticipants", code=FULL)
    if spec.label and any(one.label == spec.label for one in there):
        raise InvalidRequest("'Label' is in use in this conference", field="Label", code=LABEL_IN_USE)


def _changes(conn: Connection, one: ParticipantRecord, wanted: UpdateParticipant) -> dict[str, object]:
    changes: dict[str, object] = {
        name: value
        for name in ("muted", "hold", "beep_on_exit", "end_on_exit", "coaching", "coach")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.coach and wanted.coaching is None:
        changes["coaching"] = True
    if changes.get("coaching") and not _there(conn, one, str(changes.get("coach", one.coach))):
        raise InvalidRequest("'CallSidToCoach' is not in this conference", field="CallSidToCoach", code=NOT_THERE)
    if wanted.hold:
        hook = wanted.hold_hook
        changes |= {"hold_url": hook.url if hook else None, "hold_method": hook.method if hook else "POST"}
    if wanted.wait_hook is not None:
        changes |= {"wait_url": wanted.wait_hook.url, "wait_method": wanted.wait_hook.method}
    return changes


def _there(conn: Connection, one: ParticipantRecord, call: str) -> bool:
    found = participants.of_key(conn, one.conference, call) if call else None
    return found is not None and found.call == call and found.status == CONNECTED and found.call != one.call


def _events(before: ParticipantRecord, after: ParticipantRecord) -> list[str]:
    events = []
    if before.muted != after.muted:
        events.append("participant-mute" if after.muted else "participant-unmute")
    if before.hold != after.hold:
        events.append("participant-hold" if after.hold else "participant-unhold")
    rest = ("beep_on_exit", "end_on_exit", "coaching", "coach")
    if any(getattr(before, name) != getattr(after, name) for name in rest):
        events.append("participant-modify")
    return events
