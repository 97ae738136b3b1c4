"""The event socket as awaitables: commands, jobs and events of one FreeSWITCH."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.drivers.freeswitch.esl import Answer, EslAddress, EslThread
from edge_agent.drivers.freeswitch.event_text import EslMessage
from telecore.errors import DeviceLost, DeviceRefused, LocalProtocolError, RemoteProtocolError, TelecoreError, TimedOut
from telecore.ids import new_id

log = logging.getLogger(__name__)

CONNECT_LIMIT_S = 5.0
COMMAND_LIMIT_S = 5.0
CLOSE_LIMIT_S = 3.0
JOIN_POLL_S, JOIN_POLLS = 0.002, 1000
"""Told that it is over, the thread has microseconds left; waiting in the loop for them would be blocking it."""
MAX_WAITING = 20_000
"""Events that the loop has not taken yet. Beyond, the connection is given up rather than the memory."""


class EventSocket:
    """One connection, opened once. ``on_event`` is called in the loop with each event that was subscribed to.

    ``lost`` is done, with the reason, when the connection is over.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        on_event: Callable[[EslMessage], None],
        *,
        connect_limit_s: float = CONNECT_LIMIT_S,
        command_limit_s: float = COMMAND_LIMIT_S,
    ) -> None:
        self._host = host
        self._port = port
        self._password = password
        self._on_event = on_event
        self._connect_limit_s = connect_limit_s
        self._command_limit_s = command_limit_s
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[str, asyncio.Future[str]] = {}
        self._thread: EslThread | None = None
        self._up: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[TelecoreError] = self._loop.create_future()

    async def open(self) -> None:
        """Connect and log in. Raises DeviceLost, DeviceRefused (the password)."""
        if not _one_line(self._password):
            raise DeviceRefused("error", None, "the event socket's password has a line end")
        host = await self._resolve()
        address = EslAddress(host, self._port, self._password, self._connect_limit_s)
        outlet = _Outlet(self._loop, self._take_up, self._take_event, self._take_down)
        thread = self._thread = outlet.thread = EslThread(address, outlet)
        thread.start()
        opened = False
        try:
            await self._up
            opened = True
        finally:
            if not opened:
                await self.close()

    async def command(self, text: str, headers: tuple[tuple[str, str], ...] = ()) -> str:
        """A command's Reply-Text. Raises DeviceRefused when that is an error, TimedOut, DeviceLost."""
        reply = await self._ask(Answer.COMMAND, text, headers)
        return _accepted(reply.get("Reply-Text"))

    async def api(self, text: str) -> str:
        """What an API command prints; it holds this connection while it runs, so only for what answers at once.

        Raises TimedOut, DeviceLost.
        """
        return (await self._ask(Answer.API, f"api {text}", ())).body

    async def job(self, text: str, limit_s: float) -> str:
        """What an API command prints that takes its time (``bgapi``). BACKGROUND_JOB must be subscribed to.

        The result is found by an id of ours. Raises DeviceRefused, TimedOut, DeviceLost.
        """
        job = new_id()
        result: asyncio.Future[str] = self._loop.create_future()
        self._jobs[job] = result
        try:
            async with asyncio.timeout(limit_s):
                await self.command(f"bgapi {text}", (("Job-UUID", job),))
                return await result
        except TimeoutError:
            raise TimedOut(f"FreeSWITCH: no result of {text.split(' ', maxsplit=1)[0]} within {limit_s:g} s") from None
        finally:
            del self._jobs[job]

    async def close(self) -> None:
        """Close it and see its thread end. Never raises."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.stop()
        await asyncio.wait([self.lost], timeout=CLOSE_LIMIT_S)
        for _ in range(JOIN_POLLS):
            if not thread.alive:
                return
            await asyncio.sleep(JOIN_POLL_S)
        log.warning("FreeSWITCH %s: the event socket's thread does not end", self._host)

    async def _resolve(self) -> str:
        try:
            async with asyncio.timeout(self._connect_limit_s):
                found = await self._loop.getaddrinfo(self._host, self._port, family=socket.AF_INET)
        except (OSError, TimeoutError) as error:
            raise DeviceLost(f"FreeSWITCH: {self._host} has no address") from error
        return str(found[0][4][0])

    async def _ask(self, answer: Answer, text: str, headers: tuple[tuple[str, str], ...]) -> EslMessage:
        lines = (text, *(f"{name}: {value}" for name, value in headers))
        if not all(map(_one_line, lines)):
            raise LocalProtocolError("a command of more than one line")
        if self._thread is None or self.lost.done():
            raise DeviceLost("the event socket is closed")
        reply: asyncio.Future[EslMessage] = self._loop.create_future()
        self._thread.post(_Ticket(answer, self._loop, reply), "\n".join(lines).encode() + b"\n\n")
        try:
            async with asyncio.timeout(self._command_limit_s):
                return await reply
        except TimeoutError:
            raise TimedOut(f"FreeSWITCH: no answer within {self._command_limit_s:g} s") from None

    def _take_up(self) -> None:
        if not self._up.done():
            self._up.set_result(None)

    def _take_event(self, event: EslMessage) -> None:
        if event.name == "BACKGROUND_JOB":
            result = self._jobs.get(event.get("Job-UUID"))
            if result is not None and not result.done():
                result.set_result(event.body)
        else:
            self._on_event(event)

    def _take_down(self, error: TelecoreError) -> None:
        if not self._up.done():
            self._up.set_exception(error)
        for result in self._jobs.values():
            if not result.done():
                result.set_exception(DeviceLost(str(error)))
        if not self.lost.done():
            self.lost.set_result(error)


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A command of the loop's; what the thread says of it is carried there."""

    answer: Answer
    loop: asyncio.AbstractEventLoop
    reply: asyncio.Future[EslMessage]

    def set(self, message: EslMessage) -> None:
        _tell(self.loop, self._settle, message)

    def set_exception(self, error: TelecoreError) -> None:
        _tell(self.loop, self._settle, error)

    def _settle(self, outcome: EslMessage | TelecoreError) -> None:
        if self.reply.done():
            return
        if isinstance(outcome, EslMessage):
            self.reply.set_result(outcome)
        else:
            self.reply.set_exception(outcome)


class _Outlet:
    """From the thread into the loop: a deque, emptied by one call of the loop's however much is in it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        up: Callable[[], None],
        event: Callable[[EslMessage], None],
        down: Callable[[TelecoreError], None],
    ) -> None:
        self.thread: EslThread | None = None
        self._loop = loop
        self._up = up
        self._event = event
        self._down = down
        self._events: deque[EslMessage] = deque()
        self._called = False

    def up(self) -> None:
        _tell(self._loop, self._up)

    def event(self, message: EslMessage) -> None:
        if len(self._events) >= MAX_WAITING:
            raise RemoteProtocolError("FreeSWITCH tells more than we can follow")
        self._events.append(message)
        if not self._called:
            self._called = True
            _tell(self._loop, self._empty)

    def down(self, error: TelecoreError) -> None:
        if not _tell(self._loop, self._release, error) and self.thread is not None:
            self.thread.release()

    def _empty(self) -> None:
        self._called = False
        while self._events:
            self._event(self._events.popleft())

    def _release(self, error: TelecoreError) -> None:
        if self.thread is not None:
            self.thread.release()
        self._empty()
        self._down(error)


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> bool:
    """Have the loop call this; False when the loop is closed."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return False
    return True


def _one_line(text: str) -> bool:
    return not any(end in text for end in "\r\n\0")


def _accepted(reply: str) -> str:
    if reply.startswith("-ERR"):
        raise DeviceRefused("error", None, reply.removeprefix("-ERR").strip() or "refused")
    return reply
