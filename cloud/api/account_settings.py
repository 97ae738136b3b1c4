"""``/simferry/v1/account``: what an account may set of ours. A parent sets its subaccounts' with ``account``."""

from __future__ import annotations

from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.render import Json
from cloud.api.urls import PATHS
from cloud.services.media_links import SIGNED, MediaLinks, new_key, with_key
from cloud.store import accounts
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.store.records.accounts import (
    COMPAT,
    LEVELS,
    MAX_DAYS,
    MAX_LINK_S,
    MAX_RETENTION_DAYS,
    MEDIA_ACCESS,
    RETENTION,
)
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.errors import NotFound


class AccountSettingsApi:
    def __init__(self, db: Database, auth: Authenticator, links: MediaLinks) -> None:
        self._db = db
        self._links = links
        self._auth = auth

    def routes(self) -> list[Route]:
        return [
            Route(method, PATHS["settings"], with_caller(self._db, self._auth, handler, by_key=False))
            for method, handler in (("GET", self.fetch), ("POST", self.update))
        ]

    async def fetch(self, request: Request, caller: Caller) -> Response:
        form = Form(request.params())
        return json_response(rendered(await self._db.read(lambda conn: _named(conn, form, caller))))

    async def update(self, request: Request, caller: Caller) -> Response:
        form = Form(request.params())
        changes = settings_changes(form)
        revoke = form.boolean("revoke_media_links")

        def write(conn: Connection) -> AccountRecord:
            record = _named(conn, form, caller)
            if revoke:
                record = accounts.update(conn, record.sid, media_key=new_key()) or record
            if changes.get("media_access") == SIGNED:
                record = with_key(conn, record)
            return (accounts.update(conn, record.sid, **changes) or record) if changes else record

        record = await self._db.write(write)
        await self._links.read(self._db)
        return json_response(rendered(record))


def settings_changes(form: Form) -> dict[str, object]:
    """Fields to set, by name. Raises InvalidRequest."""
    changes: dict[str, object] = {}
    if form.text("compat"):
        changes["compat"] = form.word("compat", COMPAT)
    if form.text("webhook_log"):
        changes["webhook_log"] = form.word("webhook_log", LEVELS)
    if form.text("webhook_log_days"):
        changes["webhook_log_days"] = form.integer("webhook_log_days", 7, 1, MAX_DAYS)
    if form.text("media_access"):
        changes["media_access"] = form.word("media_access", MEDIA_ACCESS)
    if form.text("media_link_s"):
        changes["media_link_s"] = form.integer("media_link_s", 604800, 60, MAX_LINK_S)
    if form.text("message_retention"):
        changes["message_retention"] = form.word("message_retention", RETENTION)
    for name in ("message_days", "recording_days", "call_days"):
        if form.text(name):
            changes[name] = form.integer(name, 0, 0, MAX_RETENTION_DAYS)
    return changes


def rendered(record: AccountRecord) -> Json:
    return {
        "sid": record.sid,
        "friendly_name": record.friendly_name,
        "compat": record.compat,
        "webhook_log": record.webhook_log,
        "webhook_log_days": record.webhook_log_days,
        "media_access": record.media_access,
        "media_link_s": record.media_link_s,
        "message_retention": record.message_retention,
        "message_days": record.message_days,
        "recording_days": record.recording_days,
        "call_days": record.call_days,
    }


def _named(conn: Connection, form: Form, caller: Caller) -> AccountRecord:
    """The caller, or the subaccount that is named. Raises NotFound."""
    sid = form.text("account", caller.account.sid)
    record = accounts.get(conn, sid) if sid in caller.opens else None
    if record is None:
        raise NotFound(f"There is no account {sid[:34]} of yours")
    return record
