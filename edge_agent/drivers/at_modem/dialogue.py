"""The AT dialogue on the loop: transactions in order of priority over one port, each as an await."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Protocol

from edge_agent.drivers.at_modem.engine import Answered, Engine, Hung, Outcome, Ready, Silent, State, Urc
from edge_agent.drivers.at_modem.grammar import Command, Grammar
from telecore.errors import DeviceLost, DeviceRefused, OutcomeUnknown, TimedOut

log = logging.getLogger(__name__)


class Priority(IntEnum):
    """Who goes first when several wait. Nobody interrupts a transaction that has begun."""

    HANG_UP = 0
    ANSWER = 1
    DIGITS = 2
    CALL = 3
    SMS = 4
    USSD = 5
    POLL = 6


class ByteStream(Protocol):
    """What the dialogue needs of a port."""

    on_data: Callable[[bytes], None]
    on_lost: Callable[[DeviceLost], None]

    def write(self, data: bytes) -> bool: ...


class Dialogue:
    """One modem's AT port. ``on_urc`` gets what comes by itself, in order, and must not wait."""

    def __init__(self, port: ByteStream, grammar: Grammar, on_urc: Callable[[Urc], None] = lambda urc: None) -> None:
        self.engine = Engine(grammar)
        self.on_urc = on_urc
        self.on_resynchronised: Callable[[str], None] = _nobody
        """Told when the port is clean again after a silence, and after which command it was."""
        self.lost: asyncio.Future[DeviceLost] = asyncio.get_running_loop().create_future()
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._silent = ""
        self._silent_at = 0.0
        self._running: asyncio.Future[tuple[str, ...]] | None = None
        self._owned = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._idle = asyncio.Event()
        self._idle.set()
        port.on_data = self._on_data
        port.on_lost = self._on_lost

    @property
    def busy(self) -> bool:
        """Whether a command is running or the port is being made clean."""
        return self.engine.state is not State.IDLE

    @asynccontextmanager
    async def transaction(self, priority: Priority) -> AsyncIterator[Talk]:
        """Have the port for yourself until the block ends. Raises DeviceLost."""
        await self._acquire(priority)
        try:
            yield Talk(self)
        finally:
            self._release()

    async def run(self, text: str, priority: Priority, *, timeout_s: float = 2.0) -> tuple[str, ...]:
        """A transaction of one command; its information lines. Raises what ``Talk.command`` raises."""
        async with self.transaction(priority) as talk:
            return await talk.command(Command(text, timeout_s))

    def resynchronise(self) -> None:
        """Bring an unknown port into a known state before the first command."""
        self._idle.clear()
        self.engine.resynchronise(self._loop.time())
        self._pump()

    async def ready(self) -> None:
        """Return when the port is clean. Raises DeviceLost."""
        await self._until_idle()

    async def execute(self, command: Command) -> tuple[str, ...]:
        """Run one command of the transaction that owns the port. For ``Talk`` only."""
        await self._until_idle()
        self._running = self._loop.create_future()
        self._idle.clear()
        self.engine.start(command, self._loop.time())
        self._pump()
        try:
            return await self._running
        except asyncio.CancelledError:
            self._running = None
            self.engine.abort(self._loop.time())
            self._pump()
            raise

    def fail(self, error: DeviceLost) -> None:
        """Give the device up: wake all who wait with this error and end the timer."""
        self._on_lost(error)

    # whose turn it is

    async def _acquire(self, priority: Priority) -> None:
        self._raise_if_lost()
        if not self._owned:
            self._owned = True
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release()  # the turn had come already; pass it on
            raise

    def _release(self) -> None:
        self._owned = False
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._owned = True
                turn.set_result(None)
                return

    async def _until_idle(self) -> None:
        self._raise_if_lost()
        await self._idle.wait()
        self._raise_if_lost()

    def _raise_if_lost(self) -> None:
        if self.lost.done():
            raise DeviceLost(*self.lost.result().args)

    # bytes and time

    def _on_data(self, data: bytes) -> None:
        self.engine.feed(data, self._loop.time())
        self._pump()

    def _on_timer(self) -> None:
        self._timer = None
        self.engine.tick(self._loop.time())
        self._pump()

    def _pump(self) -> None:
        data = self.engine.data_to_send()
        if data and not self._port.write(data) and not self.lost.done():
            self._on_lost(DeviceLost("the modem takes no more data"))
        for outcome in self.engine.outcomes():
            self._deliver(outcome)
        self._set_timer()

    def _set_timer(self) -> None:
        at = self.engine.next_tick()
        if at is None or self.lost.done():
            return
        if self._timer is not None:
            if self._timer.when() <= at:
                return  # an earlier tick does no harm, and costs less than a new timer for each line
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _deliver(self, outcome: Outcome) -> None:
        match outcome:
            case Urc():
                # In a turn of its own: a fault of whoever listens must not keep an answer from whoever waits.
                self._loop.call_soon(self._tell, outcome)
            case Ready():
                self._idle.set()
                self._back_in_step()
            case Hung():
                after = (
                    f" for {self._loop.time() - self._silent_at:.0f} s, since {self._silent}" if self._silent else ""
                )
                self._on_lost(DeviceLost(f"hung: no answer to AT{after}"))
            case Answered():
                self._settle(_error_of(outcome), outcome.lines)
            case Silent():
                log.info("no answer to %s in time", _name(outcome.command))
                self._silent, self._silent_at = _name(outcome.command), self._loop.time()
                self._settle(_silence_of(outcome))

    def _back_in_step(self) -> None:
        silent, self._silent = self._silent, ""
        if silent:
            self._loop.call_soon(self.on_resynchronised, silent)

    def _tell(self, urc: Urc) -> None:
        self.on_urc(urc)

    def _settle(self, error: Exception | None, lines: tuple[str, ...] = ()) -> None:
        running, self._running = self._running, None
        if running is None or running.done():
            return
        if error is None:
            running.set_result(lines)
        else:
            running.set_exception(error)

    def _on_lost(self, error: DeviceLost) -> None:
        if self.lost.done():
            return
        self.lost.set_result(error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        submitted = self.engine.submitted
        self._settle(OutcomeUnknown(f"{error} after the message was handed over") if submitted else _copy(error))
        self._idle.set()
        for _, _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(_copy(error))
        self._waiting.clear()


class Talk:
    """The port, held by one transaction."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    async def command(self, command: Command | str) -> tuple[str, ...]:
        """Run it; its information lines.

        Raises DeviceRefused (``error``, ``cme``, ``cms``, ``unsupported``, ``call``), TimedOut, OutcomeUnknown when
        the silence came after the body, DeviceLost.
        """
        return await self._dialogue.execute(Command(command) if isinstance(command, str) else command)

    async def attempt(self, command: Command | str) -> tuple[str, ...] | None:
        """The same, but None when the modem refuses it."""
        try:
            return await self.command(command)
        except DeviceRefused as refusal:
            log.debug("refused: %s", refusal)
            return None


def _nobody(command: str) -> None:
    del command


def _error_of(outcome: Answered) -> Exception | None:
    final = outcome.final
    return None if final.kind == "ok" else DeviceRefused(final.kind, final.code, final.text)


def _silence_of(outcome: Silent) -> Exception:
    if outcome.submitted:
        return OutcomeUnknown("no answer after the message was handed over")
    return TimedOut(f"no answer to {_name(outcome.command)}")


def _name(command: Command) -> str:
    # What follows "=" or ATD may be a number, a text or a PIN.
    return command.text[:3] if command.text[:3].upper() == "ATD" else command.text.partition("=")[0]


def _copy(error: DeviceLost) -> DeviceLost:
    return DeviceLost(*error.args)
