"""A simulated box with a manager port, the agent's end of it, and what the agent is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from edge_agent.drivers.gateway.management import ManagedLine, Management, ManagementSettings
from simulator.gateway.manager import ManagerHabits, ManagerTongue
from telecore.ids import ChannelId, DeviceId
from tests.fakes.gateway_line import timers
from tests.fakes.managed_site import ManagedSite

Make = Callable[[ManagementSettings], Management]


class ManagerSite(ManagedSite[Management]):
    def __init__(self, make: Make, habits: ManagerHabits, lines: int, options: Mapping[str, str]) -> None:
        super().__init__(lines)
        self.tongue = ManagerTongue(self.lines, timers(), habits=habits)
        self.managed = tuple(ManagedLine(ChannelId(f"e/gw/{index + 1}"), str(index + 1)) for index in range(lines))
        self._make = make
        self._options = options

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

    async def open(self) -> None:
        await self.tongue.start()
        self.management = self._make(self.settings())
        await self.management.open()
        self.running = asyncio.create_task(self.management.run(self.core))

    async def close(self) -> None:
        await self.end()
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
