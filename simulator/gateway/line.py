"""One line of the simulated gateway: a GSM module with its SIM, a terminal of the network."""

from __future__ import annotations

from collections.abc import Callable

from simulator.calls import ABSENT, BUSY, NORMAL, OUT_OF_ORDER, REJECTED, Call, CallState, Exchange
from simulator.faults import Fault
from simulator.gateway.contracts import LineCall, Received, Reported, Submitted, UssdAnswer
from simulator.gateway.line_messages import LineMessages
from simulator.gateway.line_radio import DEAD, LineRadio
from simulator.gateway.line_sip import NoSip, SipSide
from simulator.gateway.line_ussd import LineUssd
from simulator.modem.core import Registration
from simulator.network import Network
from simulator.sim import Lock, Sim
from simulator.smsc import Parcel, Verdict
from simulator.speech import AudioPort

PATIENCE_S = 10.0
RADIO_FAULTS = {
    "sim_removed", "sim_blocked", "no_network", "registration_denied", "roaming", "weak_signal", *DEAD,
}  # fmt: skip


class Line:
    """A GatewayLine (contracts.py), and a MobileTerminal of the network. It has no power until `power(on=True)`."""

    def __init__(self, index: int, sim: Sim, imei: str, network: Network) -> None:
        self.index = index
        self.name = sim.device
        self.sim = sim
        self.on_changed: Callable[[], None] = lambda: None
        self.sip: SipSide = NoSip()
        self._imei = imei
        self._network = network
        self._exchange: Exchange = network.exchange
        self._radio = LineRadio(sim, network.timers, network.faults)
        self._radio.changed = self._radio_changed
        self._radio.lost = self._lost
        self._messages = LineMessages(sim, self._radio, network.smsc, network.timers)
        self._ussd = LineUssd(sim, self._radio, network.ussd, network.timers)
        self._telling = False
        self.call: Call | None = None
        self.call_cause: int | None = None
        network.attach(sim, self)
        network.faults.watchers.append(self._fault_changed)

    # -------------------------------------------------------------------------------------- shown

    @property
    def number(self) -> str:
        """The SIM's number."""
        return self.sim.number

    @property
    def device(self) -> str:
        """The line's name, as of faults."""
        return self.sim.device

    @property
    def imei(self) -> str:
        """15 digits."""
        return self._imei

    @property
    def has_sim(self) -> bool:
        """Whether a card is in the slot."""
        return self._radio.has_sim

    @property
    def registration(self) -> Registration:
        """27.007 §7.2 stat."""
        return self._radio.registration

    @property
    def in_service(self) -> bool:
        """Whether calls and messages can pass."""
        return self._radio.in_service

    @property
    def rssi(self) -> int:
        """0 to 31, 99 unknown."""
        return self._radio.rssi

    @property
    def enabled(self) -> bool:
        """Whether the box uses it."""
        return self._radio.enabled

    @property
    def call_state(self) -> LineCall:
        """What its call does."""
        call = self.call
        if call is None:
            return LineCall.IDLE
        if call.state is CallState.ANSWERED:
            return LineCall.CONNECTED
        if call.caller is not self:
            return LineCall.INCOMING
        return LineCall.DIALING if call.state is CallState.DIALING else LineCall.ALERTING

    @property
    def call_number(self) -> str:
        """The other party; empty without a call, or when it hides its number."""
        call = self.call
        if call is None:
            return ""
        if call.caller is self:
            return call.to
        return "" if call.withheld else call.caller.number

    def lock(self) -> Lock | None:
        """The SIM's lock, None without a SIM."""
        if not self.has_sim:
            return None
        return Lock.PUK if self._radio.blocked else Lock.READY

    # -------------------------------------------------------------------------------------- wishes

    @property
    def on_received(self) -> Callable[[Received], bool]:
        """Who takes messages."""
        return self._messages.on_received

    @on_received.setter
    def on_received(self, call: Callable[[Received], bool]) -> None:
        self._messages.on_received = call

    @property
    def on_reported(self) -> Callable[[Reported], None]:
        """Who takes status reports."""
        return self._messages.on_reported

    @on_reported.setter
    def on_reported(self, call: Callable[[Reported], None]) -> None:
        self._messages.on_reported = call

    @property
    def on_ussd(self) -> Callable[[UssdAnswer], None]:
        """Who is told of USSD that the network begins."""
        return self._ussd.on_ussd

    @on_ussd.setter
    def on_ussd(self, call: Callable[[UssdAnswer], None]) -> None:
        self._ussd.on_ussd = call

    def submit(self, to: str, text: str, done: Callable[[Submitted], None], *, report: bool = True) -> None:
        """Send an SMS, in as many parts as it takes; a report is asked for with the last."""
        self._messages.submit(to, text, done, report=report)

    def ussd(self, text: str, done: Callable[[UssdAnswer], None]) -> None:
        """A code, or the reply within a session."""
        self._ussd.ask(text, done)

    def ussd_end(self) -> None:
        """No session any more."""
        self._ussd.end()

    def push_ussd(self, text: str, *, expects_reply: bool = False) -> None:
        """The network speaks first."""
        self._ussd.push(text, expects_reply=expects_reply)

    def hang_up(self) -> None:
        """End the call there is."""
        if self.call is not None:
            ringing_here = self.call.caller is not self and self.call.state is not CallState.ANSWERED
            self.end(REJECTED if ringing_here else NORMAL)

    def restart(self) -> None:
        """Power-cycle the module."""
        self._radio.restart()

    def enable(self, on: bool) -> None:
        """Whether the box uses this line."""
        self._radio.enable(on)

    def power(self, *, on: bool) -> None:
        """The whole box is switched on or off."""
        self._radio.power(on)

    # --------------------------------------------------------------------------------- for the SIP side

    def dial(self, number: str) -> Call | None:
        """Call a number by GSM; None when the line cannot now. What becomes of it is told to `sip`."""
        if self.call is not None or not self.in_service:
            return None
        self.sim.counters.calls_out += 1
        self.call = self._exchange.dial(self, number)
        self._tell()
        return self.call

    def answer(self) -> None:
        """Take the call that rings."""
        if self.call is not None:
            self._exchange.answer(self.call)

    def end(self, cause: int) -> None:
        """End the call there is, with a Q.850 cause."""
        if self.call is not None:
            self._exchange.end(self.call, cause)

    # ------------------------------------------------------------------------------------- Terminal

    @property
    def patience_s(self) -> float:
        """What an application may take to say what to do with a call."""
        return PATIENCE_S

    def offer(self, call: Call) -> int | None:
        """A call comes in."""
        if not self.in_service:
            return ABSENT
        if self.call is not None:
            return BUSY
        self.call = call
        self.sim.counters.calls_in += 1
        self._tell()
        cause = self.sip.offer(self, call)
        if cause is not None:
            self.call = None
        return cause

    def call_changed(self, call: Call) -> None:
        """The call is now ringing, answered or ended."""
        if self.call is not call:
            return
        if call.state is CallState.ENDED:
            self.call = None
            self.call_cause = call.cause
        self._tell()
        self.sip.call_changed(self, call)

    def audio(self, call: Call) -> AudioPort:
        """This end of the speech path."""
        return self.sip.audio(self, call)

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """A message or a report comes in."""
        self._messages.take(parcel, done)

    # --------------------------------------------------------------------------------------- events

    def _lost(self) -> None:
        self._ussd.end()
        self.end(OUT_OF_ORDER)

    def _radio_changed(self) -> None:
        if self.in_service:
            self._ready()
        self._tell()

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if self.device not in fault.devices:
            return
        if (fault.kind == "modem_reboots" and begins) or (fault.kind in DEAD and not begins):
            self.restart()
        elif fault.kind in RADIO_FAULTS:
            self._radio.refresh()
        elif fault.kind == "sms_storage_full" and not begins:
            self._ready()

    def _ready(self) -> None:
        self._network.smsc.recipient_ready(self.number)

    def _tell(self) -> None:
        """`on_changed`, soon and once for several changes."""
        if not self._telling:
            self._telling = True
            self._network.timers.after(0, self._told)

    def _told(self) -> None:
        self._telling = False
        self.on_changed()
