"""Transactions over UDP: what is sent again, and until when (RFC 3261 §17; 2xx to INVITE: §13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.sip.manner import Waits
from simulator.sip.message import Address, Message
from simulator.timing import Handle, Timers

TIMER_C_S = 180.0
LINGERS = 64


class Repeater:
    """Sends something again and again, in doubling intervals, until it is stopped."""

    def __init__(self, timers: Timers, send: Callable[[], None], first: float, longest: float) -> None:
        self._timers = timers
        self._send = send
        self._interval = first
        self._longest = longest
        self._handle: Handle | None = timers.after(first, self._again)

    def stop(self) -> None:
        """No more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _again(self) -> None:
        self._send()
        self._interval = min(2 * self._interval, self._longest)
        self._handle = self._timers.after(self._interval, self._again)


class ClientTransaction:
    """One request of ours. `answered` gets each response worth hearing, and None when none came in time."""

    def __init__(
        self,
        request: Message,
        send: Callable[[Message], None],
        answered: Callable[[Message | None], None],
        *,
        timers: Timers,
        waits: Waits,
        over: Callable[[], None],
    ) -> None:
        self.request = request
        self._invite = request.method == "INVITE"
        self._send = send
        self._answered = answered
        self._timers = timers
        self._waits = waits
        self._over = over
        self._final = 0
        send(request)
        longest = 64.0 if self._invite else waits.t2
        self._repeater = Repeater(timers, lambda: send(request), waits.t1, longest)
        self._limit = timers.after(waits.invite if self._invite else waits.request, self._gave_up)

    def received(self, response: Message) -> None:
        """A response to it."""
        if response.status < 200:
            self._provisional(response)
            return
        again, self._final = self._final, response.status
        self._repeater.stop()
        self._limit.cancel()
        if self._invite and response.status >= 300:
            self._send(acknowledgement(self.request, response))
        if not again:
            self._timers.after(LINGERS * self._waits.t1, self._over)
        if not again or (self._invite and response.status < 300):
            self._answered(response)

    def stop(self) -> None:
        """The box has no power any more."""
        self._repeater.stop()
        self._limit.cancel()

    def _provisional(self, response: Message) -> None:
        if self._final:
            return
        if self._invite:
            self._repeater.stop()
            self._limit.cancel()
            self._limit = self._timers.after(TIMER_C_S, self._gave_up)
        self._answered(response)

    def _gave_up(self) -> None:
        self._repeater.stop()
        self._final = 408
        self._over()
        self._answered(None)


def acknowledgement(request: Message, response: Message) -> Message:
    """The ACK of a response that refuses (RFC 3261 §17.1.1.3)."""
    kept = [(name, value) for name, value in request.headers if name in ("From", "Call-ID", "Route")]
    via = request.get("via")
    headers = [("Via", via), ("Max-Forwards", "70"), *kept, ("To", response.get("to"))]
    return Message((*headers, ("CSeq", f"{request.cseq[0]} ACK")), method="ACK", uri=request.uri)


class ServerTransaction:
    """One request of theirs. The last response goes out again when the request comes again; a final one to INVITE
    until its ACK comes, and `unacknowledged` is told when it never does."""

    def __init__(
        self,
        request: Message,
        source: Address,
        send: Callable[[Message, Address], None],
        *,
        timers: Timers,
        waits: Waits,
        over: Callable[[], None],
    ) -> None:
        self.request = request
        self.source = source
        self.cancelled: Callable[[], None] = lambda: None
        self.unacknowledged: Callable[[], None] = lambda: None
        self.final = 0
        self._send = send
        self._timers = timers
        self._waits = waits
        self._over = over
        self._last: Message | None = None
        self._repeater: Repeater | None = None
        self._limit: Handle | None = None

    def respond(self, response: Message) -> None:
        """Send a response; after a final one nothing more is sent."""
        if self.final:
            return
        self._last = response
        self._send(response, self.source)
        if response.status < 200:
            return
        self.final = response.status
        if self.request.method == "INVITE":
            self._repeater = Repeater(self._timers, self.repeat, self._waits.t1, self._waits.t2)
            self._limit = self._timers.after(LINGERS * self._waits.t1, self._gave_up)
        else:
            self._timers.after(LINGERS * self._waits.t1, self._over)

    def repeat(self) -> None:
        """The request came again."""
        if self._last is not None:
            self._send(self._last, self.source)

    def acknowledged(self) -> None:
        """The ACK came."""
        if self._repeater is not None:
            self.stop()
            self._timers.after(LINGERS * self._waits.t1, self._over)

    def stop(self) -> None:
        """Send nothing again."""
        if self._repeater is not None:
            self._repeater.stop()
            self._repeater = None
        if self._limit is not None:
            self._limit.cancel()

    def _gave_up(self) -> None:
        self.stop()
        self._over()
        self.unacknowledged()
