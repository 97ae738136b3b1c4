"""One edge's tunnel, from the open WebSocket to its end: what moves a Link over a Line.

A task lives as long as there is something to do: of ten thousand edges nearly all are silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    """What a Link raises, kept until a Session does it."""

    def __init__(self) -> None:
        self.due: set[Work] = set()
        self.end: End | None = None
        self._begin: Callable[[], None] | None = None

    def attend(self, begin: Callable[[], None] | None) -> None:
        """From now on call this whenever there is something to do, or nothing any more."""
        self._begin = begin
        if begin is not None and (self.due or self.end):
            begin()

    def wake(self, work: Work) -> None:
        self.due.add(work)
        if self._begin is not None:
            self._begin()

    def bye(self, code: str, reason: str) -> None:
        self.end = self.end or End(code, reason)
        if self._begin is not None:
            self._begin()


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
        self._under_way: dict[Work, asyncio.Task[None]] = {}
        self._leaving: asyncio.Task[None] | None = None
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
        late = self._loop.call_later(greeting_s, self._not_greeted, greeting_s)
        try:
            async with asyncio.TaskGroup() as group:
                self._signals.attend(lambda: self._begin(group))
                try:
                    reason = await self._line.closed()
                finally:
                    self._signals.attend(None)
                await self.pump.read()
                for task in (*self._under_way.values(), self._leaving):
                    if task is not None:
                        task.cancel()
        finally:
            late.cancel()
        return self._signals.end or End("", reason)

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """See that somebody does what is due."""
        if self._signals.end is not None and self._leaving is None:
            self._leaving = group.create_task(self._leave())
        for work in self._signals.due - self._under_way.keys():
            self._under_way[work] = group.create_task(self._do(work))

    async def _do(self, work: Work) -> None:
        """Until there is nothing of it to do. After a failure nothing is begun any more."""
        step = self.pump.steps[work]
        try:
            while work in self._signals.due:
                self._signals.due.discard(work)
                await step()
        except BaseException:
            self._signals.attend(None)
            raise
        finally:
            del self._under_way[work]

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

    async def _leave(self) -> None:
        self._line.send(self._link.urgent())
        await self._line.close()

    def _not_greeted(self, within_s: float) -> None:
        if not self._link.protocol.greeted:
            self._link.leave(ByeCode.FAULT, f"no greeting within {within_s:g} s")
