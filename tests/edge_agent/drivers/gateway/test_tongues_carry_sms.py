"""SMS both ways over each tongue: the agent's own Messages and Spool, the driver, the simulated box, its network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from edge_agent.contracts import IncomingCall, RadioStatus, SmsPart, SmsService, StatusReport, UssdReply
from edge_agent.drivers.gateway.goip import GoipManagement
from edge_agent.drivers.gateway.management import ManagedLine, Management, ManagementSettings
from edge_agent.drivers.gateway.openvox import OpenVoxManagement
from edge_agent.drivers.gateway.yeastar import YeastarManagement
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken
from simulator.gateway.contracts import Tongue
from simulator.gateway.goip import GoipTongue
from simulator.gateway.goip_client import GoipHabits
from simulator.gateway.line import Line
from simulator.gateway.manager import ManagerHabits, ManagerTongue, openvox_habits
from simulator.identity import imei
from simulator.network import Network
from simulator.timing import LoopTimers
from telecore.commands import SendMessage
from telecore.events import Event
from telecore.ids import E164, ChannelId, DeviceId, MessageSid
from telecore.model import ChannelState
from telecore.sim_health import StoreLevel
from telecore.sms import count_segments

FREE = "+85512000010"
LONG = "Flood warning for Stung Treng: " + "ទឹកជំនន់ " * 20
SEGMENTS = count_segments(LONG).segments
SPEED = 100.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Family(Protocol):
    """How one kind of box is put up."""

    def __call__(self, lines: list[Line], timers: LoopTimers) -> tuple[Tongue, Callable[[], Management]]: ...


def channel(number: int) -> ChannelId:
    return ChannelId(f"site-1/gw/{number}")


def goip(lines: list[Line], timers: LoopTimers) -> tuple[Tongue, Callable[[], Management]]:
    tongue = GoipTongue(lines, timers, habits=GoipHabits(keepalive_s=0.2, resend_s=0.2, boot_s=0.3))
    managed = tuple(
        ManagedLine(channel(number), client.ident, password=client.password)
        for number, client in enumerate(tongue.clients, 1)
    )
    options = {"keepalive_s": "0.2", "repeat_s": "0.1", "silent_s": "1"}
    listen = 0

    def make() -> Management:
        settings = ManagementSettings(DeviceId("gw"), "127.0.0.1", listen_port=listen, lines=managed, options=options)
        return _Reported(settings, tongue)

    return tongue, make


class _Reported(GoipManagement):
    """Its port is entered in the box's pages as soon as it is known."""

    def __init__(self, settings: ManagementSettings, tongue: GoipTongue) -> None:
        super().__init__(settings)
        self._tongue = tongue

    async def open(self) -> None:
        await super().open()
        self._tongue.report_to(("127.0.0.1", self.listening))


def _manager(
    lines: list[Line], timers: LoopTimers, habits: ManagerHabits, make: Callable[[ManagementSettings], Management]
) -> tuple[Tongue, Callable[[], Management]]:
    tongue = ManagerTongue(lines, timers, habits=habits)
    managed = tuple(ManagedLine(channel(line.index + 1), str(line.index + 1)) for line in lines)
    options = {"between_s": "0.01", "outcome_s": "10", "send_s": "10", "ping_s": "0.5"}
    return tongue, lambda: make(
        ManagementSettings(
            DeviceId("gw"), "127.0.0.1", tongue.port, tongue.user, tongue.secret, lines=managed, poll_s=0.1,
            options=options,
        )
    )  # fmt: skip


def yeastar(lines: list[Line], timers: LoopTimers) -> tuple[Tongue, Callable[[], Management]]:
    return _manager(lines, timers, ManagerHabits(), YeastarManagement)


def openvox(lines: list[Line], timers: LoopTimers) -> tuple[Tongue, Callable[[], Management]]:
    return _manager(lines, timers, openvox_habits(), OpenVoxManagement)


class Edge:
    """The part of an agent that SMS pass through: a Core, and the Lines of Messages."""

    def __init__(self, path: Path, make: Callable[[], Management]) -> None:
        self._path = path
        self._make = make
        self._seq = 0
        self.states: dict[ChannelId, ChannelState] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.sent: list[ChannelId] = []

    async def start(self) -> None:
        self.management = self._make()
        self.spool = await Spool.open(self._path)
        self.messages = Messages(self.spool, self, doubt_s=0.0, on_sent=self.sent.append)
        await self.management.open()
        self.tasks = [asyncio.create_task(self.management.run(self)), asyncio.create_task(self.messages.run())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        await self.management.close()
        await self.spool.close()

    async def part(self, part: SmsPart) -> None:
        await self.messages.part(part)

    async def report(self, report: StatusReport) -> None:
        await self.messages.report(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        self.states[channel] = status.state
        self.messages.wake(channel)

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None: ...
    async def event(self, event: Event) -> None: ...
    def stored(self, channel: ChannelId, level: StoreLevel) -> None: ...
    def incoming(self, call: IncomingCall) -> None: ...

    def sms(self, channel: ChannelId) -> SmsService | None:
        line = next(line for line in self.management.lines if line.channel == channel)
        return self.management.sms(line)

    def registered(self, channel: ChannelId) -> bool:
        return self.states.get(channel) is ChannelState.REGISTERED

    def number(self, channel: ChannelId) -> E164 | None:
        return None

    async def send(self, line: int, to: str, body: str) -> None:
        self._seq += 1
        command = SendMessage(message=MessageSid(f"SM{self._seq}"), channel=channel(line), to=to, body=body)
        await self.spool.journal([Taken("cloud", self._seq, command)])
        self.messages.enqueue(command)

    async def told(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while True:
                rows = [row for _, row in await self.spool.read(0, 10_000) if row["kind"] == kind]
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.01)


class Site:
    def __init__(self, family: Family, path: Path) -> None:
        self.timers = LoopTimers(asyncio.get_running_loop(), speed=SPEED, random=Random(5))
        self.network = Network(self.timers, 0, Random(7), gateways={"gateway1": 2})
        sims = self.network.gateway_sims["gateway1"]
        self.lines = [Line(index, sim, imei(index + 1), self.network) for index, sim in enumerate(sims)]
        self.tongue, make = family(self.lines, self.timers)
        self.edge = Edge(path / "spool.db", make)

    def got(self, number: str) -> list[object]:
        inbox = self.network.inbox(number)
        assert inbox is not None
        return [message["body"] for message in inbox.messages]


@asynccontextmanager
async def site(family: Family, path: Path) -> AsyncIterator[Site]:
    made = Site(family, path)
    for line in made.lines:
        line.power(on=True)
    try:
        await made.tongue.start()
        await made.edge.start()
        await until(lambda: all(made.edge.registered(channel(number)) for number in (1, 2)))
        yield made
    finally:
        await made.edge.stop()
        await made.tongue.stop()


FAMILIES = pytest.mark.parametrize("family", [goip, yeastar, openvox])


@FAMILIES
async def test_an_sms_reaches_a_handset_whole(family: Family, tmp_path: Path) -> None:
    async with site(family, tmp_path) as here:
        await here.edge.send(1, FREE, "short")
        await here.edge.send(2, FREE, LONG)
        submitted = await here.edge.told("message.submitted", 2)
        # A TG is given a long text in two pieces, and makes several SMS of each.
        told = 2 if family is yeastar else SEGMENTS
        assert {row["message"]: row["segments"] for row in submitted} == {"SM1": 1, "SM2": told}
        assert sorted(here.edge.sent) == [channel(1)] + [channel(2)] * SEGMENTS
        await until(lambda: "short" in here.got(FREE))
        # A TG's text that does not fit into one command arrives as several SMS.
        await until(lambda: "".join(str(body) for body in here.got(FREE) if body != "short") == LONG)


async def test_goips_report_becomes_delivered(tmp_path: Path) -> None:
    async with site(goip, tmp_path) as here:
        await here.edge.send(1, FREE, "are you there?")
        (delivered,) = await here.edge.told("message.delivered")
        assert delivered["message"] == "SM1"


@FAMILIES
async def test_a_handsets_sms_is_received_once_and_whole(family: Family, tmp_path: Path) -> None:
    async with site(family, tmp_path) as here:
        handset = here.network.handsets[FREE]
        handset.send(here.lines[0].number, "hello; msg:there 100%\nbye")
        handset.send(here.lines[1].number, LONG)
        rows = await here.edge.told("message.received", 2)
        await asyncio.sleep(0.4)
        rows = await here.edge.told("message.received", 2)
        assert {(row["channel"], row["sender"], row["body"]) for row in rows} == {
            (channel(1), FREE, "hello; msg:there 100%\nbye"),
            (channel(2), FREE, LONG),
        }


@FAMILIES
async def test_a_network_that_refuses_fails_the_message(family: Family, tmp_path: Path) -> None:
    async with site(family, tmp_path) as here:
        here.network.faults.begin("cms_error", "gateway1-1", {"code": 28}, None)
        await here.edge.send(1, FREE, "no")
        await until(lambda: here.lines[0].sim.counters.refused > 0)
        if family is goip:  # the only one whose box tells the network's code: 28 is the number's fault, and final
            (failed,) = await here.edge.told("message.failed")
            assert (failed["message"], failed.get("uncertain", False)) == ("SM1", False)
        await asyncio.sleep(0.2)
        assert here.got(FREE) == []


async def test_an_agent_that_dies_after_send_leaves_the_message_in_doubt_and_sends_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(goip, tmp_path) as here:
        clients = here.tongue
        assert isinstance(clients, GoipTongue)
        here.network.faults.begin("no_delivery_report", "gateway1-1", {}, None)
        submit = here.lines[0].submit

        def submit_unheard(*what: Any, **how: Any) -> None:
            # As a killed process leaves it: the spool says "submitting", and nobody heard OK.
            for client in clients.clients:
                client.socket.muted = True
            submit(*what, **how)

        monkeypatch.setattr(here.lines[0], "submit", submit_unheard)
        monkeypatch.setattr("edge_agent.messages.AWAY_S", 1.0)  # the box is away by now, and stays away
        await here.edge.send(1, FREE, "once")
        (failed,) = await here.edge.told("message.failed")
        assert failed["uncertain"] is True
        for client in clients.clients:
            client.socket.muted = False
        await asyncio.sleep(0.3)
        assert here.got(FREE) == ["once"]
        assert clients.clients[0].sessions.submits == 1
