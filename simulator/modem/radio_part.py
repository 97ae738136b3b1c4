"""The radio at the AT interface: registration, operator, signal, AT+CFUN (27.007 §7.2, §7.3, §8.2, §8.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulator.modem.command_line import Command
from simulator.modem.core import Core, Registration
from simulator.modem.errors import BAD_PARAMETER, NO_NETWORK, CmeError
from simulator.modem.interpreter import OK, PENDING, Handler, Reply
from simulator.population import CELLS, OPERATORS
from simulator.sim import Lock, Operator

REGISTER_S = 2.0
SCAN_S = 8.0
DOMAINS = ("+CREG", "+CGREG", "+CEREG")
REGISTERED = (Registration.HOME, Registration.ROAMING)
LTE = 7
REJECTS_SHOWN = 3  # AT+CREG=3


class RadioPart:
    """Registers when it can; `registered` hears of every change."""

    def __init__(self, core: Core, registered: Callable[[], None], reset: Callable[[], None]) -> None:
        self._core = core
        self._registered = registered
        self._reset = reset
        self._format = 0
        self._deregistered = False
        access = core.profile.access
        self._cell = CELLS[0] if access is None else replace(CELLS[0], access=access)

    def handlers(self) -> dict[str, Handler]:
        """Name of command → handler."""
        named: dict[str, Handler] = {
            "+CSQ": self._quality,
            "+CESQ": self._extended_quality,
            "+COPS": self._operator,
            "+CFUN": self._function,
            "+CPAS": lambda _: ["+CPAS: 0"],
            **dict.fromkeys(DOMAINS, self._registration),
        }
        return named | self._of_family().get(self._core.profile.family, {})

    def _of_family(self) -> dict[str, dict[str, Handler]]:
        return {
            "simcom": {"+CPSI": self._serving_cell, "+CNSMOD": self._network_mode, "+CRESET": self._hard_reset},
            "huawei": {"^SYSINFO": self._system_info, "^HCSQ": self._huawei_quality, "^RESET": self._hard_reset},
            "quectel": {"+QPOWD": self._hard_reset, "+QSPN": self._provider_name},
        }

    def power_on(self) -> None:
        """Forget what a reset forgets, and look for a network."""
        self._format, self._deregistered = 0, False
        self._core.registration = Registration.IDLE
        self.refresh()

    def refresh(self) -> None:
        """Something changed that may change the registration."""
        wanted = self._wanted()
        if wanted in REGISTERED and self._core.registration is not wanted:
            self._change(Registration.SEARCHING)
            self._core.network(REGISTER_S, self._settle)
        else:
            self._change(wanted)

    def in_service(self) -> bool:
        """Whether calls and messages can pass."""
        return self._core.registration in REGISTERED

    def need_service(self) -> None:
        """CmeError 30 without a network."""
        if not self.in_service():
            raise CmeError(NO_NETWORK)

    # --------------------------------------------------------------------------------- registration

    def _wanted(self) -> Registration:
        core = self._core
        if core.function != 1 or core.lock() is not Lock.READY or self._deregistered:
            return Registration.IDLE
        if core.trouble("no_network"):
            return Registration.SEARCHING
        if core.trouble("registration_denied"):
            return Registration.DENIED
        return Registration.ROAMING if core.trouble("roaming") else Registration.HOME

    def _settle(self) -> None:
        if self._core.registration is Registration.SEARCHING:
            self._change(self._wanted())

    def _change(self, registration: Registration) -> None:
        if registration is self._core.registration:
            return
        self._core.registration = registration
        for domain in DOMAINS:
            level = self._core.values.number(domain)
            if level:
                self._core.urc(f"{domain}: {self._place(domain, level)}")
        self._registered()

    def _place(self, domain: str, level: int) -> str:
        registration = self._core.registration
        if domain == "+CEREG" and self._cell.access != LTE:
            registration = Registration.IDLE
        if registration is Registration.DENIED and level == REJECTS_SHOWN:
            return f"{registration},,,,0,{self._reject_cause()}"
        if level < 2 or registration not in REGISTERED:
            return f"{registration}"
        return f'{registration},"{self._cell.lac}","{self._cell.ci}",{self._cell.access}'

    def _reject_cause(self) -> int:
        """24.008 §10.5.3.6; 2: IMSI unknown in HLR."""
        fault = self._core.faults.on("registration_denied", self._core.name)
        return int(fault.options["cause"]) if fault else 2

    def _registration(self, command: Command) -> Reply:
        if command.how != "?":
            return self._core.values.handle(command)
        level = self._core.values.number(command.name)
        return [f"{command.name}: {level},{self._place(command.name, level)}"]

    # -------------------------------------------------------------------------------------- signal

    def _rssi(self) -> int:
        fault = self._core.faults.on("weak_signal", self._core.name)
        if self._core.function != 1 or self._core.trouble("no_network"):
            return 99
        return int(fault.options["rssi"]) if fault else self._cell.rssi

    def _quality(self, command: Command) -> Reply:
        return ["+CSQ: (0-31,99),(0-7,99)"] if command.how == "=?" else [f"+CSQ: {self._rssi()},99"]

    def _extended_quality(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CESQ: (0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)"]
        rssi = self._rssi()
        rsrp = 255 if rssi == 99 else min(97, rssi * 2)
        return [f"+CESQ: 99,99,255,255,{255 if rssi == 99 else 20},{rsrp}"]

    def _huawei_quality(self, command: Command) -> Reply:
        del command
        rssi = self._rssi()
        return ['^HCSQ: "NOSERVICE"'] if rssi == 99 else [f'^HCSQ: "LTE",{rssi * 2},{rssi * 2},120,20']

    def _system_info(self, command: Command) -> Reply:
        del command
        served = 2 if self.in_service() else 0
        sim = 255 if self._core.lock() is None else 1
        return [f"^SYSINFO:{served},3,0,5,{sim},,4"]

    def _serving_cell(self, command: Command) -> Reply:
        if not self.in_service():
            return ["+CPSI: NO SERVICE,Online"]
        cell = self._cell
        return [f"+CPSI: LTE,Online,456-91,0x{cell.lac},{int(cell.ci, 16)},257,EUTRAN-BAND3,1300,4,4,-11,-94,-62,14"]

    def _network_mode(self, command: Command) -> Reply:
        if command.how != "?":
            return self._core.values.handle(command)
        return [f"+CNSMOD: {self._core.values.number('+CNSMOD')},{8 if self.in_service() else 0}"]

    # ------------------------------------------------------------------------------------ operator

    def _operator(self, command: Command) -> Reply:
        if command.how == "=?":
            self._core.need_sim()
            self._core.network(SCAN_S, lambda: self._core.interpreter.complete([self._scan()]))
            return PENDING
        if command.how == "?":
            return [self._current_operator()]
        mode = command.number(0, 0)
        if mode not in (0, 1, 2, 3, 4):
            raise CmeError(BAD_PARAMETER)
        if mode == 3 or command.field(1):
            self._format = command.number(1, self._format)
        if mode != 3:
            self._deregistered = mode == 2 or not self._is_home(mode, command.field(2))
            self.refresh()
        return OK

    def _is_home(self, mode: int, wanted: str) -> bool:
        home = self._serving()
        return mode == 0 or wanted in ("", home.name, home.short, home.plmn)

    def _serving(self) -> Operator:
        """The network the modem is in: the SIM's own, or another when it roams."""
        home = self._core.sim.operator
        if not self._core.trouble("roaming"):
            return home
        return next(operator for operator in OPERATORS if operator != home)

    def _provider_name(self, command: Command) -> Reply:
        del command
        home = self._core.need_sim().operator
        return [f'+QSPN: "{home.name}","{home.short}","{home.name}",0,"{home.plmn}"']

    def _current_operator(self) -> str:
        mode = 2 if self._deregistered else 0
        if not self.in_service():
            return f"+COPS: {mode}"
        serving = self._serving()
        shown = (serving.name, serving.short, serving.plmn)[min(self._format, 2)]
        if self._core.values.text("+CSCS") == "UCS2" and self._format < 2:
            shown = shown.encode("utf-16-be").hex().upper()
        return f'+COPS: {mode},{self._format},"{shown}",{self._cell.access}'

    def _scan(self) -> str:
        def entry(status: int, operator: Operator) -> str:
            return f'({status},"{operator.name}","{operator.short}","{operator.plmn}",{self._cell.access})'

        serving = self._serving()
        others = [entry(3, operator) for operator in OPERATORS if operator != serving]
        seen = ",".join([entry(2 if self.in_service() else 1, serving), *others])
        return f"+COPS: {seen},,(0,1,2,3,4),(0,1,2)"

    # ------------------------------------------------------------------------------------ function

    def _function(self, command: Command) -> Reply:
        if command.how == "=?":
            return ["+CFUN: (0,1,4,7),(0,1)"]
        if command.how == "?":
            return [f"+CFUN: {self._core.function}"]
        function, with_reset = command.number(0), command.number(1, 0)
        if function not in (0, 1, 4, 7) or with_reset > 1:
            raise CmeError(BAD_PARAMETER)
        if with_reset:
            return self._hard_reset(command)
        self._core.function = function
        self._core.after(0, self.refresh)
        return OK

    def _hard_reset(self, command: Command) -> Reply:
        del command
        self._core.after(0.05, self._reset)
        return OK
