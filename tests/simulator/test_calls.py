"""Calls through a modem: states, causes, unsolicited codes, tones and speech."""

import math
import re
import struct
from dataclasses import replace
from random import Random

import pytest

from simulator.calls import RING_LIMIT_S, Call
from simulator.modem.profile import HUAWEI
from simulator.subscriber import Behaviour, Press
from simulator.tones import pressed
from tests.simulator.fake import Desk

ANSWERS, FREE = "+85512000001", "+85512000010"
SIM1, SIM2 = "+85510000001", "+85510000002"


@pytest.fixture
def desk() -> Desk:
    desk = Desk(2)
    desk.at("AT+CMEE=1;+CLIP=1;+CRC=1")
    desk.at("AT+CLIP=1", 2)
    return desk


def last_call(desk: Desk) -> Call:
    return list(desk.network.exchange.calls.values())[-1]


def heard(desk: Desk) -> bytes:
    audio = desk.network.recordings.of(last_call(desk).id)
    assert audio is not None
    return bytes(audio.heard)


def digits(desk: Desk) -> str:
    audio = desk.network.recordings.of(last_call(desk).id)
    assert audio is not None
    return audio.digits_heard


def tone(seconds: float, hertz: float = 440) -> bytes:
    count = round(seconds * 8000)
    return struct.pack(f"<{count}h", *(round(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(count)))


def test_a_call_out_and_hung_up(desk: Desk) -> None:
    assert desk.at(f"ATD{ANSWERS};") == "\r\nOK\r\n"
    assert desk.at("AT+CLCC") == f'\r\n+CLCC: 1,0,2,0,0,"{ANSWERS}",145,""\r\n\r\nOK\r\n'
    desk.timers.advance(1)
    assert ",0,3,0,0," in desk.at("AT+CLCC")
    assert desk.wait(1.5) == "\r\nVOICE CALL: BEGIN\r\n"
    desk.timers.advance(41)
    assert desk.at("AT+CHUP") == "\r\nVOICE CALL: END: 000041\r\n\r\nOK\r\n"
    call = last_call(desk)
    assert (call.state, call.cause) == ("ended", 16)
    assert desk.at("AT+CLCC") == "\r\nOK\r\n"
    assert desk.modems[0].sim.balance == 9_995


def test_a_handset_that_answers_is_waited_for_however_fast_the_network(desk: Desk) -> None:
    """With --speed the network's ring limit may be shorter than a handset's second, which is a real one."""
    desk.network.handsets[FREE].behaviour = Behaviour(answer_after_s=RING_LIMIT_S + 5)
    desk.at(f"ATD{FREE};")
    desk.timers.advance(RING_LIMIT_S + 4)
    assert last_call(desk).state == "ringing"
    desk.timers.advance(2)
    assert last_call(desk).state == "answered"


@pytest.mark.parametrize(
    ("number", "cause", "result"),
    [
        ("+85512000002", 17, "BUSY"),
        ("+85512000003", 19, "NO ANSWER"),
        ("+85512000004", 20, "NO CARRIER"),
        ("+85599999999", 1, "NO CARRIER"),
        (SIM1, 17, "BUSY"),
    ],
)
def test_calls_that_fail(desk: Desk, number: str, cause: int, result: str) -> None:
    desk.at(f"ATD{number};")
    assert desk.wait(50) == f"\r\nVOICE CALL: END\r\n\r\n{result}\r\n"
    assert last_call(desk).cause == cause
    assert desk.at("AT+CEER").startswith(f'\r\n+CEER: {cause},"')


def test_a_rejected_call(desk: Desk) -> None:
    handset = desk.network.handsets[FREE]
    handset.behaviour = replace(handset.behaviour, on_call="reject")
    desk.at(f"ATD{FREE};")
    assert "NO CARRIER" in desk.wait(3)
    assert last_call(desk).cause == 21


def test_a_call_in_is_answered_and_ended_by_the_handset(desk: Desk) -> None:
    call = desk.network.handsets[FREE].dial(SIM1)
    assert call is not None
    said = desk.wait(2)
    assert said == f'\r\n+CRING: VOICE\r\n\r\n+CLIP: "{FREE}",145,"",0,"",0\r\n'
    assert desk.wait(4).startswith("\r\n+CRING: VOICE\r\n")
    assert ",1,4,0,0," in desk.at("AT+CLCC")
    assert desk.at("ATA") == "\r\nOK\r\n"
    assert desk.wait(1) == "\r\nVOICE CALL: BEGIN\r\n"
    desk.network.exchange.end(call, 16)
    assert desk.said() == "\r\nVOICE CALL: END: 000001\r\n\r\nNO CARRIER\r\n"


def test_a_missed_call(desk: Desk) -> None:
    call = desk.network.handsets[FREE].dial(SIM1)
    assert call is not None
    desk.wait(2)
    desk.network.exchange.end(call, 16)
    assert desk.said() == f"\r\nMISSED_CALL: 10:06PM {FREE}\r\n\r\nNO CARRIER\r\n"


def test_the_modem_rejects(desk: Desk) -> None:
    desk.network.handsets[FREE].dial(SIM1)
    desk.wait(2)
    desk.at("AT+CHUP")
    assert last_call(desk).cause == 21


def test_from_sim_to_sim_with_speech(desk: Desk) -> None:
    desk.at(f"ATD{SIM2};")
    assert f'+CLIP: "{SIM1}",145' in desk.wait(2, 2)
    desk.at("ATA", 2)
    desk.timers.advance(0.1)
    for index in (1, 2):
        assert desk.at("AT+CPCMREG=1", index).endswith("OK\r\n")
    speech = tone(1)
    desk.talk(1.2, speech)
    assert speech in bytes(desk.pcm[1].output)


def test_a_second_call_waits_and_is_taken(desk: Desk) -> None:
    desk.at("AT+CCWA=1,1")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.network.handsets[FREE].dial(SIM1)
    assert desk.wait(2) == f'\r\n+CCWA: "{FREE}",145,1\r\n'
    assert '+CLCC: 2,1,5,0,0,"' in desk.at("AT+CLCC")
    desk.at("AT+CHLD=2")
    said = desk.at("AT+CLCC")
    assert "+CLCC: 1,0,1," in said
    assert "+CLCC: 2,1,0," in said
    assert "END" in desk.at("AT+CHLD=1")
    assert "+CLCC: 1,0,0," in desk.at("AT+CLCC")


def test_a_second_call_without_waiting_is_busy(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.network.handsets[FREE].dial(SIM1)
    desk.wait(2)
    assert last_call(desk).cause == 17


def test_clcc_as_unsolicited_code(desk: Desk) -> None:
    desk.at("AT+CLCC=1")
    desk.at(f"ATD{ANSWERS};")
    said = desk.wait(3)
    assert [f",0,{stat},0,0," in said for stat in (2, 3, 0)] == [True] * 3
    desk.at("AT+CHUP")


def test_huawei_tells_a_call_its_own_way() -> None:
    desk = Desk(1, HUAWEI)
    assert desk.at("AT^DDSETEX=2") == "\r\nERROR\r\n"
    desk.at(f"ATD{ANSWERS};")
    assert desk.at("AT^DDSETEX=2") == "\r\nOK\r\n"
    assert desk.wait(3) == "\r\n^ORIG:1,0\r\n\r\n^CONF:1\r\n\r\n^CONN:1,0\r\n"
    speech = tone(0.5)
    desk.talk(0.7, speech)
    assert speech in heard(desk)
    desk.at("AT^DTMF=1,7")
    desk.talk(0.3)
    assert digits(desk) == "7"
    desk.network.exchange.end(last_call(desk), 16)
    assert desk.said() == "\r\n^CEND:1,2,29,16\r\n\r\nNO CARRIER\r\n"
    assert not desk.pcm[0].taken


def test_twenty_seconds_of_tone_are_heard_without_gap_or_repeat(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.at("AT+CPCMREG=1")
    speech = tone(20)
    desk.talk(20.2, speech)
    recording = heard(desk)
    at = recording.find(speech[:320])
    assert recording[at : at + len(speech)] == speech


def test_a_sender_that_stutters_loses_nothing(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.at("AT+CPCMREG=1")
    speech, line = tone(4), desk.pcm[0]
    for start in range(0, len(speech), 5 * 320):  # 100 ms at once, every 100 ms
        line.written += speech[start : start + 5 * 320]
        desk.timers.advance(0.1)
    desk.timers.advance(0.3)
    assert speech in heard(desk)


def test_speech_before_and_after_the_call_is_dropped(desk: Desk) -> None:
    desk.pcm[0].written += tone(1)
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.at("AT+CPCMREG=1")
    desk.talk(0.5)
    assert set(heard(desk)) == {0}


def test_digits_both_ways(desk: Desk) -> None:
    desk.at("AT+DDET=1")
    handset = desk.network.handsets[ANSWERS]
    handset.behaviour = replace(handset.behaviour, press=(Press(0.5, "12#"),))
    desk.at(f"ATD{ANSWERS};")
    desk.wait(2)
    desk.at("AT+CPCMREG=1")
    for digit in "80":
        assert desk.at(f'AT+VTS="{digit}"').endswith("OK\r\n")
    desk.talk(2)
    assert digits(desk) == "80"
    assert [line for line in desk.said().split() if line[0] in "12#"] == ["1", "2", "#"]
    assert pressed("12#")[:1600] in bytes(desk.pcm[0].output)


def test_a_thousand_digits_each_way(desk: Desk) -> None:
    random = Random(5)
    pressed_there = "".join(random.choices("0123456789*#", k=1000))
    pressed_here = "".join(random.choices("0123456789*#", k=1000))
    desk.at("AT+DDET=1")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    audio = desk.network.recordings.of(last_call(desk).id)
    assert audio is not None
    audio.press(pressed_there)
    desk.at(f'AT+VTS="{pressed_here}"')
    desk.said()
    for _ in range(200):
        desk.timers.advance(1)
    assert re.findall(r"RXDTMF: (.)", desk.said()) == list(pressed_there)
    assert digits(desk) == pressed_here


def test_keys_do_not_wait_for_the_end_of_a_speech(desk: Desk) -> None:
    handset = desk.network.handsets[ANSWERS]
    handset.behaviour = replace(handset.behaviour, speak=tone(10), press=(Press(1, "5"),))
    desk.at("AT+DDET=1")
    desk.at(f"ATD{ANSWERS};")
    assert "+RXDTMF: 5" in desk.wait(4)


def test_the_handset_speaks_and_hangs_up(desk: Desk) -> None:
    handset = desk.network.handsets[ANSWERS]
    speech = tone(1)
    handset.behaviour = replace(handset.behaviour, speak=speech, hangup_after_s=2)
    desk.at(f"ATD{ANSWERS};")
    desk.wait(1.85)
    desk.at("AT+CPCMREG=1")
    desk.talk(2.5)
    assert speech[3200:] in bytes(desk.pcm[0].output)
    assert "NO CARRIER" in desk.said()


@pytest.mark.parametrize("direction", ["uplink", "downlink"])
def test_one_way_audio(desk: Desk, direction: str) -> None:
    desk.network.faults.begin("one_way_audio", SIM1, {"direction": direction}, None)
    handset = desk.network.handsets[ANSWERS]
    speech = tone(0.5)
    handset.behaviour = replace(handset.behaviour, speak=bytes(8000) + speech)
    desk.at(f"ATD{ANSWERS};")
    desk.wait(1.85)
    desk.at("AT+CPCMREG=1")
    desk.talk(2, speech)
    assert (speech in heard(desk)) == (direction == "downlink")
    assert (speech in bytes(desk.pcm[0].output)) == (direction == "uplink")


def test_calls_drop_now_and_later(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.network.faults.begin("call_drops", SIM1, {"after_s": 1}, None)
    assert "NO CARRIER" in desk.said()
    assert last_call(desk).cause == 41
    desk.at(f"ATD{ANSWERS};")
    assert desk.wait(2).endswith("BEGIN\r\n")
    assert "NO CARRIER" in desk.wait(1)


def test_a_lost_network_ends_the_call(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.network.faults.begin("no_network", SIM1, {}, None)
    assert "NO CARRIER" in desk.said()
    assert last_call(desk).cause == 27


def test_an_unplugged_modem_ends_its_call(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.network.faults.begin("modem_unplugged", SIM1, {}, None)
    assert last_call(desk).state == "ended"
    desk.network.handsets[FREE].dial(SIM1)
    desk.timers.advance(2)
    assert last_call(desk).cause == 20


def test_no_money_no_call(desk: Desk) -> None:
    desk.network.faults.begin("no_balance", SIM1, {}, None)
    desk.at(f"ATD{ANSWERS};")
    assert "NO CARRIER" in desk.wait(3)
    assert last_call(desk).cause == 50


def test_money_that_runs_out_ends_the_call(desk: Desk) -> None:
    desk.modems[0].sim.balance = 10
    desk.at(f"ATD{ANSWERS};")
    desk.timers.advance(130)
    assert "VOICE CALL: END: 000120" in desk.said()
    assert desk.modems[0].sim.balance == 0


def test_the_clock_stands_still_without_calls(desk: Desk) -> None:
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.at("AT+CHUP")
    desk.timers.advance(1)
    assert not desk.network.clock._bridges
    assert desk.network.clock._handle is None
