"""``/simferry/v1/caps``: what an account may spend, and has. A parent sets its subaccounts'; its own the operator sets.

An account's own token may be what was stolen, so it lifts none of what bounds it.
"""

from __future__ import annotations

from typing import Any

from cloud.api.callers import Caller, with_caller
from cloud.api.forms import Form
from cloud.api.render import Json
from cloud.api.urls import PATHS
from cloud.services.caps import CapKeeper
from cloud.store import caps
from cloud.store.database import Connection, Database
from cloud.store.rows import now
from cloud.web.auth import Authenticator
from cloud.web.http import Request, Response, Route, json_response
from telecore.caps import BURSTS, MOST, NUMBERS, WARNINGS, check, parse_list, parse_prefixes
from telecore.errors import NotAllowed, NotFound
from telecore.ids import AccountSid


class CapsApi:
    def __init__(self, db: Database, auth: Authenticator, keeper: CapKeeper) -> None:
        self._db = db
        self._auth = auth
        self._keeper = keeper

    def routes(self) -> list[Route]:
        return [
            Route(method, PATHS["caps"], with_caller(self._db, self._auth, handler, by_key=False))
            for method, handler in (("GET", self.fetch), ("POST", self.update))
        ]

    async def fetch(self, request: Request, caller: Caller) -> Response:
        sid = _named(Form(request.params()), caller)
        return json_response(await self._db.read(lambda conn: self._rendered(conn, sid)))

    async def update(self, request: Request, caller: Caller) -> Response:
        form = Form(request.params())
        sid, changes = _named(form, caller), caps_changes(form)
        if sid == caller.account.sid:
            message = "An account does not set its own caps: its operator does, or the account that owns it"
            raise NotAllowed(message, code=20003, status=403)

        def write(conn: Connection) -> Json:
            caps.set_settings(conn, sid, changes, now())
            self._keeper.forget()
            return self._rendered(conn, sid)

        rendered = await self._db.write(write)
        self._keeper.forget()
        return json_response(rendered)

    def _rendered(self, conn: Connection, sid: AccountSid) -> Json:
        bound = self._keeper.bounds(conn, sid)[0]
        used, found = self._keeper.used(conn, bound), bound.caps
        return {
            "sid": sid,
            **{name: getattr(found, name) for name in NUMBERS},
            "prefixes": found.prefixes,
            "allow": list(found.allow),
            "deny": list(found.deny),
            "special": found.special,
            "bursts": found.bursts,
            "warnings": found.warnings,
            "used": {name: step.used for name, step in used.items()},
            "blocked": [
                {"prefix": block.prefix, "why": block.why, "until": block.until.isoformat(timespec="seconds")}
                for block in caps.blocks(conn, sid)
            ],
        }


def caps_changes(form: Form) -> dict[str, Any]:
    """Fields to set, by name; an empty list takes one back. Raises InvalidRequest."""
    changes: dict[str, Any] = {name: form.integer(name, 0, 0, MOST) for name in NUMBERS if form.text(name)}
    for name in ("allow", "deny"):
        if form.given(name):
            changes[name] = parse_list(form.text(name))
    if form.given("prefixes"):
        changes["prefixes"] = parse_prefixes(form.text("prefixes"))
    if form.text("special"):
        changes["special"] = form.boolean("special")
    for name, words in (("bursts", BURSTS), ("warnings", WARNINGS)):
        if form.text(name):
            changes[name] = form.word(name, words)
    check(changes)
    return changes


def _named(form: Form, caller: Caller) -> AccountSid:
    """The caller, or the subaccount that is named. Raises NotFound."""
    sid = AccountSid(form.text("account", caller.account.sid))
    if sid not in caller.opens:
        raise NotFound(f"There is no account {sid[:34]} of yours")
    return sid
