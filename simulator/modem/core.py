"""What the parts of one modem share: its settings, its SIM, its line and its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum

from simulator.faults import Faults
from simulator.modem.errors import NO_SIM, PIN_REQUIRED, PUK_REQUIRED, CmeError
from simulator.modem.habits import Habits
from simulator.modem.interpreter import Interpreter
from simulator.modem.profile import Profile
from simulator.modem.values import Values
from simulator.sim import Lock, Sim
from simulator.timing import Handle, Timers


class Registration(IntEnum):
    """27.007 §7.2 stat."""

    IDLE = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    ROAMING = 5


class Core:
    """Shared state; `epoch` changes when the modem loses power, which calls off all that it was waiting for."""

    def __init__(self, profile: Profile, sim: Sim, imei: str, timers: Timers, faults: Faults) -> None:
        self.profile = profile
        self.sim = sim
        self.imei = imei
        self.timers = timers
        self.faults = faults
        self.habits: Habits = profile.habits
        self.values = Values(profile.family)
        self.interpreter: Interpreter
        self.epoch = 0
        self.function = 1  # AT+CFUN
        self.unlocked = not sim.pin_asked
        self.registration = Registration.IDLE
        self.lose_power: Callable[[], None] = _nothing

    @property
    def name(self) -> str:
        """The device's name."""
        return self.sim.device

    def trouble(self, kind: str) -> bool:
        """Whether a fault of that kind is in force here."""
        return self.faults.on(kind, self.name) is not None

    def power_fails(self, step: str) -> bool:
        """Whether the power goes here; then nothing more is done or answered."""
        if self.habits.power_fails != step:
            return False
        self.habits = replace(self.habits, power_fails="")
        self.lose_power()
        return True

    def urc(self, *lines: str) -> None:
        """Send an unsolicited code."""
        self.interpreter.urc(*lines)

    def after(self, seconds: float, call: Callable[[], None]) -> Handle:
        """A timer in real seconds that dies with the power."""
        return self.timers.after(seconds, self._while_powered(call))

    def network(self, seconds: float, call: Callable[[], None]) -> Handle:
        """A delay of the network that dies with the power."""
        return self.timers.network(seconds, self._while_powered(call))

    def lock(self) -> Lock | None:
        """The SIM's lock; None when there is no SIM."""
        if self.trouble("sim_removed"):
            return None
        if self.trouble("sim_blocked") or self.sim.pin_tries == 0:
            return Lock.PUK
        return Lock.READY if self.unlocked else Lock.PIN

    def need_sim(self) -> Sim:
        """The SIM, ready to be read; CmeError 10, 11 or 12."""
        lock = self.lock()
        if lock is Lock.READY:
            return self.sim
        raise CmeError({None: NO_SIM, Lock.PIN: PIN_REQUIRED, Lock.PUK: PUK_REQUIRED}[lock])

    def _while_powered(self, call: Callable[[], None]) -> Callable[[], None]:
        epoch = self.epoch

        def guarded() -> None:
            if self.epoch == epoch:
                call()

        return guarded


def _nothing() -> None:
    return
