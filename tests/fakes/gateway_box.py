"""A simulated gateway on loopback, with the other end of its SIP played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

from simulator.calls import Call
from simulator.gateway.gateway import Gateway
from simulator.gateway.plans import GatewayPlan
from simulator.handset_audio import HandsetAudio
from simulator.network import Network
from simulator.sip.families import MANNERS
from simulator.sip.manner import Manner, Waits
from simulator.subscriber import Behaviour
from simulator.timing import LoopTimers
from tests.fakes.sip_party import Got, Party

SPEED = 200.0
LINE1, LINE2, ANSWERS, BUSY, FREE = "+85510000001", "+85510000002", "+85512000001", "+85512000002", "+85512000010"


class Box:
    """The gateway, its network, and the party."""

    def __init__(self, gateway: Gateway, network: Network, party: Party) -> None:
        self.gateway = gateway
        self.network = network
        self.party = party

    @property
    def at(self) -> tuple[str, int]:
        """Where the first line listens."""
        return "127.0.0.1", next(iter(self.gateway.switch.ports.values()))

    @property
    def call(self) -> Call:
        """The newest call of the network."""
        return list(self.network.exchange.calls.values())[-1]

    def handset(self, number: str = ANSWERS, **behaviour: object) -> None:
        phone = self.network.handsets[number]
        phone.behaviour = replace(Behaviour(), **{"answer_after_s": 0.05, **behaviour})  # type: ignore[arg-type]

    def ears(self, call: Call | None = None) -> HandsetAudio:
        audio = self.network.recordings.of((call or self.call).id)
        assert audio is not None
        return audio

    def fault(self, kind: str, target: str = "gateway1", **options: object) -> str:
        return self.network.faults.begin(kind, target, options, None).id

    async def register(self, lines: int = 1, expires: int = 60) -> list[Got]:
        """Accept what registers, as it comes."""
        accepted: list[Got] = []
        switch = self.gateway.switch
        while sum(switch.registered(line) is True for line in self.gateway.lines) < lines:
            request = await self.party.expect("REGISTER")
            self.party.answer(request, 200, f"Contact: {request.get('Contact')};expires={expires}")
            accepted.append(request)
            await asyncio.sleep(0.02)
        return accepted

    async def in_service(self) -> None:
        await until(lambda: all(line.in_service for line in self.gateway.lines))


async def until(check: Callable[[], object], limit: float = 5.0) -> None:
    end = asyncio.get_running_loop().time() + limit
    while not check():
        assert asyncio.get_running_loop().time() < end, f"not within {limit} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def a_box(
    manner: str | Manner = "plain",
    *,
    lines: int = 1,
    registers: bool | None = False,
    server: str = "",
    agent_port: int | None = None,
) -> AsyncIterator[Box]:
    """With power, and its lines in service. `agent_port`: where a real agent listens, instead of the party."""
    timers = LoopTimers(asyncio.get_running_loop(), speed=SPEED, random=Random(3))
    network = Network(timers, 0, Random(3), gateways={"gateway1": lines})
    party = Party()
    family = manner if isinstance(manner, str) else manner.name
    plan = GatewayPlan("gateway1", family, lines, ("127.0.0.1", agent_port or party.port), registers, server)
    gateway = Gateway(plan, network, manner=None if isinstance(manner, str) else manner)
    box = Box(gateway, network, party)
    box.handset()
    try:
        await gateway.start()
        await box.in_service()
        yield box
    finally:
        gateway.switch.stop()  # without the time for a polite end
        await gateway.stop()
        party.close()


def quick(name: str, **changes: object) -> Manner:
    """A family's manner with other fields."""
    return replace(MANNERS[name], **changes)  # type: ignore[arg-type]


def waits(name: str, **changes: object) -> Manner:
    """A family's manner with other waits."""
    of_family: Waits = MANNERS[name].waits
    return quick(name, waits=replace(of_family, **changes))  # type: ignore[arg-type]
