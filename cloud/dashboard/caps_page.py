"""``/operator/caps``: what accounts may spend, what they have, and what is blocked for them; and where it is set."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

from cloud.api.caps import caps_changes
from cloud.api.forms import Form
from cloud.dashboard.access import MANAGE
from cloud.dashboard.login import Login, go
from cloud.dashboard.paths import ACCOUNT_CAPS, CAPS
from cloud.dashboard.rendering import Pages
from cloud.dashboard.sessions import Session
from cloud.services.caps import CapKeeper, counts
from cloud.store import accounts, caps
from cloud.store.caps import Block
from cloud.store.database import Connection, Database
from cloud.store.records import AccountRecord
from cloud.store.rows import now
from cloud.web.http import Request, Response, Route
from telecore.caps import BURSTS, NUMBERS, WARNINGS, Caps, Step
from telecore.errors import InvalidRequest, NotAllowed, NotFound

SHOWN = 500
LISTS = ("allow", "deny", "prefixes")
WORDS: Mapping[str, tuple[str, ...]] = {"special": ("true", "false"), "bursts": BURSTS, "warnings": WARNINGS}

Row = tuple[AccountRecord, list[Step], list[Block]]


class CapsPage:
    """The list has accounts that have caps or blocks; the form of one sets all of its own at once."""

    def __init__(self, db: Database, pages: Pages, login: Login, keeper: CapKeeper) -> None:
        self._db = db
        self._pages = pages
        self._login = login
        self._keeper = keeper

    def routes(self) -> list[Route]:
        return [
            Route("GET", CAPS, self.show),
            Route("GET", ACCOUNT_CAPS, self.show_one),
            Route("POST", ACCOUNT_CAPS, self.set),
        ]

    async def show(self, request: Request) -> Response:
        session = self._session(request)
        rows = await self._db.read(self._rows)
        others = await self._db.read(lambda conn: accounts.all_(conn)[:SHOWN])
        return self._pages.page("caps.html", operator=session.operator, now=time.time(), rows=rows, accounts=others)

    async def show_one(self, request: Request) -> Response:
        return await self._form(self._session(request), request.fields["account"])

    async def set(self, request: Request) -> Response:
        """Every field is there: what is empty is taken back, and is as ``cloud.yaml`` or the owner has it."""
        session, form, sid = self._login.check(request), Form(request.params()), request.fields["account"]

        def write(conn: Connection) -> None:
            _account(conn, sid)
            caps.set_settings(conn, sid, changes_of(form), now())
            if form.boolean("unblock"):
                caps.unblock(conn, sid)
            self._keeper.forget()

        try:
            await self._db.write(write)
        except InvalidRequest as error:
            return await self._form(session, sid, error.status, error.message)
        self._keeper.forget()
        return go(CAPS)

    async def _form(self, session: Session, sid: str, status: int = 200, problem: str = "") -> Response:
        def read(conn: Connection) -> tuple[AccountRecord, dict[str, str], Caps, list[Block]]:
            account = _account(conn, sid)
            return account, shown(caps.settings(conn, sid)), self._in_force(conn, account), caps.blocks(conn, sid)

        account, given, found, blocks = await self._db.read(read)
        return self._pages.page(
            "caps_form.html",
            status=status,
            operator=session.operator,
            csrf=session.csrf,
            problem=problem,
            account=account,
            given=given,
            in_force=shown({name: getattr(found, name) for name in (*NUMBERS, *LISTS, *WORDS)}),
            numbers=NUMBERS,
            lists=LISTS,
            words=WORDS,
            blocks=blocks,
            manages=session.role in MANAGE,
        )

    def _session(self, request: Request) -> Session:
        session = self._login.session(request)
        if session is None:
            raise NotAllowed("Log in again", status=403)
        return session

    def _in_force(self, conn: Connection, account: AccountRecord) -> Caps:
        return self._keeper.bounds(conn, account.sid)[0].caps

    def _rows(self, conn: Connection) -> list[Row]:
        concerned, every = caps.concerned(conn), counts(self._keeper.defaults)
        those = [one for one in accounts.all_(conn) if one.sid in concerned or (every and one.owner is None)]
        rows = ((one, self._used(conn, one), caps.blocks(conn, one.sid)) for one in those)
        return list(islice((row for row in rows if row[1] or row[2]), SHOWN))

    def _used(self, conn: Connection, account: AccountRecord) -> list[Step]:
        return list(self._keeper.used(conn, self._keeper.bounds(conn, account.sid)[0]).values())


def changes_of(form: Form) -> dict[str, Any]:
    """All caps by name; None: it is taken back. Raises InvalidRequest."""
    empty: dict[str, Any] = dict.fromkeys((*NUMBERS, *LISTS, *WORDS))
    return {**empty, **{name: value for name, value in caps_changes(form).items() if form.text(name)}}


def shown(settings: Mapping[str, Any]) -> dict[str, str]:
    """As it stands in the fields of the form."""
    return {name: _shown(value) for name, value in settings.items()}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ",".join(f"{prefix}={most}" for prefix, most in value.items())
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _account(conn: Connection, sid: str) -> AccountRecord:
    found = accounts.get(conn, sid)
    if found is None:
        raise NotFound(f"There is no account {sid}")
    return found
