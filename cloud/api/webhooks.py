"""``/simferry/v1/webhooks``: what was asked of applications, what they answered, and asking again. Ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.paging import list_response, read_paging
from cloud.api.render import Json, iso
from cloud.api.urls import PATHS
from cloud.store import webhook_log
from cloud.store.database import Database
from cloud.store.records import WebhookLogRecord
from cloud.store.webhook_log import WebhookFilter
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import NotFound

MAX_CODE = 99_999


class WebhookReplays(Protocol):
    """``services.webhook_log.WebhookLog``."""

    @property
    def dropped(self) -> int:
        """How many were not kept since the cloud began."""

    async def replay(self, record: WebhookLogRecord) -> WebhookLogRecord:
        """Raises Conflict for one that was not kept whole."""


class WebhooksApi:
    def __init__(self, db: Database, auth: Authenticator, service: WebhookReplays) -> None:
        self._db = db
        self._auth = auth
        self._service = service

    def routes(self) -> list[Route]:
        handlers: tuple[tuple[str, str, Callable[[Request, Caller], Awaitable[Response]]], ...] = (
            ("GET", "webhooks", self.list_),
            ("GET", "webhook", self.fetch),
            ("POST", "webhook_replay", self.replay),
        )
        return [
            Route(method, PATHS[path], with_caller(self._db, self._auth, handler)) for method, path, handler in handlers
        ]

    async def list_(self, request: Request, caller: Caller) -> Response:
        wanted, paging = webhook_filter(Form(request.params())), read_paging(request.path, request.params())
        page = await self._db.read(lambda conn: webhook_log.page(conn, caller.opens, wanted, paging.cursor))
        return list_response("webhooks", paging, page, rendered)

    async def fetch(self, request: Request, caller: Caller) -> Response:
        return json_response(rendered(await self._found(request, caller)))

    async def replay(self, request: Request, caller: Caller) -> Response:
        record = await self._found(request, caller)
        return json_response(rendered(await self._service.replay(record)), 201)

    async def _found(self, request: Request, caller: Caller) -> WebhookLogRecord:
        record = await self._db.read(lambda conn: webhook_log.get(conn, request.fields["sid"]))
        if record is None or record.account not in caller.opens:
            raise NotFound(f"The requested resource {request.path} was not found")
        return record


def webhook_filter(form: Form) -> WebhookFilter:
    """``subject``, ``code``, ``status``, ``failed``. Raises InvalidRequest."""
    return WebhookFilter(
        subject=form.text("subject"),
        code=form.integer("code", 0, 0, MAX_CODE) if form.text("code") else None,
        status=form.integer("status", 0, 100, 599) if form.text("status") else None,
        failed=form.boolean("failed") if form.text("failed") else None,
    )


def rendered(record: WebhookLogRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "subject": record.subject or None,
        "at": iso(record.at),
        "duration_ms": record.duration_ms,
        "request": {
            "method": record.method,
            "url": record.url,
            "headers": record.sent,
            "params": record.params,
        },
        "response": None
        if record.status is None
        else {"status": record.status, "headers": record.got, "body": record.body, "size": record.size},
        "code": record.code or None,
        "fault": record.fault or None,
        "can_be_replayed": record.whole,
        "replay_of": record.replay_of or None,
    }
