"""The web server of a simulated box on the loopback interface: its login, and how it misbehaves on demand."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from simulator.gateway.digest import DigestLogin

_LARGEST_BODY = 256 * 1024
_STOP_S = 0.1
"""For answers under way. To aiohttp nought is no bound at all."""
_HUGE = 3 * 1024 * 1024
_TRICKLE_S = 0.1
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebTrouble(StrEnum):
    """What can go wrong with one request."""

    CUT = "cut"  # the connection breaks and nothing was done
    LOST = "lost"  # it was done, and the connection breaks before the answer
    TRUNCATED = "truncated"  # it was done, and half the answer comes
    SLOW = "slow"  # it was done, and the answer comes an octet at a time
    PAGE = "page"  # the login page comes instead
    REDIRECT = "redirect"  # to the login page
    HUGE = "huge"
    STATUS = "status"


@dataclass(slots=True)
class Mischief:
    """`times` requests whose path begins with `path` go wrong; `status` is answered for STATUS."""

    path: str
    kind: WebTrouble
    times: int = 1
    status: int = 500


class WebBox:
    """`digest` or `basic` (user, password) decides the login; neither: none. `requests`: method and path of each."""

    def __init__(
        self,
        routes: Sequence[web.RouteDef],
        *,
        port: int = 0,
        digest: DigestLogin | None = None,
        basic: tuple[str, str] | None = None,
        open_paths: Sequence[str] = (),
    ) -> None:
        self._routes = routes
        self._wanted = port
        self._digest = digest
        self._basic = basic
        self._open_paths = tuple(open_paths)
        self._runner: web.AppRunner | None = None
        self.mischief: list[Mischief] = []
        self.requests: list[tuple[str, str]] = []
        self.connections_refused = 0
        self.port = 0

    async def start(self) -> None:
        """Answer; on the same port again after a `stop`."""
        app = web.Application(middlewares=[self._misbehave, self._login], client_max_size=_LARGEST_BODY)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port or self._wanted, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """The port is closed."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def upset(self, path: str, kind: WebTrouble, times: int = 1, status: int = 500) -> None:
        """The next requests of this path go wrong."""
        self.mischief.append(Mischief(path, kind, times, status))

    def _trouble(self, path: str) -> Mischief | None:
        for mischief in self.mischief:
            if path.startswith(mischief.path) and mischief.times > 0:
                mischief.times -= 1
                return mischief
        return None

    @web.middleware
    async def _login(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        if request.path in self._open_paths:
            return await handler(request)
        if self._basic is not None:
            expected = base64.b64encode(":".join(self._basic).encode()).decode()
            if header != f"Basic {expected}":
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="box"'})
        if self._digest is not None:
            # A bare comma in the query breaks the digest of the real ones: it looks like a wrong password.
            right = self._digest.accepts(request.method, request.raw_path, header) if header else False
            if right is not True or "," in request.raw_path:
                challenge = self._digest.challenge(stale=right is None)
                return web.Response(status=401, headers={"WWW-Authenticate": challenge}, text="Wrong Password")
        self.requests.append((request.method, request.path))
        return await handler(request)

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        authorised = "Authorization" in request.headers or (self._digest is None and self._basic is None)
        mischief = self._trouble(request.path) if authorised or request.path in self._open_paths else None
        if mischief is None:
            return await handler(request)
        match mischief.kind:
            case WebTrouble.PAGE:
                return web.Response(text="<html><body>Login</body></html>", content_type="text/html")
            case WebTrouble.REDIRECT:
                return web.Response(status=302, headers={"Location": "/enLogin.htm"})
            case WebTrouble.STATUS:
                return web.Response(status=mischief.status, text="<h1>Error</h1>", content_type="text/html")
            case WebTrouble.HUGE:
                return web.Response(body=b" " * _HUGE, content_type="application/json")
            case WebTrouble.CUT:
                return _break_off(request)
        answer = await handler(request)
        if mischief.kind is WebTrouble.LOST or not isinstance(answer, web.Response):
            return _break_off(request)
        body = answer.body if isinstance(answer.body, bytes) else b""
        return await _trickle(request, body, whole=mischief.kind is WebTrouble.SLOW)


def _break_off(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _trickle(request: web.Request, body: bytes, *, whole: bool) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await answer.prepare(request)
    if not whole:
        await answer.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return answer
    try:
        for octet in body:
            await answer.write(bytes([octet]))
            await asyncio.sleep(_TRICKLE_S)
    except (ConnectionError, asyncio.CancelledError):
        return answer
    return answer
