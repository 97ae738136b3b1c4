"""One line of a GoIP: where it speaks from, and what it said last."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.contracts import RadioStatus
from edge_agent.drivers.at_modem.call_cause import parse_ceer
from edge_agent.drivers.gateway.box_values import dbm_of, number_of
from edge_agent.drivers.gateway.goip_codec import CallChanged, CallTime, HungUp, KeepAlive, Notice
from edge_agent.drivers.gateway.line_sim import sim_by
from edge_agent.drivers.gateway.management import ManagedLine
from telecore.errors import NoNetwork
from telecore.model import ChannelState, LineCall, Service

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class CallEnd:
    """Why the line's last call ended: Q.850, where the firmware's words tell it; ``at`` on the loop's clock."""

    cause: int | None
    at: float


class GoipLine:
    """``password``: the line's own, or the box's. ``silent_s``: so long without a keep-alive is too long, from ``now``
    on.
    """

    def __init__(self, line: ManagedLine, password: str, silent_s: float, now: float) -> None:
        self.line = line
        self.ended: CallEnd | None = None
        self.password = password
        self._silent_s = silent_s
        self._address: Address | None = None
        self._heard_at = now
        self._said: KeepAlive | None = None
        self._minutes: int | None = None
        self._call: LineCall | None = None

    @property
    def address(self) -> Address:
        """Where it listens: whence its keep-alives come. Raises NoNetwork while it has not registered."""
        if self._address is None:
            raise NoNetwork(f"{self.line.name} has not registered yet")
        return self._address

    def is_silent(self, now: float) -> bool:
        """Whether too many keep-alives were missed."""
        return now - self._heard_at > self._silent_s

    def is_heard(self, now: float) -> bool:
        """Whether it has registered, and still is there."""
        return self._said is not None and not self.is_silent(now)

    def hear(self, notice: Notice, source: Address, now: float) -> None:
        """Take what it says about itself, if it does."""
        match notice.news:
            case KeepAlive() as said:
                self._said, self._address, self._heard_at = said, source, now
            case HungUp() as end:
                self.ended = CallEnd(cause_of(end.cause), now)
            case CallChanged(state):
                self._call = state
            case CallTime() as limit:
                self._minutes = limit.minutes
            case _:
                return

    def status(self, now: float) -> RadioStatus:
        """How it stands."""
        said = self._said
        if said is None:
            state = ChannelState.FAULTY if self.is_silent(now) else ChannelState.SEARCHING
            return RadioStatus(state, reason=f"the box has not registered line {self.line.name}")
        number = self.line.number or number_of(said.number)
        sim = sim_by(said.imsi, said.iccid, operator=said.operator, number=number)
        if self.is_silent(now):
            return RadioStatus(ChannelState.FAULTY, sim, reason=f"no keep-alive for {self._silent_s:.0f} s")
        signal = dbm_of(said.rssi)
        if said.disabled:
            return RadioStatus(ChannelState.DISABLED, sim, reason="disabled in the box")
        if said.registered:
            spent = self._minutes == 0
            reason = "the box's own limit of call minutes is used up" if spent else ""
            without = frozenset({Service.VOICE}) if spent else frozenset[Service]()
            return RadioStatus(ChannelState.REGISTERED, sim, signal, reason, without=without, call=self._call)
        if sim is None:
            return RadioStatus(ChannelState.ABSENT, reason="no SIM, or one that cannot be read")
        return RadioStatus(ChannelState.SEARCHING, sim, signal, "not registered")


def cause_of(text: str) -> int | None:
    """The Q.850 cause in the words of a HANGUP; None when they tell none."""
    return parse_ceer((f"cause: {text}",))
