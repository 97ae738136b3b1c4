"""The control socket: who may speak to it, and for how long."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge_agent.control.requests import REQUEST_LIMIT, Request, decode_request, encode_answer
from telecore.errors import StorageFailed, TelecoreError

log = logging.getLogger(__name__)

_READ_S = 5.0
_WRITE_S = 10.0
_CONNECTIONS = 8
_BACKLOG = 8
_PEER = struct.Struct("3i")
"""struct ucred of unix(7): pid, uid, gid."""


class ControlServer:
    """Hands requests to ``do`` and its JSON result back. ``allowed``: user ids, besides root's and our own."""

    def __init__(
        self, path: Path, do: Callable[[Request], Awaitable[object]], *, allowed: frozenset[int] = frozenset()
    ) -> None:
        self._path = path
        self._do = do
        self._allowed = allowed | {0, os.geteuid()}
        self._open = 0

    async def run(self) -> None:
        """Serve until cancelled. Raises StorageFailed when the socket cannot be made."""
        listener = await asyncio.to_thread(_listen, self._path)
        try:
            async with asyncio.TaskGroup() as connections:
                server = await asyncio.start_unix_server(
                    lambda reader, writer: self._accept(connections, reader, writer), sock=listener, limit=REQUEST_LIMIT
                )
                async with server:
                    await server.serve_forever()
        finally:
            listener.close()

    def _accept(
        self, connections: asyncio.TaskGroup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._open >= _CONNECTIONS or not self._may_ask(writer):
            writer.transport.abort()
            return
        self._open += 1
        connections.create_task(self._serve(reader, writer), name="control connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(reader)
            async with asyncio.timeout(_WRITE_S):
                writer.write(answer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            log.debug("a control request was not finished")
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(_READ_S):
                line = await reader.readuntil(b"\n")
            request = decode_request(line)
            log.info("asked on site: %s", request.kind)
            return encode_answer(await self._do(request))
        except asyncio.LimitOverrunError:
            return encode_answer(error=f"a request is at most {REQUEST_LIMIT} bytes")
        except TelecoreError as error:
            return encode_answer(error=str(error))

    def _may_ask(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        _, uid, _ = _PEER.unpack(peer)
        if uid not in self._allowed:
            log.warning("user %d may not use the control socket", uid)
        return uid in self._allowed


def _listen(path: Path) -> socket.socket:
    """Whoever holds the data folder's lock owns the name: a socket that is left there is a dead agent's."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    folder = None
    try:
        path.unlink(missing_ok=True)
        # An address holds 107 bytes; by way of the open folder a path may be longer.
        folder = os.open(path.parent, os.O_DIRECTORY | os.O_CLOEXEC)
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise StorageFailed(f"the control socket {path} cannot be made: {error.strerror or error}") from error
    finally:
        if folder is not None:
            os.close(folder)
    return listener
