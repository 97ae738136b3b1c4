"""``/Applications``: sets of URLs that numbers, calls and messages refer to."""

from __future__ import annotations

from cloud.api import resources_render as render
from cloud.api.application_forms import application_changes
from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.store import applications
from cloud.store.database import Connection, Database
from cloud.store.records import ApplicationRecord
from cloud.store.rows import now
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.ids import new_sid


class ApplicationsApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        handlers = (
            ("POST", "applications", self.create),
            ("GET", "applications", self.list_),
            ("GET", "application", self.fetch),
            ("POST", "application", self.update),
            ("DELETE", "application", self.delete),
        )
        return [Route(method, PATHS[path], guarded(self._auth, handler)) for method, path, handler in handlers]

    async def create(self, ask: Ask) -> Response:
        changes, made = application_changes(ask.form, None), now()

        def write(conn: Connection) -> ApplicationRecord:
            empty = ApplicationRecord(new_sid("AP"), ask.account, "", made, made)
            record = applications.insert(conn, empty)
            return applications.update(conn, record.sid, **changes) or record

        return json_response(render.application(await self._db.write(write)), 201)

    async def list_(self, ask: Ask) -> Response:
        paging, name = ask.paging(), ask.form.text("FriendlyName") or None
        page = await self._db.read(lambda conn: applications.list_(conn, ask.account, name, paging.cursor))
        return list_response("applications", paging, page, render.application)

    async def fetch(self, ask: Ask) -> Response:
        record = own(ask, await self._db.read(lambda conn: applications.get(conn, ask.sid)))
        return json_response(render.application(record))

    async def update(self, ask: Ask) -> Response:
        def write(conn: Connection) -> ApplicationRecord:
            record = own(ask, applications.get(conn, ask.sid))
            return applications.update(conn, record.sid, **application_changes(ask.form, record)) or record

        return json_response(render.application(await self._db.write(write)))

    async def delete(self, ask: Ask) -> Response:
        """Numbers that refer to it have their own URLs again; calls under way keep those they began with."""

        def write(conn: Connection) -> None:
            applications.remove(conn, own(ask, applications.get(conn, ask.sid)).sid)

        await self._db.write(write)
        return Response(204)
