"""The GSM module of a gateway line: power, SIM, registration and signal (27.007 §7.2, §8.5)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.faults import Faults
from simulator.modem.core import Registration
from simulator.population import CELLS
from simulator.sim import Sim
from simulator.timing import Timers

BOOT_S = 3.0
REGISTER_S = 2.0
REGISTERED = (Registration.HOME, Registration.ROAMING)
NO_SIGNAL = 99
DEAD = ("modem_hang", "modem_unplugged")
"""Faults after which the module does nothing, while the box it sits in goes on."""


class LineRadio:
    """Registers when it can. `changed` hears of everything; `lost` of the end of the service."""

    def __init__(self, sim: Sim, timers: Timers, faults: Faults) -> None:
        self._sim = sim
        self._timers = timers
        self._faults = faults
        self._epoch = 0  # another one after every loss of power, which calls off what was waited for
        self._booted = False
        self._powered = False
        self.enabled = True
        self.registration = Registration.IDLE
        self.changed: Callable[[], None] = lambda: None
        self.lost: Callable[[], None] = lambda: None

    def trouble(self, kind: str) -> bool:
        """Whether a fault of that kind is in force here."""
        return self._faults.on(kind, self._sim.device) is not None

    @property
    def alive(self) -> bool:
        """Whether the module answers the box."""
        return self._booted and self.enabled and not any(self.trouble(kind) for kind in DEAD)

    @property
    def has_sim(self) -> bool:
        """Whether a card is in the slot, and the module able to say so."""
        return self.alive and not self.trouble("sim_removed")

    @property
    def blocked(self) -> bool:
        """Whether the card asks for its PUK."""
        return self.trouble("sim_blocked") or self._sim.pin_tries == 0

    @property
    def in_service(self) -> bool:
        """Whether calls and messages can pass."""
        return self.alive and self.registration in REGISTERED

    @property
    def rssi(self) -> int:
        """0 to 31, 99 unknown."""
        if not self.alive or self.trouble("no_network"):
            return NO_SIGNAL
        fault = self._faults.on("weak_signal", self._sim.device)
        return int(fault.options["rssi"]) if fault else CELLS[0].rssi

    def power(self, on: bool) -> None:
        """The box gives the module power, or takes it. Twice the same is once, `restart` is both."""
        if on == self._powered:
            return
        self._powered = on
        self._epoch += 1
        self._booted = False
        self.refresh()
        if on:
            self.after(BOOT_S, self._boot)

    def restart(self) -> None:
        """Power-cycle it."""
        if self._powered:
            self.power(on=False)
            self.power(on=True)

    def enable(self, on: bool) -> None:
        """Whether the box uses this line at all."""
        if on != self.enabled:
            self.enabled = on
            self.restart()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """A delay of the network that dies with the power."""
        epoch = self._epoch
        self._timers.network(seconds, lambda: call() if self._epoch == epoch else None)

    def refresh(self) -> None:
        """Something changed that may change the registration."""
        wanted = self._wanted()
        if wanted in REGISTERED and self.registration is not wanted:
            self._change(Registration.SEARCHING)
            self.after(REGISTER_S, self._settle)
        else:
            self._change(wanted)

    def _boot(self) -> None:
        self._booted = True
        self.refresh()

    def _wanted(self) -> Registration:
        if not self.has_sim or self.blocked:
            return Registration.IDLE
        if self.trouble("no_network"):
            return Registration.SEARCHING
        if self.trouble("registration_denied"):
            return Registration.DENIED
        return Registration.ROAMING if self.trouble("roaming") else Registration.HOME

    def _settle(self) -> None:
        if self.registration is Registration.SEARCHING:
            self._change(self._wanted())

    def _change(self, registration: Registration) -> None:
        served = self.registration in REGISTERED
        self.registration = registration
        if served and registration not in REGISTERED:
            self.lost()
        self.changed()
