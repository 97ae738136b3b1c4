"""``/Calls/{sid}/Events``: what was asked of the customer's application about a call, and what it answered."""

from __future__ import annotations

import re

from cloud.api.asks import Ask, guarded, own
from cloud.api.paging import list_response
from cloud.api.render import Json, date
from cloud.api.urls import PATHS
from cloud.store import calls, webhook_log
from cloud.store.database import Database
from cloud.store.records import WebhookLogRecord
from cloud.store.webhook_log import WebhookFilter
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class CallEventsApi:
    """Of the log of webhooks, as long as that is kept."""

    def __init__(self, db: Database, auth: Authenticator) -> None:
        self._db = db
        self._auth = auth

    def routes(self) -> list[Route]:
        return [Route("GET", PATHS["call_events"], guarded(self._auth, self.list_))]

    async def list_(self, ask: Ask) -> Response:
        call = own(ask, await self._db.read(lambda conn: calls.get(conn, ask.fields["call"])))
        paging, wanted = ask.paging(), WebhookFilter(subject=call.sid)
        page = await self._db.read(lambda conn: webhook_log.page(conn, [ask.account], wanted, paging.cursor))
        return list_response("events", paging, page, event)


def event(record: WebhookLogRecord) -> Json:
    """Twilio's shape: parameters by names in small letters, the duration in milliseconds."""
    return {
        "request": {
            "method": record.method,
            "url": record.url,
            "parameters": {_WORD.sub("_", name).lower(): value for name, value in record.params.items()},
        },
        "response": {
            "response_code": record.status,
            "content_type": next((value for name, value in record.got.items() if name.lower() == "content-type"), None),
            "response_body": record.body,
            "request_duration": record.duration_ms,
            "error_code": record.code or None,
            "date_created": date(record.at),
        },
    }
