"""One connected tunnel, from the open WebSocket to its end: the tasks that move a Link over a Line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace

from edge_agent.uplink.line import Line
from edge_agent.uplink.network import is_ours
from telecore.errors import RemoteProtocolError, TelecoreError
from telecore.ids import Sha256
from telecore.tunnel.frames import Bye, ByeCode, decode
from telecore.tunnel.link import Link, Work
from telecore.tunnel.pump import Pump


@dataclass(frozen=True, slots=True)
class End:
    """Why a session is over. ``code`` is a Bye's, or empty when the line was cut. ``after``: seconds to stay away."""

    code: str
    reason: str
    after: float = 0.0


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


Welcomed = Callable[[str | bytes], Awaitable[None]]
"""Takes the cloud's welcome, and has it on the disk when it returns. Raises RemoteProtocolError, StorageFailed."""


class Session:
    """``signals`` are those the link was made with. ``watch`` sees to it that a dead line ends."""

    def __init__(
        self,
        line: Line,
        link: Link,
        signals: Signals,
        coalesce_s: float,
        watch: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._watch = watch
        self._line = line
        self._link = link
        self._signals = signals
        self._loop = asyncio.get_running_loop()
        self.pump = Pump(link, line, self._later, coalesce_s)

    async def run(self, greeting_s: float, farewell: str, proof: str | None, welcome: Welcomed) -> End:
        """Serve until the line ends, either side says Bye, or we are cancelled, which is told as ``farewell``.

        ``proof`` goes before our Hello, and then the first message is the cloud's welcome.
        """
        try:
            await self._introduce(greeting_s, proof, welcome)
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

    async def _introduce(self, within_s: float, proof: str | None, welcome: Welcomed) -> None:
        if proof is None:
            self._line.listen(self.pump.arrived)
            return
        try:
            async with asyncio.timeout(within_s):
                await self._prove(proof, welcome)
        except (TimeoutError, RemoteProtocolError) as error:
            self._link.leave(ByeCode.FAULT, f"no welcome: {error or type(error).__name__}")

    async def _prove(self, proof: str, welcome: Welcomed) -> None:
        """Say both at once; nothing else of the cloud's is looked at before its welcome is on the disk."""
        loop = asyncio.get_running_loop()
        first: asyncio.Future[str | bytes] = loop.create_future()
        later: list[str | bytes] = []

        def take(message: str | bytes) -> None:
            if first.done():
                later.append(message)
            else:
                first.set_result(message)

        self._line.listen(take)
        self._line.send([proof, *self._link.urgent()])
        closed = loop.create_task(self._line.closed())
        try:
            await asyncio.wait((asyncio.ensure_future(first), closed), return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                raise RemoteProtocolError(f"the line was {closed.result()}")
            if _is_bye(first.result()):
                self._line.listen(self.pump.arrived)
                self.pump.arrived(first.result())
                return
            await welcome(first.result())
        finally:
            closed.cancel()
        self._line.listen(self.pump.arrived)
        for message in later:
            self.pump.arrived(message)

    async def _serve(self, greeting_s: float) -> End:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._repeat(work, step)) for work, step in self.pump.steps.items()]
            tasks.append(group.create_task(self._leave()))
            tasks.append(group.create_task(self._watch()))
            tasks.append(group.create_task(self._await_greeting(greeting_s)))
            reason = await self._line.closed()
            await self.pump.read()
            for task in tasks:
                task.cancel()
        end = self._signals.end or End("", reason)
        return replace(end, after=self._link.stay_away_s)

    def move(self, why: str) -> None:
        """Make way for another line, which is open already: say so, and do not wait for an answer."""
        self._link.leave(ByeCode.SHUTDOWN, why)
        self._line.send(self._link.urgent())
        self._line.abort(why)

    async def check(self, within_s: float) -> None:
        """The network has changed: end a line whose address is gone, or at whose other end nobody answers."""
        address = self._line.address
        if address is not None and not is_ours(address):
            self._line.abort(f"this machine has no longer the address {address}")
        elif not await self._line.ping(within_s):
            self._line.abort("nobody answers since the network changed")

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

    def stop_fetch(self, sha256: Sha256) -> None:
        """No more of that blob for now."""
        self._link.fetches.stop(sha256)

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


def _is_bye(message: str | bytes) -> bool:
    try:
        return isinstance(message, str) and isinstance(decode(message), Bye)
    except RemoteProtocolError:
        return False
