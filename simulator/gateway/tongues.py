"""Which vendor's interface a family of boxes has beside SIP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.gateway.contracts import GatewayLine, Tongue
from simulator.gateway.dinstar import DinstarBox
from simulator.gateway.goip import GoipTongue
from simulator.gateway.manager import ManagerHabits, ManagerTongue, openvox_habits
from simulator.gateway.plans import read_server
from simulator.gateway.synway import SynwayBox
from simulator.timing import Timers

Maker = Callable[[Sequence[GatewayLine], Timers, str, str], Tongue]


def _goip(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    return GoipTongue(lines, timers, server=read_server(server) if server else None, password=password)


def _dinstar(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    return DinstarBox(lines, timers, password=password, push_url=server)


def _yeastar(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    del server
    return ManagerTongue(lines, timers, secret=password, habits=ManagerHabits())


def _openvox(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    del server
    return ManagerTongue(lines, timers, secret=password, habits=openvox_habits())


def _synway(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    del server
    return SynwayBox(lines, timers, password=password)


MAKERS: dict[str, Maker] = {
    "goip": _goip,
    "dinstar": _dinstar,
    "yeastar": _yeastar,
    "openvox": _openvox,
    "synway": _synway,
}
"""Family → (lines, timers, the box's password, what it reports to by itself: an address or a URL) → its interface."""
