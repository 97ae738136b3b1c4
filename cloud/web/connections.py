"""Connections of the web server, bounded before anything is known of who made them: how many an address may have, how
long the head of a request may take, how long a reader may take nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from cloud.web import errors, refusals
from cloud.web.refusals import Refusals
from cloud.web.source import Proxies

log = logging.getLogger(__name__)

MOST_HEADERS = 64
PER_ADDRESS = 256


@dataclass(frozen=True, slots=True)
class Bounds:
    """``per_address`` does not count for trusted proxies. ``stalled_s``: without an acknowledged byte of an answer."""

    per_address: int = PER_ADDRESS
    head_s: float = 15.0
    idle_s: float = 75.0
    stalled_s: float = 60.0


class Server(web.Server):
    """Makes a connection of ours for each client."""

    def __init__(self, handler: Any, *, bounds: Bounds, proxies: Proxies, refused: Refusals, **options: Any) -> None:
        super().__init__(handler, **options)
        self._options = {name: value for name, value in options.items() if name != "request_factory"}
        self.bounds = bounds
        self.proxies = proxies
        self.refused = refused
        self.open: Counter[str] = Counter()

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=asyncio.get_running_loop(), max_headers=MOST_HEADERS, **self._options)


class Connection(web.RequestHandler):
    """Answers what is not HTTP in the one shape, and says so in few lines: strangers must not fill the log."""

    __slots__ = ("_counted", "_head_late", "_ours", "_turned_away")

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._ours = server
        self._counted = ""
        self._turned_away = False
        self._head_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if not self._ours.proxies.trusts(address):
            if self._ours.open[address] >= self._ours.bounds.per_address:
                self._ours.refused.count(refusals.CONNECTIONS, address)
                self._turned_away = True
                assert isinstance(transport, asyncio.Transport)
                transport.abort()
                return
            self._counted = address
            self._ours.open[address] += 1
        _close_when_stalled(transport, self._ours.bounds.stalled_s)
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        if self._turned_away:
            return
        super().data_received(data)
        if self._messages or self._request_in_progress or self._upgraded:
            self._no_head_awaited()
        elif self._head_late is None:
            self._wait_for_head()

    def eof_received(self) -> None:
        if not self._turned_away:
            super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._no_head_awaited()
        if self._counted:
            self._ours.open[self._counted] -= 1
            if self._ours.open[self._counted] <= 0:
                del self._ours.open[self._counted]
            self._counted = ""
        if not self._turned_away:
            super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        self._ours.refused.count(refusals.NOT_HTTP, request.remote or "", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun")
        told = errors.bad_http(status, "The request is not valid HTTP")
        response = web.Response(
            status=told.status, body=told.body, headers={"Content-Type": told.content_type, **errors.own_headers()}
        )
        response.force_close()
        return response

    def _wait_for_head(self) -> None:
        self._head_late = asyncio.get_running_loop().call_later(self._ours.bounds.head_s, self._too_late)

    def _no_head_awaited(self) -> None:
        if self._head_late is not None:
            self._head_late.cancel()
            self._head_late = None

    def _too_late(self) -> None:
        self._head_late = None
        self._ours.refused.count(refusals.TOO_SLOW, self._counted or "a proxy", "the head of a request")
        self.force_close()


def _close_when_stalled(transport: asyncio.BaseTransport, after_s: float) -> None:
    """The kernel ends a connection whose reader acknowledges nothing for so long (tcp(7), TCP_USER_TIMEOUT)."""
    plug = transport.get_extra_info("socket")
    if plug is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(after_s * 1000))
