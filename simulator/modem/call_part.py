"""Voice calls at the AT interface: D, A, H, +CHUP, +CLCC, +CHLD, +CEER and the URCs (27.007 §6, §7)."""

from __future__ import annotations

from simulator.calls import ABSENT, BUSY, NORMAL, OUT_OF_ORDER, REJECTED, Call, CallState, Exchange, Terminal
from simulator.modem.call_dialects import Step, cause_line
from simulator.modem.call_lines import CAUSE_TEXTS, WAITING, Line, clcc
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, NOT_ALLOWED, CmeError, FinalLine
from simulator.modem.interpreter import OK, PENDING, Handler, Reply
from simulator.modem.radio_part import RadioPart
from simulator.modem.ussd_part import UssdPart
from simulator.modem.voice_audio import LineAudio, ModemAudio
from simulator.timing import Handle

RING_EVERY_S = 4.0
MOST_LINES = 2


class CallPart:
    """At most one call that speaks and one that waits or is held."""

    def __init__(
        self,
        core: Core,
        *,
        radio: RadioPart,
        ussd: UssdPart,
        exchange: Exchange,
        me: Terminal,
        audio: ModemAudio,
    ) -> None:
        self._core = core
        self._radio = radio
        self._ussd = ussd
        self._exchange = exchange
        self._me = me
        self._audio = audio
        self._last_cause = 0
        self._ringing: Handle | None = None
        self._dialling: Line | None = None  # whose ATD has no result yet
        self.lines: dict[int, Line] = {}

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {
            "D": self._dial,
            "A": self._answer,
            "H": self._hang_up,
            "+CHUP": self._hang_up,
            "+CLCC": self._list,
            "+CHLD": self._hold,
            "+CEER": self._cause,
            "+CLIP": self._caller_id,
            **({"+QHUP": self._quectel_hang_up} if self._core.profile.family == "quectel" else {}),
        }

    def power_off(self) -> None:
        """The modem is gone: its calls end."""
        for line in list(self.lines.values()):
            line.local_end = True
            self._exchange.end(line.call, NORMAL if line.call.answered_at else ABSENT)

    def lost_network(self) -> None:
        """The radio link is gone: the network ends the calls."""
        for line in list(self.lines.values()):
            self._exchange.end(line.call, OUT_OF_ORDER)

    def speaking(self) -> Line | None:
        """The call that is connected and not held."""
        for line in self.lines.values():
            if line.call.state is CallState.ANSWERED and not line.held:
                return line
        return None

    # ------------------------------------------------------------------------------------- network

    def offer(self, call: Call) -> int | None:
        """A call comes in from the network."""
        if not self._radio.in_service():
            return ABSENT
        waiting = bool(self.lines)
        if len(self.lines) >= MOST_LINES or (waiting and not self._core.values.number("+CCWA")):
            return BUSY
        line = self._new_line(call, call.caller.number, outgoing=False)
        line.withheld = call.withheld
        line.waiting = waiting
        self._core.sim.counters.calls_in += 1
        if waiting:
            self._core.urc(f'+CCWA: "{line.shown_number()}",{line.type_of_address()},1')
        else:
            self._ring(line)
        self._tell(line, Step.OFFERED)
        return None

    def call_changed(self, call: Call) -> None:
        """A call of this modem is now ringing, answered or ended."""
        line = next((line for line in self.lines.values() if line.call is call), None)
        if line is None:
            return
        if call.state is CallState.RINGING:
            self._alerting(line)
        elif call.state is CallState.ANSWERED:
            self._connected(line)
        elif call.state is CallState.ENDED:
            self._ended(line)

    def audio(self, call: Call) -> LineAudio:
        """This modem's end of the speech path."""
        line = next(line for line in self.lines.values() if line.call is call)
        return LineAudio(self._audio, lambda: line.held)

    def _new_line(self, call: Call, number: str, *, outgoing: bool) -> Line:
        line_id = next(index for index in range(1, MOST_LINES + 2) if index not in self.lines)
        self.lines[line_id] = Line(line_id, call, number, outgoing)
        return self.lines[line_id]

    def _ring(self, line: Line) -> None:
        if line.call.state is not CallState.RINGING or self.lines.get(line.id) is not line:
            return
        self._core.urc("+CRING: VOICE" if self._core.values.number("+CRC") else "RING")
        if self._core.values.number("+CLIP"):
            delay = self._core.habits.clip_delay_s
            self._core.after(delay, lambda: self._show_caller(line)) if delay else self._show_caller(line)
        self._ringing = self._core.after(RING_EVERY_S, lambda: self._ring(line))

    def _show_caller(self, line: Line) -> None:
        if self.lines.get(line.id) is line:
            validity = 1 if line.withheld else 0
            self._core.urc(f'+CLIP: "{line.shown_number()}",{line.type_of_address()},"",0,"",{validity}')

    def _alerting(self, line: Line) -> None:
        self._tell(line, Step.ALERTING)

    def _connected(self, line: Line) -> None:
        line.waiting = False
        if self._dialling is line:
            self._dialling = None
            self._core.interpreter.complete([])
        self._tell(line, Step.CONNECTED)

    def _ended(self, line: Line) -> None:
        del self.lines[line.id]
        self._last_cause = line.call.cause or 0
        if not self.lines:
            self._audio.hush()
        if self._dialling is line:
            self._dialling = None
            self._core.interpreter.fail(FinalLine(cause_line(line) or "NO CARRIER"))
        self._tell(line, Step.ENDED)

    def _tell(self, line: Line, step: Step) -> None:
        for text in self._core.profile.tell(line, step, self._core.values, self._core.timers.now()):
            self._core.urc(text)

    # ------------------------------------------------------------------------------------ commands

    def _dial(self, command: Command) -> Reply:
        if not command.text.endswith(";"):
            raise FinalLine("NO CARRIER")  # a data call, which this network does not carry
        typed = command.text[:-1].strip().strip('"')
        number = typed.rstrip("iIgG")
        restricted = self._core.values.number("+CLIR") == 1
        hidden = typed[len(number) :].startswith("I") or (restricted and "i" not in typed[len(number) :])
        if number.endswith("#"):
            self._ussd.dial(number)
            return OK
        digits = number.removeprefix("+")
        if not digits or not set(digits) <= set("0123456789*#ABCDPTWabcdptw-() "):
            raise CmeError(BAD_PARAMETER)
        self._core.need_sim()
        self._radio.need_service()
        if self.lines:
            raise CmeError(NOT_ALLOWED)
        self._core.sim.counters.calls_out += 1
        line = self._new_line(self._exchange.dial(self._me, number), number, outgoing=True)
        line.call.withheld = hidden
        self._core.after(0, lambda: self._tell(line, Step.DIALLING))
        if not self._core.profile.dial_ends_at_answer:
            return OK
        self._dialling = line
        return PENDING

    def abort(self) -> bool:
        """V.250 §5.6.1: a byte typed while ATD has no result yet ends the attempt. Whether it did."""
        line = self._dialling
        if line is None:
            return False
        self._release(line, NORMAL)
        return True

    def _quectel_hang_up(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+QHUP: (0-127),(0-7)"]
        cause, index = command.number(0), command.number(1, 0)
        lines = [line for line in self.lines.values() if index in (0, line.id)]
        if index and not lines:
            raise CmeError(NOT_ALLOWED)
        for line in lines:
            self._release(line, cause or NORMAL)
        return OK

    def _answer(self, command: Command) -> Reply:
        del command
        line = next((line for line in self.lines.values() if not line.outgoing and not line.call.answered_at), None)
        if line is None:
            raise FinalLine("NO CARRIER")
        if self.speaking() is not None:
            raise CmeError(NOT_ALLOWED)
        # after the OK, as the modems do
        self._core.after(0, lambda: self._exchange.answer(line.call))
        return OK

    def _hang_up(self, command: Command) -> Reply:
        if command.how == "=?" or (command.name == "H" and self._core.values.number("+CVHU") == 1):
            return OK
        for line in list(self.lines.values()):
            self._release(line, REJECTED if line.stat() >= WAITING - 1 else NORMAL)
        return OK

    def _release(self, line: Line, cause: int) -> None:
        line.local_end = True
        self._exchange.end(line.call, cause)

    def _list(self, command: Command) -> Reply:
        if command.how in ("=", "=?", "?") and self._core.profile.clcc_alpha:
            return self._core.values.handle(command)
        if command.how:
            return OK
        alpha = self._core.profile.clcc_alpha
        return [clcc(line, alpha=alpha) for _, line in sorted(self.lines.items())]

    def _hold(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CHLD: (0,1,1x,2)"]
        waiting = next((line for line in self.lines.values() if line.waiting or line.held), None)
        speaking = self.speaking()
        if command.text.startswith("1") and len(command.text) == 2:
            line = self.lines.get(int(command.text[1])) if command.text[1].isdecimal() else None
            if line is None:
                raise CmeError(NOT_ALLOWED)
            self._release(line, NORMAL)
        elif command.text not in ("0", "1", "2") or (waiting is None and speaking is None):
            raise CmeError(NOT_ALLOWED)
        elif command.text == "0" and waiting is not None:
            self._release(waiting, BUSY if waiting.waiting else NORMAL)
        else:
            self._swap(speaking, waiting, release=command.text == "1")
        return OK

    def _swap(self, speaking: Line | None, other: Line | None, *, release: bool) -> None:
        if speaking is not None and release:
            self._release(speaking, NORMAL)
        elif speaking is not None:
            speaking.held = True
        if other is not None and other.held:
            other.held = False
        elif other is not None:
            self._exchange.answer(other.call)

    def _cause(self, command: Command) -> Reply:
        if command.how == "=?":
            return OK
        return [f'+CEER: {self._last_cause},"{CAUSE_TEXTS.get(self._last_cause, "No cause")}"']

    def _caller_id(self, command: Command) -> Reply:
        reply = self._core.values.handle(command)
        return [f"{reply[0]},1"] if command.how == "?" else reply
