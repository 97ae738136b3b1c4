"""A simulated SMSC on a real port, the network behind it, and an SmppDevice bound to it, in one event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from edge_agent.contracts import OutboundSms, RadioStatus, SmsPart, StatusReport, SubmitRef
from edge_agent.drivers.gateway.smpp import SmppDevice
from edge_agent.drivers.gateway.smpp_settings import (
    Alphabet,
    Bind,
    LongMessages,
    ReceiptIds,
    SmppSettings,
    Validity,
)
from simulator.network import Network
from simulator.smpp.link import LINK, Contract, Manners, SmppLink
from simulator.smpp.server import SmscServer
from simulator.timing import LoopTimers
from telecore.ids import ChannelId, DeviceId

NUMBERS = ("+85523000001", "+85523000002")
HANDSET, OTHER_HANDSET, FAILING = "+85512000010", "+85512000011", "+85512000005"
CHANNEL = ChannelId("site-1/smsc")


class RecordingCore:
    """What a device told; ``fails`` is raised instead of keeping a part or report."""

    def __init__(self) -> None:
        self.parts: list[SmsPart] = []
        self.reports: list[StatusReport] = []
        self.radios: list[RadioStatus] = []
        self.fails: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def part(self, part: SmsPart) -> None:
        await self._keep()
        self.parts.append(part)

    async def report(self, report: StatusReport) -> None:
        await self._keep()
        self.reports.append(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self.radios.append(status)

    async def _keep(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.fails is not None:
            raise self.fails


@dataclass
class Smsc:
    """The network's side."""

    network: Network
    link: SmppLink
    server: SmscServer

    def fault(self, kind: str, target: str = LINK, **options: float) -> str:
        return self.network.faults.begin(kind, target, options, None).id

    def texts(self, number: str = HANDSET) -> list[str]:
        inbox = self.network.inbox(number)
        assert inbox is not None
        return [str(message["body"]) for message in inbox.messages]

    def handset(self, number: str = HANDSET) -> Any:
        return self.network.handsets[number]


@asynccontextmanager
async def smsc(
    manners: Manners | None = None, *, speed: float = 2000.0, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Smsc]:
    random = Random(1)
    timers = LoopTimers(asyncio.get_running_loop(), speed=speed, random=random)
    network = Network(timers, 0, random)
    link = SmppLink(Contract("simferry", "ferry123", NUMBERS), network.smsc, timers, manners)
    network.attach_link(LINK, NUMBERS, link)
    server = SmscServer(link, network.faults, timers, port=port, tls=tls)
    await server.start()
    try:
        yield Smsc(network, link, server)
    finally:
        await server.stop()
        await asyncio.sleep(0.01)


def settings(port: int, **options: Any) -> SmppSettings:
    given = {"numbers": NUMBERS, "system_id": "simferry", "password": "ferry123", "answer_s": 5.0, **options}
    kinds = {"alphabet": Alphabet, "long": LongMessages, "validity": Validity, "receipt_ids": ReceiptIds, "bind": Bind}
    given |= {name: kind(given[name]) for name, kind in kinds.items() if name in given}
    return SmppSettings(device=DeviceId("smsc"), channel=CHANNEL, host="127.0.0.1", port=port, **given)


@dataclass
class Running:
    device: SmppDevice
    core: RecordingCore
    task: asyncio.Task[None]
    refs: list[SubmitRef] = field(default_factory=list)

    async def submit(self, body: str, to: str = HANDSET, **options: Any) -> list[SubmitRef]:
        refs: list[SubmitRef] = []

        async def noted(ref: SubmitRef) -> None:
            refs.append(ref)

        service = self.device.channels[0].sms
        assert service is not None
        await service.submit(OutboundSms(to, body, **options), 0, noted)
        return refs


@asynccontextmanager
async def running(port: int, **options: Any) -> AsyncIterator[Running]:
    device, core = SmppDevice(settings(port, **options)), RecordingCore()
    await device.open()
    task = asyncio.create_task(device.run(core))
    await asyncio.sleep(0)
    try:
        yield Running(device, core, task)
    finally:
        await device.close()
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


async def until(condition: Callable[[], object], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
