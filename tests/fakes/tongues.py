"""What tests of gateways' tongues share: a fast network with a box's lines, and cores that keep what they hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from edge_agent.contracts import IncomingCall, RadioStatus, SmsPart, StatusReport, UssdReply
from edge_agent.drivers.gateway.management import ManagedLine
from edge_agent.messages import Messages
from simulator.gateway.line import Line
from simulator.identity import imei
from simulator.modem.core import Registration
from simulator.network import Network
from simulator.timing import LoopTimers
from telecore.errors import StorageFailed
from telecore.events import Event
from telecore.ids import ChannelId
from telecore.model import ChannelState
from telecore.sim_health import StoreLevel

LINE0, LINE1, ANSWERS = "+85510000001", "+85510000002", "+85512000001"
CHANNELS = (ChannelId("site-1/gw/0"), ChannelId("site-1/gw/1"))


class Towers:
    """A network whose seconds take a fraction of ours, with the lines of one gateway."""

    def __init__(self, lines: int = 2, *, speed: float = 150.0) -> None:
        self.timers = LoopTimers(asyncio.get_running_loop(), speed=speed, random=Random(7))
        self.network = Network(self.timers, 0, Random(7), gateways={"gateway1": lines})
        sims = self.network.gateway_sims["gateway1"]
        self.lines = [Line(index, sim, imei(index + 1), self.network) for index, sim in enumerate(sims)]

    async def on(self) -> None:
        for line in self.lines:
            line.power(on=True)
        await until(lambda: all(line.registration is Registration.HOME for line in self.lines))

    def inbox(self, number: str) -> list[object]:
        """The texts that a handset has received."""
        return [message["body"] for message in self.network.handsets[number].inbox.messages]

    def fault(self, kind: str, line: int = 0, **options: object) -> str:
        return self.network.faults.begin(kind, self.lines[line].name, options, None).id

    def over(self, fault: str) -> None:
        assert self.network.faults.end(fault)


class KeepingCore:
    """Keeps all it is told; ``full``: the disk is, and nothing can be kept."""

    def __init__(self) -> None:
        self.parts: list[SmsPart] = []
        self.reports: list[StatusReport] = []
        self.radios: dict[ChannelId, list[RadioStatus]] = {}
        self.said: list[tuple[ChannelId, UssdReply]] = []
        self.full = False

    async def part(self, part: SmsPart) -> None:
        self._keep()
        self.parts.append(part)

    async def report(self, report: StatusReport) -> None:
        self._keep()
        self.reports.append(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self.radios.setdefault(channel, []).append(status)

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None:
        self.said.append((channel, reply))

    async def event(self, event: Event) -> None:
        """Not of interest."""

    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        """Not of interest."""

    def incoming(self, call: IncomingCall) -> None:
        """Calls come by SIP."""

    def state(self, channel: ChannelId) -> ChannelState | None:
        told = self.radios.get(channel)
        return told[-1].state if told else None

    def bodies(self) -> list[str]:
        return [part.body for part in self.parts]

    def _keep(self) -> None:
        if self.full:
            raise StorageFailed("the disk is full")


class MessagesCore(KeepingCore):
    """Hands SMS and reports to the agent's real Messages, as the agent's own core does."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: Messages | None = None

    async def part(self, part: SmsPart) -> None:
        await super().part(part)
        assert self.messages is not None
        await self.messages.part(part)

    async def report(self, report: StatusReport) -> None:
        await super().report(report)
        assert self.messages is not None
        await self.messages.report(report)


def managed(names: tuple[str, ...] = ("0", "1")) -> tuple[ManagedLine, ...]:
    return tuple(ManagedLine(channel, name) for channel, name in zip(CHANNELS, names, strict=False))


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
