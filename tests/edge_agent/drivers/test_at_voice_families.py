"""Calls as Quectel, ZTE and SIM800 tell them, byte by byte; call waiting on every family; a hang-up while ATD waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from edge_agent.contracts import VoiceEventKind
from edge_agent.drivers.at_modem.call import News
from edge_agent.drivers.at_modem.call_cause import cause_of_end, parse_ceer
from edge_agent.drivers.at_modem.call_news import Flow, Listed, Missed, Progress, Waits, read_news
from edge_agent.drivers.at_modem.call_replies import CurrentCall
from edge_agent.drivers.at_modem.profile import AtProfile, AudioKind, AudioProfile, CallProfile, UrcEvent, UrcRule
from telecore.errors import DeviceRefused
from telecore.events import CallMissed
from tests.fakes.at_voice import kinds, serve_voice

K = VoiceEventKind
TO = "+85512345678"
SECOND = "+85598765432"

QUECTEL = AtProfile(
    "test/quectel",
    urc={
        "ccinfo": UrcRule(
            r'\+QIND: ?"ccinfo",(?P<call>\d+),(?P<dir>\d),(?P<state>-?\d),0,\d,"(?P<number>[^"]*)",(?P<type>\d+).*',
            UrcEvent.CALL_STATE,
        ),
        "dsci": UrcRule(
            r"\^DSCI: ?(?P<call>\d+),(?P<dir>\d),(?P<state>\d),0,(?P<number>[^,]*),(?P<type>\d+).*", UrcEvent.CALL_STATE
        ),
        "flow": UrcRule(r"\+QPCMV: ?(?P<ready>[01]),0", UrcEvent.AUDIO_FLOW),
        "tone": UrcRule(r"\+QTONEDET: ?(?P<ascii>\d+)", UrcEvent.DIGIT),
    },
    audio=AudioProfile(
        AudioKind.SERIAL, enable=("AT+QPCMV=1,0",), disable=("AT+QPCMV=0",), write_frames=5, retry_s=0.01
    ),
)
HUAWEI = AtProfile(
    "test/huawei",
    urc={
        "orig": UrcRule(r"\^ORIG: ?(?P<call>\d+),\d+", UrcEvent.CALL_DIALLING),
        "conn": UrcRule(r"\^CONN: ?(?P<call>\d+),\d+", UrcEvent.CALL_CONNECTED),
        "cend": UrcRule(r"\^CEND: ?(?P<call>\d+),\d+,(?P<status>\d+)(?:,(?P<cause>\d+))?", UrcEvent.CALL_ENDED),
    },
    call=CallProfile(end_status={"21": 38}),
)
SIM800 = AtProfile("test/sim800", urc={"dtmf": UrcRule(r"\+DTMF: ?(?P<digit>[0-9*#A-D])", UrcEvent.DIGIT)})
ZTE = AtProfile(
    "test/zte",
    urc={
        "connect": UrcRule(r"CONNECT", UrcEvent.CALL_CONNECTED),
        "hangup": UrcRule(r"HANGUP: ?\d+", UrcEvent.CALL_ENDED),
    },
    call=CallProfile(dial_ok_means_answered=True),
)


class Calls:
    """The calls of a scripted modem, by their number on its line."""

    def __init__(self, modem):
        self.modem = modem
        self.entries = {}
        self.ceer = "+CEER: 16"
        modem.answers |= {
            "ATD": self.dial,
            "ATA": self.answer,
            "AT+CHUP": self.hang_up,
            "ATH": self.hang_up,
            "AT+CHLD=0": self.decline,
            "AT+CLCC": lambda modem, text: "".join(f"+CLCC: {e}\r\n" for e in self.entries.values()) + "\r\nOK",
            "AT+CEER": lambda modem, text: f"{self.ceer}\r\n\r\nOK",
        }

    def dial(self, modem, text):
        self.put(1, 0, 2, TO)
        return "OK"

    def answer(self, modem, text):
        self.put(1, 1, 0, TO)
        return "OK"

    def put(self, id_, incoming, stat, number):
        self.entries[id_] = f'{id_},{incoming},{stat},0,0,"{number}",145,""'

    def hang_up(self, modem, text):
        self.entries.pop(1, None)
        if 2 in self.entries:
            self.put(2, 1, 4, SECOND)
        return "OK"

    def decline(self, modem, text):
        self.entries.pop(2, None)
        return "OK"


@pytest.fixture
def line(port):
    return Calls(port.modem)


@pytest.fixture
async def start(port, core, line):
    served = []

    def make(profile):
        served.append(serve_voice(port, core, profile))
        return served[-1]

    yield make
    for voice in served:
        voice.task.cancel()
    await asyncio.gather(*(voice.task for voice in served), return_exceptions=True)


async def dialled(voice, events, **options):
    await asyncio.sleep(0)
    return await voice.dial(TO, events.append, **options)


async def answered(voice, line, until):
    """An outgoing call that +CLCC shows active."""
    events = []
    call = await dialled(voice, events)
    line.put(1, 0, 0, TO)
    line.modem.urc(f'+CLCC: 1,0,0,0,0,"{TO}",145,""')
    await until(lambda: K.ANSWERED in kinds(events))
    return call, events


class TestQuectel:
    async def test_ccinfo(self, start, line, port, until):
        voice, events = start(QUECTEL), []
        await dialled(voice, events)
        for state in (2, 3, 0):
            line.put(1, 0, state, TO)
            port.modem.urc(f'+QIND: "ccinfo",1,0,{state},0,0,"{TO}",145')
        await until(lambda: kinds(events) == [K.RINGING, K.ANSWERED])
        assert "AT+QPCMV=1,0" in port.modem.log
        port.modem.urc("+QTONEDET: 56")
        line.entries.clear()
        port.modem.urc(f'+QIND: "ccinfo",1,0,-1,0,0,"{TO}",145')
        await until(lambda: events[-1].kind is K.ENDED)
        assert events[-2].digit == "8"
        assert events[-1].cause == 16
        await until(lambda: "AT+QPCMV=0" in port.modem.log)

    async def test_dsci_of_an_incoming_call(self, start, line, port, core, until):
        start(QUECTEL)
        await asyncio.sleep(0)
        line.put(1, 1, 4, TO)
        port.modem.urc(f"^DSCI: 1,1,4,0,{TO},145")
        port.modem.urc("RING")
        offered = await core.calls.get()
        assert offered.caller == TO
        events = []
        offered.voice.on_event = events.append
        await offered.voice.answer()
        line.entries.clear()
        port.modem.urc(f"^DSCI: 1,1,6,0,{TO},145")
        await until(lambda: kinds(events) == [K.ENDED])
        assert core.calls.empty()

    async def test_flow(self, start, line, port, until):
        voice = start(QUECTEL)
        call, _ = await answered(voice, line, until)
        frames = [bytes([n + 1]) * 320 for n in range(12)]
        for frame in frames[:5]:
            call.pcm.send(frame)
        assert voice.pcm_port.frames == [b"".join(frames[:5])]
        port.modem.urc("+QPCMV: 0,0")
        await asyncio.sleep(0.01)
        for frame in frames[5:10]:
            call.pcm.send(frame)
        assert len(voice.pcm_port.frames) == 1
        port.modem.urc("+QPCMV: 1,0")
        await asyncio.sleep(0.01)
        for frame in frames[:5]:
            call.pcm.send(frame)
        assert len(voice.pcm_port.frames) == 2

    async def test_the_sound_is_switched_on_for_each_call(self, start, line, port, until):
        voice = start(QUECTEL)
        for _ in range(2):
            call, _ = await answered(voice, line, until)
            await call.hang_up()
            await until(lambda: port.modem.log[-1] == "AT+QPCMV=0")
        assert port.modem.log.count("AT+QPCMV=1,0") == 2


class TestSim800:
    async def test_clcc_with_alpha_and_digits(self, start, line, port, until):
        voice = start(SIM800)
        _, events = await answered(voice, line, until)
        port.modem.urc("+DTMF: 5")
        await until(lambda: events[-1].digit == "5")
        line.entries.clear()
        port.modem.urc(f'+CLCC: 1,0,6,0,0,"{TO}",145,""')
        await until(lambda: events[-1].kind is K.ENDED)

    async def test_withheld_number_of_sim800(self, start, line, port, core):
        start(SIM800)
        await asyncio.sleep(0)
        line.entries[1] = '1,1,4,0,0,"",128,""'
        port.modem.urc("RING")
        port.modem.urc('+CLIP: "",0,"",0,"",1')
        assert (await core.calls.get()).caller is None


class TestZte:
    @pytest.fixture
    def silent(self, line, port):
        port.modem.answers["ATD"] = None
        return line

    async def test_the_ok_of_atd_is_the_answer(self, start, silent, port, until):
        voice, events = start(ZTE), []
        await dialled(voice, events)
        await until(lambda: "ATD" in "".join(port.modem.log))
        assert events == []
        silent.put(1, 0, 0, TO)
        port.modem.reply("OK")
        port.modem.urc("CONNECT")
        await until(lambda: kinds(events) == [K.ANSWERED])
        silent.entries.clear()
        port.modem.urc("HANGUP: 1")
        await until(lambda: kinds(events) == [K.ANSWERED, K.ENDED])

    @pytest.mark.parametrize(("result", "cause"), [("BUSY", 17), ("NO ANSWER", 19), ("+CME ERROR: 30", 38)])
    async def test_refused(self, start, silent, port, until, result, cause):
        voice, events = start(ZTE), []
        await dialled(voice, events)
        await until(lambda: "ATD" in "".join(port.modem.log))
        port.modem.reply(result)
        await until(lambda: kinds(events) == [K.ENDED])
        assert events[-1].cause == cause

    async def test_a_hang_up_while_it_rings_ends_the_atd(self, start, silent, port, until):
        voice, events = start(ZTE), []
        call = await dialled(voice, events)
        await until(lambda: "ATD" in "".join(port.modem.log))
        silent.put(1, 0, 3, TO)
        before = asyncio.get_running_loop().time()
        await call.hang_up(16)
        assert asyncio.get_running_loop().time() - before < 2.0
        assert kinds(events) == [K.ENDED]
        assert silent.entries == {}
        assert b"\x1b" in port.written
        assert "AT+CHUP" in port.modem.log


class TestWaiting:
    @pytest.mark.parametrize("profile", [QUECTEL, HUAWEI, SIM800, ZTE], ids=lambda profile: profile.name)
    async def test_a_second_caller_is_declined_and_told(self, start, line, port, core, until, profile):
        voice = start(profile)
        _, events = await answered(voice, line, until)
        line.put(2, 1, 5, SECOND)
        port.modem.urc(f'+CCWA: "{SECOND}",145,1')
        port.modem.urc(f'+CLCC: 2,1,5,0,0,"{SECOND}",145,""')
        port.modem.urc(f'+CCWA: "{SECOND}",145,1')
        await until(lambda: core.events)
        missed = core.events[0]
        assert isinstance(missed, CallMissed)
        assert (missed.channel, missed.caller, missed.reason) == ("site-1/modem1", SECOND, "the line was in a call")
        assert port.modem.log.count("AT+CHLD=0") == 1
        assert 2 not in line.entries
        assert kinds(events) == [K.ANSWERED]

    @pytest.mark.parametrize("end", ["NO CARRIER", '+CLCC: 2,1,6,0,0,"",129,""', "^CEND:2,0,104,17", "^CEND:2,0,29"])
    async def test_its_end_does_not_end_the_first(self, start, line, port, until, end):
        voice = start(HUAWEI)
        _, events = await answered(voice, line, until)
        line.put(2, 1, 5, SECOND)
        port.modem.urc(f'+CCWA: "{SECOND}",145,1')
        await until(lambda: 2 not in line.entries)
        port.modem.urc(end)
        polls = port.modem.log.count("AT+CLCC")
        voice._wake.set()
        await until(lambda: port.modem.log.count("AT+CLCC") > polls)
        await asyncio.sleep(0.02)
        assert kinds(events) == [K.ANSWERED]
        line.entries.clear()
        port.modem.urc("NO CARRIER")
        await until(lambda: events[-1].kind is K.ENDED)

    async def test_one_that_the_poll_shows(self, start, line, port, core, until):
        voice = start(SIM800)
        _, events = await answered(voice, line, until)
        line.put(2, 1, 5, "")
        voice._wake.set()
        await until(lambda: core.events)
        assert core.events[0].caller is None
        assert kinds(events) == [K.ANSWERED]

    async def test_a_modem_that_cannot_decline(self, start, line, port, core, until):
        voice = start(SIM800)
        port.modem.answers["AT+CHLD=0"] = "ERROR"
        _, events = await answered(voice, line, until)
        port.modem.urc(f'+CCWA: "{SECOND}",145,1')
        await until(lambda: core.events)
        assert "could not" in core.events[0].reason
        assert kinds(events) == [K.ANSWERED]

    async def test_two_second_callers_are_two_missed_calls(self, start, line, port, core, until):
        voice = start(SIM800)
        await answered(voice, line, until)
        port.modem.urc(f'+CCWA: "{SECOND}",145,1')
        await until(lambda: len(core.events) == 1)
        port.modem.urc('+CCWA: "012",129,1')
        await until(lambda: len(core.events) == 2)
        assert [event.caller for event in core.events] == [SECOND, "012"]

    async def test_who_waits_when_the_first_hangs_up_rings_on(self, start, line, port, core, until):
        voice = start(SIM800)
        port.modem.answers["AT+CHLD=0"] = "ERROR"
        call, events = await answered(voice, line, until)
        line.put(2, 1, 5, SECOND)
        await call.hang_up()
        assert events[-1].kind is K.ENDED
        assert 2 in line.entries  # nobody hung it up
        port.modem.urc("RING")
        port.modem.urc(f'+CLIP: "{SECOND}",145')
        assert (await core.calls.get()).caller == SECOND


async def test_a_modem_that_cannot_hide_its_number_does_not_dial(start, line, port):
    voice = start(replace(SIM800, call=CallProfile(hidden="")))
    with pytest.raises(DeviceRefused, match="without code|cannot hide"):
        await dialled(voice, [], hidden=True)
    assert not [text for text in port.modem.log if text.startswith("ATD")]


@pytest.mark.parametrize(
    ("ceer", "cause"),
    [
        ("+CEER: Normal call clearing", 16), ("+CEER: User busy", 17), ("+CEER: 0,17", 17), ("+CEER: 0,0", None),
        ("+CEER: Client ended call", 16), ("+CEER: Network ended call", 16), ("+CEER: No cause information", None),
        ("+CEER: Normal, unspecified", 31), ("+CEER: Subscriber absent", 20), ("", None),
    ],
)  # fmt: skip
def test_ceer(ceer, cause):
    assert parse_ceer([ceer]) == cause


@pytest.mark.parametrize(
    ("groups", "cause"),
    [
        ({"status": "104", "cause": "17"}, 17), ({"status": "21"}, 38), ({"status": "29"}, None),
        ({"status": "21", "cause": "0"}, 38), ({"cause": "999"}, None), ({}, None),
    ],
)  # fmt: skip
def test_cause_of_end(groups, cause):
    assert cause_of_end(groups, {"21": 38}) == cause


@pytest.mark.parametrize(
    ("text", "event", "groups", "news"),
    [
        (f'+CCWA: "{SECOND}",145,1', None, {}, Waits(SECOND)),
        ('+CCWA: "",128,1', None, {}, Waits(None)),
        ("+CCWA:", None, {}, Waits(None)),
        ("MISSED_CALL: 1 2", UrcEvent.CALL_MISSED, {}, Missed()),
        ("x", UrcEvent.AUDIO_FLOW, {"ready": "0"}, Flow(ready=False)),
        ("x", UrcEvent.AUDIO_FLOW, {"ready": "1"}, Flow(ready=True)),
        ("x", UrcEvent.CALL_STATE, {"call": "1", "dir": "1", "state": "-1"}, Listed(CurrentCall(1, True, 6, True))),
        ("x", UrcEvent.CALL_STATE, {"call": "1", "dir": "0", "state": "3"}, Listed(CurrentCall(1, False, 3, True))),
        ("x", UrcEvent.CALL_STATE, {"call": "1", "dir": "0", "state": "x"}, None),
        ("x", UrcEvent.CALL_ENDED, {"call": "1", "status": "21"}, Progress(News.GONE, 38, 1)),
    ],
)
def test_news(text, event, groups, news):
    assert read_news(text, event, groups, {"21": 38}) == news
