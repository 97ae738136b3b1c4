"""ussd.py and ussd_text.py: every shape of +CUSD, every encoding, sessions and silences."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.at_modem.dialogue import Dialogue
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.profile import AtProfile, UssdEncoding, UssdProfile
from edge_agent.drivers.at_modem.ussd import AtUssd
from edge_agent.drivers.at_modem.ussd_text import decode_text, encode_text
from telecore.errors import Busy, DeviceRefused, InvalidRequest, TimedOut
from telecore.gsm7 import SEPTETS

PLAIN, UCS2, PACKED = UssdEncoding.PLAIN, UssdEncoding.UCS2, UssdEncoding.PACKED


def make(port, *encodings, **timeouts):
    dialogue = Dialogue(port, Grammar.of())
    ussd = AtUssd(dialogue, AtProfile(ussd=UssdProfile(encodings=encodings), timeouts=timeouts), "site-1/modem1")
    dialogue.on_urc = ussd.on_urc
    return ussd


@pytest.mark.parametrize(
    ("urc", "reply"),
    [
        ('+CUSD: 0,"Balance 5.00",15', UssdReply(UssdState.DONE, "Balance 5.00")),
        ('+CUSD: 0, "SPRING OFFER", 15', UssdReply(UssdState.DONE, "SPRING OFFER")),
        ('+CUSD: 1,"1) A\r\n2) B",15', UssdReply(UssdState.REPLY_WANTED, "1) A\n2) B")),
        ('+CUSD: 0,"no dcs"', UssdReply(UssdState.DONE, "no dcs")),
        ("+CUSD: 2", UssdReply(UssdState.RELEASED, "")),
        ("+CUSD: 4", UssdReply(UssdState.NOT_SUPPORTED, "")),
        ("+CUSD: 5", UssdReply(UssdState.TIMEOUT, "")),
        ("+CUSD: 3", UssdReply(UssdState.RELEASED, "")),
        ('+CUSD: 0,"OK\r\nRING\r\nERROR",15', UssdReply(UssdState.DONE, "OK\nRING\nERROR")),
        ('+CUSD: 0,"He said "hi"\r\nand left",15', UssdReply(UssdState.DONE, 'He said "hi"\nand left')),
        ('+CUSD: 0,"1797178B1797",72', UssdReply(UssdState.DONE, "\u1797\u178b\u1797")),
    ],
)
@pytest.mark.parametrize("before_ok", [False, True])
async def test_replies(port, urc, reply, before_ok):
    ussd = make(port, PLAIN, UCS2)

    def answer(modem, text):
        if before_ok:
            modem.urc(urc)
            return "OK"
        modem.reply("OK")
        asyncio.get_running_loop().call_later(0.01, modem.urc, urc)
        return None

    port.modem.answers["AT+CUSD=1"] = answer
    assert await ussd.request("*100#") == reply
    assert 'AT+CUSD=1,"*100#",15' in port.modem.log


async def test_packed_request_and_reply(port):
    ussd = make(port, PACKED, PLAIN)
    port.modem.answers["AT+CUSD=1"] = f'+CUSD: 0,"{encode_text("Balance 5.00 USD", PACKED)}",15\r\n\r\nOK'
    assert await ussd.request("*100#") == UssdReply(UssdState.DONE, "Balance 5.00 USD")
    assert port.modem.log == ['AT+CUSD=1,"AA180C3602",15']


async def test_ucs2_puts_the_character_set_back_at_once(port):
    ussd = make(port, UCS2)
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"00480069",15\r\n\r\nOK'
    assert (await ussd.request("*100#")).text == "Hi"
    assert port.modem.log == ['AT+CSCS="UCS2"', 'AT+CUSD=1,"002A0031003000300023",15', 'AT+CSCS="GSM"']


async def test_ucs2_puts_it_back_after_a_refusal_too(port):
    ussd = make(port, UCS2)
    port.modem.answers["AT+CUSD=1"] = "+CME ERROR: 30"
    with pytest.raises(DeviceRefused):
        await ussd.request("*100#")
    assert port.modem.log[-1] == 'AT+CSCS="GSM"'


async def test_the_encoding_that_was_taken_is_tried_first_next_time(port):
    ussd = make(port, PACKED, PLAIN)
    port.modem.answers['AT+CUSD=1,"AA'] = "+CME ERROR: 50"
    port.modem.answers['AT+CUSD=1,"*'] = '+CUSD: 0,"yes",15\r\n\r\nOK'
    await ussd.request("*100#")
    await ussd.request("*100#")
    assert port.modem.log == ['AT+CUSD=1,"AA180C3602",15', 'AT+CUSD=1,"*100#",15', 'AT+CUSD=1,"*100#",15']


async def test_a_menu(port):
    ussd = make(port, PLAIN)
    port.modem.answers['AT+CUSD=1,"*100#"'] = '+CUSD: 1,"1) Balance",15\r\n\r\nOK'
    port.modem.answers['AT+CUSD=1,"1"'] = '+CUSD: 0,"5.00",15\r\n\r\nOK'
    assert (await ussd.request("*100#")).state is UssdState.REPLY_WANTED
    assert await ussd.request("1") == UssdReply(UssdState.DONE, "5.00")


async def test_silence_of_the_network_cancels_the_session(port):
    ussd = make(port, PLAIN, CUSD_urc=0.05)
    assert await ussd.request("*100#") == UssdReply(UssdState.TIMEOUT, "")
    assert port.modem.log[-1] == "AT+CUSD=2"


async def test_one_request_at_a_time(port):
    ussd = make(port, PLAIN, CUSD_urc=0.05)
    first = asyncio.ensure_future(ussd.request("*100#"))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await ussd.request("*101#")
    await first


async def test_what_the_network_begins(port, core, until):
    ussd = make(port, PLAIN)
    running = asyncio.ensure_future(ussd.run(core))
    port.modem.urc('+CUSD: 0,"Your credit ends",15')
    await until(lambda: core.ussds)
    assert core.ussds == [UssdReply(UssdState.DONE, "Your credit ends")]
    running.cancel()


async def test_an_answer_that_comes_after_all_is_not_lost(port, core, until):
    ussd = make(port, PLAIN, CUSD_urc=0.02)
    running = asyncio.ensure_future(ussd.run(core))
    await ussd.request("*100#")
    port.modem.urc('+CUSD: 0,"late",15')
    await until(lambda: core.ussds)
    running.cancel()


async def test_lines_that_arrive_apart(port):
    ussd = make(port, PLAIN)

    def answer(modem, text):
        modem.reply("OK")
        for number, line in enumerate([b'+CUSD: 1,"Menu\r\n', b"1) A\r\n", b"2) B\r\n", b'",15\r\n']):
            asyncio.get_running_loop().call_later(0.05 * number, modem.send, line)

    port.modem.answers["AT+CUSD=1"] = answer
    assert await ussd.request("#124#") == UssdReply(UssdState.REPLY_WANTED, "Menu\n1) A\n2) B")
    assert port.modem.log == ['AT+CUSD=1,"#124#",15']


async def test_a_code_ends_the_session_that_a_menu_left_open(port):
    ussd = make(port, PLAIN)
    port.modem.answers['AT+CUSD=1,"*100#"'] = '+CUSD: 1,"1) Balance",15\r\n\r\nOK'
    port.modem.answers["AT+CUSD=2"] = "OK\r\n\r\n+CUSD: 2"
    await ussd.request("*100#")
    assert (await ussd.request("*100#")).text == "1) Balance"  # and not the "released" of our own
    assert port.modem.log == ['AT+CUSD=1,"*100#",15', "AT+CUSD=2", 'AT+CUSD=1,"*100#",15']


async def test_a_refusal_in_a_menu_leaves_it_open(port):
    ussd = make(port, PLAIN)
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 1,"1) Balance",15\r\n\r\nOK'
    await ussd.request("*100#")
    port.modem.answers["AT+CUSD=1"] = "+CME ERROR: 14"
    with pytest.raises(DeviceRefused):
        await ussd.request("1")
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"5.00",15\r\n\r\nOK'
    await ussd.request("*100#")
    assert "AT+CUSD=2" in port.modem.log


async def test_cancel_wakes_who_waits(port):
    ussd = make(port, PLAIN)
    asking = asyncio.ensure_future(ussd.request("*100#"))
    await asyncio.sleep(0.01)
    await ussd.cancel()
    assert await asking == UssdReply(UssdState.RELEASED, "")
    assert port.modem.log == ['AT+CUSD=1,"*100#",15', "AT+CUSD=2"]


async def _held_end(port, ussd, urc=None):
    """A code that waits for the end of the session before it: who asks, and what lets the end be answered."""
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 1,"1) Balance",15\r\n\r\nOK'
    await ussd.request("*100#")
    ending = asyncio.Event()

    def hold(modem, text):
        if urc is not None:
            modem.urc(urc)
        ending.set()

    port.modem.answers["AT+CUSD=2"] = hold
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"Topped up",15\r\n\r\nOK'
    asking = asyncio.ensure_future(ussd.request("*123#"))
    await ending.wait()
    port.modem.answers["AT+CUSD=2"] = "OK\r\n\r\n+CUSD: 2"
    return asking


async def test_a_code_that_is_called_off_before_it_is_out_is_never_sent(port):
    ussd = make(port, PLAIN)
    asking = await _held_end(port, ussd)
    ending = asyncio.ensure_future(ussd.cancel())
    await asyncio.sleep(0)
    port.modem.reply("OK")
    await ending
    assert await asking == UssdReply(UssdState.RELEASED, "")
    assert port.modem.log == ['AT+CUSD=1,"*100#",15', "AT+CUSD=2", "AT+CUSD=2"]


async def test_a_code_that_is_called_off_between_two_ways_of_writing_it_is_not_tried_in_the_other(port):
    ussd = make(port, PACKED, PLAIN)
    asked = asyncio.Event()
    port.modem.answers["AT+CUSD=1"] = lambda modem, text: asked.set()
    asking = asyncio.ensure_future(ussd.request("*100#"))
    await asked.wait()
    ending = asyncio.ensure_future(ussd.cancel())
    await asyncio.sleep(0)
    port.modem.reply("+CME ERROR: 50")
    await ending
    assert await asking == UssdReply(UssdState.RELEASED, "")
    assert port.modem.log == ['AT+CUSD=1,"AA180C3602",15', "AT+CUSD=2"]


async def test_the_last_words_of_the_session_before_are_no_answer_to_a_code(port, core, until):
    ussd = make(port, PLAIN)
    asking = await _held_end(port, ussd, '+CUSD: 2,"Bye",15')
    telling = asyncio.ensure_future(ussd.run(core))
    port.modem.reply("OK")
    assert (await asking).text == "Topped up"
    await until(lambda: core.ussds)
    telling.cancel()
    assert core.ussds == [UssdReply(UssdState.RELEASED, "Bye")]


async def test_cancel_without_a_session_is_harmless(port):
    port.modem.answers["AT+CUSD=2"] = "+CME ERROR: 3"
    await make(port, PLAIN).cancel()


async def test_a_silent_modem_is_not_a_silent_network(port):
    port.modem.answers["AT+CUSD"] = None
    ussd = make(port, PLAIN, CUSD=0.05)
    with pytest.raises(TimedOut):
        await ussd.request("*100#")
    port.modem.answers["AT+CUSD"] = None
    with pytest.raises(TimedOut):
        await ussd.cancel()


async def test_an_answer_whose_ok_never_comes(port):
    port.modem.answers["AT+CUSD"] = '+CUSD: 0,"Balance 5.00",15'
    assert (await make(port, PLAIN, CUSD=0.05).request("*100#")).text == "Balance 5.00"


async def test_not_during_a_call_where_the_modem_cannot(port):
    calls = [1]
    profile = AtProfile(ussd=UssdProfile(in_call=False))
    ussd = AtUssd(Dialogue(port, Grammar.of()), profile, "site-1/modem1", lambda: bool(calls))
    with pytest.raises(Busy, match="call"):
        await ussd.request("*100#")
    assert port.modem.log == []


@pytest.mark.parametrize("code", [30, 10, 14, 256])
async def test_a_refusal_by_the_network_is_not_tried_in_another_way(port, code):
    port.modem.answers["AT+CUSD=1"] = f"+CME ERROR: {code}"
    with pytest.raises(DeviceRefused):
        await make(port, PLAIN, UCS2).request("*311*123456789#")
    assert len(port.modem.log) == 1


async def test_once_a_way_is_known_a_refusal_is_about_the_code(port):
    ussd = make(port, PLAIN, UCS2)
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"yes",15\r\n\r\nOK'
    await ussd.request("*100#")
    port.modem.answers["AT+CUSD=1"] = "+CME ERROR: 100"
    with pytest.raises(DeviceRefused):
        await ussd.request("*311*123456789#")
    assert len(port.modem.log) == 2


async def test_a_request_given_up_leaves_no_session_behind(port):
    ussd = make(port, PLAIN)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await ussd.request("*100#")
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"5.00",15\r\n\r\nOK'
    assert (await ussd.request("*101#")).text == "5.00"
    assert port.modem.log[1] == "AT+CUSD=2"


@given(st.text(sorted(set(SEPTETS) - set("\r\n\f ")), min_size=1, max_size=180))
def test_packed_there_and_back(text):
    assert decode_text(encode_text(text, PACKED), 15, [PACKED]) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), min_size=1, max_size=90))
def test_ucs2_there_and_back(text):
    assert decode_text(encode_text(text, UCS2), 72, [PLAIN, UCS2]) == text


@given(st.text(max_size=60), st.one_of(st.none(), st.integers(0, 255)))
def test_nothing_upsets_the_reading(text, dcs):
    for encodings in ([PLAIN], [PACKED, PLAIN], [PLAIN, UCS2], [UCS2, PACKED]):
        assert isinstance(decode_text(text, dcs, encodings), str)


@pytest.mark.parametrize("text", ["12345678", "0712345678", "1000", "5"])
def test_a_plain_number_stays_a_number(text):
    assert decode_text(text, 15, [PLAIN, UCS2]) == text


@pytest.mark.parametrize("code", ["", '*100#",15;+CFUN=0,"', "*100#\rAT+CFUN=0", "x" * 183])
async def test_nothing_but_a_code_is_sent(port, code):
    with pytest.raises(InvalidRequest):
        await make(port, PLAIN).request(code)
    assert port.modem.log == []


async def test_a_reply_in_khmer_goes_as_ucs2(port):
    ussd = make(port, PLAIN, UCS2)
    port.modem.answers["AT+CUSD=1"] = '+CUSD: 0,"ok",15\r\n\r\nOK'
    await ussd.request("ភាសា")
    assert port.modem.log[1] == 'AT+CUSD=1,"179717B6179F17B6",15'


async def test_what_no_encoding_can_say(port):
    with pytest.raises(InvalidRequest):
        await make(port, PLAIN).request("ភាសា")
    assert port.modem.log == []
