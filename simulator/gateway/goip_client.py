"""One line of the simulated GoIP as a client of an SMS server: keep-alives, notices with their resends, commands."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulator.gateway.contracts import GatewayLine, LineCall, Received, Reported, UssdAnswer
from simulator.gateway.datagrams import Address, Datagrams, Weather
from simulator.gateway.goip_sessions import IDLE_S, Sessions
from simulator.modem.core import Registration
from simulator.timing import Handle, Timers

KEEPALIVE_S = 30.0
RESEND_S = 3.0
RESENDS = 3
MISSED = 3
BOOT_S = 20.0
_IN_SERVICE = frozenset({Registration.HOME, Registration.ROAMING})


CAUSES: dict[int | None, str] = {
    1: "Unassigned (unallocated) number", 8: "Operator determined barring", 16: "Normal call clearing",
    17: "User busy", 18: "No user responding", 19: "User alerting, no answer", 20: "Subscriber absent",
    21: "Call rejected", 38: "Network out of order", 41: "Temporary failure", 50: "Requested facility not subscribed",
}  # fmt: skip
"""24.008 table 10.5.123, as the module's firmware spells it; the rest is told as a normal clearing."""


@dataclass(frozen=True, slots=True)
class GoipHabits:
    """How this firmware behaves. Times in seconds. `comma_cause`: HANGUP writes its cause as boxes were seen to."""

    keepalive_s: float = KEEPALIVE_S
    resend_s: float = RESEND_S
    idle_s: float = IDLE_S
    boot_s: float = BOOT_S
    report_no: bool = True
    comma_cause: bool = True


class GoipClient:
    """`ident` and `password` are what the box's page calls client id and password. `lost`: what nobody acknowledged."""

    def __init__(
        self,
        line: GatewayLine,
        ident: str,
        password: str,
        timers: Timers,
        *,
        weather: Weather,
        habits: GoipHabits,
        reboot: Callable[[], None],
    ) -> None:
        self.line = line
        self.ident = ident
        self.password = password
        self.server: Address | None = None
        self.acknowledged: deque[str] = deque(maxlen=1000)
        self.lost: deque[str] = deque(maxlen=1000)
        self._timers = timers
        self._habits = habits
        self._reboot = reboot
        self.socket = Datagrams(weather, self._on_datagram)
        self.sessions = Sessions(line, password, timers, idle_s=habits.idle_s, report_no=habits.report_no)
        self._count = 0
        self._unanswered = 0
        self._numbers = itertools.count(int(timers.now()), -1)
        self._resends: dict[tuple[str, str], Handle] = {}
        self._keepalive: Handle | None = None
        self._call = LineCall.IDLE
        self._other = ""

    @property
    def registered(self) -> bool:
        """Whether the server answers its keep-alives."""
        return self._count > 0 and self._unanswered < MISSED

    def start(self) -> None:
        """Power is on: the first keep-alive goes out at once."""
        self.line.on_received = self._received
        self.line.on_reported = self._reported
        self.line.on_changed = self._changed
        self._count = 0
        self._unanswered = MISSED
        self._tick()

    def stop(self) -> None:
        """Power is off; what it had to say is forgotten."""
        if self._keepalive is not None:
            self._keepalive.cancel()
        for resend in self._resends.values():
            resend.cancel()
        self._resends.clear()
        self.sessions.forget()
        self.line.on_received = lambda received: False
        self.line.on_reported = lambda report: None
        self.line.on_changed = lambda: None

    # ------------------------------------------------------------------------------------ to the server

    def say(self, text: str) -> None:
        """One datagram, once."""
        if self.server is not None:
            self.socket.send(text.encode("utf-8", "replace"), self.server)

    def _tick(self) -> None:
        self._count += 1
        self._unanswered += 1
        self.say(self._state())
        self._keepalive = self._timers.after(self._habits.keepalive_s, self._tick)

    def _state(self) -> str:
        line, sim = self.line, self.line.sim
        there, up = line.has_sim, line.registration in _IN_SERVICE and line.enabled
        return (
            f"req:{self._count};id:{self.ident};pass:{self.password};num:{sim.number if there else ''};"
            f"signal:{line.rssi};gsm_status:{'LOGIN' if up else 'LOGOUT'};voip_status:LOGIN;"
            f"voip_state:{self._word()};remain_time:-1;imei:{line.imei};imsi:{sim.imsi if there else '0' * 15};"
            f"iccid:{sim.iccid if there else '0' * 20};pro:{sim.operator.name if up else ''};idle:1;"
            f"disable_status:{0 if line.enabled else 1};SMS_LOGIN:N;SMB_LOGIN:;CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y;"
        )

    def _notice(self, kind: str, rest: str) -> None:
        number = str(next(self._numbers))
        text = f"{kind}:{number};id:{self.ident};password:{self.password};{rest}"
        self._repeat((kind, number), text, 0)

    def _repeat(self, name: tuple[str, str], text: str, said: int) -> None:
        if said > RESENDS:
            del self._resends[name]
            self.lost.append(name[0])
            return
        self.say(text)
        self._resends[name] = self._timers.after(self._habits.resend_s, lambda: self._repeat(name, text, said + 1))

    def _received(self, received: Received) -> bool:
        self._notice("RECEIVE", f"srcnum:{received.sender};msg:{received.text}")
        return True

    def _reported(self, report: Reported) -> None:
        self._notice("DELIVER", f"sms_no:{report.reference};state:{report.status};num:{report.to}")

    def pushed(self, text: str) -> None:
        """The network began a USSD session."""
        self._notice("USSN", f"msg:{text}")

    def _changed(self) -> None:
        before, other = self._call, self._other
        self._call, self._other = self.line.call_state, self.line.call_number
        if self._call is before:
            return
        self._notice("STATE", f"gsm_remain_state:{self._word()}")
        if before is LineCall.IDLE:
            direction = 1 if self._call is LineCall.INCOMING else 2
            self._notice("RECORD", f"dir:{direction};num:{self._other}")
        elif self._call is LineCall.IDLE:
            comma = "," if self._habits.comma_cause else ";"
            self._notice("HANGUP", f"num:{other}{comma}cause:{CAUSES.get(self.line.call_cause, CAUSES[16])}")
            self._notice("EXPIRY", "exp:0")
            self._notice("REMAIN", "gsm_remain_time:-1")

    def _word(self) -> str:
        call, other = self.line.call_state, self.line.call_number
        if call is LineCall.IDLE:
            return "IDLE"
        return call.name if not other else f"{call.name}:{other}"

    # ---------------------------------------------------------------------------------- from the server

    def _on_datagram(self, data: bytes, source: Address) -> None:
        def answer(text: str) -> None:
            """To whoever asked: passwords are what is checked, and not addresses."""
            self.socket.send(text.encode("utf-8", "replace"), source)

        if self.sessions.take(data, answer):
            return
        text = data.decode("utf-8", "replace").strip()
        words = text.split(" ")
        if text.startswith("reg:") and ";status:0" in text:
            self._unanswered = 0
        elif len(words) >= 3 and words[2] == "OK" and (words[0], words[1]) in self._resends:
            self._resends.pop((words[0], words[1])).cancel()
            self.acknowledged.append(words[0])
        elif len(words) >= 3:
            self._command(words[0], words[1], words[2:], answer)

    def _command(self, name: str, sendid: str, rest: list[str], say: Callable[[str], None]) -> None:
        if rest[0] != self.password:
            say(f"USSDERROR {sendid} PASSWORD" if name == "USSD" else f"ERROR {sendid} PASSWORD")
            return
        match name:
            case "USSD":
                self._ussd(sendid, " ".join(rest[1:]), say)
            case "USSDEXIT":
                self.line.ussd_end()
                say(f"USSDEXIT {sendid}")
            case "svr_drop_call":
                self.line.hang_up()
                say(f"{name} {sendid} OK")
            case "svr_reboot_module":
                self.line.restart()
                say(f"{name} {sendid} OK")
            case "svr_reboot_dev":
                say(f"{name} {sendid} OK")
                self._timers.after(0, self._reboot)
            case "get_gsm_num":
                say(f"{name} {sendid} {self.line.sim.number}")
            case "get_gsm_state":
                say(f"{name} {sendid} {'IDLE' if self.line.call_state is LineCall.IDLE else 'ACTIVE'}")
            case "get_remain_time" | "get_exp_time":
                say(f"{name} {sendid} 0")
            case _:
                say(f"ERROR {sendid} UNKNOWN COMMAND")

    def _ussd(self, sendid: str, code: str, say: Callable[[str], None]) -> None:
        def answered(answer: UssdAnswer) -> None:
            if answer.supported:
                say(f"USSD {sendid} {answer.text}")
            else:
                say(f"USSDERROR {sendid} unknown code")

        self.line.ussd(code, answered)
