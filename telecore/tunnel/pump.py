"""Moves messages between a Link and its wire: what may go when, and what is handed on at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from telecore.tunnel.frames import MEDIA_TYPE
from telecore.tunnel.link import Link, Work

POLL_S = 0.003
"""How often the kernel's queue is looked at while something waits for it to shorten."""

_MEDIA = bytes((MEDIA_TYPE,))


class Wire(Protocol):
    """An open WebSocket, as the pump needs it."""

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Write these in one go; on a closed wire nothing happens."""

    def free(self) -> bool:
        """Whether what is written now leaves soon."""

    def short(self, items: bool) -> bool:
        """Whether more may be written: little is on its way that sound would have to wait for.

        ``items``: not only bulk waits. They may wait for sound, but not for ever.
        """

    def hold(self, hold: bool) -> None:
        """Stop reading, or go on."""


class Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Call something after so many seconds, as the loop's ``call_later``."""


class Pump:
    """``coalesce_s`` is how long sound may wait for more sound to share its message."""

    def __init__(self, link: Link, wire: Wire, later: Later, coalesce_s: float) -> None:
        self._link = link
        self._wire = wire
        self._add_media = link.media.add
        self._later = later
        self._coalesce_s = coalesce_s
        self._inbox: deque[str | bytes] = deque()
        self._media_timer: Timer | None = None
        self.steps: dict[Work, Callable[[], Awaitable[None]]] = {
            Work.READ: self.read,
            Work.OUTPUT: self.output,
            Work.SETTLE: link.settle,
            Work.FEED: link.feed,
            Work.LOAD: self._load,
            Work.KEEP: self._keep,
        }
        """Each to be run in a task of its own whenever its work is signalled."""

    def arrived(self, message: str | bytes) -> None:
        """Sound is handed on in the very turn it came; the rest waits for its task, whose errors are seen.

        Until we are greeted sound waits too: the Resume it follows may still lie in the inbox.
        """
        if self._link.up and isinstance(message, bytes) and message[:1] == _MEDIA:
            self._link.receive_media(message)
        else:
            self._inbox.append(message)
            self._link.wake(Work.READ)

    def send_media(self, stream: int, payload: bytes) -> bool:
        """Queue one frame of sound; False while not greeted."""
        if not self._link.up:
            return False
        self._add_media(stream, payload)
        if self._media_timer is None:
            self._media_timer = self._later(self._coalesce_s, self._flush_media)
        return True

    def _flush_media(self) -> None:
        self._media_timer = None
        if self._wire.free():
            self._wire.send(self._link.media.take())
            return
        self._link.media.hold()
        if self._link.media:
            self._media_timer = self._later(POLL_S, self._flush_media)

    async def read(self) -> None:
        """Take in what came."""
        while self._inbox:
            self._link.receive(self._inbox.popleft())
        self._wire.hold(self._link.fetches.congested)

    async def output(self) -> None:
        """Send what is urgent; then items and bulk, one by one, as long as the kernel's queue is short."""
        self._wire.send(self._link.urgent())
        while self._link.paced_waiting and self._wire.short(self._link.items_waiting):
            message = self._link.paced()
            if message is not None:
                self._wire.send((message,))
        if self._link.paced_waiting:
            self._later(POLL_S, self._more_output)

    def _more_output(self) -> None:
        self._link.wake(Work.OUTPUT)

    async def _load(self) -> None:
        await self._link.served.load()
        self._link.wake(Work.OUTPUT)

    async def _keep(self) -> None:
        await self._link.fetches.keep()
        self._wire.hold(self._link.fetches.congested)

    def stop(self) -> None:
        """No more sound; waiting transfers are told."""
        if self._media_timer is not None:
            self._media_timer.cancel()
        self._link.fetches.cut()
