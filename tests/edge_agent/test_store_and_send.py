"""A message sent from the modem's storage, the power going at each step: what is known is known, nothing goes twice."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.pdu import encode_submit
from edge_agent.messages import Messages
from edge_agent.spool import Begun, Spool, Taken
from telecore.commands import SendMessage
from telecore.errors import DeviceLost
from telecore.ids import ChannelId, MessageSid
from telecore.model import ChannelState
from telecore.sms import split
from tests.fakes.tunnel import until
from tests.simulator.rig import Rig

CHANNEL = ChannelId("site-1/modem1")
PROFILES = load_profiles()


@pytest.fixture
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("lab"), "--modems", "1")
    rig.registered()
    yield rig
    assert rig.stop() == 0


class Edge:
    """Modem, messages and spool of an agent, without its cloud. Also the ``Core`` and the ``Lines`` of them."""

    def __init__(self, rig, spool, doubt_s):
        self.rig, self.spool = rig, spool
        self.messages = Messages(spool, self, doubt_s=doubt_s)
        self.state = ChannelState.SEARCHING
        self.modem = None
        self.seq = 0

    def sms(self, channel):
        return self.modem.channels[0].sms if self.modem is not None else None

    def registered(self, channel):
        return self.state is ChannelState.REGISTERED

    def number(self, channel):
        return None

    async def radio(self, channel, status):
        self.state = status.state
        self.messages.wake(channel)

    async def part(self, part):
        await self.messages.part(part)

    async def report(self, report):
        await self.messages.report(report)

    async def event(self, event):
        pass

    async def ussd(self, channel, reply):
        pass

    def stored(self, channel, level):
        pass

    async def serve(self):
        """The runner, in short."""
        while True:
            settings = ModemSettings("modem1", CHANNEL, self.rig.line["modems"][0]["at"], silent=True)
            modem = AtModem(settings, PROFILES.choose)
            try:
                await modem.open()
                self.modem = modem
                await modem.run(self)
            except DeviceLost:
                pass
            finally:
                self.modem, self.state = None, ChannelState.SEARCHING
                await modem.close()
            await asyncio.sleep(0.1)

    async def send(self, body, *, repeat=False):
        self.seq = await self.spool.applied("cloud") + 1
        sid = MessageSid(f"SM{self.seq:032x}")
        to = self.rig.line["handsets"]["free"][0]
        command = SendMessage(message=sid, channel=CHANNEL, to=to, body=body, repeat=repeat)
        assert await self.spool.journal([Taken("cloud", self.seq, command)]) == [True]
        self.messages.enqueue(command)

    async def told(self, kind, count=1, limit=20):
        async with asyncio.timeout(limit):
            while True:
                rows = [row for _, row in await self.spool.read(0, 1000) if row["kind"] == kind]
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.02)

    async def heard(self):
        to = self.rig.line["handsets"]["free"][0]
        return Counter(message["body"] for message in await asyncio.to_thread(self.rig.api.messages, to))

    async def habit(self, **habits):
        await asyncio.to_thread(self.rig.api.put, "/modems/modem1", habits)


@asynccontextmanager
async def edge(rig, tmp_path, doubt_s=2.0):
    spool = await Spool.open(tmp_path / "spool.db")
    made = Edge(rig, spool, doubt_s)
    tasks = [asyncio.create_task(made.serve()), asyncio.create_task(made.messages.run())]
    try:
        await until(lambda: made.registered(CHANNEL), 10)
        yield made
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await spool.close()
        assert all(isinstance(how, asyncio.CancelledError) for how in ended), ended


async def empty(made):
    async with asyncio.timeout(10):
        while True:
            service = made.sms(CHANNEL)
            if service is not None and not await service.held():
                return
            await asyncio.sleep(0.05)


async def test_a_message_is_written_sent_and_deleted(rig, tmp_path):
    async with edge(rig, tmp_path) as made:
        assert made.sms(CHANNEL).holds
        await made.send("hello")
        await made.send("x" * 400)
        await made.told("message.delivered", 2)
        assert made.sms(CHANNEL).marks is True
        assert await made.spool.is_proven(made.sms(CHANNEL).device)
        assert await made.sms(CHANNEL).held() == ()
        assert await made.heard() == {"hello": 1, "x" * 400: 1}


@pytest.mark.parametrize("step", ["written", "accepted", "marked"])
async def test_the_power_goes_and_it_is_known_what_went(rig, tmp_path, step):
    async with edge(rig, tmp_path, doubt_s=10.0) as made:
        await made.send("before")
        await made.told("message.delivered")
        # A modem that starts acknowledges reports and forgets them until it is told where they go.
        late = {"kind": "late_delivery_report", "target": "modem1", "delay_s": 3}
        await asyncio.to_thread(rig.api.post, "/faults", late)
        await made.habit(power_fails=step)
        await made.send("cut")
        await made.send("after")
        await made.told("message.delivered", 3)
        await empty(made)
        assert await made.heard() == {"before": 1, "cut": 1, "after": 1}
        assert len(await made.told("message.submitted", 3)) == 3


async def test_what_was_begun_and_has_no_copy_yet_is_sent_once(rig, tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    earlier = Edge(rig, spool, 2.0)
    for n in range(5):
        await earlier.send(f"begun {n}")
    begun = [Begun(sms.command.message, held=True) for sms in await spool.queued_sms()]
    assert await spool.begin_submits(begun) == [True] * 5
    await spool.close()
    async with edge(rig, tmp_path) as made:
        await made.told("message.delivered", 5)
        assert await made.heard() == {f"begun {n}": 1 for n in range(5)}
        assert await made.told("message.failed", 0) == []


async def test_the_power_goes_after_the_first_of_three_segments_and_the_rest_follows(rig, tmp_path):
    async with edge(rig, tmp_path, doubt_s=10.0) as made:
        await made.send("before")
        await made.told("message.delivered")
        await asyncio.to_thread(
            rig.api.post, "/faults", {"kind": "late_delivery_report", "target": "modem1", "delay_s": 2}
        )
        await made.habit(power_fails="marked")
        await made.send("x" * 400)
        await made.told("message.delivered", 2)
        assert await made.heard() == {"before": 1, "x" * 400: 1}
        (row,) = [row for row in await made.told("message.submitted", 2) if row["segments"] == 3]
        assert len(row["refs"]) == 2, "that of the first was not heard"


@pytest.mark.parametrize("repeat", [False, True])
async def test_the_power_goes_and_nobody_knows(rig, tmp_path, repeat):
    async with edge(rig, tmp_path, doubt_s=0.5) as made:
        await made.send("before")
        await made.told("message.delivered")
        await made.habit(power_fails="sending")
        await made.send("cut", repeat=repeat)
        await made.send("after")
        if repeat:
            await made.told("message.delivered", 3)
        else:
            assert [row["uncertain"] for row in await made.told("message.failed")] == [True]
            await made.told("message.delivered", 2)
        await empty(made)
        assert (await made.heard())["cut"] == int(repeat)


@pytest.mark.parametrize("habit", [{"sends_stored": False}, {"marks_sent": False}])
async def test_a_modem_that_cannot_or_does_not_tell_sends_at_once(rig, tmp_path, habit):
    rig.api.put("/modems/modem1", habit)
    async with edge(rig, tmp_path) as made:
        for n in range(3):
            await made.send(f"hello {n}")
        await made.told("message.delivered", 3)
        assert not made.sms(CHANNEL).holds
        assert await made.heard() == {f"hello {n}": 1 for n in range(3)}
        assert not await made.spool.is_proven(made.sms(CHANNEL).device)


async def test_strangers_in_the_storage_stay_and_ours_go(rig, tmp_path):
    async with edge(rig, tmp_path) as made:
        await made.send("hello")
        await made.told("message.delivered")
    line = rig.at(1)
    line.ask('AT+CPMS="ME","ME","SM"')
    to = rig.line["handsets"]["free"][0]
    for body in ("hello", "a stranger"):
        pdu, length = encode_submit(to, split(body)[0])
        line.port.write(f"AT+CMGW={length}\r".encode())
        line.read_until("> ")
        line.port.write(pdu.encode() + b"\x1a")
        line.read_until("OK")
    line.close()
    del rig.open[1]
    async with edge(rig, tmp_path) as made:
        await made.send("again")
        await made.told("message.delivered", 2)
        assert [entry.sent for entry in await made.sms(CHANNEL).held()] == [False]
