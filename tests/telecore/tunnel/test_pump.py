"""Two Links, each with its Pump, over a wire in memory that is cut at random: streets, notices, blobs and sound."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence

from telecore.errors import TelecoreError
from telecore.notices import BlobHeld, BlobStored, Notice
from telecore.tunnel.frames import ByeCode, Hello, Side
from telecore.tunnel.link import Link, Sinks, Stores, Work
from telecore.tunnel.pump import Pump
from tests.fakes.streets import BatchIn, Blobs, In, Out


class MemoryWire:
    """Holds what was sent until the test carries it over."""

    def __init__(self) -> None:
        self.sent: deque[str | bytes] = deque()
        self.blocked = False
        self.held = False

    def send(self, messages: Sequence[str | bytes]) -> None:
        self.sent += messages

    def free(self) -> bool:
        return not self.blocked

    def short(self, items: bool) -> bool:
        return not self.blocked and len(self.sent) < 4

    def hold(self, hold: bool) -> None:
        self.held = hold


class Clock:
    """Time that the test moves; runs what is due."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self._due.append((self.now + delay, call))
        return asyncio.get_running_loop().call_later(1000, lambda: None)

    def move(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self._due if at <= self.now]
        self._due = [entry for entry in self._due if entry[0] > self.now]
        for call in due:
            call()


class End:
    """One end: link, pump, wire, and what they told."""

    def __init__(self, side: Side, stores: Stores, clock: Clock, refusal: str | None = None) -> None:
        self.flags: set[Work] = set()
        self.notices: list[Notice] = []
        self.greeted: list[Hello] = []
        self.byes: list[tuple[str, str]] = []
        self.strange: list[str] = []
        self._refusal = refusal
        sinks = Sinks(
            on_notice=self.notices.append,
            on_greeted=self.greeted.append,
            on_over=lambda code, reason: self.byes.append((code, reason)),
            on_strange=self.strange.append,
            wake=self.flags.add,
            admit=self._admit,
        )
        self.wire = MemoryWire()
        self.link = Link(side, "site-1", stores, sinks, instance="i", clock=lambda: clock.now)
        self.pump = Pump(self.link, self.wire, clock.later, 0.005)

    async def _admit(self, hello: Hello) -> str | None:
        return self._refusal

    async def work(self) -> bool:
        """Do what is signalled, once; whether there was anything."""
        flags = list(self.flags)
        self.flags.clear()
        for work in flags:
            await self.pump.steps[work]()
        return bool(flags)


def stores(outgoing: Out, incoming: In, blobs: Blobs | None = None) -> Stores:
    return Stores(outgoing, incoming, blobs or Blobs())


async def settle(edge: End, cloud: End, clock: Clock) -> None:
    """Carry and work until nothing is left to do."""
    for _ in range(10_000):
        busy = await edge.work() | await cloud.work()
        for sender, receiver in ((edge, cloud), (cloud, edge)):
            while sender.wire.sent:
                receiver.pump.arrived(sender.wire.sent.popleft())
                busy = True
        clock.move(0.003)
        if not busy and not edge.flags and not cloud.flags:
            return
    raise AssertionError("never settles")


async def test_streets_and_blobs_survive_cuts() -> None:
    rng = random.Random(3)
    up, down, at_cloud, at_edge = Out("up"), Out("down", gaps=2), BatchIn(), In()
    edge_blobs, cloud_blobs = Blobs(), Blobs()
    recording = edge_blobs.add(rng.randbytes(300_000))
    clip = cloud_blobs.add(rng.randbytes(200_000))
    done: list[TelecoreError | None] = []
    cuts = 0
    while at_cloud.values != list(range(500)) or at_edge.values != list(range(500)) or done.count(None) < 2:
        clock = Clock()
        edge = End(Side.EDGE, stores(up, at_edge, edge_blobs), clock)
        cloud = End(Side.CLOUD, stores(down, at_cloud, cloud_blobs), clock)
        done.clear()
        for _ in range(rng.randrange(10, 120)):
            if up.highest < 500:
                up.add(up.highest)
                down.add(down.highest // 3)
            edge.flags.add(Work.FEED)
            await edge.work()
            await cloud.work()
            if edge.link.protocol.greeted and cloud.link.protocol.greeted and not done:
                edge.link.fetches.want(clip, 200_000, done.append)
                cloud.link.fetches.want(recording, 300_000, done.append)
                done.append(TelecoreError("asked"))
            for sender, receiver in ((edge, cloud), (cloud, edge)):
                for _ in range(rng.randrange(len(sender.wire.sent) + 1)):
                    receiver.pump.arrived(sender.wire.sent.popleft())
            clock.move(0.003)
        assert not edge.byes + cloud.byes
        edge.pump.stop()
        cloud.pump.stop()
        cuts += 1
    assert cuts > 5
    assert at_cloud.repetitions == at_edge.repetitions == 0
    assert edge_blobs.written == 200_000
    assert cloud_blobs.written == 300_000


async def greeted(**options: Stores) -> tuple[End, End, Clock]:
    clock = Clock()
    edge = End(Side.EDGE, options.get("edge") or stores(Out("up"), In()), clock)
    cloud = End(Side.CLOUD, options.get("cloud") or stores(Out("down"), In()), clock)
    await settle(edge, cloud, clock)
    assert edge.greeted
    assert cloud.greeted
    return edge, cloud, clock


async def test_sound_goes_ahead_of_notices_items_and_bulk() -> None:
    up, edge_blobs = Out("up"), Blobs()
    recording = edge_blobs.add(b"r" * 100_000)
    edge, cloud, clock = await greeted(edge=stores(up, In(), edge_blobs))
    cloud.link.fetches.want(recording, 100_000, lambda error: None)
    await cloud.work()
    await cloud.work()
    edge.pump.arrived(cloud.wire.sent.popleft())
    edge.wire.blocked = True
    for value in range(10):
        up.add(value)
    edge.flags.add(Work.FEED)
    for _ in range(4):
        await edge.work()
    assert edge.link.notify(BlobHeld(()))
    await edge.work()
    edge.pump.send_media(7, b"\xff" * 160)
    edge.wire.blocked = False
    clock.move(0.006)
    order: list[str | bytes] = []
    for _ in range(60):
        await edge.work()
        clock.move(0.003)
        while len(edge.wire.sent) > 3:
            order.append(edge.wire.sent.popleft())
    kinds = [message[:14] if isinstance(message, str) else message[0] for message in [*order, *edge.wire.sent]]
    assert kinds[:2] == ['{"type":"notic', 1]
    assert kinds[2:12] == ['{"type":"item"'] * 10
    assert len(kinds) > 40
    assert set(kinds[12:]) == {2}


async def test_sound_waits_for_the_line_and_goes_stale() -> None:
    edge, cloud, clock = await greeted()
    heard: list[int] = []
    cloud.link.media_handlers[7] = lambda sequence, payload: heard.append(sequence)
    edge.wire.blocked = True
    for _ in range(50):
        edge.pump.send_media(7, b"\xff" * 160)
        clock.move(0.02)
    edge.wire.blocked = False
    clock.move(0.01)
    await settle(edge, cloud, clock)
    assert heard == list(range(heard[0], 50))
    assert 38 <= heard[0] <= 41
    assert edge.link.media.dropped == heard[0]


async def test_sound_right_behind_the_greeting_does_not_overtake_it() -> None:
    clock = Clock()
    edge = End(Side.EDGE, stores(Out("up"), In()), clock)
    cloud = End(Side.CLOUD, stores(Out("down"), In()), clock)
    heard: list[int] = []
    cloud.link.media_handlers[7] = lambda sequence, payload: heard.append(sequence)
    while not edge.link.up:
        await edge.work()
        while edge.wire.sent and not edge.link.up:
            cloud.pump.arrived(edge.wire.sent.popleft())
        await cloud.work()
        while cloud.wire.sent:
            edge.pump.arrived(cloud.wire.sent.popleft())
    await edge.work()
    edge.pump.send_media(7, b"\xff" * 160)
    clock.move(0.01)
    while edge.wire.sent:
        cloud.pump.arrived(edge.wire.sent.popleft())
    assert not cloud.link.up
    assert heard == []
    await cloud.work()
    assert heard == [0]
    assert cloud.byes == []


async def test_frames_within_the_window_share_a_message() -> None:
    edge, _, clock = await greeted()
    for stream in range(8):
        assert edge.pump.send_media(stream, b"\xff" * 160)
        clock.move(0.0005)
    assert not edge.wire.sent
    clock.move(0.002)
    assert len(edge.wire.sent) == 1


async def test_nothing_is_queued_before_the_greeting() -> None:
    edge = End(Side.EDGE, stores(Out(), In()), Clock())
    assert edge.link.notify(BlobHeld(())) is False
    assert edge.pump.send_media(1, b"\xff" * 160) is False


async def test_notices_reach_the_other_side_and_strange_ones_are_told() -> None:
    edge, cloud, clock = await greeted()
    name = Blobs().add(b"x")
    assert edge.link.notify(BlobHeld((name,)))
    assert cloud.link.notify(BlobStored(name))
    for _ in range(3):
        edge.link.protocol.notice({"kind": "from.the.future"})
    await settle(edge, cloud, clock)
    assert cloud.notices == [BlobHeld((name,))]
    assert edge.notices == [BlobStored(name)]
    assert len(cloud.strange) == 1
    assert not cloud.byes


async def test_who_is_not_admitted_learns_why() -> None:
    clock = Clock()
    edge = End(Side.EDGE, stores(Out("up"), In()), clock)
    cloud = End(Side.CLOUD, stores(Out("down"), In()), clock, refusal="another agent uses this key")
    await settle(edge, cloud, clock)
    for sender, receiver in ((cloud, edge),):
        for message in sender.link.urgent():
            receiver.pump.arrived(message)
    await edge.work()
    assert edge.byes == [(ByeCode.SECOND_AGENT, "another agent uses this key")]
    assert not edge.greeted


async def test_a_fault_ends_both_sides_with_the_reason() -> None:
    edge, cloud, clock = await greeted()
    cloud.pump.arrived(b"\x07nonsense")
    await cloud.work()
    (bye,) = cloud.byes
    assert "unknown binary type 7" in bye[1]
    edge.pump.arrived(cloud.link.urgent()[0])
    await edge.work()
    assert "unknown binary type 7" in edge.byes[0][1]
    assert edge.link.notify(BlobHeld(())) is False


async def test_items_are_committed_together_where_the_store_can() -> None:
    up, batch = Out("up"), BatchIn()
    for value in range(100):
        up.add(value)
    edge, cloud, clock = await greeted(edge=stores(up, In()), cloud=stores(Out("down"), batch))
    await settle(edge, cloud, clock)
    assert batch.values == list(range(100))
    assert batch.batches < 60
    assert up.rows == []
    assert batch.history == [True] * 100
