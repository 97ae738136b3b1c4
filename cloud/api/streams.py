"""``/Calls/{CallSid}/Streams``: media streams begun and stopped while a call goes on."""

from __future__ import annotations

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.stream_forms import new_stream, stop_stream
from cloud.api.urls import PATHS, record_uri
from cloud.services.requests import Streams
from cloud.store import calls
from cloud.store.database import Database
from cloud.store.records import StreamRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import NotFound


class StreamsApi:
    def __init__(self, db: Database, auth: Authenticator, service: Streams) -> None:
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        handlers = (("call_streams", self.create), ("call_stream", self.update))
        return [Route("POST", PATHS[path], guarded(self._auth, handler)) for path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        call = await self._call(ask)
        return json_response(_render(await self._service.create(ask.account, call, new_stream(ask.form))))

    async def update(self, ask: Ask) -> Response:
        """By SID or name."""
        call = await self._call(ask)
        stop_stream(ask.form)
        try:
            record = await self._service.stop(ask.account, call, ask.sid)
        except NotFound as error:
            raise ask.missing() from error
        return json_response(_render(record))

    async def _call(self, ask: Ask) -> str:
        return own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"]))).sid


def _render(record: StreamRecord) -> render.Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "call_sid": record.call,
        "name": record.name or None,
        "status": record.status,
        "date_updated": render.date(record.updated_at),
        "uri": record_uri(record.account, f"Calls/{record.call}/Streams", record.sid),
    }
