"""``/operator/webhooks``: what was asked of customers' applications, and beside it what went wrong with them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from cloud.api.forms import Form
from cloud.api.webhooks import WebhookReplays, webhook_filter
from cloud.dashboard.login import Login
from cloud.dashboard.paths import WEBHOOK, WEBHOOKS
from cloud.dashboard.rendering import HEADERS, Pages
from cloud.dashboard.scope import opened
from cloud.dashboard.sessions import Session
from cloud.store import notifications, webhook_log
from cloud.store.database import Conflict, Connection, Database
from cloud.store.records import Cursor, NotificationRecord, WebhookLogRecord
from cloud.store.webhook_log import WebhookFilter
from cloud.web.http import Request, Response, Route
from telecore.errors import InvalidRequest, NotFound, Transient

ROWS = 100


class WebhooksPage:
    def __init__(self, db: Database, service: WebhookReplays, pages: Pages, login: Login) -> None:
        self._db = db
        self._service = service
        self._pages = pages
        self._login = login

    def routes(self) -> list[Route]:
        return [
            Route("GET", WEBHOOKS, self.show),
            Route("GET", WEBHOOK, self.one),
            Route("POST", f"{WEBHOOK}/replay", self.replay),
        ]

    async def show(self, request: Request) -> Response:
        session = self._login.session(request)
        if session is None:
            return self._login.form()
        form = Form(request.params())
        try:
            wanted, problem = webhook_filter(form), ""
        except InvalidRequest as error:
            wanted, problem = WebhookFilter(), error.message
        found, noted = await self._db.read(lambda conn: _kept(conn, wanted, session.account))
        return self._pages.page(
            "webhooks.html",
            status=400 if problem else 200,
            operator=session.operator,
            csrf=session.csrf,
            now=time.time(),
            problem=problem,
            rows=[row(record) for record in found],
            notes=[note(record) for record in noted],
            subject=wanted.subject,
            code="" if wanted.code is None else wanted.code,
            failed=bool(wanted.failed),
            dropped=self._service.dropped,
        )

    async def one(self, request: Request) -> Response:
        session = self._login.session(request)
        return await self._page(request, session) if session is not None else self._login.form()

    async def replay(self, request: Request) -> Response:
        """Ask again, and show what came of it."""
        session = self._login.check(request)
        record = await self._found(request, session)
        try:
            made = await self._service.replay(record)
        except Conflict as error:
            return await self._page(request, session, 409, error.message)
        except Transient as error:
            return await self._page(request, session, 503, str(error))
        return Response(303, headers={**HEADERS, "Location": f"{WEBHOOKS}/{made.sid}"}, content_type="text/plain")

    async def _page(self, request: Request, session: Session, status: int = 200, problem: str = "") -> Response:
        record = await self._found(request, session)
        return self._pages.page(
            "webhook.html",
            status=status,
            operator=session.operator,
            csrf=session.csrf,
            now=time.time(),
            problem=problem,
            row=row(record),
            record=record,
            params=sorted(record.params.items()),
            sent=sorted(record.sent.items()),
            got=sorted(record.got.items()),
            body=readable(record.body, record.got),
        )

    async def _found(self, request: Request, session: Session) -> WebhookLogRecord:
        record = await self._db.read(lambda conn: _seen(conn, request.fields["sid"], session.account))
        if record is None:
            raise NotFound("There is no such webhook, or it is forgotten")
        return record


def row(record: WebhookLogRecord) -> dict[str, object]:
    """What a line of the table shows."""
    return {
        "sid": record.sid,
        "subject": record.subject,
        "method": record.method,
        "url": record.url,
        "status": record.status if record.status is not None else "no answer",
        "tone": "bad" if record.code else "good",
        "trouble": f"{record.code} {record.fault}" if record.code else "",
        "ms": record.duration_ms,
        "at": record.at.timestamp(),
        "replay_of": record.replay_of,
    }


def note(record: NotificationRecord) -> dict[str, object]:
    return {
        "sid": record.sid,
        "subject": record.subject,
        "level": record.level,
        "tone": "bad" if record.level == "error" else "waiting",
        "code": record.code,
        "text": record.text,
        "url": record.url,
        "at": record.created_at.timestamp(),
    }


def readable(body: str, headers: Mapping[str, str]) -> str:
    """JSON in lines; everything else as it came."""
    if "json" not in headers.get("Content-Type", ""):
        return body
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _kept(
    conn: Connection, wanted: WebhookFilter, account: str | None
) -> tuple[list[WebhookLogRecord], list[NotificationRecord]]:
    seen = None if account is None else opened(conn, account)
    found = webhook_log.page(conn, seen, wanted, Cursor(size=ROWS)).items
    noted = notifications.latest(conn, about=wanted.subject, code=wanted.code, limit=ROWS, accounts=seen)
    return list(found), noted


def _seen(conn: Connection, sid: str, account: str | None) -> WebhookLogRecord | None:
    """None for what somebody with the role ``account`` is not to see."""
    record = webhook_log.get(conn, sid)
    if record is None or account is None:
        return record
    return record if record.account in opened(conn, account) else None
