"""The web server, the only user of aiohttp's: requests become values, and what is raised becomes an error's body."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar

from aiohttp import web

from cloud.web import errors
from cloud.web.http import Handler, Request, Response, Route
from telecore.errors import Refused, Transient
from telecore.ids import new_sid

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
BODY_WITHIN_S = 30.0
DRAIN_S = 5.0
"""How long answers under way may take after the stop began."""

REQUEST_ID = "Twilio-Request-Id"
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered, for its header and for logs."""


class WebServer:
    """``port`` 0 takes any free one; the real one is in ``port`` once ``started`` is set."""

    def __init__(self, host: str, port: int, routes: Iterable[Route], *, body_limit: int = BODY_LIMIT) -> None:
        self.host = host
        self.port = port
        self.started = asyncio.Event()
        self._limit = body_limit
        self._streams: set[asyncio.Task[None]] = set()
        self._app = web.Application(middlewares=[self._answer], client_max_size=body_limit)
        for route in routes:
            self._app.router.add_route(route.method, route.path, self._adapted(route.handler))

    async def run(self) -> None:
        """Serve until cancelled, then finish what is under way. Raises OSError when the port is taken."""
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=DRAIN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
            self.port = runner.addresses[0][1]
            self.started.set()
            await asyncio.Event().wait()
        finally:
            for stream in self._streams:
                stream.cancel()
            await runner.cleanup()

    def _adapted(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def adapted(request: web.Request) -> web.StreamResponse:
            response = await handler(await self._read(request))
            if response.stream is not None:
                return await self._stream(request, response)
            return _send(response)

        return adapted

    async def _stream(self, request: web.Request, response: Response) -> web.StreamResponse:
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

    async def _read(self, request: web.Request) -> Request:
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
            fields=request.match_info,
            remote=request.remote or "",
        )

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request_id.set(new_sid("RQ"))
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _send(self._translated(request, error))
        except Refused as error:
            return _send(errors.refusal(error))
        except Transient as error:
            log.warning("%s %s put off: %s (%s)", request.method, request.path, error, request_id.get())
            return _send(errors.unavailable())
        except TimeoutError:
            return _send(errors.bad_http(408, "The request took too long to arrive"))
        except ConnectionError:
            raise  # the client went away: nobody to tell
        except Exception:
            log.exception("%s %s failed (%s)", request.method, request.path, request_id.get())
            return _send(errors.internal())

    def _translated(self, request: web.Request, error: web.HTTPException) -> Response:
        if isinstance(error, web.HTTPNotFound):
            return errors.not_found(request.path)
        if isinstance(error, web.HTTPMethodNotAllowed):
            return errors.method_not_allowed(request.path, request.method, set(error.allowed_methods))
        if isinstance(error, web.HTTPRequestEntityTooLarge):
            return errors.too_large(self._limit)
        return errors.bad_http(error.status, error.reason)


def _headers(response: Response) -> dict[str, str]:
    content_type = {} if response.status == 204 else {"Content-Type": response.content_type}
    return {**content_type, REQUEST_ID: request_id.get(), "X-Content-Type-Options": "nosniff", **response.headers}


def _send(response: Response) -> web.StreamResponse:
    headers = _headers(response)
    if response.file is not None:
        return web.FileResponse(response.file, headers=headers)
    return web.Response(status=response.status, body=response.body, headers=headers)


async def _pump(out: web.StreamResponse, response: Response) -> None:
    assert response.stream is not None
    with suppress(ConnectionError):  # the reader has gone
        async for piece in response.stream:
            await out.write(piece)
