"""USSD at the AT interface: +CUSD with GSM, UCS2 and packed strings, sessions of several steps (27.007 §7.15)."""

from __future__ import annotations

from simulator.alphabet import is_gsm, pack_ussd, unpack_ussd
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import BAD_PARAMETER, CmeError
from simulator.modem.interpreter import OK, PENDING, Handler, Reply
from simulator.modem.radio_part import RadioPart
from simulator.timing import Handle
from simulator.ussd_menu import GSM7_DCS, Answer, UssdService

ANSWER_S = 0.8
SESSION_LIMIT_S = 60.0
DONE, REPLY_EXPECTED, TERMINATED, UNSUPPORTED, TIMED_OUT = 0, 1, 2, 4, 5


class UssdPart:
    """One session at a time; answers come as `+CUSD:` after the OK."""

    def __init__(self, core: Core, radio: RadioPart, service: UssdService) -> None:
        self._core = core
        self._radio = radio
        self._service = service
        self._step = ""
        self._holds_ok = False
        self._timer: Handle | None = None

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        return {"+CUSD": self._ussd}

    def power_on(self) -> None:
        """No session."""
        self._end()

    def dial(self, code: str) -> None:
        """Send a code or a reply to the network; CmeError without one."""
        self._core.need_sim()
        self._radio.need_service()
        step = self._step
        self._end()
        self._timer = self._core.network(ANSWER_S, lambda: self._answer(step, code))

    def _ussd(self, command: Command) -> Reply:
        if command.how != "=":
            return self._core.values.handle(command)
        mode = command.number(0, 0)
        if mode > 2:
            raise CmeError(BAD_PARAMETER)
        if mode == 2:
            self._end()
            return OK
        self._core.values.set("+CUSD", str(mode))
        code = command.field(1)
        if not code:
            return OK
        self.dial(self._decode(code))
        self._holds_ok = self._core.habits.ussd_before_ok
        return PENDING if self._holds_ok else OK

    def push(self, text: str, *, expects_reply: bool, dcs: int) -> None:
        """The network begins: what it says, and whether it wants an answer."""
        self._end()
        self._show(Answer(text, expects_reply=expects_reply, step="pushed" if expects_reply else "", dcs=dcs))

    def _answer(self, step: str, code: str) -> None:
        answer = self._service.reply(self._core.sim, step, code) if step else self._service.start(self._core.sim, code)
        if answer.supported:
            self._show(answer)
        else:
            self._say(f"+CUSD: {UNSUPPORTED}")
        if self._holds_ok:
            self._holds_ok = False
            self._core.interpreter.complete([])

    def _show(self, answer: Answer) -> None:
        self._step = answer.step
        mode = REPLY_EXPECTED if answer.expects_reply else DONE
        if answer.expects_reply:
            self._timer = self._core.network(SESSION_LIMIT_S, self._time_out)
        self._say(self._line(mode, answer))

    def _line(self, mode: int, answer: Answer) -> str:
        space, dcs = self._core.habits.ussd_space, answer.dcs
        tail = "" if self._core.habits.ussd_without_dcs else f",{space}{dcs}"
        return f'+CUSD: {mode},{space}"{self._encode(answer)}"{tail}'

    def _time_out(self) -> None:
        self._end()
        self._say(f"+CUSD: {TIMED_OUT}")

    def _say(self, line: str) -> None:
        if self._core.values.number("+CUSD"):
            self._core.urc(line)

    def _end(self) -> None:
        self._step = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _decode(self, text: str) -> str:
        """The code as typed: UTF-16 in hex, packed septets in hex on a Huawei, or plain."""
        octets = _octets(text)
        ucs2 = self._core.values.text("+CSCS") == "UCS2"
        if self._core.profile.packed_ussd and octets:
            # packed whatever +CSCS says; a code in UTF-16 betrays itself by its first octet
            return octets.decode("utf-16-be", errors="replace") if octets[0] == 0 else unpack_ussd(octets)
        if ucs2 and (octets is None or len(octets) % 2):
            raise CmeError(BAD_PARAMETER)
        return octets.decode("utf-16-be", errors="replace") if ucs2 and octets else text

    def _encode(self, answer: Answer) -> str:
        """The answer as this modem shows it: in the character set of +CSCS, or in hex on a Huawei."""
        way = self._core.habits.ussd_strings
        if way == "auto":
            by_set = self._core.values.text("+CSCS") == "UCS2"
            way = "ucs2" if by_set else "packed" if self._core.profile.packed_ussd else "plain"
        if way == "ucs2" or answer.dcs != GSM7_DCS or not is_gsm(answer.text):
            return answer.text.encode("utf-16-be").hex().upper()
        return pack_ussd(answer.text).hex().upper() if way == "packed" else answer.text


def _octets(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
