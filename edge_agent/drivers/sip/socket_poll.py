"""Many sockets that the loop sees as one, so that packets of many calls are read together.

One turn of the loop costs as much as reading four packets. So with many sockets, what comes within 5 ms waits until
they are over, as network cards do it; the times of arrival are as exact as that. Four such times are a packet's 20 ms,
so that a steady stream is not measured as an unsteady one.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from time import monotonic

TOGETHER_S = 0.005
FEW = 24
"""With so many sockets each packet is read at once: then nothing is gained by waiting."""
EMPTY = 8
"""So many times nothing came: the loop is to tell again. Having it do so costs more than looking a few times."""

Came = Callable[[float], None]
"""Told when it was seen, by the monotonic clock in seconds."""


class SocketPoll:
    """Calls back once for each socket that has something to be read, again and again while it has."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Came] = {}
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._empty = 0

    def add(self, watched: socket.socket, callback: Came) -> None:
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll, self._came)
        self._callbacks[watched.fileno()] = callback
        self._epoll.register(watched, select.EPOLLIN)

    def remove(self, watched: socket.socket) -> None:
        """Before it is closed. Harmless when it was not added."""
        handle = watched.fileno()
        if self._epoll is None or self._callbacks.pop(handle, None) is None:
            return
        self._epoll.unregister(handle)
        if not self._callbacks:
            if self._timer is None:
                asyncio.get_running_loop().remove_reader(self._epoll)
            else:
                self._timer.cancel()
                self._timer = None
            self._epoll.close()
            self._epoll = None

    def _came(self) -> None:
        """The loop says that something is there."""
        if len(self._callbacks) > FEW and self._epoll is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._epoll)
            self._empty, self._due = 0, loop.time()
            self._again_later(loop)
        self._read()

    def _again(self) -> None:
        """Whatever came in the meantime."""
        if self._epoll is None:
            return
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._empty < EMPTY:
            self._again_later(loop)
        else:
            loop.add_reader(self._epoll, self._came)
        self._empty = 0 if self._read() else self._empty + 1

    def _again_later(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self._due
        self._due += TOGETHER_S * (1 + late // TOGETHER_S)
        self._timer = loop.call_at(self._due, self._again)

    def _read(self) -> int:
        """How many sockets had something. Who raises is read again later, and the others after him."""
        if self._epoll is None:
            return 0
        found, callbacks, now = self._epoll.poll(0), self._callbacks, monotonic()
        for handle, _ in found:
            if (callback := callbacks.get(handle)) is not None:  # else one before it closed it
                callback(now)
        return len(found)
