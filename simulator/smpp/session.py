"""One connection of a customer: binds, submits, deliveries, enquire_link, unbind. Octets in, octets out; no socket."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from simulator.faults import Faults
from simulator.smpp import codec
from simulator.smpp.codec import BadPdu, Header, Sm
from simulator.smpp.link import LINK, SmppLink
from simulator.timing import Handle, Timers

log = logging.getLogger(__name__)

ANSWER_S = 10.0
ENQUIRE_S = 30.0
BINDS = {codec.BIND_RECEIVER: "rx", codec.BIND_TRANSMITTER: "tx", codec.BIND_TRANSCEIVER: "trx"}


@dataclass(slots=True)
class _Asked:
    done: Callable[[int | None], None]
    timer: Handle


class Session:
    """`write` sends octets, `close` ends the connection."""

    def __init__(
        self,
        link: SmppLink,
        faults: Faults,
        timers: Timers,
        write: Callable[[bytes], None],
        close: Callable[[], None],
    ) -> None:
        self.bound = ""
        self._link = link
        self._faults = faults
        self._timers = timers
        self._write = write
        self._close = close
        self._buffer = bytearray()
        self._sequences = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        self._over = False
        self._enquiry = timers.after(ENQUIRE_S, self._enquire)
        self._second, self._in_second = 0, 0

    def received(self, data: bytes) -> None:
        """Octets came."""
        self._buffer += data
        try:
            frames = codec.split_frames(self._buffer)
        except BadPdu as error:
            log.warning("SMPP: %s", error)
            self._send(Header(codec.GENERIC_NACK, codec.BAD_LENGTH, 0))
            self._end()
            return
        for frame in frames:
            if not self._over:
                self._handle(frame)

    def gone(self) -> None:
        """The connection is closed: what was handed over and not answered was not taken."""
        if self._over:
            return
        self._over = True
        self._enquiry.cancel()
        self._link.left(self)
        for asked in list(self._asked.values()):
            asked.timer.cancel()
            asked.done(None)
        self._asked.clear()

    def unbind(self) -> None:
        """Ask the customer to leave."""
        self._ask(codec.UNBIND, b"", lambda status: self._end())

    def deliver(self, sm: Sm, done: Callable[[int | None], None]) -> None:
        """See `link.Receiver`."""
        self._ask(codec.DELIVER_SM, sm.pack(), done)

    def _ask(self, command: int, body: bytes, done: Callable[[int | None], None]) -> None:
        sequence = next(self._sequences)
        self._asked[sequence] = _Asked(done, self._timers.after(ANSWER_S, lambda: self._unanswered(sequence)))
        self._send(Header(command, 0, sequence, body))

    def _unanswered(self, sequence: int) -> None:
        self._asked.pop(sequence).done(None)

    def _enquire(self) -> None:
        self._enquiry = self._timers.after(ENQUIRE_S, self._enquire)
        if self.bound:
            self._ask(codec.ENQUIRE_LINK, b"", lambda status: self._end() if status is None else None)

    def _handle(self, frame: Header) -> None:
        if frame.command & codec.RESPONSE:
            asked = self._asked.pop(frame.sequence, None)
            if asked is not None:
                asked.timer.cancel()
                asked.done(frame.status)
        elif frame.command in BINDS:
            self._bind(frame)
        elif frame.command == codec.SUBMIT_SM:
            self._submit(frame)
        elif frame.command == codec.ENQUIRE_LINK:
            self._answer(frame, codec.OK)
        elif frame.command == codec.UNBIND:
            self._answer(frame, codec.OK)
            self._end()
        else:
            self._send(Header(codec.GENERIC_NACK, codec.BAD_COMMAND, frame.sequence))

    def _bind(self, frame: Header) -> None:
        try:
            login = codec.read_login(frame.body)
        except BadPdu:
            self._answer(frame, codec.BAD_LENGTH)
            return
        if self.bound:
            self._answer(frame, codec.ALREADY_BOUND)
        elif login.system_id != self._link.system_id:
            self._answer(frame, codec.BAD_SYSTEM_ID)
        elif login.password != self._link.password:
            self._answer(frame, codec.BAD_PASSWORD)
        else:
            self.bound = BINDS[frame.command]
            self._answer(frame, codec.OK, b"SIMFERRY\0" + bytes([0x02, 0x10, 0x00, 0x01, 0x34]))
            if "r" in self.bound:
                self._link.joined(self)

    def _submit(self, frame: Header) -> None:
        if "t" not in self.bound:
            self._answer(frame, codec.NOT_BOUND)
            return
        throttle = self._faults.on("smsc_throttles", LINK)
        if throttle is not None and self._too_fast(throttle.options["per_s"]):
            self._answer(frame, int(throttle.options["status"]))
            return
        try:
            sm = codec.read_sm(frame.body)
        except BadPdu as error:
            log.warning("SMPP: submit_sm %s", error)
            self._answer(frame, codec.BAD_LENGTH)
            return
        status, name = self._link.submit(sm)
        early = self._faults.on("early_delivery_report", LINK)
        if self._faults.on("smsc_answers_lost", LINK) is not None:
            return
        body = b"" if status else name.encode() + b"\0"
        if early is not None:
            self._timers.after(early.options["by_s"], lambda: self._answer(frame, status, body))
        else:
            self._answer(frame, status, body)

    def _too_fast(self, per_s: float) -> bool:
        second = int(self._timers.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second > per_s

    def _answer(self, frame: Header, status: int, body: bytes = b"") -> None:
        self._send(Header(frame.command | codec.RESPONSE, status, frame.sequence, body))

    def _send(self, frame: Header) -> None:
        if not self._over:
            self._write(frame.pack())

    def _end(self) -> None:
        self.gone()
        self._close()
