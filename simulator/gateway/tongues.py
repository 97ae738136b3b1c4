"""Which vendor's interface a family of boxes has beside SIP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.gateway.contracts import GatewayLine, Tongue
from simulator.gateway.dinstar import DinstarBox
from simulator.gateway.goip import GoipTongue
from simulator.gateway.goip_client import GoipHabits
from simulator.gateway.manager import ManagerHabits, ManagerTongue, openvox_habits
from simulator.gateway.plans import read_server
from simulator.gateway.synway import SynwayBox
from simulator.timing import Timers

Maker = Callable[[Sequence[GatewayLine], Timers, str, str], Tongue]


KEEPALIVE_S = 4.0
"""A GoIP's are 30 s apart; whoever rehearses should not wait so long until its lines are there, or seen to be gone."""


def _goip(lines: Sequence[GatewayLine], timers: Timers, password: str, server: str) -> Tongue:
    reports_to = read_server(server) if server else None
    return GoipTongue(lines, timers, server=reports_to, password=password, habits=GoipHabits(keepalive_s=KEEPALIVE_S))


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
