"""In and out of the operator's page, and who may pass each of its doors."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cloud.dashboard.access import EVENTS, NOBODY, RENEWS_ITSELF, RULES, TELLS_ITSELF, UNFINISHED
from cloud.dashboard.cookies import COOKIE, DEVICE_COOKIE, LOGIN_COOKIE, Cookies
from cloud.dashboard.knocking import Knocking, device_cookie, known_device
from cloud.dashboard.paths import HOME, LOGIN, ME
from cloud.dashboard.rendering import HEADERS, Pages
from cloud.dashboard.sessions import CODE, ENROL, IDLE_S, IN, LIFE_S, Session, Sessions
from cloud.store import audit, operators
from cloud.store.database import Connection, Database
from cloud.store.records import OperatorRecord
from cloud.store.records.audit import Entry
from cloud.web import refusals, two_factor
from cloud.web.audited import recorded
from cloud.web.errors import TooMany
from cloud.web.http import Request, Response, Route
from cloud.web.refusals import Refusals
from telecore.errors import NotAllowed

__all__ = ["COOKIE", "HOME", "LOGIN_COOKIE", "Doors", "Login"]

DEVICE_LIFE_S = 180 * 86400
LOGIN_LIFE_S = 600


@dataclass(frozen=True, slots=True)
class Doors:
    """``two_factor``: nobody comes in without a second factor."""

    two_factor: bool = False
    idle_s: float = IDLE_S
    life_s: float = LIFE_S


class Login:
    """``secure`` marks cookies for HTTPS only. ``clock`` never jumps, ``wall`` is the time of day for codes."""

    def __init__(
        self,
        db: Database,
        pages: Pages,
        *,
        secure: bool,
        doors: Doors | None = None,
        refused: Refusals | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.doors = doors or Doors()
        self.cookies = Cookies(secure)
        self.sessions = Sessions(clock, idle_s=self.doors.idle_s, life_s=self.doors.life_s)
        self.knocking = Knocking(db, clock)
        self.refused = refused or Refusals()
        self._db = db
        self._pages = pages
        self._wall = wall

    def routes(self) -> list[Route]:
        return [
            Route("POST", LOGIN, self.log_in),
            Route("POST", f"{LOGIN}/code", self.second),
            Route("POST", f"{HOME}/logout", self.log_out),
        ]

    def guarded(self, route: Route) -> Route:
        """The route, open to whom the table says. Raises KeyError for one that it does not name."""
        roles = RULES[route.method, route.path]

        async def handle(request: Request) -> Response:
            session = await self.admit(request, used=route.path not in RENEWS_ITSELF)
            if NOBODY in roles:
                return await route.handler(request)
            if session is None:
                if route.method != "GET" or route.path == EVENTS:
                    raise NotAllowed("Log in again", status=403)
                return self.form()
            if session.stage == ENROL and route.path not in UNFINISHED:
                return go(ME)
            if session.role not in roles:
                self.refused.count(refusals.ROLE, request.remote, f"{session.operator} is {session.role}")
                raise NotAllowed(f"This is not open to the role {session.role}", status=403)
            if route.method == "GET":
                return await route.handler(request)
            self.check(request)
            if route.path in TELLS_ITSELF:
                return await route.handler(request)
            entry = Entry(f"operator {session.operator}", f"{route.method} {route.path}", request.path, request.remote)
            return await recorded(self._db, entry, lambda: route.handler(request))

        return replace(route, handler=handle)

    async def admit(self, request: Request, *, used: bool = True) -> Session | None:
        """Who asks, if the session and its operator are still good."""
        token = self.cookies.get(request, COOKIE)
        session = self.sessions.get(token, used=used)
        if session is None or session.stage == CODE:
            return None
        record = await self._db.read(lambda conn: operators.get(conn, session.operator))
        if record is None or record.disabled or record.stamp != session.stamp:
            self.sessions.end(token)
            return None
        return session

    def session(self, request: Request) -> Session | None:
        """Who asks, in a handler that ``guarded`` has let through."""
        session = self.sessions.get(self.cookies.get(request, COOKIE), used=False)
        return session if session is not None and session.stage != CODE else None

    def form(self, status: int = 200, problem: str = "", user: str = "") -> Response:
        """The form, with a token in cookie and field that a foreign page cannot know."""
        token = secrets.token_urlsafe(32)
        cookie = self.cookies.header(LOGIN_COOKIE, token, LOGIN_LIFE_S)
        return self._pages.page("login.html", status=status, cookie=cookie, csrf=token, problem=problem, user=user)

    async def log_in(self, request: Request) -> Response:
        fields = dict(request.params())
        if not same(self.cookies.get(request, LOGIN_COOKIE), fields.get("csrf", "")):
            self.refused.count(refusals.FORGERY, request.remote)
            return self.form(403, "The form was too old. Please try again.")
        user, password = fields.get("user", "").strip()[:64], fields.get("password", "")
        record = await self._db.read(lambda conn: operators.get(conn, user))
        device = known_device(self.cookies.get(request, DEVICE_COOKIE), record)
        try:
            self.knocking.count(request.remote, user, device)
        except TooMany as error:
            self.refused.count(refusals.GUESSING, request.remote)
            return self.form(429, f"Too many tries. Please wait {error.retry_after_s:.0f} s.", user)
        if record is None or not await self.knocking.right(record, password) or record.disabled:
            if record is None:
                await self.knocking.nobody(password)
            await self._refused(request, refusals.LOGIN, user if record else "")
            return self.form(403, "That name and password do not belong together.", user)
        if record.totp_secret:
            token = self.sessions.begin(record.name, stage=CODE, stamp=record.stamp, source=request.remote)
            return self._code_form(token)
        return await self._let_in(request, record, device)

    async def second(self, request: Request) -> Response:
        """The code of an authenticator or one for the day it is lost, after the password."""
        token, fields = self.cookies.get(request, COOKIE), dict(request.params())
        session = self.sessions.get(token)
        if session is None or session.stage != CODE or not same(session.csrf, fields.get("csrf", "")):
            return self.form(403, "That took too long. Please begin again.")
        record = await self._db.read(lambda conn: operators.get(conn, session.operator))
        if record is None or record.disabled or record.stamp != session.stamp:
            self.sessions.end(token)
            return self.form(403, "Please begin again.")
        device = known_device(self.cookies.get(request, DEVICE_COOKIE), record)
        try:
            self.knocking.count_code(record.name, device)
        except TooMany as error:
            self.refused.count(refusals.GUESSING, request.remote)
            return self._code_form(token, 429, f"Too many tries. Please wait {error.retry_after_s:.0f} s.")
        if not await self._spent(record, fields.get("code", "")[:100]):
            await self._refused(request, refusals.CODE, record.name)
            return self._code_form(token, 403, "That is not the code, or it has been used.")
        self.sessions.end(token)
        return await self._let_in(request, record, device)

    async def log_out(self, request: Request) -> Response:
        session = self.session(request)
        self.sessions.end(self.cookies.get(request, COOKIE))
        if session is not None:
            entry = Entry(f"operator {session.operator}", "log out", source=request.remote)
            await self._db.write(lambda conn: audit.append(conn, entry))
        return go(HOME, self.cookies.header(COOKIE, "", 0))

    def check(self, request: Request) -> Session:
        """The session of a form that was sent from our own page. Raises NotAllowed."""
        session = self.session(request)
        if session is None or not same(session.csrf, dict(request.params()).get("csrf", "")):
            self.refused.count(refusals.FORGERY, request.remote)
            raise NotAllowed("Log in again", status=403)
        return session

    async def code_is_right(self, record: OperatorRecord, secret: str, code: str) -> bool:
        """Whether it is the code of this moment, which from now on it is no more."""
        step = two_factor.step_of(secret, code, self._wall(), record.totp_step)
        if step is None:
            return False
        return await self._db.write(lambda conn: operators.spend_step(conn, record.name, step))

    async def _spent(self, record: OperatorRecord, code: str) -> bool:
        if await self.code_is_right(record, record.totp_secret, code):
            return True
        hashed = two_factor.hash_of(code)
        if hashed not in record.recovery:
            return False
        return await self._db.write(lambda conn: operators.spend_recovery(conn, record.name, hashed))

    async def _let_in(self, request: Request, record: OperatorRecord, device: str) -> Response:
        """A new session: the token that led here, if there was one, is worth nothing any more.

        ``record``: what the operator has proved himself by, which takes a moment.
        """
        self.sessions.end(self.cookies.get(request, COOKIE))
        entry = Entry(f"operator {record.name}", "log in", source=request.remote)

        def write(conn: Connection) -> OperatorRecord | None:
            now = operators.standing(conn, record)
            if now is not None:
                audit.append(conn, entry)
            return now

        now = await self._db.write(write)
        if now is None:
            return self.form(403, "Please begin again.")
        self.knocking.forgive(request.remote, now.name, device)
        token = self.begin(request, now)
        return go(
            HOME,
            self.cookies.header(COOKIE, token, int(self.sessions.life_s)),
            self.cookies.header(DEVICE_COOKIE, device_cookie(now), DEVICE_LIFE_S),
            self.cookies.header(LOGIN_COOKIE, "", 0),
        )

    def begin(self, request: Request, record: OperatorRecord) -> str:
        """A session of this operator's; its token."""
        return self.sessions.begin(
            record.name,
            role=record.role,
            account=record.account,
            stamp=record.stamp,
            stage=ENROL if self.doors.two_factor and not record.totp_secret else IN,
            source=request.remote,
            program=request.headers.get("User-Agent", "")[:120],
        )

    async def _refused(self, request: Request, kind: str, name: str) -> None:
        """Names that nobody has are not written down: they may be passwords in the wrong field."""
        self.refused.count(kind, request.remote)
        who = f"operator {name}" if name else "nobody known"
        entry = Entry(who, "log in", source=request.remote, result=f"refused {kind}")
        await self._db.write(lambda conn: audit.append(conn, entry))

    def _code_form(self, token: str, status: int = 200, problem: str = "") -> Response:
        session = self.sessions.get(token)
        if session is None:
            return self.form(403, "Please begin again.")
        cookie = self.cookies.header(COOKIE, token, LOGIN_LIFE_S)
        return self._pages.page("login_code.html", status=status, cookie=cookie, csrf=session.csrf, problem=problem)


def go(where: str, *cookies: str) -> Response:
    """See there."""
    return Response(303, headers={**HEADERS, "Location": where}, content_type="text/plain", cookies=cookies)


def same(expected: str, given: str) -> bool:
    """In constant time; headers may hold bytes that are no UTF-8."""
    one, other = expected.encode("utf-8", "surrogateescape"), given.encode("utf-8", "surrogatepass")
    return bool(expected) and hmac.compare_digest(one, other)
