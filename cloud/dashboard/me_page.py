"""``/operator/me``: one's own password, second factor and sessions."""

from __future__ import annotations

import time
from collections.abc import Callable

from cloud.dashboard.access import OPERATOR
from cloud.dashboard.cookies import COOKIE, DEVICE_COOKIE
from cloud.dashboard.knocking import device_cookie
from cloud.dashboard.login import DEVICE_LIFE_S, Login, go
from cloud.dashboard.paths import ME
from cloud.dashboard.qr import svg
from cloud.dashboard.rendering import Pages
from cloud.dashboard.sessions import Session
from cloud.store import audit, operators
from cloud.store.database import Connection, Database
from cloud.store.records import OperatorRecord
from cloud.store.records.accounts import MIN_PASSWORD
from cloud.store.records.audit import Entry
from cloud.web import refusals, two_factor
from cloud.web.errors import TooMany
from cloud.web.http import Request, Response, Route
from telecore.errors import NotAllowed


class MePage:
    """A secret that is offered is kept with the session until a code of it has been given."""

    def __init__(self, db: Database, pages: Pages, login: Login, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._pages = pages
        self._login = login
        self._clock = clock
        self._offered: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", ME, self.show),
            Route("POST", f"{ME}/password", self.password),
            Route("POST", f"{ME}/two-factor", self.two_factor),
            Route("POST", f"{ME}/two-factor/off", self.two_factor_off),
            Route("POST", f"{ME}/sessions/end", self.end_session),
        ]

    async def show(self, request: Request) -> Response:
        session, record = await self._known(request)
        return self._page(session, record)

    async def password(self, request: Request) -> Response:
        """A new password ends all other sessions, and this one gets a new token."""
        session, record = await self._known(request)
        fields = dict(request.params())
        new = fields.get("new", "")
        if len(new) < MIN_PASSWORD:
            return self._page(session, record, 400, f"A password has at least {MIN_PASSWORD} characters.")
        if problem := await self._not_himself(request, session, record, fields.get("password", "")):
            return self._page(session, record, 403, problem)
        hashed = await self._login.knocking.hashed(new)
        return await self._changed(request, record, "change password", password=hashed)

    async def two_factor(self, request: Request) -> Response:
        """The secret that was offered is taken once a code of it is given; the recovery codes are shown here only."""
        session, record = await self._known(request)
        secret = self._offered.get(session.id, "")
        if record.totp_secret or not secret:
            return go(ME)
        self._login.knocking.count_code(f"enrol {session.id}", "")
        if not await self._login.code_is_right(record, secret, dict(request.params()).get("code", "")[:100]):
            return self._page(session, record, 403, "That is not the code of this moment.")
        codes = two_factor.new_recovery_codes()
        del self._offered[session.id]
        hashes = tuple(two_factor.hash_of(code) for code in codes)
        entry = self._entry(request, record, "set up second factor")

        changed = await self._change(record, entry, totp_secret=secret, recovery=hashes)
        token = self._renewed(request, changed)
        return self._pages.page(
            "recovery.html",
            operator=record.name,
            codes=codes,
            cookie=self._login.cookies.header(COOKIE, token, self._life),
        )

    async def two_factor_off(self, request: Request) -> Response:
        session, record = await self._known(request)
        if self._login.doors.two_factor:
            return self._page(session, record, 403, "A second factor is required here.")
        if problem := await self._not_himself(request, session, record, dict(request.params()).get("password", "")):
            return self._page(session, record, 403, problem)
        return await self._changed(request, record, "remove second factor", totp_secret="", recovery=())

    async def end_session(self, request: Request) -> Response:
        """One's own, or as an operator anybody's."""
        session, record = await self._known(request)
        id_ = dict(request.params()).get("id", "")
        found = next((one for one in self._shown(session) if one.id == id_), None)
        if found is not None:
            entry = self._entry(request, record, "end session", f"operator {found.operator}")
            await self._db.write(lambda conn: audit.append(conn, entry))
            self._login.sessions.end_of(found.operator, id_=id_)
        return go(ME)

    @property
    def _life(self) -> int:
        return int(self._login.sessions.life_s)

    async def _known(self, request: Request) -> tuple[Session, OperatorRecord]:
        session = self._login.session(request)
        record = await self._db.read(lambda conn: operators.get(conn, session.operator if session else ""))
        if session is None or record is None:
            raise NotAllowed("Log in again", status=403)
        return session, record

    async def _not_himself(self, request: Request, session: Session, record: OperatorRecord, password: str) -> str:
        """Why this may not be the operator, who says so again by the password; nothing when it is."""
        try:
            self._login.knocking.count("", "", f"session {session.id}")
        except TooMany as error:
            self._login.refused.count(refusals.GUESSING, request.remote)
            return f"Too many tries. Please wait {error.retry_after_s:.0f} s."
        if await self._login.knocking.right(record, password):
            return ""
        self._login.refused.count(refusals.LOGIN, request.remote)
        return "That is not your password."

    async def _changed(self, request: Request, record: OperatorRecord, action: str, **changes: object) -> Response:
        changed = await self._change(record, self._entry(request, record, action), **changes)
        cookies = self._login.cookies
        return go(
            ME,
            cookies.header(COOKIE, self._renewed(request, changed), self._life),
            cookies.header(DEVICE_COOKIE, device_cookie(changed), DEVICE_LIFE_S),
        )

    async def _change(self, record: OperatorRecord, entry: Entry, **changes: object) -> OperatorRecord:
        """Raises NotAllowed for one who was shut out, or given another password, since this was read."""

        def write(conn: Connection) -> OperatorRecord | None:
            if operators.standing(conn, record) is None:
                return None
            audit.append(conn, entry)
            return operators.change(conn, record.name, **changes)

        changed = await self._db.write(write)
        if changed is None:
            raise NotAllowed("Log in again", status=403)
        return changed

    def _renewed(self, request: Request, record: OperatorRecord) -> str:
        """All sessions of the operator end, this one too; the token of the one that takes its place."""
        self._login.sessions.end_of(record.name)
        return self._login.begin(request, record)

    def _entry(self, request: Request, record: OperatorRecord, action: str, target: str = "") -> Entry:
        return Entry(f"operator {record.name}", action, target or f"operator {record.name}", request.remote)

    def _shown(self, session: Session) -> list[Session]:
        return self._login.sessions.of(None if session.role == OPERATOR else session.operator)

    def _offer(self, session: Session) -> str:
        live = {one.id for one in self._login.sessions.of()}
        self._offered = {id_: secret for id_, secret in self._offered.items() if id_ in live}
        return self._offered.setdefault(session.id, two_factor.new_secret())

    def _page(self, session: Session, record: OperatorRecord, status: int = 200, problem: str = "") -> Response:
        now, wall = self._clock(), time.time()
        secret = "" if record.totp_secret else self._offer(session)
        uri = two_factor.uri(secret, record.name) if secret else ""
        return self._pages.page(
            "me.html",
            status=status,
            operator=session.operator,
            role=session.role,
            csrf=session.csrf,
            now=wall,
            problem=problem,
            required=self._login.doors.two_factor,
            has_second=bool(record.totp_secret),
            left=len(record.recovery),
            secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            uri=uri,
            qr=svg(uri) if uri else "",
            sessions=[(one, wall - (now - one.begun), wall - (now - one.seen)) for one in self._shown(session)],
            mine=session.id,
        )
