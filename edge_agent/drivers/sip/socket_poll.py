"""Many sockets that the loop sees as one, so that packets of many calls are read together.

One turn of the loop costs as much as reading four packets. So with many sockets, what comes within 4 ms of a packet
waits until they are over, as network cards do it; the times of arrival are as exact as that.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable

TOGETHER_S = 0.004
FEW = 16
"""With so many sockets each packet is read at once: then nothing is gained by waiting."""


class SocketPoll:
    """Calls back once for each socket that has something to be read, again and again while it has."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: socket.socket, callback: Callable[[], None]) -> None:
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
            self._timer = loop.call_later(TOGETHER_S, self._again)
        self._read()

    def _again(self) -> None:
        """Whatever came in the meantime; when nothing did, the loop is to tell again."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TOGETHER_S, self._again)
        if not self._read() and self._timer is not None and self._epoll is not None:
            self._timer.cancel()
            self._timer = None
            loop.add_reader(self._epoll, self._came)

    def _read(self) -> int:
        """How many sockets had something. Who raises is read again later, and the others after him."""
        if self._epoll is None:
            return 0
        found, callbacks = self._epoll.poll(0), self._callbacks
        for handle, _ in found:
            if (callback := callbacks.get(handle)) is not None:  # else one before it closed it
                callback()
        return len(found)
