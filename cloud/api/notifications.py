"""``/Notifications``: what went wrong with documents and webhooks."""

from __future__ import annotations

from urllib.parse import urlencode

from cloud.api import render
from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.urls import PATHS
from cloud.services.urls import InvalidUrl, canonical, shown_url
from cloud.store import calls, notifications, webhook_log
from cloud.store.database import Connection, Database
from cloud.store.notifications import NotificationFilter
from cloud.store.records import NotificationRecord, WebhookLogRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response

_LEVELS = {"0": "error", "1": "warning"}
"""``Log`` of Twilio's → ours."""


class NotificationsApi:
    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["notifications"], guarded(self._auth, self.list_)),
            Route("GET", PATHS["call_notifications"], guarded(self._auth, self.list_of_call)),
            Route("GET", PATHS["notification"], guarded(self._auth, self.fetch)),
            Route("GET", PATHS["call_notification"], guarded(self._auth, self.fetch)),
            Route("DELETE", PATHS["notification"], guarded(self._auth, self.delete)),
            Route("DELETE", PATHS["call_notification"], guarded(self._auth, self.delete)),
        ]

    async def list_(self, ask: Ask) -> Response:
        return await self._list(ask, "")

    async def list_of_call(self, ask: Ask) -> Response:
        own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        return await self._list(ask, ask.fields["call"])

    async def fetch(self, ask: Ask) -> Response:
        """With what was asked and answered, where the log of webhooks still has it."""

        def read(conn: Connection) -> tuple[NotificationRecord, WebhookLogRecord | None]:
            record = _found(conn, ask)
            return record, at_fault(conn, record)

        record, asked = await self._db.read(read)
        return json_response({**render.notification(record), **exchanged(asked)})

    async def delete(self, ask: Ask) -> Response:
        def remove(conn: Connection) -> None:
            notifications.delete(conn, _found(conn, ask).sid)

        await self._db.write(remove)
        return Response(204)

    async def _list(self, ask: Ask, about: str) -> Response:
        paging, form = ask.paging(), ask.form
        level = _LEVELS.get(form.word("Log", tuple(_LEVELS)), "")
        wanted = NotificationFilter(about, level, form.between("MessageDate"))
        page = await self._db.read(lambda conn: notifications.page(conn, ask.account, wanted, paging.cursor))
        return list_response("notifications", paging, page, render.notification)


def _found(conn: Connection, ask: Ask) -> NotificationRecord:
    """Raises NotFound; also for one that is another call's than the path says."""
    record = own(ask, notifications.get(conn, ask.sid))
    if record.subject != ask.fields.get("call", record.subject):
        raise ask.missing()
    return record


def at_fault(conn: Connection, record: NotificationRecord) -> WebhookLogRecord | None:
    """The exchange that it tells of, where the log of webhooks still has it."""
    return webhook_log.at_fault(conn, record.subject, record.code, record.created_at, _as_logged(record.url))


def _as_logged(url: str) -> set[str]:
    """How the log may have it, at each of its levels; nothing for a URL that is none, or a socket's."""
    try:
        return {shown_url(canonical(url), whole=whole) for whole in (True, False)}
    except InvalidUrl:
        return set()


def exchanged(asked: WebhookLogRecord | None) -> render.Json:
    """What went over the wire, as Twilio tells it: pairs as in a query."""
    if asked is None:
        return dict.fromkeys(("request_variables", "response_headers", "response_body"))
    return {
        "request_variables": urlencode(asked.params),
        "response_headers": urlencode(asked.got),
        "response_body": asked.body,
    }
