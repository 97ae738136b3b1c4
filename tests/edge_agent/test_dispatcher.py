"""Commands find who does them; what cannot be done is answered."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.contracts import Channel, UssdReply, UssdState
from edge_agent.dispatcher import MODEM_SILENT, Dispatcher
from edge_agent.spool import Spool
from telecore.codec import encode
from telecore.commands import (
    CancelUssd,
    HangUp,
    LimitCall,
    PlaceCall,
    ReadBalance,
    RequestUssd,
    RestartChannel,
    RouteDial,
    RunPage,
    SendMessage,
    TopUp,
)
from telecore.errors import Busy, DeviceRefused, InvalidRequest, NoNetwork, OutcomeUnknown, StorageFailed, TimedOut
from telecore.ids import CallSid, ChannelId, CommandId, DialId, MessageSid
from telecore.notices import Do

CHANNEL = ChannelId("site-1/modem1")


class FakeCalls:
    def __init__(self):
        self.done = []
        self.error = None

    async def place(self, command):
        if self.error:
            raise self.error
        self.done.append(command)

    def run_page(self, command):
        self.done.append(command)

    record = control_recording = run_page
    hang_up = limit = route_dial = offer = tell_far_leg = speech_heard = open_feed = close_feed = flush_feed = run_page


class FakeUssd:
    def __init__(self, *answers):
        self.answers = list(answers)

    async def request(self, code):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self):
        self.cancelled = True


class FakeRadio:
    def __init__(self):
        self.restarts = 0

    async def status(self):
        raise AssertionError("nobody asks")

    async def restart(self):
        self.restarts += 1


class Queue:
    def __init__(self):
        self.commands = []

    def enqueue(self, command):
        self.commands.append(command)


class Desk:
    def __init__(self, spool):
        self.spool, self.calls, self.queue = spool, FakeCalls(), Queue()
        self.channels = {CHANNEL: Channel(CHANNEL)}
        self.balances = []
        self.dispatcher = Dispatcher(
            spool,
            self.queue,
            self.calls,
            channel=self.channels.get,
            known=lambda channel: channel == CHANNEL,
            extra={ReadBalance: self.read_balance},
        )
        self.seq = 0

    async def read_balance(self, command):
        if self.balances:
            raise Busy("it is asked already")
        self.balances.append(command)

    async def take(self, command, **extra):
        self.seq += 1
        payload = command if isinstance(command, dict) else encode(command)
        await self.dispatcher.apply("cloud", self.seq, payload, history=False)
        await asyncio.sleep(0.02)

    async def told(self):
        return [row for _, row in await self.spool.read(0, 100)]


@contextlib.asynccontextmanager
async def desk(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    made = Desk(spool)
    task = asyncio.create_task(made.dispatcher.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
        await spool.close()


def send(**options):
    return SendMessage(message=MessageSid("SM1"), channel=CHANNEL, to="+85512000001", body="x", **options)


async def test_a_tunnel_that_falls_after_the_commit_leaves_no_command_undone(tmp_path):
    async with desk(tmp_path) as d:
        taking = asyncio.create_task(d.dispatcher.apply("cloud", 1, encode(send()), history=False))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])
        async with asyncio.timeout(2):
            while not d.queue.commands:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert await d.dispatcher.applied("cloud") == 1
        assert [command.message for command in d.queue.commands] == ["SM1"]


async def test_each_durable_command_reaches_its_place_once(tmp_path):
    async with desk(tmp_path) as d:
        radio = FakeRadio()
        d.channels[CHANNEL] = Channel(CHANNEL, radio=radio, ussd=FakeUssd(UssdReply(UssdState.DONE, "5.00")))
        message, call = send(), PlaceCall(call=CallSid("CA1"), channel=CHANNEL, to="+1")
        ussd, restart = RequestUssd(channel=CHANNEL, code="*100#"), RestartChannel(channel=CHANNEL)
        for command in (message, call, ussd, restart):
            await d.take(command)
        d.seq = 0
        for command in (message, call, ussd, restart):
            await d.take(command)
        assert d.queue.commands == [message]
        assert d.calls.done == [call]
        assert radio.restarts == 1
        told = {event["command"]: event for event in await d.told()}
        assert (told[ussd.id]["kind"], told[ussd.id]["text"]) == ("ussd.replied", "5.00")
        assert (told[restart.id]["kind"], told[restart.id]["outcome"]) == ("channel.healed", "worked")
        assert len(told) == 2


@pytest.mark.parametrize(
    ("command", "code", "subject"),
    [
        (send(not_after=datetime.now(UTC) - timedelta(seconds=1)), 30036, "SM1"),
        (
            PlaceCall(
                call=CallSid("CA1"), channel=CHANNEL, to="+1", not_after=datetime.now(UTC) - timedelta(seconds=1)
            ),
            31480,
            "CA1",
        ),
        (RequestUssd(channel=ChannelId("site-1/other"), code="*1#"), 20404, "site-1/other"),
        (HangUp(call=CallSid("CA1")), 20001, "CA1"),
        ({"kind": "message.fly", "id": "c9", "message": "SM9"}, 20001, "SM9"),
        ({"kind": "message.send", "id": "c9", "message": "SM9"}, 20001, "SM9"),
        ({"message": 7}, 20001, ""),
    ],
)
async def test_what_cannot_be_taken_on_is_rejected_and_counted_as_applied(tmp_path, command, code, subject):
    async with desk(tmp_path) as d:
        await d.take(command)
        (row,) = await d.told()
        assert (row["kind"], row["code"], row.get("subject", "")) == ("command.rejected", code, subject)
        assert await d.dispatcher.applied("cloud") == 1
        assert d.queue.commands == []
        assert d.calls.done == []


async def test_a_call_that_cannot_be_placed_is_rejected_and_not_ended_again_after_a_restart(tmp_path):
    async with desk(tmp_path) as d:
        d.calls.error = NoNetwork("no channel")
        command = PlaceCall(call=CallSid("CA1"), channel=CHANNEL, to="+1")
        await d.take(command)
        (row,) = await d.told()
        assert (row["kind"], row["command"], row["subject"]) == ("command.rejected", command.id, "CA1")
        left = await d.spool._writer.run(lambda db: db.execute("SELECT count(*) FROM open_calls").fetchone()[0])
        assert left == 0


@pytest.mark.parametrize(
    ("answer", "kind", "state", "text"),
    [
        (UssdReply(UssdState.REPLY_WANTED, "1 Balance"), "ussd.replied", "reply_wanted", "1 Balance"),
        (UssdReply(UssdState.TIMEOUT, ""), "ussd.replied", "timeout", ""),
        (TimedOut("silent"), "ussd.replied", "timeout", MODEM_SILENT),
        (OutcomeUnknown("silent"), "ussd.replied", "timeout", MODEM_SILENT),
        (DeviceRefused("cme", 30), "command.rejected", None, None),
    ],
)
async def test_answers_to_a_request(tmp_path, answer, kind, state, text):
    async with desk(tmp_path) as d:
        d.channels[CHANNEL] = Channel(CHANNEL, ussd=FakeUssd(answer))
        await d.take(RequestUssd(channel=CHANNEL, code="*100#"))
        (row,) = await d.told()
        assert (row["kind"], row.get("state"), row.get("text")) == (kind, state, text)


async def test_an_answer_that_the_disk_does_not_take_is_told_later_and_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_agent.dispatcher._HELD_S", 0.01)
    async with desk(tmp_path) as d:
        append, full = d.spool.append, asyncio.Event()

        async def refuse(event):
            full.set()
            raise StorageFailed("the disk is full")

        d.channels[CHANNEL] = Channel(CHANNEL, ussd=FakeUssd(UssdReply(UssdState.RELEASED, "Thank you")))
        monkeypatch.setattr(d.spool, "append", refuse)
        await d.take(RequestUssd(channel=CHANNEL, code="*100#"))
        await asyncio.wait_for(full.wait(), 15)
        await d.take(RestartChannel(channel=CHANNEL))
        await d.take(ReadBalance(channel=CHANNEL))
        assert len(d.balances) == 1
        monkeypatch.setattr(d.spool, "append", append)
        async with asyncio.timeout(15):
            while len(told := await d.told()) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert sorted(row["kind"] for row in told) == ["command.rejected", "ussd.replied"]


async def test_a_request_to_a_channel_that_is_away_is_rejected(tmp_path):
    async with desk(tmp_path) as d:
        await d.take(RequestUssd(channel=CHANNEL, code="*100#"))
        d.channels.clear()
        await d.take(RestartChannel(channel=CHANNEL))
        assert [row["kind"] for row in await d.told()] == ["command.rejected"] * 2


async def test_live_commands_are_done_at_once_and_others_are_not(tmp_path, caplog):
    async with desk(tmp_path) as d:
        call = CallSid("CA1")
        live = [
            RunPage(call=call, page=1, verbs=()),
            HangUp(call=call),
            LimitCall(call=call, time_limit_s=5.0),
            RouteDial(call=call, dial=DialId("d"), legs=()),
        ]
        for command in live:
            d.dispatcher.do(Do(command))
        assert d.calls.done == live
        d.dispatcher.do(Do(send(id=CommandId("x"))))
        assert d.calls.done == live
        assert "ignored" in caplog.text


async def test_what_others_do_is_handed_to_them_and_their_refusal_is_told(tmp_path):
    async with desk(tmp_path) as d:
        first, second = ReadBalance(channel=CHANNEL), ReadBalance(channel=CHANNEL)
        await d.take(first)
        await d.take(second)
        assert d.balances == [first]
        (row,) = await d.told()
        assert (row["kind"], row["command"], row["reason"]) == ("command.rejected", second.id, "it is asked already")


async def test_a_command_that_nobody_does_here_is_refused_and_a_voucher_in_it_not_repeated(tmp_path, caplog):
    async with desk(tmp_path) as d:
        await d.take(TopUp(channel=CHANNEL, voucher="1012345678"))
        (row,) = await d.told()
        assert (row["kind"], row["code"]) == ("command.rejected", 20001)
        assert "1012345678" not in str(row) + caplog.text


async def test_a_ussd_session_is_ended(tmp_path):
    async with desk(tmp_path) as d:
        ussd = FakeUssd()
        d.channels[CHANNEL] = Channel(CHANNEL, ussd=ussd)
        await d.take(CancelUssd(channel=CHANNEL))
        assert ussd.cancelled
        (row,) = await d.told()
        assert (row["kind"], row["state"]) == ("ussd.replied", "released")
        del d.channels[CHANNEL]
        await d.take(CancelUssd(channel=CHANNEL))
        assert (await d.told())[1]["reason"] == f"{CHANNEL} takes no USSD now"


async def test_people_on_site_may_wish_what_the_cloud_may(tmp_path):
    async with desk(tmp_path) as d:
        radio = FakeRadio()
        d.channels[CHANNEL] = Channel(CHANNEL, radio=radio)
        await d.dispatcher.obey(RestartChannel(channel=CHANNEL))
        assert radio.restarts == 1
        with pytest.raises(InvalidRequest, match=r"nobody here does sim\.top_up"):
            await d.dispatcher.obey(TopUp(channel=CHANNEL, voucher="1012345678"))
