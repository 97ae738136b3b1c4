"""What a line of a gateway offers by the box's own tongue, while that answers."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from edge_agent.contracts import (
    OnSegment,
    OutboundSms,
    PacedSms,
    RadioService,
    RadioStatus,
    SmsService,
    UssdReply,
    UssdService,
)
from edge_agent.drivers.gateway.management import ManagedLine, Management
from telecore.errors import DeviceLost, DeviceRefused, NoNetwork
from telecore.ids import ChannelId

log = logging.getLogger(__name__)


class Box(Protocol):
    """What the services need of their gateway."""

    def managed(self) -> Management:
        """Raises NoNetwork while the box's own interface does not answer."""

    def status(self, channel: ChannelId) -> RadioStatus: ...


@dataclass(frozen=True, slots=True)
class LineSms(SmsService):
    """A PacedSms, whatever the box's own service is."""

    box: Box
    line: ManagedLine

    def wait_s(self) -> float:
        """See ``contracts.PacedSms``."""
        try:
            service = self.box.managed().sms(self.line)
        except (NoNetwork, DeviceLost):
            return 0.0  # the submit says what is wrong
        return service.wait_s() if isinstance(service, PacedSms) else 0.0

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        service = self.box.managed().sms(self.line)
        if service is None:
            raise DeviceRefused("error", None, "this gateway sends no SMS")
        await service.submit(sms, first, on_segment)


@dataclass(frozen=True, slots=True)
class LineUssd(UssdService):
    box: Box
    line: ManagedLine

    def _service(self) -> UssdService:
        service = self.box.managed().ussd(self.line)
        if service is None:
            raise DeviceRefused("error", None, "this gateway has no USSD")
        return service

    async def request(self, code: str) -> UssdReply:
        return await self._service().request(code)

    async def cancel(self) -> None:
        with suppress(NoNetwork):
            await self._service().cancel()


@dataclass(frozen=True, slots=True)
class LineRadio(RadioService):
    box: Box
    line: ManagedLine

    async def status(self) -> RadioStatus:
        return self.box.status(self.line.channel)

    async def restart(self) -> None:
        done = await self.box.managed().restart_line(self.line)
        log.info("%s: %s", self.line.channel, done)
