"""One gateway whose own tongue is spoken in a test: the driver, its box's lines, and what the agent is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from edge_agent.contracts import OutboundSms, SmsService, SubmitRef, UssdService
from edge_agent.drivers.gateway.management import ManagedLine, Management
from telecore.model import ChannelState
from tests.fakes.gateway_core import GatewayCore
from tests.fakes.gateway_line import FakeGatewayLine

M = TypeVar("M", bound=Management)


class ManagedSite(Generic[M]):
    """``management`` and ``managed``, its lines, are put there by whoever makes it."""

    management: M
    managed: tuple[ManagedLine, ...]

    def __init__(self, lines: int) -> None:
        self.lines = [FakeGatewayLine(index) for index in range(lines)]
        self.core = GatewayCore()
        self.refs: list[SubmitRef] = []
        self.running: asyncio.Task[None] | None = None

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

    async def until(self, holds: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def state(self, line: int = 0) -> ChannelState:
        return self.core.last_radio(self.managed[line].channel).state

    async def end(self) -> None:
        """The driver is let go."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait({self.running})
            await self.management.close()
