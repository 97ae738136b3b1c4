"""A box's own tongue, as a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge_agent.contracts import Core, OnSegment, OutboundSms, RadioStatus, SubmitRef, UssdReply, UssdState
from edge_agent.drivers.gateway.management import ManagedLine
from telecore.model import ChannelState, DeviceIdentity


class FakeManagement:
    """``refuse``: what opening raises. ``lose`` ends ``run`` with an error."""

    def __init__(self, lines: Sequence[ManagedLine], refuse: Exception | None = None) -> None:
        self.lines = tuple(lines)
        self.identity = DeviceIdentity("Acme", "Box", "1.0")
        self.refuse = refuse
        self.core: Core | None = None
        self.running = asyncio.Event()
        self.sent: list[OutboundSms] = []
        self.closed = 0
        self.restarted: list[str] = []
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self) -> None:
        if self.refuse is not None:
            raise self.refuse

    async def run(self, core: Core) -> None:
        self.core = core
        for line in self.lines:
            await core.radio(line.channel, RadioStatus(ChannelState.REGISTERED))
        self.running.set()
        await self._lost

    def lose(self, error: Exception) -> None:
        self._lost.set_exception(error)

    def sms(self, line):
        return _Sms(self)

    def ussd(self, line):
        return _Ussd()

    async def restart_line(self, line: ManagedLine) -> str:
        self.restarted.append(line.name)
        return "restarted"

    async def restart(self) -> str:
        return "restarted"

    async def close(self) -> None:
        self.closed += 1


class _Sms:
    def __init__(self, management: FakeManagement) -> None:
        self._management = management

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        self._management.sent.append(sms)
        await on_segment(SubmitRef(len(self._management.sent), 0, 1))


class _Ussd:
    async def request(self, code: str) -> UssdReply:
        return UssdReply(UssdState.DONE, f"answer to {code}")

    async def cancel(self) -> None:
        return
