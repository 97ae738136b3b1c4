"""What a box's own tongue tells the agent, with what it says of radios going through the gateway first."""

from __future__ import annotations

from typing import Protocol

from edge_agent.contracts import Core, IncomingCall, RadioStatus, SmsPart, StatusReport, UssdReply
from telecore.events import Event
from telecore.ids import ChannelId
from telecore.sim_health import StoreLevel


class Hears(Protocol):
    """Who puts the radio and the SIP of a line together."""

    def heard(self, channel: ChannelId, status: RadioStatus) -> None: ...


class ManagedCore(Core):
    """See ``contracts.Core``."""

    def __init__(self, core: Core, gateway: Hears) -> None:
        self._core = core
        self._gateway = gateway

    async def part(self, part: SmsPart) -> None:
        await self._core.part(part)

    async def report(self, report: StatusReport) -> None:
        await self._core.report(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self._gateway.heard(channel, status)

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None:
        await self._core.ussd(channel, reply)

    async def event(self, event: Event) -> None:
        await self._core.event(event)

    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        self._core.stored(channel, level)

    def incoming(self, call: IncomingCall) -> None:
        self._core.incoming(call)
