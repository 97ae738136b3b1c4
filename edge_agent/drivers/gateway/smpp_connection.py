"""An SMPP session on a TCP or TLS connection: what ``smpp_link`` decides is written, timed and handed to who waits."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from edge_agent.drivers.gateway.smpp_link import (
    Answered,
    BindRefused,
    Bound,
    Delivered,
    Ended,
    LinkEvent,
    LinkState,
    Silent,
    SmppLink,
)
from edge_agent.drivers.gateway.smpp_pace import Pace
from edge_agent.drivers.gateway.smpp_pdu import BindRequest, ShortMessage, describe
from edge_agent.drivers.gateway.smpp_settings import SmppSettings
from telecore.errors import Busy, DeviceLost, DeviceRefused, LocalProtocolError, TimedOut

log = logging.getLogger(__name__)

CONNECT_S = 15.0
LEAVE_S = 2.0
MOST_DELIVERED = 500
"""So many deliveries may be on their way to disk; then no more is read."""
_THROTTLED = (0x14, 0x58)

Outcome = Answered | Silent
OnDelivered = Callable[["SmppConnection", Delivered], None]
_Sending = tuple[ShortMessage, "asyncio.Future[Outcome]"]


class SmppConnection(asyncio.Protocol):
    """One bound session. ``on_delivered`` is called with each message or receipt; ``answer`` answers it.

    ``rtt_s``: how long the SMSC takes over a submit, smoothed. ``ended``: why the session is over, once it is.
    """

    def __init__(self, link: SmppLink, window: int, pace: Pace, on_delivered: OnDelivered) -> None:
        self.rtt_s = 1.0
        self.smsc = ""
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._link = link
        self._window = window
        self._pace = pace
        self._on_delivered = on_delivered
        self._bound: asyncio.Future[LinkEvent] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Sending] = deque()
        self._under_way: dict[int, tuple[asyncio.Future[Outcome], float]] = {}
        self._unanswered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._pump_timer: asyncio.TimerHandle | None = None
        self._flushing = False

    @classmethod
    async def open(
        cls,
        settings: SmppSettings,
        bind: BindRequest,
        pace: Pace,
        on_delivered: OnDelivered,
        tls: ssl.SSLContext | None,
    ) -> SmppConnection:
        """Connect and bind. Raises DeviceLost (nobody there), DeviceRefused (the bind), TimedOut."""
        loop = asyncio.get_running_loop()
        link = SmppLink(bind, enquire_s=settings.enquire_s, answer_s=settings.answer_s, now=loop.time())
        where = f"{settings.host}:{settings.port}"
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(
                    lambda: cls(link, settings.window, pace, on_delivered), settings.host, settings.port, ssl=tls
                )
        except TimeoutError as error:
            raise TimedOut(f"the SMSC at {where} cannot be reached within {CONNECT_S:g} s") from error
        except OSError as error:  # an ssl.SSLError is one too
            raise DeviceLost(f"the SMSC at {where} cannot be reached: {error}") from error
        await connection._bind()
        return connection

    async def _bind(self) -> None:
        try:
            event = await self._bound
        except asyncio.CancelledError:
            self.abort("given up")
            raise
        if isinstance(event, BindRefused):
            self.abort("the bind was refused")
            raise DeviceRefused("smpp", event.status, f"the SMSC refuses the bind: {describe(event.status)}")
        if isinstance(event, Ended):
            raise DeviceLost(f"the SMSC did not answer the bind: {event.reason}")

    def send(self, message: ShortMessage) -> asyncio.Future[Outcome]:
        """Submit as soon as window and pace let it. Raises, or ends in, Busy when the session is over before that."""
        future: asyncio.Future[Outcome] = self._loop.create_future()
        if self._link.state is not LinkState.BOUND:
            future.set_exception(Busy("the SMPP session is over"))
            return future
        self._waiting.append((message, future))
        self._pump()
        return future

    def answer(self, delivered: Delivered, status: int) -> None:
        """Say what became of a delivery; nothing when the session is over."""
        self._unanswered -= 1
        if self._transport is None or self._link.state is LinkState.CLOSED:
            return
        self._link.answer(delivered, status)
        if self._unanswered == MOST_DELIVERED - 1:
            self._transport.resume_reading()
        self._flush_soon()

    async def leave(self) -> None:
        """Wait for answers that are due, unbind and close. Never raises, bounded in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                if self._under_way:
                    await asyncio.wait([future for future, _ in self._under_way.values()])
                self._link.unbind(self._loop.time())
                self._flush()
                if self._link.state is LinkState.UNBINDING:
                    await asyncio.wait([self.ended])
        self.abort("we took leave")

    def abort(self, reason: str) -> None:
        """Close at once."""
        self._handle(self._link.lost(reason))
        for timer in (self._timer, self._pump_timer):
            if timer is not None:
                timer.cancel()
        if self._transport is not None:
            self._flush()
            self._transport.close()
            self._transport = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no asyncio class
        self._link.bind(self._loop.time())
        self._flush()
        self._tick()

    def data_received(self, data: bytes) -> None:
        self._handle(self._link.receive(data, self._loop.time()))
        self._pump()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.abort(f"the connection to the SMSC is gone: {exc or 'it closed it'}")

    def _handle(self, events: list[LinkEvent]) -> None:
        for event in events:
            if isinstance(event, Answered | Silent):
                self._outcome(event)
            elif isinstance(event, Delivered):
                self._delivered(event)
            elif isinstance(event, Ended):
                self._over(event)
            elif not self._bound.done():
                self.smsc = event.system_id if isinstance(event, Bound) else ""
                self._bound.set_result(event)
                self._tick()

    def _outcome(self, event: Outcome) -> None:
        future, sent_at = self._under_way.pop(event.sequence, (None, 0.0))
        if isinstance(event, Answered):
            self.rtt_s += (self._loop.time() - sent_at - self.rtt_s) / 8
            if event.status in _THROTTLED:
                self._pace.throttled(self._loop.time())
            elif event.status == 0:
                self._pace.accepted()
        if future is not None and not future.done():
            future.set_result(event)

    def _delivered(self, event: Delivered) -> None:
        self._unanswered += 1
        if self._unanswered == MOST_DELIVERED and self._transport is not None:
            self._transport.pause_reading()
        self._on_delivered(self, event)

    def _over(self, event: Ended) -> None:
        if not self._bound.done():
            self._bound.set_result(event)
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(Busy(f"the SMPP session is over: {event.reason}"))
        if not self.ended.done():
            self.ended.set_result(event.reason)
        # What is left to be written, the answer to an unbind, goes first.
        self._loop.call_soon(lambda: self.abort(event.reason))

    def _pump(self) -> None:
        """Submit what window and pace let through."""
        while self._waiting and self._link.submits < self._window and self._link.state is LinkState.BOUND:
            now = self._loop.time()
            wait_s = self._pace.wait_s(now)
            if wait_s > 0:
                self._pump_later(wait_s)
                break
            message, future = self._waiting.popleft()
            if not future.done():
                self._submit(message, future, now)
        if not self._flushing:
            self._flush_soon()

    def _submit(self, message: ShortMessage, future: asyncio.Future[Outcome], now: float) -> None:
        try:
            sequence = self._link.submit(message, now)
        except LocalProtocolError as error:
            future.set_exception(error)
            return
        self._pace.spent(now)
        self._under_way[sequence] = (future, now)

    def _pump_later(self, seconds: float) -> None:
        if self._pump_timer is None:
            self._pump_timer = self._loop.call_later(seconds, self._pump_again)

    def _pump_again(self) -> None:
        self._pump_timer = None
        self._pump()

    def _tick(self) -> None:
        now = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._handle(self._link.tick(now))
        self._pump()
        if self._link.state is not LinkState.CLOSED:
            self._timer = self._loop.call_later(min(1.0, max(0.005, self._link.next_tick() - now)), self._tick)

    def _flush_soon(self) -> None:
        """Whatever else is handed over in this turn of the loop goes in the same write."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data = self._link.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
