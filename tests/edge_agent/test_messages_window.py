"""A line with a window: several messages in flight, one recipient's in order, every one of them on disk."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from edge_agent.contracts import SubmitRef
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken
from telecore.commands import SendMessage
from telecore.errors import DeviceRefused, OutcomeUnknown, StorageFailed
from telecore.ids import ChannelId, MessageSid

CHANNEL = ChannelId("site-1/smsc")


class Windowed:
    """Answers when it is told to, or at once."""

    def __init__(self, window=4, *, answers=True):
        self.window = window
        self.pause = 0.0
        self.let = asyncio.Event()
        if answers:
            self.let.set()
        self.flying: list[str] = []
        self.sent: list[tuple[str, str]] = []
        self.most = 0
        self.errors: dict[str, Exception] = {}

    def wait_s(self):
        return self.pause

    def segments(self, sms):
        return 1

    async def submit(self, sms, first, on_segment):
        assert sms.to not in self.flying, "two at a time to one recipient"
        self.flying.append(sms.to)
        self.most = max(self.most, len(self.flying))
        try:
            await self.let.wait()
            await asyncio.sleep(0)
            error = self.errors.pop(sms.body, None)
            if error is not None:
                raise error
            self.sent.append((sms.to, sms.body))
            await on_segment(SubmitRef(f"id{len(self.sent)}", 0, 1))
        finally:
            self.flying.remove(sms.to)


class Lines:
    def __init__(self, service):
        self.service = service

    def sms(self, channel):
        return self.service

    def registered(self, channel):
        return True

    def number(self, channel):
        return None


class Site:
    def __init__(self, path, service, **options):
        self.path, self.service, self.options = path, service, options
        self.seq = 0

    async def start(self):
        self.spool = await Spool.open(self.path)
        self.messages = Messages(self.spool, Lines(self.service), **{"doubt_s": 0.0, **self.options})
        self.task = asyncio.create_task(self.messages.run())

    async def kill(self):
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.spool.close()

    async def send(self, *messages):
        taken = []
        for to, body in messages:
            self.seq += 1
            command = SendMessage(message=MessageSid(f"SM{self.seq}"), channel=CHANNEL, to=to, body=body)
            taken.append(Taken("cloud", self.seq, command))
        await self.spool.journal(taken)
        for item in taken:
            self.messages.enqueue(item.command)

    async def told(self, kind):
        return [row for _, row in await self.spool.read(0, 10_000) if row["kind"] == kind]

    async def until(self, kind, count=1):
        async with asyncio.timeout(5):
            while len(found := await self.told(kind)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            return found


@asynccontextmanager
async def site(tmp_path, service, **options):
    running = Site(tmp_path / "spool.db", service, **options)
    await running.start()
    try:
        yield running
    finally:
        await running.kill()


async def until(condition):
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_as_many_as_the_window_takes_and_no_more(tmp_path):
    async with site(tmp_path, Windowed(4, answers=False)) as s:
        await s.send(*[(f"+{n}", str(n)) for n in range(1, 10)])
        await until(lambda: len(s.service.flying) == 4)
        await asyncio.sleep(0.02)
        assert s.service.flying == ["+1", "+2", "+3", "+4"]
        assert s.messages.waiting(CHANNEL) == 5
        s.service.let.set()
        await s.until("message.submitted", 9)
        assert s.service.most == 4


async def test_order_to_one_recipient_is_kept(tmp_path):
    async with site(tmp_path, Windowed(8)) as s:
        s.service.errors["a1"] = DeviceRefused("smpp", 0x58)
        await s.send(*[(to, f"{to[1:]}{n}") for n in range(1, 6) for to in ("+a", "+b", "+c")])
        await s.until("message.submitted", 15)
        for name in "abc":
            assert [body for to, body in s.service.sent if to == f"+{name}"] == [f"{name}{n}" for n in range(1, 6)]
        assert s.service.most > 1


async def test_what_was_in_flight_at_a_crash_is_in_doubt_and_the_rest_goes_on(tmp_path):
    running = Site(tmp_path / "spool.db", Windowed(3, answers=False))
    await running.start()
    await running.send(*[(f"+{n}", str(n)) for n in range(1, 8)])
    await until(lambda: len(running.service.flying) == 3)
    await running.kill()
    running.service = Windowed(3)
    await running.start()
    await running.until("message.submitted", 4)
    assert [body for _, body in running.service.sent] == ["4", "5", "6", "7"]
    failed = await running.until("message.failed", 3)
    assert {row["message"] for row in failed} == {"SM1", "SM2", "SM3"}
    assert all(row["uncertain"] for row in failed)
    await running.kill()


async def test_a_pause_holds_all_back(tmp_path):
    async with site(tmp_path, Windowed(4)) as s:
        s.service.pause = 3600.0
        await s.send(("+1", "x"))
        await asyncio.sleep(0.03)
        assert s.service.sent == []
        s.service.pause = 0.0
        s.messages.wake(CHANNEL)
        await s.until("message.submitted")


async def test_each_outcome_is_its_own(tmp_path):
    async with site(tmp_path, Windowed(4)) as s:
        s.service.errors = {"bad": DeviceRefused("smpp", 0x0B), "lost": OutcomeUnknown("no answer")}
        await s.send(("+1", "good"), ("+2", "bad"), ("+3", "lost"), ("+4", "good"))
        await s.until("message.submitted", 2)
        failed = await s.until("message.failed", 2)
        assert [(row["message"], row["code"], row.get("uncertain", False)) for row in failed] == [
            ("SM2", 21211, False),
            ("SM3", 30008, True),
        ]


async def test_a_disk_that_fails_in_mid_flight_doubles_nothing(tmp_path, monkeypatch):
    async with site(tmp_path, Windowed(4)) as s:
        whole, broken = s.spool.segment_sent, asyncio.Event()

        async def segment_sent(message, ref):
            if message == "SM2" and not broken.is_set():
                broken.set()
                raise StorageFailed("full")
            await whole(message, ref)

        monkeypatch.setattr(s.spool, "segment_sent", segment_sent)
        await s.send(*[(f"+{n}", str(n)) for n in range(1, 7)])
        await s.until("message.submitted", 5)
        (failed,) = await s.until("message.failed")
        assert (failed["message"], failed["uncertain"]) == ("SM2", True)
        assert sorted(body for _, body in s.service.sent) == list("123456")


async def test_stopping_lets_those_under_way_arrive(tmp_path):
    async with site(tmp_path, Windowed(2, answers=False)) as s:
        await s.send(*[(f"+{n}", str(n)) for n in range(1, 6)])
        await until(lambda: len(s.service.flying) == 2)
        stopping = asyncio.create_task(s.messages.stop())
        await asyncio.sleep(0.01)
        assert not stopping.done()
        s.service.let.set()
        await stopping
        assert len(await s.told("message.submitted")) == 2
        assert len(await s.spool.queued_sms()) == 3


class Paced:
    """One at a time, and then a pause."""

    def __init__(self, pause):
        self.pause = pause
        self.next_at = 0.0
        self.sent: list[str] = []

    def wait_s(self):
        return max(0.0, self.next_at - asyncio.get_running_loop().time())

    async def submit(self, sms, first, on_segment):
        assert self.wait_s() == 0, "begun before its turn"
        self.next_at = asyncio.get_running_loop().time() + self.pause
        self.sent.append(sms.body)
        await on_segment(SubmitRef(f"id{len(self.sent)}", 0, 1))


async def test_what_waits_for_a_slow_lines_turn_is_in_no_doubt_after_a_crash(tmp_path):
    slow = Paced(60.0)
    async with site(tmp_path, slow) as running:
        await running.send(("+1", "a"), ("+2", "b"), ("+3", "c"))
        await running.until("message.submitted")
        await running.kill()
        slow.pause = slow.next_at = 0.05
        await running.start()
        await running.until("message.submitted", 3)
        assert await running.told("message.failed") == []
    assert slow.sent == ["a", "b", "c"]
