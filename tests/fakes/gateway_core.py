"""A Core that keeps what a gateway's driver tells, and whose disk may be full."""

from __future__ import annotations

import asyncio

from edge_agent.contracts import IncomingCall, RadioStatus, SmsPart, StatusReport, UssdReply
from telecore.errors import StorageFailed
from telecore.events import Event
from telecore.ids import ChannelId
from telecore.model import ChannelState
from telecore.sim_health import StoreLevel


class GatewayCore:
    """``full``: so many stores fail from now on. ``slow_s``: how long each takes."""

    def __init__(self) -> None:
        self.parts: list[SmsPart] = []
        self.reports: list[StatusReport] = []
        self.radios: list[tuple[ChannelId, RadioStatus]] = []
        self.ussds: list[tuple[ChannelId, UssdReply]] = []
        self.full = 0
        self.slow_s = 0.0
        self.changed = asyncio.Event()

    @property
    def keys(self) -> set[str]:
        """Each received PDU once, as the spool would keep it."""
        return {part.key for part in self.parts}

    async def part(self, part: SmsPart) -> None:
        await self._store()
        self.parts.append(part)
        self.changed.set()

    async def report(self, report: StatusReport) -> None:
        await self._store()
        self.reports.append(report)
        self.changed.set()

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self.radios.append((channel, status))
        self.changed.set()

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None:
        self.ussds.append((channel, reply))
        self.changed.set()

    async def event(self, event: Event) -> None: ...

    def stored(self, channel: ChannelId, level: StoreLevel) -> None: ...

    def incoming(self, call: IncomingCall) -> None: ...

    def last_radio(self, channel: ChannelId) -> RadioStatus:
        """Absent while nothing was told."""
        told = [status for name, status in self.radios if name == channel]
        return told[-1] if told else RadioStatus(ChannelState.ABSENT)

    async def _store(self) -> None:
        await asyncio.sleep(self.slow_s)
        if self.full > 0:
            self.full -= 1
            raise StorageFailed("the disk is full")
