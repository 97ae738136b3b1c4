"""A web socket as whoever serves it sees it. What is sent is queued, for a slow reader must hold nobody up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Protocol

MOST_TEXTS = 200
"""A reader that is so far behind is cut off."""
SEND_S = 10.0
"""How long one message may take to be let go; a reader that takes nothing has gone."""
MOST_FRAMES = 25
"""Half a second of sound; beyond it the oldest is lost."""


class Wire(Protocol):
    """The socket itself."""

    async def receive(self) -> str | bytes | None:
        """None: it is closed."""

    async def send(self, message: str | bytes) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...


class Socket:
    """``send`` and ``send_frame`` return at once; ``pump`` is what carries out the rest."""

    def __init__(self, wire: Wire, *, send_s: float = SEND_S) -> None:
        self._wire = wire
        self._send_s = send_s
        self._texts: deque[str] = deque()
        self._frames: deque[bytes] = deque(maxlen=MOST_FRAMES)
        self._news = asyncio.Event()
        self._end: tuple[int, str] | None = None

    async def receive(self) -> str | bytes | None:
        """The next message; None when it is closed."""
        return await self._wire.receive()

    def send(self, text: str) -> None:
        """Queue a message; texts go before sound. After the end it is lost."""
        if self._end is not None:
            return
        self._texts.append(text)
        if len(self._texts) > MOST_TEXTS:
            self.close(1008, "too slow")
        self._news.set()

    def send_frame(self, frame: bytes) -> None:
        """Queue 20 ms of sound."""
        self._frames.append(frame)
        self._news.set()

    def close(self, code: int, reason: str) -> None:
        """After what is queued; the first reason counts."""
        self._end = self._end or (code, reason)
        self._news.set()

    async def pump(self) -> None:
        """Send what is queued, until closed. Raises ConnectionError when the reader has gone."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._texts or (self._frames and self._end is None):
                await self._bounded(self._wire.send(self._texts.popleft() if self._texts else self._frames.popleft()))
            if self._end is not None:
                await self._bounded(self._wire.close(*self._end))
                return

    async def _bounded(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._send_s):
                await sending
        except TimeoutError as error:
            raise ConnectionError("the reader takes nothing") from error
