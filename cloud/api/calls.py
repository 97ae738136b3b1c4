"""``/Calls``."""

from __future__ import annotations

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.call_forms import call_filter, new_call, update_call
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.requests import Calls
from cloud.store import calls
from cloud.store.database import Database
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response


class CallsApi:
    def __init__(self, db: Database, auth: Authenticator, service: Calls) -> None:
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "calls", self.create),
            ("GET", "calls", self.list_),
            ("GET", "call", self.fetch),
            ("POST", "call", self.update),
            ("DELETE", "call", self.delete),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        record = await self._service.create(ask.account, new_call(ask.form))
        return json_response(render.call(record), 201)

    async def list_(self, ask: Ask) -> Response:
        paging, wanted = ask.paging(), call_filter(ask.form)
        page = await self._db.read(lambda conn: calls.list_(conn, ask.account, wanted, paging.cursor))
        return list_response("calls", paging, page, render.call)

    async def fetch(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: calls.get(conn, ask.sid)))
        return json_response(render.call(record))

    async def update(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.sid)))
        record = await self._service.update(ask.account, ask.sid, update_call(ask.form))
        return json_response(render.call(record))

    async def delete(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.sid)))
        await self._service.delete(ask.account, ask.sid)
        return Response(204)
