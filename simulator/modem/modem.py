"""One modem: its parts put together, power, and what the network and the faults do to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.calls import Call, CallState
from simulator.faults import Fault
from simulator.modem.call_part import CallPart
from simulator.modem.command_line import Command
from simulator.modem.core import Core
from simulator.modem.errors import SIM_BUSY, CmeError
from simulator.modem.habits import Habits
from simulator.modem.identity_part import IdentityPart
from simulator.modem.interpreter import Handler, Interpreter, Reply
from simulator.modem.profile import Profile
from simulator.modem.quectel_part import QuectelPart
from simulator.modem.radio_part import RadioPart
from simulator.modem.sim_part import SimPart
from simulator.modem.sms_memory_part import SmsMemoryPart
from simulator.modem.sms_receive_part import SmsReceivePart
from simulator.modem.sms_send_part import SmsSendPart
from simulator.modem.sms_store import SmsStore
from simulator.modem.ussd_part import UssdPart
from simulator.modem.voice_audio import LineAudio, ModemAudio, PcmLine
from simulator.modem.voice_part import VoicePart
from simulator.modem.wire import Wire
from simulator.network import Network
from simulator.sim import Lock, Sim
from simulator.smsc import Parcel, Verdict
from simulator.ussd_menu import GSM7_DCS

BOOT_S = 3.0
POWERLESS_S = 0.5
NAG_EVERY_S = 1.0
WIRE_FAULTS = {"split_writes", "late_answers"}
APPLICATION_PATIENCE_S = 10.0
RADIO_FAULTS = {"no_network", "registration_denied", "roaming", "sim_blocked"}


class AtLine(Protocol):
    """The first pseudo terminal."""

    def write(self, data: bytes) -> None:
        """Bytes to the agent."""

    def plug(self) -> None:
        """The device appears."""

    def unplug(self) -> None:
        """The device vanishes; whoever has it open reads the end of file."""


class Modem:
    """A modem with its SIM; a Terminal for the network."""

    def __init__(
        self, profile: Profile, sim: Sim, imei: str, *, network: Network, at_line: AtLine, pcm_line: PcmLine
    ) -> None:
        self.sim = sim
        self._line = at_line
        self._pcm_line = pcm_line
        self._network = network
        self._booting = False
        self._busy_answers = 0
        self._wire = Wire(at_line, sim.device, network.timers, network.faults)
        core = self._core = Core(profile, sim, imei, network.timers, network.faults)
        self._audio = ModemAudio(pcm_line)
        self._radio = RadioPart(core, self._registered, self.restart)
        self._ussd = UssdPart(core, self._radio, network.ussd)
        self._calls = CallPart(
            core, radio=self._radio, ussd=self._ussd, exchange=network.exchange, me=self, audio=self._audio
        )
        self._voice = VoicePart(core, self._calls, self._audio)
        self.store = SmsStore(profile.stores, lambda: core.trouble("sms_storage_full"), network.changed)
        self._memory = SmsMemoryPart(core, self.store, self._ready_for_messages)
        self._receive = SmsReceivePart(core, self._radio, self._memory)
        self._send = SmsSendPart(core, self._radio, self._memory, network.smsc)
        self._sim_part = SimPart(core, self._radio.refresh)
        self._handlers = self._all_handlers()
        core.interpreter = Interpreter(core.values, self._handlers, self._write, network.timers)
        core.interpreter.unsupported = profile.unsupported
        core.interpreter.abort = self._calls.abort
        core.interpreter.after_answer = self._say_something
        core.lose_power = self._lose_power
        self.habits = profile.habits
        network.attach(sim, self)
        network.faults.watchers.append(self._fault_changed)

    @property
    def number(self) -> str:
        """The SIM's number."""
        return self.sim.number

    @property
    def device(self) -> str:
        """The modem's name."""
        return self.sim.device

    @property
    def imei(self) -> str:
        """15 digits."""
        return self._core.imei

    @property
    def profile(self) -> Profile:
        """The dialect it speaks."""
        return self._core.profile

    @property
    def habits(self) -> Habits:
        """What this one does differently; may be changed at any time."""
        return self._core.habits

    @habits.setter
    def habits(self, habits: Habits) -> None:
        self._core.habits = self._core.interpreter.habits = habits
        self.store.alias = habits.store_alias

    @property
    def registration(self) -> int:
        """27.007 §7.2 stat."""
        return int(self._core.registration)

    def lock(self) -> Lock | None:
        """The SIM's lock, None without a SIM."""
        return self._core.lock()

    def received(self, data: bytes) -> None:
        """Bytes from the agent."""
        if not self._booting and not self._core.trouble("modem_hang"):
            self._core.interpreter.feed(data)

    def start(self) -> None:
        """Power on for the first time: no boot messages, the agent comes later anyway."""
        self._power_on()
        self._nag()

    def restart(self) -> None:
        """AT+CFUN=1,1: the port stays, everything else begins again."""
        self._booting = True
        self._power_off()
        self._network.timers.network(BOOT_S, self._booted)

    # ------------------------------------------------------------------------------------- Terminal

    @property
    def patience_s(self) -> float:
        """What an application may take to say what to do with a call."""
        return APPLICATION_PATIENCE_S

    def offer(self, call: Call) -> int | None:
        """A call comes in."""
        return self._calls.offer(call)

    def call_changed(self, call: Call) -> None:
        """A call is now ringing, answered or ended."""
        self._calls.call_changed(call)
        if call.state is CallState.ANSWERED:
            self._voice.call_answered()
        elif not self._calls.lines:
            self._voice.calls_over()

    def audio(self, call: Call) -> LineAudio:
        """This end of the speech path."""
        return self._calls.audio(call)

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """A message or a report comes in."""
        self._receive.take(parcel, done)

    # ---------------------------------------------------------------------------------------- power

    def _power_off(self) -> None:
        self._core.epoch += 1
        self._calls.power_off()
        self._wire.clear()
        self._audio.hush()
        self._audio.detecting = False
        self._voice.power_on()
        self._ussd.power_on()
        self._receive.power_on()
        self._core.interpreter.reset()

    def _power_on(self) -> None:
        core = self._core
        core.values.reset()
        core.values.set("+CMEE", str(core.profile.cmee))
        core.function = 1
        core.unlocked = not core.sim.pin_asked
        self._memory.power_on()
        self._radio.power_on()

    def _booted(self) -> None:
        if not self._booting or self._core.trouble("modem_unplugged"):
            return
        self._booting = False
        self._power_on()
        self._core.urc(*[line.format(pin=self._pin_state()) for line in self._core.profile.boot])
        self._nag()

    def _nag(self) -> None:
        """ZTE: the same line every second until AT+CPMS?."""
        nagging = self._core.profile.nagging_urc
        if nagging and not self._memory.asked:
            self._core.urc(nagging)
            self._core.after(NAG_EVERY_S, self._nag)

    def _pin_state(self) -> str:
        lock = self._core.lock()
        return "NOT INSERTED" if lock is None else str(lock)

    def _write(self, data: bytes) -> None:
        if not self._booting and not self._core.trouble("modem_hang"):
            self._wire.write(data.replace(b"\r\n", b"\r\r\n") if self.habits.extra_cr else data)

    def say(self, data: bytes) -> None:
        """Any bytes, whether they make sense or not."""
        self._write(data)

    def push_ussd(self, text: str, *, expects_reply: bool = False, dcs: int = GSM7_DCS) -> None:
        """The network speaks first."""
        self._ussd.push(text, expects_reply=expects_reply, dcs=dcs)

    # --------------------------------------------------------------------------------------- events

    def _registered(self) -> None:
        if self._radio.in_service():
            self._ready_for_messages()
        else:
            self._calls.lost_network()

    def _ready_for_messages(self) -> None:
        self._network.smsc.recipient_ready(self.number)

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if self.device not in fault.devices:
            return
        if fault.kind == "modem_unplugged":
            self._unplug() if begins else self._plug()
        elif fault.kind == "sim_removed":
            self._sim_moved(out=begins)
        elif fault.kind in RADIO_FAULTS:
            self._radio.refresh()
        elif fault.kind in ("modem_hang", "sms_storage_full") and not begins:
            self._ready_for_messages()
        elif begins:
            self._trouble_begins(fault)
        elif fault.kind in WIRE_FAULTS:
            self._wire.straighten()

    def _trouble_begins(self, fault: Fault) -> None:
        if fault.kind == "modem_garbage":
            self._make_noise(fault)
        elif fault.kind == "urc_flood":
            self._flood(fault)
        elif fault.kind == "modem_reboots":
            self.restart()
        elif fault.kind == "sim_busy":
            self._busy_answers = int(fault.options["times"])

    def _unplug(self) -> None:
        self._booting = True
        self._power_off()
        self._core.function = 0
        self._radio.refresh()
        self._line.unplug()
        self._pcm_line.unplug()

    def _lose_power(self) -> None:
        self._unplug()
        self._network.timers.after(POWERLESS_S, self._plug)

    def _plug(self) -> None:
        if self._core.trouble("modem_unplugged"):
            return
        self._line.plug()
        self._pcm_line.plug()
        self._network.timers.network(BOOT_S, self._booted)

    def _sim_moved(self, *, out: bool) -> None:
        self._core.unlocked = not self.sim.pin_asked
        self._radio.refresh()
        lines = self._core.profile.sim_lost if out else self._core.profile.sim_back
        self._core.urc(*[line.format(pin=self._pin_state()) for line in lines])

    def _make_noise(self, fault: Fault) -> None:
        if self._core.faults.on("modem_garbage", self.device) is not fault:
            return
        random = self._network.random
        self._write(bytes(random.randrange(256) for _ in range(random.randint(1, 24))))
        self._core.timers.after(fault.options["every_ms"] / 1000, lambda: self._make_noise(fault))

    def _say_something(self) -> None:
        if self._core.trouble("urc_inside_answers"):
            self._core.urc(self._core.profile.signal_urc)

    def _flood(self, fault: Fault) -> None:
        if self._core.faults.on("urc_flood", self.device) is fault:
            self._core.urc(self._core.profile.signal_urc)
            self._core.timers.after(1 / fault.options["per_s"], lambda: self._flood(fault))

    def _busy_first(self, handler: Handler) -> Handler:
        def answer(command: Command) -> Reply:
            if self._core.trouble("sim_busy") and self._busy_answers > 0:
                self._busy_answers -= 1
                raise CmeError(SIM_BUSY)
            return handler(command)

        return answer

    def _all_handlers(self) -> dict[str, Handler]:
        core = self._core
        handlers: dict[str, Handler] = dict.fromkeys(core.values.names(), core.values.handle)
        parts = (self._radio, self._ussd, self._calls, self._voice, self._memory, self._receive, self._send)
        identity = IdentityPart(core, lambda: list(self._handlers))
        for part in (identity, QuectelPart(core), self._sim_part, *parts):
            handlers |= part.handlers()
        handlers |= {name: self._busy_first(handlers[name]) for name in self._sim_part.handlers()}
        return {name: handler for name, handler in handlers.items() if name not in core.profile.refused}
