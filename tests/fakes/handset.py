"""A browser's end of its socket, without a browser: what it was told is kept, what it says a test says."""

from __future__ import annotations

import asyncio
import json


class FakeHandset:
    """Its whole stay is the task ``stay``."""

    def __init__(self, door, token, name="h1", **more):
        self.told = []
        self.frames = []
        self.closed = None
        self._said = asyncio.Queue()
        self._news = asyncio.Event()
        self.say("register", token=token, handset=name, **more)
        self.stay = asyncio.create_task(door.serve(self))

    # the socket, as the door sees it

    async def receive(self):
        if self.closed is not None:
            return None
        return await self._said.get()

    def send(self, text):
        self.told.append(json.loads(text))
        self._news.set()

    def send_frame(self, frame):
        self.frames.append(frame)

    def close(self, code, reason):
        self.closed = self.closed or (code, reason)
        self._said.put_nowait(None)
        self._news.set()

    # the user

    def say(self, kind, **fields):
        self._said.put_nowait(json.dumps({"type": kind, **fields}))

    def say_raw(self, message):
        self._said.put_nowait(message)

    async def leave(self):
        self._said.put_nowait(None)
        await asyncio.wait_for(self.stay, 3)

    async def until(self, kind, within_s=3.0):
        """The newest message of this kind, once there is one."""
        async with asyncio.timeout(within_s):
            while not any(message["type"] == kind for message in self.told):
                self._news.clear()
                await self._news.wait()
        return next(message for message in reversed(self.told) if message["type"] == kind)

    @property
    def kinds(self):
        return [message["type"] for message in self.told]


class SilentPeer:
    """A socket whose browser does nothing."""

    def send(self, text: str) -> None:
        return

    def send_frame(self, frame: bytes) -> None:
        return

    def close(self, code: int, reason: str) -> None:
        return
