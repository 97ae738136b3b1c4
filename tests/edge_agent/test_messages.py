"""SMS out: what was begun is never sent twice, what was not begun goes on, and reports find their message."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.contracts import OutboundSms, Permit, SmsPart, StatusReport, SubmitRef
from edge_agent.messages import MOST_REPEATS, Messages
from edge_agent.spool import Spool, Taken
from edge_agent.unguarded import Unguarded
from telecore.commands import SendMessage
from telecore.errors import DeviceLost, DeviceRefused, InvalidRequest, NoNetwork, OutcomeUnknown, StorageFailed
from telecore.ids import E164, Address, ChannelId, MessageSid
from tests.fakes.tunnel import until

CHANNEL = ChannelId("site-1/modem1")
TO = "+85512000001"

Step = Callable[[OutboundSms, int], Awaitable[int]]


async def when(condition):
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class FakeSms:
    """An SmsService that follows a script: one entry per segment, an error to raise or the TP-MR to give."""

    def __init__(self, *script, segments=1):
        self.script = list(script)
        self.segments = segments
        self.sent: list[tuple[str, int]] = []
        self.validities: list[int | None] = []
        self.asked = 0
        self.busy = False

    async def submit(self, sms, first, on_segment):
        assert not self.busy, "two submits at a time"
        self.busy = True
        self.validities.append(sms.validity_s)
        self.asked += 1
        try:
            for number in range(first, self.segments):
                await asyncio.sleep(0)
                step = self.script.pop(0) if self.script else 100 + len(self.sent)
                if isinstance(step, BaseException):
                    raise step
                if callable(step):
                    step = await step()
                self.sent.append((sms.body, number))
                await on_segment(SubmitRef(step, number, self.segments))
        finally:
            self.busy = False


class FakeLines:
    def __init__(self, service):
        self.service = service
        self.is_registered = True

    def sms(self, channel):
        return self.service

    def registered(self, channel):
        return self.is_registered

    def number(self, channel):
        return E164("+85510000001")


class Site:
    """A spool, its messages, and a clock whose waits can be skipped."""

    def __init__(self, path, service, **options):
        self.path = path
        self.lines = FakeLines(service)
        self.service = service
        self.options = options
        self.skipped = 0.0
        self.seq = 0

    def clock(self):
        return asyncio.get_running_loop().time() + self.skipped

    async def start(self):
        self.spool = await Spool.open(self.path)
        self.messages = Messages(self.spool, self.lines, clock=self.clock, **{"doubt_s": 0.0, **self.options})
        self.task = asyncio.create_task(self.messages.run())
        await asyncio.sleep(0.01)

    async def kill(self):
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.spool.close()

    async def send(self, body="hello", *, sid=None, to=TO, not_after=None, urgent=False, repeat=False):
        self.seq = await self.spool.applied("cloud") + 1
        command = SendMessage(
            message=MessageSid(sid or f"SM{self.seq}"),
            channel=CHANNEL,
            to=to,
            body=body,
            not_after=not_after,
            urgent=urgent,
            repeat=repeat,
        )
        if await self.spool.journal([Taken("cloud", self.seq, command)]) == [True]:
            self.messages.enqueue(command)
        return command

    async def told(self):
        return [(row["kind"], row) for _, row in await self.spool.read(0, 1000)]

    async def until(self, kind, count=1):
        async with asyncio.timeout(5):
            while True:
                found = [row for name, row in await self.told() if name == kind]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.005)

    async def skip(self, seconds):
        """Let time pass for the queues."""
        self.skipped += seconds
        self.messages.wake(CHANNEL)
        await asyncio.sleep(0.02)


@asynccontextmanager
async def site(tmp_path, service, **options):
    running = Site(tmp_path / "spool.db", service, **options)
    await running.start()
    try:
        yield running
    finally:
        await running.kill()


def report(ref, status=0, *, key=None, recipient=TO):
    return StatusReport(CHANNEL, key or f"{ref}/{status}", ref, Address(recipient), status, datetime.now(UTC))


async def test_a_disk_that_takes_nothing_stops_no_message_that_is_being_sent(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_agent.messages._TICK_S", 0.01)
    asked, taken, waited = asyncio.Event(), asyncio.Event(), []

    async def slowly():
        await taken.wait()
        return 7

    async with site(tmp_path, FakeSms(slowly)) as s:
        expire = s.spool.expire_parts

        async def full(seconds):
            waited.append(seconds)
            if len(waited) == 2:
                asked.set()
            raise StorageFailed("the disk is full")

        monkeypatch.setattr(s.spool, "expire_parts", full)
        await s.send()
        await until(lambda: s.service.busy)
        await asyncio.wait_for(asked.wait(), 15)
        assert not s.task.done()
        assert waited[1] > waited[0], "the time counts"
        monkeypatch.setattr(s.spool, "expire_parts", expire)
        taken.set()
        await s.until("message.submitted")


async def test_a_message_is_submitted_and_told_with_its_references(tmp_path):
    async with site(tmp_path, FakeSms(7, 8, 9, segments=3)) as s:
        command = await s.send()
        (row,) = await s.until("message.submitted")
        assert (row["message"], row["command"], row["segments"], row["refs"]) == ("SM1", command.id, 3, [7, 8, 9])
        assert s.messages.waiting(CHANNEL) == 0


async def test_one_submit_at_a_time_and_in_order(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        for n in range(20):
            await s.send(str(n))
        await s.until("message.submitted", 20)
        assert [body for body, _ in s.service.sent] == [str(n) for n in range(20)]


async def test_killed_in_the_middle_it_is_reported_and_never_sent_again(tmp_path):
    hanging = asyncio.Event()
    running = Site(tmp_path / "spool.db", FakeSms(hanging.wait))
    await running.start()
    await running.send("first")
    await running.send("second")
    await when(lambda: running.service.asked)
    await running.kill()
    assert running.service.sent == []
    running.lines.service = running.service = FakeSms()
    await running.start()
    (failed,) = await running.until("message.failed")
    assert (failed["message"], failed["uncertain"], failed["code"]) == ("SM1", True, 30008)
    assert "interrupted" in failed["reason"]
    await running.until("message.submitted")
    assert running.service.sent == [("second", 0)], "what was not begun goes on, what was begun does not"
    await running.kill()
    await running.start()
    await asyncio.sleep(0.02)
    assert len(running.service.sent) == 1
    assert [kind for kind, _ in await running.told()].count("message.failed") == 1
    await running.kill()


async def test_one_that_may_be_repeated_is_three_times_and_no_more(tmp_path):
    unknown = [OutcomeUnknown("silent after the prompt") for _ in range(5)]
    async with site(tmp_path, FakeSms(*unknown)) as s:
        await s.send("a warning", repeat=True)
        (failed,) = await s.until("message.failed")
        assert (failed["uncertain"], s.service.asked) == (True, 1 + MOST_REPEATS)


async def test_one_that_may_be_repeated_goes_on_from_the_segment_nobody_knows_of(tmp_path):
    async with site(tmp_path, FakeSms(7, OutcomeUnknown("silent"), 9, 10, segments=3)) as s:
        await s.send("a long warning", repeat=True)
        (row,) = await s.until("message.submitted")
        assert (s.service.sent, row["refs"]) == ([("a long warning", n) for n in range(3)], [7, 9, 10])


async def test_one_that_may_be_repeated_is_not_when_a_report_tells_in_time(tmp_path):
    async with site(tmp_path, FakeSms(OutcomeUnknown("silent")), doubt_s=0.3) as s:
        await s.send("a warning", repeat=True)
        await when(lambda: s.service.asked)
        await asyncio.sleep(0.05)
        await s.messages.report(report(42))
        await s.until("message.delivered")
        await asyncio.sleep(0.4)
        assert (s.service.asked, s.service.sent) == (1, [])


async def killed_while_sending(tmp_path, *bodies, registered=True):
    """A site that came back after it was killed in the middle of a submit, once for each body."""
    running = Site(tmp_path / "spool.db", FakeSms(), doubt_s=0.3)
    for body in bodies:
        running.lines.service = running.service = FakeSms(asyncio.Event().wait)
        await running.start()
        await running.send(body)
        await when(lambda: running.service.asked)
        await running.kill()
    running.lines.service = running.service = FakeSms()
    running.lines.is_registered = registered
    await running.start()
    return running


async def test_a_report_says_that_what_was_interrupted_went_out(tmp_path):
    s = await killed_while_sending(tmp_path, "first")
    await s.messages.report(report(42))
    await s.until("message.delivered")
    await asyncio.sleep(0.4)
    assert [kind for kind, _ in await s.told()] == ["message.submitted", "message.delivered"]
    assert s.service.sent == []
    await s.kill()


async def test_the_wait_for_a_report_begins_when_the_line_is_there(tmp_path):
    """A modem that was without power too is away for longer than its report takes afterwards."""
    s = await killed_while_sending(tmp_path, "first", registered=False)
    await asyncio.sleep(0.8)
    assert await s.told() == []
    s.lines.is_registered = True
    await s.messages.report(report(42))
    await s.until("message.delivered")
    assert [kind for kind, _ in await s.told()] == ["message.submitted", "message.delivered"]
    await s.kill()


async def test_a_report_that_may_be_about_something_else_says_nothing(tmp_path):
    s = await killed_while_sending(tmp_path, "first", "second")
    await s.messages.report(report(42))
    assert len(await s.until("message.failed", 2)) == 2
    await s.kill()


async def test_a_report_told_twice_is_not_about_what_was_interrupted(tmp_path):
    s = await killed_while_sending(tmp_path, "first")
    await s.send("second")
    (sent,) = await s.until("message.submitted")
    for key in ("a", "b"):
        await s.messages.report(report(sent["refs"][0], key=key))
    (failed,) = await s.until("message.failed")
    assert failed["message"] == "SM1"
    await s.kill()


async def test_killed_between_segments_the_rest_is_not_sent(tmp_path):
    running = Site(tmp_path / "spool.db", FakeSms(7, asyncio.Event().wait, segments=3))
    await running.start()
    await running.send()
    await when(lambda: running.service.sent)
    await asyncio.sleep(0.01)
    await running.kill()
    running.lines.service = running.service = FakeSms(segments=3)
    await running.start()
    (failed,) = await running.until("message.failed")
    assert failed["uncertain"]
    assert running.service.sent == []
    await running.kill()


async def test_an_unregistered_channel_waits(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        s.lines.is_registered = False
        await s.send(not_after=datetime.now(UTC) + timedelta(hours=4))
        await asyncio.sleep(0.02)
        assert s.service.asked == 0
        s.lines.is_registered = True
        s.messages.wake(CHANNEL)
        await s.until("message.submitted")


async def test_a_message_whose_time_runs_out_is_rejected(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        s.lines.is_registered = False
        command = await s.send(not_after=datetime.now(UTC) + timedelta(hours=4))
        await s.skip(4 * 3600 - 5)
        assert await s.told() == []
        await s.skip(6)
        (row,) = await s.until("command.rejected")
        assert (row["command"], row["subject"], row["code"]) == (command.id, "SM1", 30036)
        s.lines.is_registered = True
        s.messages.wake(CHANNEL)
        await asyncio.sleep(0.02)
        assert s.service.asked == 0


async def test_the_network_hears_how_long_it_may_try(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        s.lines.is_registered = False
        await s.send(not_after=datetime.now(UTC) + timedelta(hours=1))
        await s.send()
        await s.skip(600)
        s.lines.is_registered = True
        await s.skip(0)
        await s.until("message.submitted", 2)
        limited, unlimited = s.service.validities
        assert limited == pytest.approx(3000, abs=10)
        assert unlimited is None


async def test_half_a_message_whose_time_runs_out_has_failed(tmp_path):
    async with site(tmp_path, FakeSms(7, DeviceRefused("cms", 42), segments=2)) as s:
        await s.send(not_after=datetime.now(UTC) + timedelta(seconds=5))
        await when(lambda: not s.service.script)
        await asyncio.sleep(0.02)
        await s.skip(6)
        (row,) = await s.until("message.failed")
        assert row["code"] == 30036
        assert not row.get("uncertain")


@pytest.mark.parametrize(
    ("error", "code", "uncertain"),
    [
        (DeviceRefused("cms", 28), 30005, False),
        (DeviceRefused("cms", 8), 30004, False),
        (DeviceRefused("cms", 332), 30008, True),
        (DeviceRefused("cms", 304), 30008, False),
        (OutcomeUnknown("silent after the prompt"), 30008, True),
        (InvalidRequest("not a number", code=21211), 21211, False),
    ],
)
async def test_a_refusal_that_would_be_repeated_ends_the_message(tmp_path, error, code, uncertain):
    async with site(tmp_path, FakeSms(error)) as s:
        command = await s.send()
        (row,) = await s.until("message.failed")
        assert (row["code"], row.get("uncertain", False), row["command"]) == (code, uncertain, command.id)
        await s.skip(3600)
        assert s.service.asked == 1


async def test_a_busy_network_is_asked_again_but_not_for_ever(tmp_path):
    async with site(tmp_path, FakeSms(*[DeviceRefused("cms", 42)] * 9)) as s:
        await s.send()
        for asked in range(1, 7):
            await until(lambda asked=asked: s.service.asked >= asked)
            assert s.service.asked == asked
            await s.skip(301)
        (row,) = await s.until("message.failed")
        assert row["code"] == 30017
        assert s.service.asked == 6


async def test_the_next_message_need_not_wait_for_one_that_is_tried_again(tmp_path):
    async with site(tmp_path, FakeSms(DeviceRefused("cms", 42))) as s:
        await s.send("refused")
        await s.send("same recipient")
        await s.send("somebody else", to="+85512000002")
        await s.until("message.submitted")
        await asyncio.sleep(0.02)
        assert [body for body, _ in s.service.sent] == ["somebody else"]
        await s.skip(61)
        await s.until("message.submitted", 3)
        assert [body for body, _ in s.service.sent] == ["somebody else", "refused", "same recipient"]


@pytest.mark.parametrize("error", [DeviceLost("unplugged"), NoNetwork("not registered")])
async def test_a_line_that_cannot_try_tries_later_from_the_segment_it_had_reached(tmp_path, error):
    async with site(tmp_path, FakeSms(7, error, 9, segments=2)) as s:
        await s.send()
        await asyncio.sleep(0.03)
        await s.skip(6)
        (row,) = await s.until("message.submitted")
        assert row["refs"] == [7, 9]
        assert s.service.sent == [("hello", 0), ("hello", 1)]


async def test_a_segment_that_went_out_and_could_not_be_noted_is_not_sent_again(tmp_path, monkeypatch):
    async with site(tmp_path, FakeSms()) as s:
        noting = s.spool.segment_sent

        async def broken(message, ref):
            monkeypatch.setattr(s.spool, "segment_sent", noting)
            raise NoNetwork("disk full")

        monkeypatch.setattr(s.spool, "segment_sent", broken)
        await s.send()
        (row,) = await s.until("message.failed")
        assert row["uncertain"]
        await s.skip(60)
        assert len(s.service.sent) == 1


async def test_a_bug_in_a_driver_costs_one_message_and_not_the_channel(tmp_path, caplog):
    async with site(tmp_path, FakeSms(ZeroDivisionError("bug"))) as s:
        await s.send("unlucky")
        await s.send("next")
        (failed,) = await s.until("message.failed")
        assert failed["message"] == "SM1"
        await s.until("message.submitted")
        assert "a fault of ours" in caplog.text
        assert [body for body, _ in s.service.sent] == ["next"]


async def test_the_same_command_twice_is_one_submit(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        command = await s.send()
        s.messages.enqueue(command)
        await s.until("message.submitted")
        s.messages.enqueue(command)
        await asyncio.sleep(0.03)
        assert s.service.asked == 1


async def test_submits_of_one_sim_keep_their_distance(tmp_path):
    async with site(tmp_path, FakeSms(), interval_s=10.0) as s:
        await s.send("a")
        await s.send("b")
        await s.until("message.submitted")
        await asyncio.sleep(0.02)
        assert s.service.asked == 1
        await s.skip(10.1)
        await s.until("message.submitted", 2)


async def test_stop_waits_for_the_submit_under_way_and_begins_no_other(tmp_path):
    answered = asyncio.Event()

    async def slowly():
        await answered.wait()
        return 5

    async with site(tmp_path, FakeSms(slowly)) as s:
        await s.send("a")
        await s.send("b")
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(s.messages.stop())
        await asyncio.sleep(0.02)
        assert not stopping.done()
        answered.set()
        await asyncio.wait_for(stopping, 2)
        assert [body for body, _ in s.service.sent] == ["a"]


async def test_a_report_makes_a_message_delivered_once(tmp_path):
    async with site(tmp_path, FakeSms(7)) as s:
        await s.send()
        await s.until("message.submitted")
        await s.messages.report(report(7))
        await s.messages.report(report(7))
        await s.messages.report(report(7, key="again"))
        kinds = [kind for kind, _ in await s.told()]
        assert kinds == ["message.submitted", "message.delivered"]


async def test_a_report_in_the_national_form_of_the_number_fits(tmp_path):
    async with site(tmp_path, FakeSms(7)) as s:
        await s.send()
        await s.until("message.submitted")
        await s.messages.report(report(7, recipient="012000001"))
        await s.until("message.delivered")


async def test_a_report_may_overtake_the_answer_to_the_submit(tmp_path):
    async with site(tmp_path, None) as s:

        async def overtaken():
            await s.messages.report(report(7))
            return 7

        await s.messages.report(report(7, key="an older use of the same TP-MR", status=0x41))
        s.lines.service = s.service = FakeSms(overtaken)
        await s.send()
        await s.until("message.delivered")
        assert [kind for kind, _ in await s.told()] == ["message.submitted", "message.delivered"]


async def test_every_segment_must_be_delivered(tmp_path):
    async with site(tmp_path, FakeSms(7, 8, segments=2)) as s:
        await s.send()
        await s.until("message.submitted")
        await s.messages.report(report(8))
        await s.messages.report(report(7, 0x20))
        assert [kind for kind, _ in await s.told()] == ["message.submitted"]
        await s.messages.report(report(7, 0))
        await s.until("message.delivered")


async def test_one_segment_that_fails_is_the_whole_messages_failure_told_once(tmp_path):
    async with site(tmp_path, FakeSms(7, 8, segments=2)) as s:
        await s.send()
        await s.until("message.submitted")
        await s.messages.report(report(7, 0x45))
        await s.messages.report(report(8, 0x41))
        await s.messages.report(report(8, 0, key="late"))
        (row,) = await s.until("message.failed")
        assert (row["code"], row["after_submit"]) == (30003, True)
        assert len(await s.told()) == 2


async def test_reports_find_their_message_after_a_restart_and_strangers_find_none(tmp_path):
    running = Site(tmp_path / "spool.db", FakeSms(7))
    await running.start()
    await running.send()
    await running.until("message.submitted")
    await running.kill()
    await running.start()
    await running.messages.report(report(8, key="unknown reference"))
    await running.messages.report(report(7, recipient="+85512999999"))
    assert len(await running.told()) == 1
    await running.messages.report(report(7, key="the right one"))
    await running.until("message.delivered")
    await running.kill()


async def test_a_reference_used_again_belongs_to_the_newer_message(tmp_path):
    async with site(tmp_path, FakeSms(7, 7)) as s:
        await s.send("a")
        await s.send("b")
        await s.until("message.submitted", 2)
        await s.messages.report(report(7, key="1"))
        (row,) = await s.until("message.delivered")
        assert row["message"] == "SM2"
        await s.messages.report(report(7, key="2"))
        assert {row["message"] for row in await s.until("message.delivered", 2)} == {"SM1", "SM2"}


async def test_a_received_part_is_safe_when_part_returns(tmp_path):
    async with site(tmp_path, FakeSms()) as s:
        await s.messages.part(SmsPart(CHANNEL, "k", Address(TO), "hi", None))
        ((kind, row),) = await s.told()
        assert (kind, row["recipient"], row["body"]) == ("message.received", "+85510000001", "hi")


class Guard(Unguarded):
    """A gate whose answer the test chooses, and a witness that remembers."""

    def __init__(self, permit=None):
        self.permit = permit or Permit()
        self.seen = []

    def sms(self, channel, to, *, urgent=False):
        return Permit() if urgent else self.permit

    def sms_sent(self, channel, to):
        self.seen.append("sent")

    def sms_refused(self, channel, to, kind, code):
        self.seen.append((kind, code))

    def sms_reported(self, channel, to, status):
        self.seen.append(status)

    def sms_received(self, channel, sender, body):
        self.seen.append(body)


async def test_a_sim_that_may_not_send_now_keeps_the_message_until_it_may(tmp_path):
    guard = Guard(Permit("daily limit of 3 SMS of this SIM reached", 600.0))
    async with site(tmp_path, FakeSms(), gate=guard) as running:
        await running.send("ordinary")
        await running.send("a warning", urgent=True)
        await running.until("message.submitted")
        assert [body for body, _ in running.service.sent] == ["a warning"]
        guard.permit = Permit()
        await running.skip(601)
        await running.until("message.submitted", 2)


async def test_a_refusal_says_why_and_nothing_is_sent(tmp_path):
    guard = Guard(Permit("the SIM is suspect_blocked: its operator says so", None, 30007))
    async with site(tmp_path, FakeSms(), gate=guard) as running:
        command = await running.send()
        (row,) = await running.until("command.rejected")
        assert (row["command"], row["code"], row["reason"]) == (command.id, 30007, guard.permit.reason)
        assert running.service.asked == 0
        await running.kill()
        await running.start()
        assert running.service.asked == 0
        assert await running.until("command.rejected") == [row]


async def test_the_witness_hears_how_traffic_goes(tmp_path):
    guard = Guard()
    async with site(tmp_path, FakeSms(DeviceRefused("cms", 8), 7), witness=guard) as running:
        await running.send()
        await running.until("message.failed")
        await running.send()
        await running.until("message.submitted")
        await running.messages.report(report(7))
        await running.messages.part(SmsPart(CHANNEL, "k", Address("+85512000009"), "thank you", datetime.now(UTC)))
    assert guard.seen == [("cms", 8), "sent", 0, "thank you"]
