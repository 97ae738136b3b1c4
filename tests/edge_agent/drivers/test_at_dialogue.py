"""dialogue.py: transactions, their order, cancellation and loss."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.grammar import Command, Grammar
from telecore.errors import DeviceLost, DeviceRefused, OutcomeUnknown, TimedOut


@pytest.fixture
async def dialogue(port):
    made = Dialogue(port, Grammar.of())
    made.urcs = []
    made.on_urc = made.urcs.append
    return made


async def test_answer_and_refusal(dialogue, port):
    port.modem.answers["AT+CSQ"] = "+CSQ: 20,99\r\n\r\nOK"
    port.modem.answers["AT+CMGD"] = "+CMS ERROR: memory full"
    assert await dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 20,99",)
    with pytest.raises(DeviceRefused) as refused:
        await dialogue.run("AT+CMGD=1", Priority.SMS)
    assert (refused.value.kind, refused.value.code) == ("cms", 322)


async def test_nothing_comes_between_the_commands_of_a_transaction(dialogue, port):
    async def poll():
        for _ in range(20):
            await dialogue.run("AT+CSQ", Priority.HANG_UP)

    async def send():
        async with dialogue.transaction(Priority.POLL) as talk:
            await talk.command('AT+CSCS="UCS2"')
            await asyncio.sleep(0.01)
            await talk.command("AT+CUSD=1")
            await talk.command('AT+CSCS="GSM"')

    await asyncio.gather(send(), poll(), send())
    at = port.modem.log.index('AT+CSCS="UCS2"')
    assert port.modem.log[at : at + 3] == ['AT+CSCS="UCS2"', "AT+CUSD=1", 'AT+CSCS="GSM"']


async def test_a_poller_never_gets_into_a_pdu(dialogue, port):
    async def send():
        async with dialogue.transaction(Priority.SMS) as talk:
            return await talk.command(Command("AT+CMGS=4", body="00AABB"))

    results = await asyncio.gather(*[send() for _ in range(5)], *[dialogue.run("AT+CSQ", p) for p in Priority])
    assert port.modem.bodies == ["00AABB"] * 5
    assert results[:5] == [("+CMGS: 7",)] * 5


async def test_the_most_urgent_goes_first(dialogue, port):
    async with dialogue.transaction(Priority.POLL):
        waiting = [
            asyncio.ensure_future(dialogue.run(f"AT{priority.name}", priority)) for priority in reversed(Priority)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert port.modem.log == [f"AT{priority.name}" for priority in Priority]


async def test_equals_keep_their_order(dialogue, port):
    async with dialogue.transaction(Priority.POLL):
        waiting = [asyncio.ensure_future(dialogue.run(f"AT{n}", Priority.SMS)) for n in range(9)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert port.modem.log == [f"AT{n}" for n in range(9)]


async def test_waiting_can_be_given_up(dialogue, port):
    async with dialogue.transaction(Priority.POLL):
        waiting = asyncio.ensure_future(dialogue.run("AT+NEVER", Priority.SMS))
        await asyncio.sleep(0)
        waiting.cancel()
    assert await dialogue.run("AT", Priority.POLL) == ()
    assert port.modem.log == ["AT"]


async def test_a_turn_that_came_to_a_cancelled_waiter_goes_on(dialogue, port):
    holder = dialogue.transaction(Priority.POLL)
    await holder.__aenter__()
    first = asyncio.ensure_future(dialogue.run("AT+FIRST", Priority.SMS))
    second = asyncio.ensure_future(dialogue.run("AT+SECOND", Priority.SMS))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    first.cancel()
    await second
    assert port.modem.log == ["AT+SECOND"]


async def test_silence_then_clean_port_then_the_next_command(dialogue, port):
    port.modem.answers["AT+CREG?"] = None
    port.modem.answers["AT+CSQ"] = "+CSQ: 5,0\r\n\r\nOK"
    with pytest.raises(TimedOut, match="AT\\+CREG\\?"):
        await dialogue.run("AT+CREG?", Priority.POLL, timeout_s=0.05)
    assert await dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 5,0",)
    assert port.modem.log == ["AT+CREG?", "AT", "AT", "AT+CSQ"]


async def test_a_cancelled_command_ends_before_the_next_begins(dialogue, port):
    def later(modem, text):
        del text
        asyncio.get_running_loop().call_later(0.1, modem.reply, "+CREG: 0,1\r\n\r\nOK")

    port.modem.answers["AT+CREG?"] = later
    port.modem.answers["AT+CSQ"] = "+CSQ: 5,0\r\n\r\nOK"
    asking = asyncio.ensure_future(dialogue.run("AT+CREG?", Priority.POLL))
    await asyncio.sleep(0.01)
    asking.cancel()
    assert await dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 5,0",)


async def test_cancelled_while_waiting_for_the_prompt_leaves_the_text_entry(dialogue, port):
    port.modem.prompt = None

    async def send():
        async with dialogue.transaction(Priority.SMS) as talk:
            await talk.command(Command("AT+CMGS=4", body="00AABB"))

    sending = asyncio.ensure_future(send())
    await asyncio.sleep(0.01)
    sending.cancel()
    await dialogue.run("AT+CSQ", Priority.POLL)
    assert b"\x1b" in port.written
    assert port.modem.bodies == []


async def test_loss_wakes_everybody_once(dialogue, port):
    port.modem.answers["AT"] = None
    running = asyncio.ensure_future(dialogue.run("AT+CSQ", Priority.POLL))
    waiting = asyncio.ensure_future(dialogue.run("AT+CREG?", Priority.POLL))
    await asyncio.sleep(0.01)
    port.on_lost(DeviceLost("gone"))
    port.on_lost(DeviceLost("gone again"))
    for task in (running, waiting):
        with pytest.raises(DeviceLost, match="gone$"):
            await task
    with pytest.raises(DeviceLost):
        await dialogue.run("AT", Priority.POLL)


async def test_loss_after_the_body_leaves_the_outcome_unknown(dialogue, port):
    port.modem.submit = None

    async def send():
        async with dialogue.transaction(Priority.SMS) as talk:
            await talk.command(Command("AT+CMGS=4", body="00AABB"))

    sending = asyncio.ensure_future(send())
    await asyncio.sleep(0.01)
    port.on_lost(DeviceLost("gone"))
    with pytest.raises(OutcomeUnknown):
        await sending


async def test_a_modem_that_answers_nothing_is_lost(dialogue, port, monkeypatch):
    monkeypatch.setattr("edge_agent.drivers.at_modem.engine.PROBE_S", 0.01)
    monkeypatch.setattr("edge_agent.drivers.at_modem.engine.SILENCE_S", 0.01)
    port.modem.answers["AT"] = None
    with pytest.raises(TimedOut):
        await dialogue.run("AT+CSQ", Priority.POLL, timeout_s=0.02)
    with pytest.raises(DeviceLost, match="hung"):
        await dialogue.run("AT+CSQ", Priority.POLL)
    assert "hung" in str(await dialogue.lost)


async def test_what_comes_by_itself_is_told_in_order(dialogue, port, until):
    for text in ("RING", '+CLIP: "1",129', '+CMTI: "SM",1', "no idea"):
        port.modem.urc(text)
    await until(lambda: len(dialogue.urcs) == 4)
    assert [urc.text for urc in dialogue.urcs] == ["RING", '+CLIP: "1",129', '+CMTI: "SM",1', "no idea"]


async def test_two_hundred_commands_under_a_flood(dialogue, port):
    flooding = True

    def flood():
        port.modem.urc("^RSSI: 18")
        if flooding:
            asyncio.get_running_loop().call_later(0.0005, flood)

    flood()
    port.modem.answers["AT+CSQ"] = "+CSQ: 5,0\r\n\r\nOK"
    port.modem.answers["AT+CREG?"] = "+CREG: 2,1\r\n\r\nOK"
    for _ in range(100):
        assert await dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 5,0",)
        assert await dialogue.run("AT+CREG?", Priority.POLL) == ("+CREG: 2,1",)
    flooding = False
    await asyncio.sleep(0.002)
