"""sms.py: segments go out once, and what is not known is said to be unknown."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.contracts import OutboundSms, SubmitRef
from edge_agent.drivers.at_modem.dialogue import Dialogue
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.sms import AtSms, reference_of
from simulator.pdu import decode_submit
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, OutcomeUnknown, TimedOut
from telecore.sms import join_parts

TO = "+85512345678"


@pytest.fixture
async def dialogue(port):
    return Dialogue(port, Grammar.of())


@pytest.fixture
async def sms(dialogue):
    return AtSms(dialogue, AtProfile(timeouts={"CMGS": 0.2, "CMGS_prompt": 0.1}))


@pytest.fixture
def refs():
    return []


@pytest.fixture
def keep(refs):
    async def on_segment(ref):
        await asyncio.sleep(0)
        refs.append(ref)

    return on_segment


def submits(port):
    return [decode_submit(bytes.fromhex(body)) for body in port.modem.bodies]


async def test_one_segment(sms, port, refs, keep):
    await sms.submit(OutboundSms(TO, "hello", report=False, validity_s=3600), 0, keep)
    [submit] = submits(port)
    assert (submit.to, submit.text, submit.report, submit.validity.total_seconds()) == (TO, "hello", False, 3600)
    assert refs == [SubmitRef(7, 0, 1)]
    assert "AT+CMMS=2" not in port.modem.log


async def test_before_the_modem_is_set_up_nobody_knows_what_lies_in_it(sms):
    assert not sms.holds
    with pytest.raises(Busy):
        await sms.held()


async def test_seven_segments_in_order(sms, port, refs, keep):
    text = "ភាសាខ្មែរ😀" * 40
    await sms.submit(OutboundSms(TO, text), 0, keep)
    assert join_parts([submit.text for submit in submits(port)]) == text
    assert [(ref.segment, ref.segments) for ref in refs] == [(n, 7) for n in range(7)]
    assert port.modem.log[0] == "AT+CMMS=2"


async def test_resumed_segments_belong_to_the_same_message(sms, port, keep):
    message = OutboundSms(TO, "x" * 500)
    await sms.submit(message, 0, keep)
    await sms.submit(message, 2, keep)
    concats = [submit.concat for submit in submits(port)]
    assert {concat.reference for concat in concats} == {reference_of(message)}
    assert [concat.number for concat in concats] == [1, 2, 3, 4, 3, 4]


async def test_each_segment_is_kept_before_the_next_is_begun(sms, port):
    seen = []

    async def on_segment(ref):
        await asyncio.sleep(0.01)
        seen.append((ref.segment, len(port.modem.bodies)))

    await sms.submit(OutboundSms(TO, "x" * 400), 0, on_segment)
    assert seen == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("+CMS ERROR: 38", DeviceRefused),
        ("+CMS ERROR: 332", OutcomeUnknown),
        ("+CMS ERROR: network timeout", OutcomeUnknown),
        ("+CME ERROR: 10", DeviceRefused),
        ("ERROR", DeviceRefused),
        ("OK", OutcomeUnknown),
        (None, OutcomeUnknown),
    ],
)
async def test_what_goes_wrong(sms, port, refs, keep, answer, error):
    port.modem.submit = answer
    with pytest.raises(error):
        await sms.submit(OutboundSms(TO, "x" * 400), 0, keep)
    assert len(port.modem.bodies) == 1  # nothing was tried again
    assert refs == []


@pytest.mark.parametrize("code", [198, 199])
async def test_a_network_that_takes_no_validity_period_gets_none(sms, port, refs, keep, code):
    answers = [f"+CMS ERROR: {code}", "+CMGS: 1\r\n\r\nOK", "+CMGS: 2\r\n\r\nOK"]
    port.modem.submit = lambda modem, text: answers.pop(0)
    for _ in range(2):
        await sms.submit(OutboundSms(TO, "x", validity_s=3600), 0, keep)
    assert [submit.validity is None for submit in submits(port)] == [False, True, True]
    assert [ref.ref for ref in refs] == [1, 2]


async def test_a_refusal_of_none_is_final(sms, port, keep):
    port.modem.submit = "+CMS ERROR: 198"
    with pytest.raises(DeviceRefused):
        await sms.submit(OutboundSms(TO, "x"), 0, keep)
    assert len(port.modem.bodies) == 1


async def test_no_prompt_means_nothing_went_out(sms, port, keep):
    port.modem.prompt = None
    with pytest.raises(TimedOut):
        await sms.submit(OutboundSms(TO, "x"), 0, keep)
    assert port.modem.bodies == []


@pytest.mark.parametrize("prompt", [b"\r\n>", b"\r\n> ", b"\r\n\r\n> ", b"\r\n+CSQ: 3,0\r\n> "])
async def test_kinds_of_prompt(sms, port, refs, keep, prompt):
    port.modem.prompt = prompt
    await sms.submit(OutboundSms(TO, "x"), 0, keep)
    assert len(refs) == 1


async def test_lost_after_the_body(sms, port, keep):
    port.modem.submit = None
    sending = asyncio.ensure_future(sms.submit(OutboundSms(TO, "x"), 0, keep))
    await asyncio.sleep(0.02)
    port.on_lost(DeviceLost("gone"))
    with pytest.raises(OutcomeUnknown):
        await sending


async def test_a_cancelled_submit_is_ended_and_kept(sms, port, refs, keep):
    port.modem.submit = lambda modem, text: (
        asyncio.get_running_loop().call_later(0.05, modem.reply, "+CMGS: 9\r\n\r\nOK") and None
    )
    sending = asyncio.ensure_future(sms.submit(OutboundSms(TO, "x" * 400), 0, keep))
    await asyncio.sleep(0.02)
    sending.cancel()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert refs == [SubmitRef(9, 0, 3)]
    assert len(port.modem.bodies) == 1


async def test_cancelled_before_its_turn_sends_nothing(sms, dialogue, port, keep):
    from edge_agent.drivers.at_modem.dialogue import Priority

    async with dialogue.transaction(Priority.POLL):
        sending = asyncio.ensure_future(sms.submit(OutboundSms(TO, "x"), 0, keep))
        await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert port.modem.log == []


async def test_no_number(sms, keep):
    with pytest.raises(InvalidRequest):
        await sms.submit(OutboundSms("hello", "x"), 0, keep)


async def test_flash_and_port(sms, port, refs, keep):
    await sms.submit(OutboundSms(TO, "leave now", flash=True), 0, keep)
    await sms.submit(OutboundSms(TO, "for a program " * 12, port=16000), 0, keep)
    flash, *parts = submits(port)
    assert (flash.coding, flash.header) == (0x10, b"")
    assert [part.header for part in parts] == [
        bytes.fromhex(f"0003{reference_of(OutboundSms(TO, 'for a program ' * 12)):02x}02{n:02x}05043e800000")
        for n in (1, 2)
    ]
    assert join_parts([part.text for part in parts]) == "for a program " * 12
