"""In and out of the operator's page."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable

from cloud.dashboard.rendering import HEADERS, Pages
from cloud.dashboard.sessions import LIFE_S, Session, Sessions
from cloud.store import operators
from cloud.store.database import Database
from cloud.web import passwords
from cloud.web.errors import TooMany
from cloud.web.http import Request, Response, Route
from cloud.web.rate import RateLimit
from telecore.errors import NotAllowed

HOME = "/operator"
COOKIE = "simferry_operator"
LOGIN_COOKIE = "simferry_login"
TRIES, TRY_EVERY_S = 5, 30.0
_MAX_PASSWORD = 1024


class Login:
    """``secure`` marks cookies for HTTPS only."""

    def __init__(
        self, db: Database, pages: Pages, *, secure: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._pages = pages
        self._secure = secure
        self._sessions = Sessions(clock)
        self._tries = RateLimit(TRIES, TRY_EVERY_S, clock)

    def routes(self) -> list[Route]:
        return [Route("POST", f"{HOME}/login", self.log_in), Route("POST", f"{HOME}/logout", self.log_out)]

    def session(self, request: Request) -> Session | None:
        """Who asks, if somebody is logged in."""
        return self._sessions.get(request.cookies.get(COOKIE, ""))

    def form(self, status: int = 200, problem: str = "", user: str = "") -> Response:
        """The form, with a token in cookie and field that a foreign page cannot know."""
        token = secrets.token_urlsafe(32)
        cookie = self._cookie(LOGIN_COOKIE, token, 3600)
        return self._pages.page("login.html", status=status, cookie=cookie, csrf=token, problem=problem, user=user)

    async def log_in(self, request: Request) -> Response:
        fields = dict(request.params())
        if not _same(request.cookies.get(LOGIN_COOKIE, ""), fields.get("csrf", "")):
            return self.form(403, "The form was too old. Please try again.")
        user, password = fields.get("user", "").strip()[:64], fields.get("password", "")[:_MAX_PASSWORD]
        try:
            self._tries.take(f"from {request.remote}")
            self._tries.take(f"as {user}")
        except TooMany as error:
            return self.form(429, f"Too many tries. Please wait {error.retry_after_s:.0f} s.", user)
        if not await self._right(user, password):
            return self.form(403, "That name and password do not belong together.", user)
        self._tries.forgive(f"from {request.remote}")
        self._tries.forgive(f"as {user}")
        return _go_home(self._cookie(COOKIE, self._sessions.begin(user), int(LIFE_S)))

    async def log_out(self, request: Request) -> Response:
        self.check(request)
        self._sessions.end(request.cookies.get(COOKIE, ""))
        return _go_home(self._cookie(COOKIE, "", 0))

    def check(self, request: Request) -> Session:
        """The session of a form that was sent from our own page. Raises NotAllowed."""
        session = self.session(request)
        if session is None or not _same(session.csrf, dict(request.params()).get("csrf", "")):
            raise NotAllowed("Log in again", status=403)
        return session

    async def _right(self, user: str, password: str) -> bool:
        record = await self._db.read(lambda conn: operators.get(conn, user))
        stored = record.password if record else passwords.NOBODYS
        return await asyncio.to_thread(passwords.matches, password, stored) and record is not None

    def _cookie(self, name: str, value: str, life_s: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{name}={value}; Path={HOME}; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"


def _go_home(cookie: str) -> Response:
    return Response(303, headers={**HEADERS, "Location": HOME, "Set-Cookie": cookie}, content_type="text/plain")


def _same(expected: str, given: str) -> bool:
    """In constant time; headers may hold bytes that are no UTF-8."""
    one, other = expected.encode("utf-8", "surrogateescape"), given.encode("utf-8", "surrogateescape")
    return bool(expected) and hmac.compare_digest(one, other)
