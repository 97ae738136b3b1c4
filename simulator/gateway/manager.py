"""The tongues of Yeastar TG and OpenVox: a manager port like Asterisk's, with commands of their own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from simulator.gateway.contracts import GatewayLine, Received
from simulator.gateway.manager_session import ManagerSession
from simulator.gateway.manager_words import received_event, show_span, show_spans
from simulator.timing import Timers

HOST = "127.0.0.1"


@dataclass(slots=True)
class ManagerHabits:
    """How this firmware behaves. `action`: what runs a command. `offset`: a span's number less the line's index.

    `index_base`: how parts of long SMS are counted. `echo_ids`: whether an ActionID is repeated. `split_bytes`: TCP
    segments of at most so many octets; 0 for as they come. `inside_outputs`: events come in the middle of outputs.
    `sync_s`: how long a synchronous command waits for the network. `between_s`: an SMS that comes sooner after another
    of the same port fails; a TG's maker says 10.
    """

    family: str = "yeastar"
    action: str = "smscommand"
    offset: int = 2
    index_base: int = 0
    echo_ids: bool = True
    part_length: int = 60
    split_bytes: int = 0
    inside_outputs: bool = False
    sync_s: float = 5.0
    between_s: float = 0.0
    muted: set[str] = field(default_factory=set)
    """Commands' first words that get no answer at all: `send`, `show`, `ping`, `outcome`, …"""


class ManagerTongue:
    """A Tongue. `connected`: the sessions that are logged in. Boxes do not keep what nobody listens to."""

    def __init__(
        self,
        lines: Sequence[GatewayLine],
        timers: Timers,
        *,
        user: str = "apiuser",
        secret: str = "apipass",
        habits: ManagerHabits | None = None,
    ) -> None:
        self.lines = tuple(lines)
        self.timers = timers
        self.user = user
        self.secret = secret
        self.habits = habits or ManagerHabits()
        self.sessions: set[ManagerSession] = set()
        self.refused_logins = 0
        self._server: asyncio.Server | None = None
        self._port = 0
        self._ids = 0
        self._pressed: dict[int, float] = {}
        self._parts: dict[tuple[str, ...], dict[str, str]] = {}

    @property
    def port(self) -> int:
        """Where it listens, the same after every power cycle; 0 before the first."""
        return self._port

    async def start(self) -> None:
        """Power on."""
        self._server = await asyncio.start_server(self._accept, HOST, self._port)
        self._port = int(self._server.sockets[0].getsockname()[1])
        for line in self.lines:
            line.on_received = self._taker(line)

    async def stop(self) -> None:
        """Power off."""
        for line in self.lines:
            line.on_received = lambda received: False
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.close()
        if self._server is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1.0)

    def drop(self) -> None:
        """All connections end, as when the box's Asterisk restarts."""
        for session in list(self.sessions):
            session.close()

    @property
    def where(self) -> dict[str, object]:
        """What a technician would read off the box's pages."""
        return {
            "tongue": self.habits.family,
            "host": HOST,
            "port": self.port,
            "user": self.user,
            "password": self.secret,
            "lines": [
                {"name": str(self._span(line) - self._page_offset), "number": line.sim.number} for line in self.lines
            ],
        }

    def line_at(self, span: int) -> GatewayLine | None:
        """The line with that span."""
        return next((line for line in self.lines if self._span(line) == span), None)

    def spans(self) -> list[str]:
        """`gsm show spans`."""
        return [show_spans(self._span(line), line) for line in self.lines]

    def span(self, line: GatewayLine) -> list[str]:
        """`gsm show span`."""
        return show_span(self._span(line), line)

    def tell(self, event: str) -> None:
        """An event, to everybody who is logged in and wants events."""
        for session in self.sessions:
            session.tell(event)

    def push(self, received: Received, span: int) -> None:
        """An SMS as an event for each of its parts."""
        self._ids += 1
        size = self.habits.part_length
        texts = re.findall(rf".{{1,{size}}}", received.text, re.DOTALL) or [""]
        total = len(texts)
        for number, text in enumerate(texts):
            index = number + self.habits.index_base if total > 1 else self.habits.index_base
            ident = str(self._ids) if total > 1 else ""
            self.tell(received_event(received, span, text, ident=ident, index=index, total=total))

    def hurried(self, line: GatewayLine) -> bool:
        """Whether an SMS comes too soon after another."""
        now, before = self.timers.monotonic(), self._pressed.get(line.index)
        self._pressed[line.index] = now
        return before is not None and now - before < self.habits.between_s

    def join(self, message: tuple[str, ...], sequence: str, text: str) -> str | None:
        """Take a part of a long SMS; the whole, when it is the last that was missing. `message` ends with the count."""
        while len(self._parts) >= 64 and message not in self._parts:
            del self._parts[next(iter(self._parts))]
        parts = self._parts.setdefault(message, {})
        parts[sequence] = text
        if len(parts) < int(message[-1]):
            return None
        del self._parts[message]
        return "".join(parts[number] for number in sorted(parts, key=int))

    @property
    def _page_offset(self) -> int:
        """A span's number less that of the port in the pages, which begin with 1."""
        return self.habits.offset - 1

    def _span(self, line: GatewayLine) -> int:
        return line.index + self.habits.offset

    def _taker(self, line: GatewayLine) -> Callable[[Received], bool]:
        def take(received: Received) -> bool:
            self.push(received, self._span(line))
            return True

        return take

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = ManagerSession(self, reader, writer)
        self.sessions.add(session)
        try:
            await session.run()
        finally:
            self.sessions.discard(session)
            session.close()


def openvox_habits() -> ManagerHabits:
    """An OpenVox's: plain `Command`, spans as the ports are numbered."""
    return ManagerHabits(family="openvox", action="command", offset=1)
