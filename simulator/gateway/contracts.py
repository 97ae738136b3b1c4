"""A gateway line as the box's own interfaces see it: SIP on one side, a vendor's tongue on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulator.modem.core import Registration
from simulator.sim import Sim


class LineCall(StrEnum):
    """What the GSM side of a line is doing."""

    IDLE = "idle"
    DIALING = "dialing"
    ALERTING = "alerting"
    CONNECTED = "connected"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Received:
    """A whole SMS as a box shows it; its parts are joined. `stamp`: seconds since 1970. `text` may be any Unicode."""

    sender: str
    text: str
    stamp: float
    smsc: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """A status report: `reference` is what the submit was answered with, `status` TP-ST, `to` the recipient."""

    reference: int
    to: str
    status: int
    stamp: float


@dataclass(frozen=True, slots=True)
class Submitted:
    """How a submit went: `error` is a CMS code, or None; then `reference` (0 to 255) counts, of the last part."""

    error: int | None
    reference: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True)
class UssdAnswer:
    """`expects_reply`: the session goes on. `supported` False: the network knows no such code."""

    text: str
    expects_reply: bool = False
    supported: bool = True


class GatewayLine(Protocol):
    """One GSM module with its SIM. Callbacks come on the loop, never within the call that asked.

    `on_received` and `on_reported` are asked whether the box takes the thing; False: the network keeps it and tries
    again. `on_changed`: registration, signal or call state are different. `on_ussd`: the network began a session.
    """

    index: int  # from 0
    name: str  # "gateway1-1": the device name of faults
    sim: Sim
    on_received: Callable[[Received], bool]
    on_reported: Callable[[Reported], None]
    on_changed: Callable[[], None]
    on_ussd: Callable[[UssdAnswer], None]

    @property
    def imei(self) -> str: ...
    @property
    def has_sim(self) -> bool: ...
    @property
    def registration(self) -> Registration: ...
    @property
    def rssi(self) -> int:
        """0 to 31, 99 unknown (27.007 §8.5)."""

    @property
    def call_state(self) -> LineCall: ...
    @property
    def call_number(self) -> str:
        """The other party of the call there is, or an empty string."""

    @property
    def call_cause(self) -> int | None:
        """Q.850 of the last call that ended; None before the first."""

    @property
    def enabled(self) -> bool: ...
    def submit(self, to: str, text: str, done: Callable[[Submitted], None], *, report: bool = True) -> None:
        """Send an SMS, in as many parts as it takes."""

    def ussd(self, text: str, done: Callable[[UssdAnswer], None]) -> None:
        """A code, or the reply within a session."""

    def ussd_end(self) -> None: ...
    def hang_up(self) -> None: ...
    def restart(self) -> None:
        """Power-cycle the module: its call ends, it registers anew after some seconds."""

    def enable(self, on: bool) -> None: ...


class Tongue(Protocol):
    """A vendor's interface of the simulated box. `where` is announced, for whoever configures the agent."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    @property
    def where(self) -> dict[str, object]:
        """Ports, user, password, per-line names: what a technician would read off the box's pages."""
