"""Commands from the cloud, each applied once."""

import pytest

from edge_agent.spool import Spool, Taken
from telecore.commands import PlaceCall, ReadBalance, RequestUssd, RunSelfTest, SendMessage, TopUp
from telecore.events import CommandRejected, EdgeStarted, UssdReplied
from telecore.ids import CallSid, ChannelId, CommandId, Iccid, MessageSid

CHANNEL = ChannelId("site-1/modem1")


def send(sid="SM1", body="hello"):
    return SendMessage(message=MessageSid(sid), channel=CHANNEL, to="+85512000001", body=body)


async def take(spool, stream, seq, command, answer=None):
    (fresh,) = await spool.journal([Taken(stream, seq, command, answer)])
    return fresh


async def test_a_number_is_applied_once_per_street(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.applied("a") == 0
    assert await take(spool, "a", 4, send("SM1"))
    assert not await take(spool, "a", 4, send("SM2"))
    assert not await take(spool, "a", 3, send("SM3"))
    assert await take(spool, "b", 1, send("SM4"))
    assert (await spool.applied("a"), await spool.applied("b")) == (4, 1)
    assert [sms.command.message for sms in await spool.queued_sms()] == ["SM1", "SM4"]
    await spool.close()


async def test_a_command_that_comes_again_under_another_number_is_not_done_again(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    command = send()
    assert await take(spool, "a", 1, command)
    assert not await take(spool, "restored", 1, command)
    assert await spool.applied("restored") == 1
    again = send()
    assert not await take(spool, "restored", 2, again), "another command for the same message"
    assert len(await spool.queued_sms()) == 1
    await spool.close()


async def test_what_is_not_understood_is_counted_as_applied(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    assert not await take(spool, "a", 1, None)
    answer = CommandRejected(command=CommandId("c"), subject="SM9", code=20001, reason="unknown kind")
    assert await take(spool, "a", 2, None, answer)
    assert not await take(spool, "a", 2, None, answer)
    assert await spool.applied("a") == 2
    assert [row["kind"] for _, row in await spool.read(0, 10)] == ["command.rejected"]
    await spool.close()


async def test_requests_and_calls_that_were_under_way_are_answered_after_a_restart(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path)
    done, left = RequestUssd(channel=CHANNEL, code="*100#"), RequestUssd(channel=CHANNEL, code="*101#")
    call = PlaceCall(call=CallSid("CA1"), channel=CHANNEL, to="+85512000001")
    refused = PlaceCall(call=CallSid("CA2"), channel=CHANNEL, to="+85512000001")
    for seq, command in enumerate((done, left, call, refused), 1):
        assert await take(spool, "a", seq, command)
    await spool.append(UssdReplied(command=done.id, channel=CHANNEL, state="done", text="5.00"))
    await spool.append(CommandRejected(command=refused.id, subject="CA2", code=20409, reason="no"))
    before = spool.highest
    await spool.close()
    spool = await Spool.open(path)
    await spool.recover(EdgeStarted(instance="2", version="1"))
    rows = [row for _, row in await spool.read(before, 10)]
    assert [row["kind"] for row in rows] == ["edge.started", "call.ended", "ussd.replied"]
    assert (rows[1]["call"], rows[1]["command"]) == ("CA1", call.id)
    assert (rows[2]["command"], rows[2]["state"]) == (left.id, "timeout")
    await spool.recover(EdgeStarted(instance="3", version="1"))
    assert [row["kind"] for _, row in await spool.read(before + 3, 10)] == ["edge.started"]
    await spool.close()


async def test_a_voucher_is_kept_nowhere_and_its_outcome_after_a_restart_is_unknown(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path)
    begun, waiting = (TopUp(channel=CHANNEL, voucher=voucher) for voucher in ("1012345678", "2012345678"))
    balance, test = ReadBalance(channel=CHANNEL), RunSelfTest(channel=CHANNEL, receiver=ChannelId("site-1/modem2"))
    for seq, command in enumerate((begun, waiting, balance, test), 1):
        assert await take(spool, "a", seq, command)
    await spool.put_sim_fact(Iccid("8985"), "top_up", [{"digest": "x", "at": 1.0, "command": begun.id}])
    await spool.close()
    data = b"".join(file.read_bytes() for file in tmp_path.glob("spool.db*"))
    assert b"1012345678" not in data
    assert b"2012345678" not in data
    spool = await Spool.open(path)
    await spool.recover(EdgeStarted(instance="2", version="1"))
    answers = {row["command"]: row for _, row in await spool.read(0, 10) if "command" in row}
    assert (answers[begun.id]["outcome"], answers[begun.id]["iccid"]) == ("unknown", "8985")
    assert (answers[waiting.id]["outcome"], answers[waiting.id]["iccid"]) == ("unknown", "")
    assert {answers[command.id]["kind"] for command in (balance, test)} == {"command.rejected"}
    await spool.close()


async def test_several_are_taken_on_in_their_order_all_or_none(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    items = [Taken("a", seq, send(f"SM{seq}")) for seq in (1, 2, 2, 3)]
    assert await spool.journal(items) == [True, True, False, True]
    broken = [Taken("a", 4, send("SM4")), Taken("a", 5, send("SM5")), Taken("a", "six", send("SM6"))]
    with pytest.raises(TypeError):
        await spool.journal(broken)
    assert await spool.applied("a") == 3
    assert len(await spool.queued_sms()) == 3
    await spool.close()
