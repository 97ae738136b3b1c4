"""The web server, the only user of aiohttp's: requests become values, and what is raised becomes an error's body."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from cloud.web import errors
from cloud.web.http import Request, Response, Route
from cloud.web.routing import Router
from cloud.web.socket import Socket
from telecore.errors import Refused, Transient
from telecore.ids import new_sid

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
BODY_WITHIN_S = 30.0
IDLE_S = 75.0
"""After so long without a request a connection is closed, also one that never made any."""
DRAIN_S = 5.0
"""How long answers under way may take after the stop began."""
PING_S = 15.0
MESSAGE_LIMIT = 16 * 1024
"""Of a web socket."""

REQUEST_ID = "Twilio-Request-Id"
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered, for its header and for logs."""


class WebServer:
    """``port`` 0 takes any free one; the real one is in ``port`` once ``started`` is set."""

    def __init__(self, host: str, port: int, routes: Iterable[Route], *, body_limit: int = BODY_LIMIT) -> None:
        self.host = host
        self.port = port
        self.started = asyncio.Event()
        self.routes = tuple(routes)
        self._router = Router(self.routes)
        self._limit = body_limit
        self._streams: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled, then finish what is under way. Raises OSError when the port is taken."""
        server = _Server(self._answer, access_log=None, keepalive_timeout=IDLE_S, request_factory=self._made)
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
            self.port = runner.addresses[0][1]
            self.started.set()
            await asyncio.get_running_loop().create_future()
        finally:
            for stream in self._streams:
                stream.cancel()
            await runner.cleanup()

    def _made(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._limit)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The one place where errors become answers; an unforeseen one is logged here, with its traceback, once."""
        request_id.set(new_sid("RQ"))
        try:
            response = await self._handled(request)
        except Refused as error:
            response = errors.refusal(error)
        except web.HTTPRequestEntityTooLarge:
            response = errors.too_large(self._limit)
        except Transient as error:
            log.warning("%s %s put off: %s (%s)", request.method, request.path, error, request_id.get())
            response = errors.unavailable()
        except TimeoutError:
            response = errors.bad_http(408, "The request took too long to arrive")
        except ConnectionError:
            raise  # the client went away: nobody to tell
        except Exception:
            log.exception("%s %s failed (%s)", request.method, request.path, request_id.get())
            response = errors.internal()
        if response.socket is not None:
            return await self._socket(request, response.socket)
        if response.stream is not None:
            return await self._stream(request, response)
        return _sent(response)

    async def _handled(self, request: web.BaseRequest) -> Response:
        handler, fields = self._router.find(request.method, request.rel_url.raw_path)
        return await handler(await _read(request, fields))

    async def _socket(self, request: web.BaseRequest, serve: Callable[[Socket], Awaitable[None]]) -> web.StreamResponse:
        """A web socket: a task of its own, which a stop cuts at once."""
        out = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MESSAGE_LIMIT, compress=False)
        if not out.can_prepare(request).ok:
            return _sent(errors.bad_http(426, "Ask for a web socket here"))
        await out.prepare(request)
        serving = asyncio.create_task(_serve(Socket(_Wire(out)), serve))
        self._streams.add(serving)
        try:
            await asyncio.wait([serving])
            if not serving.cancelled() and (error := serving.exception()) is not None:
                log.error("%s failed (%s)", request.path, request_id.get(), exc_info=error)
        finally:
            self._streams.discard(serving)
            serving.cancel()
        return out

    async def _stream(self, request: web.BaseRequest, response: Response) -> web.StreamResponse:
        """An answer without an end: a task of its own, which a stop cuts at once instead of waiting for it."""
        out = web.StreamResponse(status=response.status, headers=_headers(response))
        await out.prepare(request)
        pump = asyncio.create_task(_pump(out, response))
        self._streams.add(pump)
        try:
            await asyncio.wait([pump])
        finally:
            self._streams.discard(pump)
            pump.cancel()
        return out


class _Server(web.Server):
    """Makes a connection of ours for each client."""

    def __init__(self, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._options = {name: value for name, value in options.items() if name != "request_factory"}

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)


class _Connection(web.RequestHandler):
    """Answers what is not HTTP in the one shape, and says so in one line: strangers must not fill the log."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        log.info("a request from %s is not HTTP: %s", request.remote, type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun")
        request_id.set(new_sid("RQ"))
        response = _sent(errors.bad_http(status, "The request is not valid HTTP"))
        response.force_close()
        return response


async def _read(request: web.BaseRequest, fields: dict[str, str]) -> Request:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    async with asyncio.timeout(BODY_WITHIN_S):
        body = await request.read()
    return Request(
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        body=body,
        content_type=request.content_type if "Content-Type" in request.headers else "",
        headers=request.headers,
        cookies=request.cookies,
        fields=fields,
        remote=request.remote or "",
    )


def _headers(response: Response) -> CIMultiDict[str]:
    content_type = {} if response.status == 204 else {"Content-Type": response.content_type}
    own = {REQUEST_ID: request_id.get(), "X-Content-Type-Options": "nosniff", "Server": "simferry"}
    headers = CIMultiDict({**content_type, **own, **response.headers})
    for cookie in response.cookies:
        headers.add("Set-Cookie", cookie)
    return headers


def _sent(response: Response) -> web.StreamResponse:
    if response.file is not None:
        return web.FileResponse(response.file, headers=_headers(response))
    return web.Response(status=response.status, body=response.body, headers=_headers(response))


async def _pump(out: web.StreamResponse, response: Response) -> None:
    assert response.stream is not None
    with suppress(ConnectionError):  # the reader has gone
        async for piece in response.stream:
            await out.write(piece)


class _Wire:
    """An aiohttp socket as ``socket.Wire``."""

    def __init__(self, out: web.WebSocketResponse) -> None:
        self._out = out

    async def receive(self) -> str | bytes | None:
        message = await self._out.receive()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data: str | bytes = message.data
            return data
        return None

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._out.send_str(message)
        else:
            await self._out.send_bytes(message)

    async def close(self, code: int, reason: str) -> None:
        await self._out.close(code=code, message=reason.encode()[:120])


async def _serve(socket: Socket, serve: Callable[[Socket], Awaitable[None]]) -> None:
    """Until either end has enough; what was said last is still sent."""
    pumping = asyncio.create_task(socket.pump())
    serving = asyncio.ensure_future(serve(socket))
    try:
        await asyncio.wait({pumping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not pumping.done():
            socket.close(1000, "")
            await asyncio.wait({pumping}, timeout=DRAIN_S)
    finally:
        for task in (serving, pumping):
            task.cancel()
        await asyncio.wait({serving, pumping})
    for task in (serving, pumping):
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ConnectionError):
            raise error
