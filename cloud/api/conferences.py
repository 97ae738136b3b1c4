"""``/Conferences``, who is in them, and what was recorded of them."""

from __future__ import annotations

from cloud.api import conference_render as shown
from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.conference_forms import (
    conference_filter,
    new_participant,
    participant_filter,
    update_conference,
    update_participant,
)
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.conference_desk import ConferenceDesk
from cloud.store import calls, conferences, participants, recordings
from cloud.store.conferences import COMPLETED
from cloud.store.database import Connection, Database
from cloud.store.recordings import RecordingFilter
from cloud.store.records import CallRecord, ConferenceRecord, PageOf, ParticipantRecord, RecordingRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.ids import is_sid


class ConferencesApi:
    def __init__(self, db: Database, auth: Authenticator, desk: ConferenceDesk, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._desk = desk
        self._public_url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        handlers = (
            ("GET", "conferences", self.list_),
            ("GET", "conference", self.fetch),
            ("POST", "conference", self.update),
            ("GET", "participants", self.list_participants),
            ("POST", "participants", self.create_participant),
            ("GET", "participant", self.fetch_participant),
            ("POST", "participant", self.update_participant),
            ("DELETE", "participant", self.remove_participant),
            ("GET", "conference_recordings", self.list_recordings),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def list_(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), conference_filter(ask.form)
        page = await self._db.read(lambda conn: conferences.list_(conn, ask.account, wanted, paging.cursor))
        return list_response("conferences", paging, page, shown.conference)

    async def fetch(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: conferences.get(conn, ask.sid)))
        return json_response(shown.conference(record))

    async def update(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: conferences.get(conn, ask.sid)))
        record = await self._desk.update(ask.account, ask.sid, update_conference(ask.form))
        return json_response(shown.conference(record))

    async def list_participants(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), participant_filter(ask.form)

        def read(conn: Connection) -> tuple[PageOf[ParticipantRecord], dict[str, CallRecord | None]]:
            conference = self._conference(ask, conn)
            page = participants.list_(conn, conference.sid, wanted, paging.cursor)
            return page, {one.call: calls.get(conn, one.call) for one in page.items}

        page, their = await self._db.read(read)
        return list_response("participants", paging, page, lambda one: shown.participant(one, their[one.call]))

    async def create_participant(self, ask: Ask) -> Response:
        """The conference is named by its SID, or by a name, and is then made if there is none."""
        key = ask.fields["conference"]
        name = key
        if is_sid(key, "CF"):
            found = own(ask, await self._db.read(lambda conn: conferences.get(conn, key)))
            if found.status == COMPLETED:
                raise ask.missing()
            name = found.name
        spec, call = new_participant(ask.form, ask.params, name)
        return await self._shown(await self._desk.call_in(ask.account, spec, call), 201)

    async def fetch_participant(self, ask: Ask) -> Response:
        return await self._shown(await self._participant(ask))

    async def update_participant(self, ask: Ask) -> Response:
        one = await self._participant(ask)
        return await self._shown(await self._desk.update_participant(ask.account, one, update_participant(ask.form)))

    async def remove_participant(self, ask: Ask) -> Response:
        await self._desk.remove(ask.account, await self._participant(ask))
        return Response(204)

    async def list_recordings(self, ask: Ask) -> Response:
        paging, created = ask.paging(), ask.form.between("DateCreated")

        def read(conn: Connection) -> PageOf[RecordingRecord]:
            wanted = RecordingFilter(conference=self._conference(ask, conn).sid, created=created)
            return recordings.list_(conn, ask.account, wanted, paging.cursor)

        page = await self._db.read(read)
        return list_response("recordings", paging, page, lambda one: render.recording(one, self._public_url))

    def _conference(self, ask: Ask, conn: Connection) -> ConferenceRecord:
        """By SID; or by the name of one that has not ended. Raises NotFound."""
        key = ask.fields["conference"]
        found = conferences.get(conn, key) if is_sid(key, "CF") else conferences.active(conn, ask.account, key)
        return own(ask, found)

    async def _participant(self, ask: Ask) -> ParticipantRecord:
        """By CallSid or label, of those who are there. Raises NotFound."""

        def read(conn: Connection) -> ParticipantRecord | None:
            return participants.of_key(conn, self._conference(ask, conn).sid, ask.sid)

        return own(ask, await self._db.read(read))

    async def _shown(self, one: ParticipantRecord, status: int = 200) -> Response:
        call = await self._db.read(lambda conn: calls.get(conn, one.call))
        return json_response(shown.participant(one, call), status)
