"""Calls as the network switches them: states, causes (Q.850), who hears whom."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol

from simulator.accounts import MINUTE_S, Accounts
from simulator.faults import Fault, Faults
from simulator.identity import dialled
from simulator.speech import SILENCE, AudioPort, SpeechClock
from simulator.timing import Handle, Timers

log = logging.getLogger(__name__)

SETUP_S = 0.8
RING_LIMIT_S = 45.0
HISTORY = 1000

UNALLOCATED, NORMAL, BUSY, NO_ANSWER, ABSENT, REJECTED = 1, 16, 17, 19, 20, 21
OUT_OF_ORDER, TEMPORARY_FAILURE = 27, 41


class CallState(StrEnum):
    """As `GET /calls` shows it."""

    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


NEXT_STATE: dict[tuple[CallState, str], CallState] = {
    (CallState.DIALING, "ring"): CallState.RINGING,
    (CallState.RINGING, "answer"): CallState.ANSWERED,
    (CallState.DIALING, "end"): CallState.ENDED,
    (CallState.RINGING, "end"): CallState.ENDED,
    (CallState.ANSWERED, "end"): CallState.ENDED,
}


class Terminal(Protocol):
    """A telephone at the end of a line: a handset, or a modem with a SIM."""

    @property
    def number(self) -> str:
        """Its E.164 number."""

    @property
    def device(self) -> str:
        """The modem's name, or an empty string."""

    @property
    def patience_s(self) -> float:
        """Real seconds that whoever answers here may take, which --speed does not shorten as it does the network's."""

    def offer(self, call: Call) -> int | None:
        """A call comes in: the cause to refuse it, or None and it rings."""

    def call_changed(self, call: Call) -> None:
        """The call is now ringing, answered or ended (look at `call.state`)."""

    def audio(self, call: Call) -> AudioPort:
        """This end of the speech path; asked once, when the call is answered."""


@dataclass(slots=True, eq=False)
class Call:
    """One call; stamps in seconds since 1970."""

    id: str
    caller: Terminal
    to: str
    started_at: float
    called: Terminal | None = None
    state: CallState = CallState.DIALING
    cause: int | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    timer: Handle | None = None
    withheld: bool = False

    def ends(self) -> list[Terminal]:
        """The terminals in the call."""
        return [self.caller] if self.called is None else [self.caller, self.called]


class Exchange:
    """Switches calls between terminals."""

    def __init__(
        self,
        timers: Timers,
        clock: SpeechClock,
        accounts: Accounts,
        faults: Faults,
        find: Callable[[str], Terminal | None],
    ) -> None:
        self._timers = timers
        self._clock = clock
        self._accounts = accounts
        self._faults = faults
        self._find = find
        self._ids = itertools.count(1)
        self.calls: dict[str, Call] = {}
        faults.watchers.append(self._fault_changed)

    def dial(self, caller: Terminal, to: str) -> Call:
        """Set up a call; what becomes of it is told to `caller.call_changed`."""
        call = Call(f"call{next(self._ids)}", caller, dialled(to), self._timers.now())
        self.calls[call.id] = call
        self._forget_old()
        call.timer = self._timers.network(SETUP_S, lambda: self._route(call))
        return call

    def answer(self, call: Call) -> None:
        """The called side takes the call."""
        if call.called is None or not self._step(call, "answer"):
            return
        call.answered_at = self._timers.now()
        caller_audio, called_audio = call.caller.audio(call), call.called.audio(call)
        self._clock.start(call.id, lambda: self._bridge(call, caller_audio, called_audio))
        self._bill(call)
        for device in (call.caller.device, call.called.device):
            fault = self._faults.on("call_drops", device)
            if fault:
                self._timers.after(fault.options["after_s"], partial(self._drop, call, fault))
        self._tell(call)

    def end(self, call: Call, cause: int) -> None:
        """Release the call; harmless when it has ended."""
        if not self._step(call, "end"):
            return
        call.cause = cause
        call.ended_at = self._timers.now()
        self._clock.stop(call.id)
        self._tell(call)

    def _route(self, call: Call) -> None:
        called = self._find(call.to)
        refusal = self._accounts.call_refusal(call.caller.number)
        if refusal is None and (called is None or called is call.caller):
            refusal = UNALLOCATED if called is None else BUSY
        if refusal is not None or called is None:
            self.end(call, refusal or UNALLOCATED)
            return
        call.called = called
        self._step(call, "ring")
        call.ringing_at = self._timers.now()
        call.timer = self._timers.network(RING_LIMIT_S, lambda: self._rung_long(call, called.patience_s))
        cause = called.offer(call)
        if cause is not None:
            call.called = None
            self.end(call, cause)
        elif call.state is CallState.RINGING:
            call.caller.call_changed(call)

    def _rung_long(self, call: Call, patience_s: float) -> None:
        call.timer = self._timers.after(patience_s, lambda: self.end(call, NO_ANSWER))

    def _step(self, call: Call, event: str) -> bool:
        state = NEXT_STATE.get((call.state, event))
        if state is None:
            return False
        call.state = state
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        log.info("%s: %s", call.id, state)
        return True

    def _tell(self, call: Call) -> None:
        for terminal in call.ends():
            terminal.call_changed(call)

    def _bill(self, call: Call) -> None:
        if call.state is not CallState.ANSWERED:
            return
        if not self._accounts.charge_minute(call.caller.number):
            self.end(call, NORMAL)
            return
        call.timer = self._timers.after(MINUTE_S, lambda: self._bill(call))

    def _bridge(self, call: Call, caller: AudioPort, called: AudioPort) -> None:
        up, down = caller.pull(), called.pull()
        called.push(SILENCE if self._silenced(call, call.caller) else up)
        caller.push(SILENCE if self._silenced(call, call.called) else down)

    def _silenced(self, call: Call, speaker: Terminal | None) -> bool:
        """Whether a fault keeps `speaker` from being heard."""
        for terminal in call.ends():
            fault = self._faults.on("one_way_audio", terminal.device) if terminal.device else None
            if fault and (fault.direction == "uplink") == (terminal is speaker):
                return True
        return False

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if fault.kind == "call_drops" and begins:
            for call in list(self.calls.values()):
                if any(terminal.device in fault.devices for terminal in call.ends()):
                    self.end(call, TEMPORARY_FAILURE)

    def _drop(self, call: Call, fault: Fault) -> None:
        if fault in self._faults.all():
            self.end(call, TEMPORARY_FAILURE)

    def _forget_old(self) -> None:
        if len(self.calls) > HISTORY:
            for call in list(self.calls.values())[: len(self.calls) - HISTORY]:
                if call.state is CallState.ENDED:
                    del self.calls[call.id]
