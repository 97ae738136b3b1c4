"""``/Messages``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.message_forms import feedback_outcome, message_filter, new_message, update_message
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.requests import Messages
from cloud.store import messages, rows
from cloud.store.database import Database
from cloud.store.records import MessageRecord, PageOf
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response


class MessagesApi:
    def __init__(
        self,
        db: Database,
        auth: Authenticator,
        service: Messages,
        now: Callable[[], datetime] = rows.now,
    ) -> None:
        self._now = now
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "messages", self.create),
            ("GET", "messages", self.list_),
            ("GET", "message", self.fetch),
            ("POST", "message", self.update),
            ("DELETE", "message", self.delete),
            ("POST", "message_feedback", self.feedback),
            ("GET", "message_media", self.media),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        record = await self._service.create(ask.account, new_message(ask.form, self._now()))
        return json_response(render.message(record), 201)

    async def list_(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), message_filter(ask.form)
        page = await self._db.read(lambda conn: messages.list_(conn, ask.account, wanted, paging.cursor))
        return list_response("messages", paging, page, render.message)

    async def fetch(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: messages.get(conn, ask.sid)))
        return json_response(render.message(record))

    async def update(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: messages.get(conn, ask.sid)))
        record = await self._service.update(ask.account, ask.sid, update_message(ask.form))
        return json_response(render.message(record))

    async def delete(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: messages.get(conn, ask.sid)))
        await self._service.delete(ask.account, ask.sid)
        return Response(204)

    async def feedback(self, ask: Ask) -> Response:
        outcome = feedback_outcome(ask.form)
        sid = ask.fields["message"]
        own(ask, await self._db.read(lambda conn: messages.get(conn, sid)))
        return json_response(render.feedback(await self._service.feedback(ask.account, sid, outcome)))

    async def media(self, ask: Ask) -> Response:
        """An SMS has none; clients that ask all the same get an empty list."""
        own(ask, await self._db.read(lambda conn: messages.get(conn, ask.sid)))
        none: PageOf[MessageRecord] = PageOf(())
        return list_response("media_list", ask.paging(), none, render.message)
