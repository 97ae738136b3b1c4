"""``/Notifications``: what went wrong with documents and webhooks."""

from __future__ import annotations

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.store import calls, notifications
from cloud.store.database import Database
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route


class NotificationsApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["notifications"], guarded(self._auth, self.list_)),
            Route("GET", PATHS["call_notifications"], guarded(self._auth, self.list_of_call)),
        ]

    async def list_(self, ask: Ask) -> Response:
        return await self._list(ask, None)

    async def list_of_call(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        return await self._list(ask, ask.fields["call"])

    async def _list(self, ask: Ask, about: str | None) -> Response:
        paging = ask.paging()
        page = await self._db.read(lambda conn: notifications.page(conn, ask.account, about, paging.cursor))
        return list_response("notifications", paging, page, render.notification)
