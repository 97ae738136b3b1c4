"""Troubles on demand: which kinds there are, what each may be told, and which are in force now."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from simulator.timing import Handle, Timers


@dataclass(frozen=True, slots=True)
class Option:
    """A number a fault may be given, with its default and bounds; without a default it must be given."""

    default: float | None
    low: float
    high: float


DIRECTIONS = ("uplink", "downlink")
MODEM_KINDS: Mapping[str, Mapping[str, Option]] = {
    "sim_removed": {},
    "sim_blocked": {},
    "no_network": {},
    "registration_denied": {"cause": Option(2, 1, 255)},
    "roaming": {},
    "weak_signal": {"rssi": Option(2, 0, 31)},
    "no_balance": {},
    "sms_storage_full": {},
    "cms_error": {"code": Option(None, 1, 999)},
    "sms_silently_lost": {},
    "no_delivery_report": {},
    "late_delivery_report": {"delay_s": Option(30, 0, 86_400)},
    "modem_hang": {},
    "modem_unplugged": {"moved": Option(0, 0, 1)},
    "modem_reboots": {},
    "sim_busy": {"times": Option(3, 1, 1000)},
    "urc_flood": {"per_s": Option(200, 1, 1000)},
    "urc_inside_answers": {},
    "split_writes": {"gap_ms": Option(50, 1, 10_000)},
    "late_answers": {"delay_s": Option(5, 0, 600)},
    "report_status": {"status": Option(None, 0, 255)},
    "sms_shuffled": {},
    "sms_duplicated": {},
    "modem_garbage": {"every_ms": Option(150, 10, 60_000)},
    "call_drops": {"after_s": Option(2, 0, 3600)},
    "one_way_audio": {},
}
AT_KINDS = {
    "sim_busy", "urc_flood", "urc_inside_answers", "split_writes", "late_answers", "modem_garbage",
}  # fmt: skip
"""They are about the AT interface, which a gateway's line has not."""
GATEWAY_KINDS: Mapping[str, Mapping[str, Option]] = {"gateway_down": {}}
LINK_KINDS: Mapping[str, Mapping[str, Option]] = {
    "smsc_throttles": {"per_s": Option(0, 0, 100_000), "status": Option(0x58, 1, 255)},
    "smsc_down": {},
    "smsc_answers_lost": {},
    "early_delivery_report": {"by_s": Option(1, 0, 60)},
}
OF_LINKS_TOO = {"no_delivery_report", "late_delivery_report", "report_status"}
"""Troubles of SIMs that an SMPP link has as well."""
TUNNEL_KINDS: Mapping[str, Mapping[str, Option]] = {
    "tunnel_cut": {},
    "tunnel_blackhole": {},
    "tunnel_slow": {"kbit_s": Option(None, 0.1, 10_000_000)},
    "tunnel_delay": {"ms": Option(None, 0, 600_000), "jitter_ms": Option(0, 0, 600_000)},
    "tunnel_flap": {"every_s": Option(None, 0.05, 3600), "most_s": Option(0, 0, 3600)},
    "tunnel_loss": {"percent": Option(None, 0, 50), "rtt_ms": Option(100, 0, 60_000)},
    "tunnel_corrupt": {"every_bytes": Option(10_000, 16, 1e9)},
    "tunnel_address": {},
}


class FaultRefused(ValueError):
    """A fault that cannot be: `field` names what is wrong in the request, `status` is the HTTP status."""

    def __init__(self, field_name: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.field = field_name
        self.status = status


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble in force; `devices`: the modems or the edge it is about, by whatever name it was asked for."""

    id: str
    kind: str
    target: str
    devices: tuple[str, ...]
    options: Mapping[str, float] = field(default_factory=dict)
    direction: str = "uplink"


class Faults:
    """The troubles in force; `watchers` hear of each that begins (True) or ends (False)."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._ids = itertools.count(1)
        self._active: dict[str, Fault] = {}
        self._ends: dict[str, Handle] = {}
        self.watchers: list[Callable[[Fault, bool], None]] = []
        self.modems: dict[str, str] = {}  # SIM number or device name → device name
        self.groups: dict[str, list[str]] = {}  # an operator's name or PLMN, or a gateway's name → its SIMs' devices
        self.gateways: dict[str, str] = {}  # a gateway's name, its lines' names and numbers → the gateway's name
        self.links: dict[str, str] = {}  # an SMPP link's name and its numbers → its name
        self.edges: set[str] = set()

    def begin(self, kind: str, target: str, given: Mapping[str, object], for_s: float | None) -> Fault:
        """Start one; raises FaultRefused."""
        options = read_options(kind, given)
        devices = self._devices(kind, target)
        fault = Fault(
            id=f"fault{next(self._ids)}",
            kind=kind,
            target=target,
            devices=devices,
            options=options,
            direction=_direction(kind, given),
        )
        self._active[fault.id] = fault
        if for_s is not None:
            self._ends[fault.id] = self._timers.after(for_s, lambda: self._expire(fault.id))
        self._tell(fault, begins=True)
        return fault

    def end(self, fault_id: str) -> bool:
        """Stop one; False when there is no such fault (it may have ended by itself)."""
        fault = self._active.pop(fault_id, None)
        handle = self._ends.pop(fault_id, None)
        if handle is not None:
            handle.cancel()
        if fault is not None:
            self._tell(fault, begins=False)
        return fault is not None

    def _expire(self, fault_id: str) -> None:
        self.end(fault_id)

    def on(self, kind: str, device: str) -> Fault | None:
        """The newest fault of that kind on that device, or None."""
        for fault in reversed(self._active.values()):
            if fault.kind == kind and device in fault.devices:
                return fault
        return None

    def all(self) -> list[Fault]:
        """Those in force, oldest first."""
        return list(self._active.values())

    def _tell(self, fault: Fault, *, begins: bool) -> None:
        for watcher in self.watchers:
            watcher(fault, begins)

    def _devices(self, kind: str, target: str) -> tuple[str, ...]:
        if kind in LINK_KINDS or (kind in OF_LINKS_TOO and target in self.links):
            if not self.links:
                raise FaultRefused("kind", f"{kind} cannot be: this lab has no SMPP link")
            if target not in self.links:
                raise FaultRefused("target", f"no SMPP link has the name or number {target!r}", status=404)
            return (self.links[target],)
        if kind in MODEM_KINDS:
            if target in self.groups:
                return tuple(self.groups[target])
            if target not in self.modems:
                raise FaultRefused("target", f"no SIM, modem or operator is called {target!r}", status=404)
            if kind in AT_KINDS and target in self.gateways:
                raise FaultRefused("kind", f"{kind} is a trouble of modems, {target} is a line of a gateway")
            return (self.modems[target],)
        if kind in GATEWAY_KINDS:
            if not self.gateways:
                raise FaultRefused("kind", f"{kind} cannot be: this lab has no SIP gateway")
            if target not in self.gateways:
                raise FaultRefused("target", f"no gateway and no line of one is called {target!r}", status=404)
            return (self.gateways[target],)
        if not self.edges:
            raise FaultRefused("kind", f"{kind} needs the lab to run with --tunnel-proxy")
        if target not in self.edges:
            raise FaultRefused("target", f"no edge behind the tunnel proxy is called {target!r}", status=404)
        return (target,)


def read_options(kind: str, given: Mapping[str, object]) -> dict[str, float]:
    """The options of a kind, checked; raises FaultRefused naming the field."""
    known = {**MODEM_KINDS, **GATEWAY_KINDS, **LINK_KINDS, **TUNNEL_KINDS}.get(kind)
    if known is None:
        raise FaultRefused("kind", f"there is no fault kind {kind!r}")
    for name in given:
        if name not in known and not (kind == "one_way_audio" and name == "direction"):
            raise FaultRefused(name, f"{kind} has no option {name!r}")
    return {name: _number(kind, name, option, given.get(name)) for name, option in known.items()}


def _number(kind: str, name: str, option: Option, value: object) -> float:
    if value is None:
        value = option.default
    if value is None:
        raise FaultRefused(name, f"{kind} needs {name}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultRefused(name, f"{name} must be a number")
    if not option.low <= value <= option.high:
        raise FaultRefused(name, f"{name} must be between {option.low:g} and {option.high:g}")
    return value


def _direction(kind: str, given: Mapping[str, object]) -> str:
    direction = given.get("direction", "uplink")
    if kind == "one_way_audio" and direction not in DIRECTIONS:
        raise FaultRefused("direction", "direction is uplink (from the modem) or downlink (to it)")
    return str(direction)
