"""The SMS half of an agent with one SMPP link, as a process that a test may kill: spool, queue, runner and device.

``python -m tests.fakes.smpp_agent SPOOL PORT``. It sends what the spool has queued, and keeps what comes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge_agent.contracts import RadioStatus, SmsPart, SmsService, StatusReport
from edge_agent.devices.runner import DeviceRunner
from edge_agent.drivers.gateway.smpp import SmppDevice
from edge_agent.messages import Messages
from edge_agent.spool import Spool
from telecore.backoff import Policy
from telecore.ids import ChannelId
from telecore.model import ChannelState
from tests.fakes.smpp_site import CHANNEL, settings

DOUBT_S = 3.0
QUICK = Policy(first=0.02, factor=1.0, cap=0.02)


class Agent:
    """Lines, Core and all."""

    def __init__(self, spool: Spool, port: int) -> None:
        self.messages = Messages(spool, self, doubt_s=DOUBT_S)
        self.runner = DeviceRunner(
            "smsc",
            lambda: SmppDevice(settings(port)),
            [CHANNEL],
            self,
            stopping=asyncio.Event(),
            retry=QUICK,
            absent_retry=QUICK,
        )
        self._state = ChannelState.ABSENT

    def sms(self, channel: ChannelId) -> SmsService | None:
        return next((line.sms for line in self.runner.channels), None)

    def registered(self, channel: ChannelId) -> bool:
        return self._state is ChannelState.REGISTERED

    def number(self, channel: ChannelId) -> None:
        return None

    async def part(self, part: SmsPart) -> None:
        await self.messages.part(part)

    async def report(self, report: StatusReport) -> None:
        await self.messages.report(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self._state = status.state
        self.messages.wake(channel)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.messages.run())
            group.create_task(self.runner.run())


async def main() -> None:
    spool = await Spool.open(Path(sys.argv[1]))
    await Agent(spool, int(sys.argv[2])).run()


if __name__ == "__main__":
    asyncio.run(main())
