"""One edge's tunnel, from the open WebSocket to its end: the tasks that move a Link over a Line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloud.tunnel.entrance import Waiting
from cloud.tunnel.line import Line
from telecore.errors import TelecoreError
from telecore.ids import Sha256
from telecore.tunnel.frames import ByeCode
from telecore.tunnel.link import Link, Work
from telecore.tunnel.pump import Pump


@dataclass(frozen=True, slots=True)
class End:
    """Why a session is over. ``code`` is a Bye's, or empty when the line was cut."""

    code: str
    reason: str


class Signals:
    """What a Link raises and a Session waits for."""

    def __init__(self) -> None:
        self.work = {work: asyncio.Event() for work in Work}
        self.over = asyncio.Event()
        self.end: End | None = None

    def wake(self, work: Work) -> None:
        self.work[work].set()

    def bye(self, code: str, reason: str) -> None:
        self.end = self.end or End(code, reason)
        self.over.set()


class EdgeSession:
    """``signals`` are those the link was made with. ``waiting``: who has listened to the line so far, if anybody."""

    def __init__(
        self, line: Line, link: Link, signals: Signals, coalesce_s: float, waiting: Waiting | None = None
    ) -> None:
        self._line = line
        self._link = link
        self._signals = signals
        self._waiting = waiting
        self._loop = asyncio.get_running_loop()
        self._finished = asyncio.Event()
        self.pump = Pump(link, line, self._later, coalesce_s)

    async def run(self, greeting_s: float, farewell: str) -> End:
        """Serve until the line ends, either side says Bye, or we are cancelled, which is told as ``farewell``."""
        if self._waiting is None:
            self._line.listen(self.pump.arrived)
        else:
            self._waiting.hand_to(self.pump.arrived)
        try:
            return await self._serve(greeting_s)
        except asyncio.CancelledError:
            self._link.leave(ByeCode.SHUTDOWN, farewell)
            raise
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._link.up = False
            self._line.send(self._link.urgent())
            await self._line.close()
            self.pump.stop()
            self._finished.set()

    @property
    def instance(self) -> str:
        """Which process of an agent speaks; empty before its Hello."""
        peer = self._link.protocol.peer
        return peer.instance if peer is not None else ""

    async def answers(self, within_s: float) -> bool:
        """Whether the agent at the other end is alive."""
        return not self._finished.is_set() and await self._line.ping(within_s)

    async def replace(self, within_s: float) -> None:
        """Make way for a new connection of the same edge: when this returns nothing is being committed any more."""
        self._link.leave(ByeCode.REPLACED, "this edge has connected anew")
        self._line.send(self._link.urgent())
        self._line.abort()
        async with asyncio.timeout(within_s):
            await self._finished.wait()

    async def _serve(self, greeting_s: float) -> End:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._repeat(work, step)) for work, step in self.pump.steps.items()]
            tasks.append(group.create_task(self._leave()))
            tasks.append(group.create_task(self._await_greeting(greeting_s)))
            reason = await self._line.closed()
            await self.pump.read()
            for task in tasks:
                task.cancel()
        return self._signals.end or End("", reason)

    async def fetch(self, sha256: Sha256, size: int) -> None:
        """Bring a blob here. Raises NotFound, Busy, TunnelDown."""
        future: asyncio.Future[None] = self._loop.create_future()

        def done(error: TelecoreError | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self._link.fetches.want(sha256, size, done)
        try:
            await future
        finally:
            self._link.fetches.give_up(sha256, done)

    def _later(self, delay_s: float, call: Callable[[], None]) -> asyncio.Handle:
        return self._loop.call_later(delay_s, call) if delay_s > 0 else self._loop.call_soon(call)

    async def _repeat(self, work: Work, step: Callable[[], Awaitable[None]]) -> None:
        flag = self._signals.work[work]
        while True:
            await flag.wait()
            flag.clear()
            await step()

    async def _leave(self) -> None:
        await self._signals.over.wait()
        self._line.send(self._link.urgent())
        await self._line.close()

    async def _await_greeting(self, within_s: float) -> None:
        await asyncio.sleep(within_s)
        if not self._link.protocol.greeted:
            self._link.leave(ByeCode.FAULT, f"no greeting within {within_s:g} s")
