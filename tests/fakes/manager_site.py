"""A simulated box with a manager port, the agent's end of it, and what the agent is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from edge_agent.contracts import OutboundSms, SmsService, SubmitRef, UssdService
from edge_agent.drivers.gateway.management import ManagedLine, Management, ManagementSettings
from simulator.gateway.manager import ManagerHabits, ManagerTongue
from telecore.ids import ChannelId, DeviceId
from telecore.model import ChannelState
from tests.fakes.gateway_core import GatewayCore
from tests.fakes.gateway_line import FakeGatewayLine, timers

Make = Callable[[ManagementSettings], Management]


class ManagerSite:
    def __init__(self, make: Make, habits: ManagerHabits, lines: int, options: Mapping[str, str]) -> None:
        self.lines = [FakeGatewayLine(index) for index in range(lines)]
        self.tongue = ManagerTongue(self.lines, timers(), habits=habits)
        self.managed = tuple(ManagedLine(ChannelId(f"e/gw/{index + 1}"), str(index + 1)) for index in range(lines))
        self.core = GatewayCore()
        self.refs: list[SubmitRef] = []
        self.running: asyncio.Task[None] | None = None
        self._make = make
        self._options = options
        self.management: Management

    def settings(self, password: str = "apipass") -> ManagementSettings:
        return ManagementSettings(
            DeviceId("gw"),
            "127.0.0.1",
            self.tongue.port,
            user="apiuser",
            password=password,
            lines=self.managed,
            poll_s=0.1,
            options=self._options,
        )

    @property
    def sms(self) -> SmsService:
        service = self.management.sms(self.managed[0])
        assert service is not None
        return service

    @property
    def ussd(self) -> UssdService:
        service = self.management.ussd(self.managed[0])
        assert service is not None
        return service

    async def note(self, ref: SubmitRef) -> None:
        self.refs.append(ref)

    async def submit(self, sms: OutboundSms, first: int = 0) -> None:
        async with asyncio.timeout(10):
            await self.sms.submit(sms, first, self.note)

    async def open(self) -> None:
        await self.tongue.start()
        self.management = self._make(self.settings())
        await self.management.open()
        self.running = asyncio.create_task(self.management.run(self.core))

    async def until(self, holds: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def state(self, line: int = 0) -> ChannelState:
        return self.core.last_radio(self.managed[line].channel).state

    async def close(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait({self.running})
            await self.management.close()
        await self.tongue.stop()


@asynccontextmanager
async def manager_site(
    make: Make, habits: ManagerHabits, lines: int = 1, options: Mapping[str, str] | None = None
) -> AsyncIterator[ManagerSite]:
    made = ManagerSite(make, habits, lines, options or {})
    try:
        await made.open()
        yield made
    finally:
        await made.close()
