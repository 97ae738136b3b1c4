"""The control socket and the commands that use it: who may ask, what is asked of whom, what a person reads."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import sys
from io import StringIO

import pytest

from edge_agent.__main__ import main
from edge_agent.contracts import Channel, UssdReply, UssdState
from edge_agent.control import requests, server
from edge_agent.control.desk import Desk, Site
from edge_agent.control.requests import (
    AskBalance,
    Detail,
    EndUssd,
    HoldSim,
    LookAtSip,
    Restart,
    SpendVoucher,
    TrySims,
    Ussd,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from edge_agent.control.server import ControlServer
from telecore.commands import RestartChannel, SetSimHealth
from telecore.errors import Busy, InvalidRequest, NotFound, Refused, RemoteProtocolError, StorageFailed
from telecore.events import BalanceRead, SelfTestDone, ToppedUp
from telecore.ids import ChannelId, Iccid
from telecore.model import ChannelState, ChannelStatus
from telecore.sim_health import Balance, Health, HealthState

A, B = ChannelId("site-1/modem1"), ChannelId("site-1/modem2")
VOUCHER = "1012345678"


class Fakes:
    """Everything the desk works with."""

    def __init__(self):
        self.status = {
            channel: ChannelStatus(channel, ChannelState.REGISTERED, 0.0, health=Health(HealthState.HEALTHY, 0.0))
            for channel in (A, B)
        }
        self.asked, self.obeyed, self.tests, self.vouchers = [], [], [], []
        self.answers = []
        self.ended = 0
        self.outcome = "done"
        self.listening = True

    def channel(self, channel):
        return Channel(channel, ussd=self if channel == A else None)

    def statuses(self):
        return tuple(self.status.values())

    async def request(self, code):
        self.asked.append(code)
        return self.answers.pop(0)

    async def cancel(self):
        self.ended += 1

    async def read(self, channel):
        if channel != A:
            raise Busy(f"{channel} is in a call")
        balance = Balance(0.0, "5.00", "USD", "2026-12-31", "0.5", 10.0)
        return BalanceRead(channel=channel, iccid=Iccid("8985"), balance=balance, recipe="simferry")

    async def top_up(self, channel, voucher):
        self.vouchers.append(voucher)
        return ToppedUp(channel=channel, iccid=Iccid("8985"), outcome=self.outcome, said="Thank you")

    async def test(self, sender, receiver, *, sms, call):
        self.tests.append((sender, receiver, sms, call))
        return SelfTestDone(sender=sender, receiver=receiver, passed=call, text="SMS: arrived after 1.0 s")

    async def obey(self, command):
        self.obeyed.append(command)

    async def recent(self, subject, kinds, limit):
        return [{"kind": "channel.healed", "channel": subject, "step": "reopen", "outcome": "worked", "at": "x"}]

    def sip(self, address):
        trace = ["1.0 < REGISTER sip:10.0.0.1 SIP/2.0"] if address == "10.0.0.9" else []
        counts = {"malformed": 2, "timeouts": 0}
        seen = {"strangers": {"10.9.9.9": 14}, "tried": {"10.9.9.9": "INVITE"}, "trace": trace}
        return {"listen": "10.0.0.1:5060", "listening": self.listening, "counts": counts, **seen}

    @property
    def desk(self):
        return Desk(Site(self, self, self, self.obey, self.recent, self.sip))


@contextlib.asynccontextmanager
async def served(folder, fakes, **options):
    task = asyncio.create_task(ControlServer(folder / requests.SOCKET, fakes.desk.do, **options).run())
    try:
        async with asyncio.timeout(3):
            while not is_ready(folder / requests.SOCKET):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
                if task.done():
                    task.result()
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def is_ready(path):
    return path.is_socket() and stat.S_IMODE(path.stat().st_mode) == 0o600


async def command(folder, *words, typed=""):
    """Run a command as a person would; its exit status."""
    verb, *rest = words
    return await asyncio.to_thread(run_main, [verb, "--data-dir", str(folder), *rest], typed)


def run_main(words, typed):
    before, sys.stdin = sys.stdin, StringIO(typed)
    try:
        return main(words)
    finally:
        sys.stdin = before


@pytest.mark.parametrize(
    "request_",
    [
        Ussd(channel="modem1", code="*100#"), EndUssd(channel="modem1"), AskBalance(), AskBalance(channel="modem1"),
        SpendVoucher(channel="modem1", voucher=VOUCHER), TrySims(sender="a", receiver="b", sms=False),
        HoldSim(channel="modem1", what="hold", note="x"), Restart(channel="modem1"), Detail(channel="modem1"),
        LookAtSip(), LookAtSip(address="10.0.0.9"),
    ],
)  # fmt: skip
def test_requests_survive_the_wire(request_):
    assert decode_request(encode_request(request_)) == request_
    assert VOUCHER not in repr(request_)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"7", b'{"kind": "fly"}', b'{"kind": "ussd"}', b"\xff\n"])
def test_what_is_no_request_is_told_so(line):
    with pytest.raises(InvalidRequest):
        decode_request(line)


def test_answers():
    assert decode_answer(encode_answer({"a": 1})) == {"a": 1}
    with pytest.raises(Refused, match="it is busy"):
        decode_answer(encode_answer(error="it is busy"))
    for line in (b"", b"[]", b"null", b"{}", b"HTTP/1.1 200 OK\n"):
        with pytest.raises(RemoteProtocolError):
            decode_answer(line)


async def test_the_socket_is_for_its_owner_and_a_dead_agents_is_replaced(tmp_path):
    left = socket.socket(socket.AF_UNIX)
    await asyncio.to_thread(left.bind, str(tmp_path / requests.SOCKET))
    left.close()
    async with served(tmp_path, Fakes()):
        mode = (tmp_path / requests.SOCKET).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        assert await command(tmp_path, "restart", "modem1") == 0
    with pytest.raises(StorageFailed, match="cannot be made"):
        await ControlServer(tmp_path / "none" / "x.sock", Fakes().desk.do).run()


async def test_other_users_are_hung_up_on(tmp_path, monkeypatch, capsys):
    fakes = Fakes()
    monkeypatch.setattr(server, "_PEER", Stranger())
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "restart", "modem1") == 1
    assert fakes.obeyed == []
    assert "root and its own user only" in capsys.readouterr().err


class Stranger:
    """As struct ucred would be read for another user."""

    size = 12

    def unpack(self, data):
        return 1, os.geteuid() + 1, 1


async def test_a_long_path_is_no_obstacle(tmp_path):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    async with served(folder, Fakes()):
        assert await command(folder, "restart", "modem1") == 0


async def test_noise_and_silence_do_not_hold_it_up(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_READ_S", 0.1)
    async with served(tmp_path, Fakes()):
        for data in (b"", b"\x00" * 40000, b'{"kind": "ussd"', b"GET / HTTP/1.1\r\n\r\n"):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / requests.SOCKET))
            writer.write(data)
            await asyncio.wait_for(reader.read(), 3)
            writer.close()
        many = [await asyncio.open_unix_connection(str(tmp_path / requests.SOCKET)) for _ in range(12)]
        await asyncio.sleep(0.3)
        assert await command(tmp_path, "restart", "modem1") == 0
        for _, writer in many:
            writer.close()


async def test_without_an_agent_it_says_what_to_do(tmp_path, capsys):
    assert await command(tmp_path, "balance") == 1
    assert "no agent runs with data_dir" in capsys.readouterr().err
    assert await command(tmp_path / "nowhere", "balance") == 1


async def test_ussd(tmp_path, capsys):
    fakes = Fakes()
    fakes.answers = [UssdReply(UssdState.DONE, "Your balance is 5.00"), UssdReply(UssdState.NOT_SUPPORTED, "")]
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "ussd", "modem1", "*100#") == 0
        assert capsys.readouterr().out == "Your balance is 5.00\n"
        assert await command(tmp_path, "ussd", "site-1/modem1", "*1#") == 1
        assert capsys.readouterr().out == "(not supported)\n"
        assert await command(tmp_path, "ussd", "modem2", "*1#") == 1
        assert "modem2 takes no USSD now" in capsys.readouterr().err
        assert await command(tmp_path, "ussd", "modem7", "*1#") == 1
        assert "no channel 'modem7' here (there are: site-1/modem1, site-1/modem2)" in capsys.readouterr().err
    assert fakes.asked == ["*100#", "*1#"]


async def test_a_menu_is_answered_and_ended(tmp_path, capsys, monkeypatch):
    fakes = Fakes()
    menu = UssdReply(UssdState.REPLY_WANTED, "1 Balance\n2 Top up")
    fakes.answers = [menu, menu]

    class Terminal(StringIO):
        def isatty(self):
            return True

    monkeypatch.setitem(globals(), "StringIO", Terminal)
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "ussd", "modem1", "*123#", typed="1\n\n") == 0
    assert (fakes.asked, fakes.ended) == (["*123#", "1"], 1)
    assert capsys.readouterr().out.count("1 Balance") == 2


async def test_a_menu_is_answered_by_a_script(tmp_path, capsys):
    fakes = Fakes()
    menu, end = UssdReply(UssdState.REPLY_WANTED, "1 Balance\n2 Top up"), UssdReply(UssdState.DONE, "5.00")
    fakes.answers = [menu, menu, end, menu, menu]
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "ussd", "modem1", "*123#", typed="1\n2\n") == 0
        assert capsys.readouterr().out.splitlines()[-1] == "5.00"
        assert await command(tmp_path, "ussd", "modem1", "*123#", typed="") == 0
        assert fakes.ended == 0, "the session stays open for a reply by another call"
        assert await command(tmp_path, "ussd", "modem1", "1", typed="\n") == 0
    assert (fakes.asked, fakes.ended) == (["*123#", "1", "2", "*123#", "1"], 1)


async def test_balance(tmp_path, capsys):
    async with served(tmp_path, Fakes()):
        assert await command(tmp_path, "balance") == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first == "site-1/modem1  5.00 USD, valid until 2026-12-31, 0.5 a day, enough for 10 days"
        assert second == "site-1/modem2  site-1/modem2 is in a call"
        assert await command(tmp_path, "balance", "modem1", "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["balance"]["amount"] == "5.00"
        assert await command(tmp_path, "balance", "modem2") == 1


async def test_a_voucher_comes_from_standard_input_and_is_shown_nowhere(tmp_path, capsys, caplog):
    fakes = Fakes()
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "top-up", "modem1", typed=f"{VOUCHER}\n") == 0
        fakes.outcome = "unknown"
        assert await command(tmp_path, "top-up", "modem1", typed=VOUCHER) == 1
    said = capsys.readouterr()
    assert fakes.vouchers == [VOUCHER, VOUCHER]
    assert "unknown: read the balance" in said.out
    assert VOUCHER not in said.out + said.err + caplog.text


async def test_self_test(tmp_path, capsys):
    fakes = Fakes()
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "self-test", "modem1", "modem2") == 0
        assert await command(tmp_path, "self-test", "modem2", "modem1", "--no-call") == 1
        assert await command(tmp_path, "self-test", "modem2", "modem1", "--no-call", "--no-sms") == 1
    assert fakes.tests == [(A, B, True, True), (B, A, True, False)]
    assert capsys.readouterr().out.splitlines() == [
        "passed: SMS: arrived after 1.0 s", "FAILED: SMS: arrived after 1.0 s",
    ]  # fmt: skip


async def test_a_person_decides_about_a_sim(tmp_path, capsys):
    fakes = Fakes()
    async with served(tmp_path, fakes):
        for what in ("hold", "trust", "retire", "release"):
            assert await command(tmp_path, "sim", "modem1", what, "--note", "papers") == 0
    states = [(type(order), order.channel, order.state, order.note) for order in fakes.obeyed]
    assert states == [
        (SetSimHealth, A, state, "papers")
        for state in (HealthState.COOLDOWN, HealthState.HEALTHY, HealthState.RETIRED, None)
    ]
    assert capsys.readouterr().out.splitlines()[0] == "site-1/modem1: healthy"


async def test_what_is_to_be_seen_of_sip(tmp_path, capsys):
    async with served(tmp_path, Fakes()):
        assert await command(tmp_path, "sip") == 0
        assert capsys.readouterr().out.splitlines() == [
            "listening  10.0.0.1:5060", "counted    malformed 2",
            "stranger   10.9.9.9: 14 requests, none served; the last: INVITE",
        ]  # fmt: skip
        assert await command(tmp_path, "sip", "10.0.0.9") == 0
        assert "< REGISTER" in capsys.readouterr().out
        assert await command(tmp_path, "sip", "10.0.0.8") == 0
        assert "nothing has come from 10.0.0.8" in capsys.readouterr().out
        assert await command(tmp_path, "sip", "--json") == 0
        assert json.loads(capsys.readouterr().out)["listen"] == "10.0.0.1:5060"


async def test_a_port_that_somebody_else_has_is_not_listened_to(tmp_path, capsys):
    fakes = Fakes()
    fakes.listening = False
    async with served(tmp_path, fakes):
        assert await command(tmp_path, "sip") == 0
    assert capsys.readouterr().out.startswith("listening  10.0.0.1:5060, in vain")


async def test_a_site_without_sip():
    fakes = Fakes()
    desk = Desk(Site(fakes, fakes, fakes, fakes.obey, fakes.recent))
    with pytest.raises(NotFound, match="no SIP is spoken at this site"):
        await desk.do(LookAtSip())


async def test_the_desk():
    fakes = Fakes()
    await fakes.desk.do(Restart(channel="modem2"))
    assert isinstance(fakes.obeyed[0], RestartChannel)
    detail = await fakes.desk.do(Detail(channel="modem1"))
    assert detail["status"]["channel"] == A
    assert detail["history"][0]["step"] == "reopen"
    with pytest.raises(NotFound):
        await fakes.desk.do(Restart(channel="modem"))
    with pytest.raises(InvalidRequest, match="hold, trust, retire, release"):
        await fakes.desk.do(HoldSim(channel="modem1", what="burn"))
