"""The agent's status on a loopback port, for ``edge-agent status`` and for whoever watches the site.

``GET /status`` answers JSON, ``GET /healthz`` answers 200 while the loop turns. Small on purpose: no more of HTTP
than that.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

log = logging.getLogger(__name__)

_HEAD_LIMIT = 8192
_DISCARD = 1 << 16
_TIMEOUT_S = 5.0
_CONNECTIONS = 16
"""More at a time are told to come again; from four times as many on they are dropped."""
_MOST_CONNECTIONS = 4 * _CONNECTIONS
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")

_Answer = tuple[HTTPStatus, str, bytes]


class StatusServer:
    """Serves ``snapshot()``. ``port`` 0 takes any free port; ``port`` tells which afterwards."""

    def __init__(self, port: int, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        self.port = port
        self._snapshot = snapshot
        self._open = 0

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError when the port is taken."""
        async with asyncio.TaskGroup() as connections:
            server = await asyncio.start_server(
                lambda reader, writer: self._accept(connections, reader, writer),
                "127.0.0.1",
                self.port,
                limit=_HEAD_LIMIT,
            )
            self.port = int(server.sockets[0].getsockname()[1])
            log.info("status on http://127.0.0.1:%d/status", self.port)
            async with server:
                await server.serve_forever()

    def _accept(
        self, connections: asyncio.TaskGroup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._open >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._open += 1
        connections.create_task(self._serve(reader, writer), name="status connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                crowded = self._open > _CONNECTIONS
                said = await self._answer(reader)
                writer.write(_response(*(_plain(HTTPStatus.SERVICE_UNAVAILABLE) if crowded else said)))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            log.debug("a status request was not finished")
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> _Answer:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return _plain(HTTPStatus.BAD_REQUEST)
        except asyncio.LimitOverrunError:
            # A socket closed over unread bytes is reset, and the answer with it.
            await reader.read(_DISCARD)
            return _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return answer(head.decode("latin-1"), self._snapshot)


def answer(head: str, snapshot: Callable[[], Mapping[str, Any]]) -> _Answer:
    """The answer to a request's head. Pure."""
    line, *fields = head.split("\r\n")
    method, _, rest = line.partition(" ")
    target, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        return _plain(HTTPStatus.BAD_REQUEST)
    if not _is_local(fields):
        # A page in the operator's browser may reach this port under a name of its own (DNS rebinding).
        return _plain(HTTPStatus.FORBIDDEN)
    if method != "GET":
        return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
    path = target.partition("?")[0]
    if path == "/healthz":
        return HTTPStatus.OK, "text/plain", b"ok\n"
    if path == "/status":
        return HTTPStatus.OK, "application/json", json.dumps(snapshot()).encode()
    return _plain(HTTPStatus.NOT_FOUND)


def _is_local(fields: list[str]) -> bool:
    hosts = [value.strip() for name, _, value in (field.partition(":") for field in fields) if name.lower() == "host"]
    return all(host in _LOCAL_HOSTS or host.rpartition(":")[0] in _LOCAL_HOSTS for host in hosts)


def _plain(status: HTTPStatus) -> _Answer:
    return status, "text/plain", f"{status.phrase}\n".encode()


def _response(status: HTTPStatus, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
