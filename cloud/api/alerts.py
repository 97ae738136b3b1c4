"""``/v1/Alerts``: notifications again, as Twilio's Monitor shows them. Its ``Events`` are not kept."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from cloud.api.asks import Ask, own, signed_in
from cloud.api.notifications import at_fault, exchanged
from cloud.api.paging import meta_response
from cloud.api.render import Json, iso
from cloud.api.urls import PATHS, VERSION
from cloud.store import notifications
from cloud.store.database import Connection, Database
from cloud.store.notifications import NotificationFilter
from cloud.store.records import Between, NotificationRecord, WebhookLogRecord
from cloud.web.auth import Authenticator
from cloud.web.errors import MORE_INFO
from cloud.web.http import Response, Route, json_response

LEVELS = ("error", "warning", "notice", "debug")


class AlertsApi:
    def __init__(self, db: Database, auth: Authenticator, public_url: str) -> None:
        self._db = db
        self._auth = auth
        self._url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["alerts"], signed_in(self._auth, self.list_)),
            Route("GET", PATHS["alert"], signed_in(self._auth, self.fetch)),
        ]

    async def list_(self, ask: Ask) -> Response:
        """Newest first. ``StartDate`` and ``EndDate`` are moments or days, the latter counted whole."""
        paging, form = ask.paging(), ask.form
        until, whole_day = form.moment("EndDate"), "T" not in form.text("EndDate")
        if until is not None and whole_day:
            until += timedelta(days=1)
        created = Between(form.moment("StartDate"), until)
        wanted = NotificationFilter(level=form.word("LogLevel", LEVELS), created=created)
        page = await self._db.read(lambda conn: notifications.page(conn, ask.account, wanted, paging.cursor))
        return meta_response("alerts", self._url, paging, page, self._rendered)

    async def fetch(self, ask: Ask) -> Response:
        """With what was asked and answered, where the log of webhooks still has it."""

        def read(conn: Connection) -> tuple[NotificationRecord, WebhookLogRecord | None]:
            record = own(ask, notifications.get(conn, ask.sid))
            return record, at_fault(conn, record)

        record, asked = await self._db.read(read)
        headers = {"request_headers": urlencode(asked.sent) if asked is not None else None}
        return json_response({**self._rendered(record), **exchanged(asked), **headers})

    def _rendered(self, record: NotificationRecord) -> Json:
        return {
            "sid": record.sid,
            "account_sid": record.account,
            "resource_sid": record.subject or None,
            "service_sid": None,
            "log_level": record.level,
            "error_code": str(record.code),
            "alert_text": record.text,
            "more_info": f"{MORE_INFO}{record.code}",
            "request_method": record.method or None,
            "request_url": record.url or None,
            "request_variables": None,
            "api_version": VERSION,
            "date_generated": iso(record.created_at),
            "date_created": iso(record.created_at),
            "date_updated": iso(record.created_at),
            "url": f"{self._url}{PATHS['alerts']}/{record.sid}",
        }
