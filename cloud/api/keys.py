"""``/Keys`` and ``/SigningKeys``: two names of one thing. The secret is told once, when a key is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.store import keys
from cloud.store.database import Connection, Database
from cloud.store.records import KeyRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Response, Route, json_response

Answering = Callable[[Ask], Awaitable[Response]]


class KeysApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [route for name in ("keys", "signing_keys") for route in self._routes_of(name)]

    def _routes_of(self, name: str) -> list[Route]:
        many, one = PATHS[name], PATHS[name.removesuffix("s")]
        return [
            Route("POST", many, self._guarded(self.create)),
            Route("GET", many, self._guarded(self._lister(name))),
            Route("GET", one, self._guarded(self.fetch)),
            Route("POST", one, self._guarded(self.update)),
            Route("DELETE", one, self._guarded(self.delete)),
        ]

    def _guarded(self, handler: Answering) -> Handler:
        return guarded(self._auth, handler, by_key=False)

    async def create(self, ask: Ask) -> Response:
        name = ask.form.friendly_name()
        record, secret = await self._db.write(lambda conn: keys.create(conn, ask.account, name))
        return json_response({**render.key(record), "secret": secret}, 201)

    def _lister(self, name: str) -> Answering:
        async def list_(ask: Ask) -> Response:
            paging = ask.paging()
            page = await self._db.read(lambda conn: keys.list_(conn, ask.account, paging.cursor))
            return list_response(name, paging, page, render.key)

        return list_

    async def fetch(self, ask: Ask) -> Response:
        return json_response(render.key(own(ask, await self._db.read(lambda conn: keys.get(conn, ask.sid)))))

    async def update(self, ask: Ask) -> Response:
        name, given = ask.form.friendly_name(), ask.form.given("FriendlyName")

        def write(conn: Connection) -> KeyRecord:
            record = own(ask, keys.get(conn, ask.sid))
            return (keys.update(conn, record.sid, friendly_name=name) or record) if given else record

        return json_response(render.key(await self._db.write(write)))

    async def delete(self, ask: Ask) -> Response:
        def write(conn: Connection) -> None:
            keys.remove(conn, own(ask, keys.get(conn, ask.sid)).sid)

        await self._db.write(write)
        return Response(204)
