"""``/Transcriptions``: what was said in recordings."""

from __future__ import annotations

import math

from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.render import Json, date
from cloud.api.urls import PATHS, VERSION, record_uri
from cloud.store import recordings, transcriptions
from cloud.store.database import Database
from cloud.store.records import TranscriptionRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response


class TranscriptionsApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        handlers = (
            ("GET", "transcriptions", self.list_),
            ("GET", "transcription", self.fetch),
            ("DELETE", "transcription", self.delete),
            ("GET", "recording_transcriptions", self.list_of_recording),
            ("GET", "recording_transcription", self.fetch),
            ("DELETE", "recording_transcription", self.delete),
            ("GET", "transcription_plain", self.fetch),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def list_(self, ask: Ask) -> Response:
        return await self._list(ask, None)

    async def list_of_recording(self, ask: Ask) -> Response:
        sid = ask.fields["recording"]
        own(ask, await self._db.read(lambda conn: recordings.get(conn, sid)))
        return await self._list(ask, sid)

    async def fetch(self, ask: Ask) -> Response:
        return json_response(render(await self._own(ask)))

    async def delete(self, ask: Ask) -> Response:
        record = await self._own(ask)
        await self._db.write(lambda conn: transcriptions.delete(conn, record.sid))
        return Response(204)

    async def _own(self, ask: Ask) -> TranscriptionRecord:
        record = own(ask, await self._db.read(lambda conn: transcriptions.get(conn, ask.sid)))
        if record.recording != ask.fields.get("recording", record.recording):
            raise ask.missing()
        return record

    async def _list(self, ask: Ask, recording: str | None) -> Response:
        paging = ask.paging()
        page = await self._db.read(lambda conn: transcriptions.list_(conn, ask.account, recording, paging.cursor))
        return list_response("transcriptions", paging, page, render)


def render(record: TranscriptionRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "recording_sid": record.recording,
        "status": record.status,
        "transcription_text": record.text if record.status == "completed" else None,
        "type": "fast",
        "duration": str(math.ceil(record.duration_s)),
        "price": None,
        "price_unit": "USD",
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "Transcriptions", record.sid),
    }
