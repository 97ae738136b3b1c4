"""``/Recordings``: what is known of them, and their sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.recording_forms import change_recording, new_recording, requested_channels
from cloud.api.urls import PATHS
from cloud.services.call_recordings import CURRENT
from cloud.services.requests import CallRecordings
from cloud.services.sound_sweep import Deletes, drop
from cloud.store import calls, erasing, recordings
from cloud.store.database import Connection, Database
from cloud.store.recordings import RecordingFilter
from cloud.store.records import RecordingRecord
from cloud.tunnel.recording_steps import UNFINISHED
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest
from telecore.ids import EdgeId, Sha256


class Sound(Deletes, Protocol):
    """Where the bytes of recordings lie: ``services.files.Files``."""

    def path(self, sha256: Sha256) -> Path: ...
    async def size(self, sha256: Sha256) -> int | None: ...


class Renditions(Protocol):
    """Recordings as MP3 or with fewer channels: ``services.renditions.Renditions``."""

    async def path(self, sha256: Sha256, channels: int, *, mp3: bool) -> Path: ...
    async def forget(self, sha256: Sha256) -> None: ...


class RecordingsApi:
    """``public_url`` is where this cloud is reached, for ``media_url``; ``wake`` gives an edge its commands."""

    def __init__(
        self,
        db: Database,
        auth: Authenticator,
        *,
        sound: Sound,
        renditions: Renditions,
        of_calls: CallRecordings,
        public_url: str,
        wake: Callable[[EdgeId], None],
    ) -> None:
        self._db = db
        self._wake = wake
        self._auth = auth
        self._sound = sound
        self._renditions = renditions
        self._of_calls = of_calls
        self._public_url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        handlers = (
            ("GET", "recordings", self.list_),
            ("GET", "call_recordings", self.list_of_call),
            ("GET", "recording", self.fetch),
            ("GET", "call_recording", self.fetch),
            ("DELETE", "recording", self.delete),
            ("DELETE", "call_recording", self.delete),
            ("GET", "conference_recording", self.fetch),
            ("DELETE", "conference_recording", self.delete),
            ("POST", "call_recordings", self.start),
            ("POST", "call_recording", self.change),
            ("GET", "recording_wav", self.media),
            ("GET", "recording_mp3", self.mp3),
            ("GET", "recording_media", self.media),
            ("DELETE", "recording_media", self.delete),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def list_(self, ask: Ask) -> Response:
        form = ask.form
        return await self._list(ask, form.text("CallSid") or None, form.text("ConferenceSid") or None)

    async def list_of_call(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        return await self._list(ask, ask.fields["call"])

    async def fetch(self, ask: Ask) -> Response:
        record = await self._own(ask)
        return json_response(self._of_call(record) if "call" in ask.fields else self._render(record))

    async def start(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        record = await self._of_calls.start(ask.account, ask.fields["call"], new_recording(ask.form))
        return json_response(self._of_call(record), 201)

    async def change(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        if ask.sid != CURRENT:
            await self._own(ask)
        wanted = change_recording(ask.form)
        record = await self._of_calls.change(ask.account, ask.fields["call"], ask.sid, wanted)
        return json_response(self._of_call(record))

    async def delete(self, ask: Ask) -> Response:
        """The bytes unless another recording has the same, and the row. Raises Conflict while it is being made.

        The bytes first: a row whose sound is gone is asked for again after a crash, sound without a row never.
        """
        record = await self._own(ask)

        def sound(conn: Connection) -> Sha256:
            now = recordings.get(conn, record.sid)
            if now is not None and now.status in UNFINISHED:
                raise InvalidRequest("A recording that is being made cannot be deleted", code=20409, status=409)
            return now.sha256 if now is not None else Sha256("")

        def remove(conn: Connection) -> tuple[Sha256, set[EdgeId]]:
            sha256 = sound(conn)
            return sha256, erasing.tell(conn, [erasing.recording(conn, record.sid)])

        await self._drop(await self._db.read(sound), record.sid)
        sha256, told = await self._db.write(remove)
        await self._drop(sha256, record.sid)  # it may have come just now
        self._db.erased = True
        for edge in told:
            self._wake(edge)
        return Response(204)

    async def _drop(self, sha256: Sha256, sid: str) -> None:
        if await drop(self._db, self._sound, sha256, but=sid):
            await self._renditions.forget(sha256)

    async def media(self, ask: Ask) -> Response:
        return await self.sound(ask, mp3=False)

    async def mp3(self, ask: Ask) -> Response:
        return await self.sound(ask, mp3=True)

    async def sound(self, ask: Ask, *, mp3: bool) -> Response:
        """The bytes, for somebody who may have them. Raises NotFound, InvalidRequest."""
        record, wanted = await self._own(ask), requested_channels(ask.form)
        if record.status != "completed" or await self._sound.size(record.sha256) is None:
            raise ask.missing()
        channels = wanted or record.channels
        if channels > record.channels:
            message = "'RequestedChannels' is more than the recording has"
            raise InvalidRequest(message, field="RequestedChannels")
        path = self._sound.path(record.sha256)
        if mp3 or channels != record.channels:
            path = await self._renditions.path(record.sha256, channels, mp3=mp3)
        return Response(content_type="audio/mpeg" if mp3 else "audio/x-wav", file=path)

    async def _own(self, ask: Ask) -> RecordingRecord:
        record = own(ask, await self._db.read(lambda conn: recordings.get(conn, ask.sid)))
        of_call, of_conference = ask.fields.get("call", record.call), ask.fields.get("conference", record.conference)
        if (record.call, record.conference) != (of_call, of_conference):
            raise ask.missing()
        return record

    async def _list(self, ask: Ask, call: str | None, conference: str | None = None) -> Response:
        paging, wanted = ask.paging(), RecordingFilter(call, conference, ask.form.between("DateCreated"))
        page = await self._db.read(lambda conn: recordings.list_(conn, ask.account, wanted, paging.cursor))
        return list_response("recordings", paging, page, self._of_call if "call" in ask.fields else self._render)

    def _render(self, record: RecordingRecord) -> render.Json:
        return render.recording(record, self._public_url)

    def _of_call(self, record: RecordingRecord) -> render.Json:
        return render.call_recording(record, self._public_url)
