"""voice.py, call_*.py and audio.py: calls as each family tells them, and none is left on the line."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.audio import PcmLine
from edge_agent.drivers.at_modem.audio_pace import PRIMED_FRAMES, QUEUED_FRAMES
from edge_agent.drivers.at_modem.call import CALLS, CallState, News
from edge_agent.drivers.at_modem.call_news import Caller, Dialled, Digit, Progress, Ring, read_news
from edge_agent.drivers.at_modem.profile import Pacing, UrcEvent
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, NoNetwork, TimedOut
from tests.fakes.at_voice import PcmPort, kinds, serve_voice

K = VoiceEventKind
TO = "+85512345678"
PROFILES = load_profiles()


class Line:
    """The calls of a scripted modem."""

    def __init__(self, modem):
        self.modem = modem
        self.entry = None  # what +CLCC shows
        self.lasting = 0  # hang-ups that do nothing
        modem.answers |= {
            "ATD": self.dial,
            "ATA": self.answer,
            "AT+CHUP": self.hang_up,
            "ATH": self.hang_up,
            "AT+CLCC": self.list,
            "AT+CEER": '+CEER: 16,"Normal"\r\n\r\nOK',
        }

    def dial(self, modem, text):
        self.entry = f'1,0,2,0,0,"{text[3:-1]}",145'
        return "OK"

    def ring(self, number='"+85512345678",145'):
        self.entry = f"1,1,4,0,0,{number}"

    def answer(self, modem, text):
        if self.entry is None:
            return "NO CARRIER"
        self.entry = self.entry.replace(",4,", ",0,", 1)
        return "OK"

    def hang_up(self, modem, text):
        if self.lasting:
            self.lasting -= 1
        else:
            self.entry = None
        return "OK"

    def list(self, modem, text):
        return f"+CLCC: {self.entry}\r\n\r\nOK" if self.entry else "OK"


@pytest.fixture
def line(port):
    return Line(port.modem)


@pytest.fixture
async def start(port, core, line):
    served = []

    def make(name="simferry/sim7600"):
        served.append(serve_voice(port, core, PROFILES.get(name)))
        return served[-1]

    yield make
    for voice in served:
        voice.task.cancel()
    await asyncio.gather(*(voice.task for voice in served), return_exceptions=True)


async def dialled(voice, events):
    await asyncio.sleep(0)
    return await voice.dial(TO, events.append)


async def test_outgoing_sim7600(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    port.modem.urc(f'+CLCC: 1,0,3,0,0,"{TO}",145,""')
    await until(lambda: kinds(events) == [K.RINGING])
    line.entry = f'1,0,0,0,0,"{TO}",145'
    port.modem.urc("VOICE CALL: BEGIN")
    await until(lambda: kinds(events) == [K.RINGING, K.ANSWERED])
    assert "AT+CPCMREG=1" in port.modem.log  # sound flows before the answer is told
    call.pcm.send(b"\1" * 320)
    assert voice.pcm_port.frames == [b"\1" * 320]
    line.entry = None
    port.modem.urc("VOICE CALL: END: 000003")
    await until(lambda: events[-1].kind is K.ENDED)
    assert events[-1].cause == 16
    await until(lambda: "AT+CPCMREG=0" in port.modem.log)


async def test_outgoing_huawei(start, line, port, until):
    voice, events = start("simferry/huawei"), []
    call = await dialled(voice, events)
    assert port.modem.log[:2] == [f"ATD{TO};", "AT^DDSETEX=2"]
    for urc in ("^ORIG:3,0", "^CONF:3", "^CONN:3,0", "^DDTMF: 5", "^CEND:3,12,29,17"):
        port.modem.urc(urc)
    await until(lambda: kinds(events)[-1:] == [K.ENDED])
    assert kinds(events) == [K.RINGING, K.ANSWERED, K.DIGIT, K.ENDED]
    assert (events[2].digit, events[-1].cause, call.id) == ("5", 17, 3)


async def test_a_modem_that_tells_nothing_is_polled(start, line, port, until, monkeypatch):
    voice, events = start(), []
    object.__setattr__(voice._profile, "call", _fast(voice._profile.call))
    await dialled(voice, events)
    for stat, kind in ((3, K.RINGING), (0, K.ANSWERED)):
        line.entry = f'1,0,{stat},0,0,"{TO}",145'
        await until(lambda kind=kind: kinds(events)[-1:] == [kind])
    line.entry = None
    await until(lambda: events[-1].kind is K.ENDED)


def _fast(call):
    from dataclasses import replace

    return replace(call, poll_dialling_s=0.02, poll_active_s=0.02)


@pytest.fixture(autouse=True)
def _same_profiles():
    """Tests that hurry a profile's polls leave the others alone."""
    before = {name: PROFILES.get(name).call for name in PROFILES.names}
    yield
    for name, call in before.items():
        object.__setattr__(PROFILES.get(name), "call", call)


@pytest.mark.parametrize(
    ("word", "ceer", "cause"),
    [
        ("BUSY", None, 17),
        ("NO ANSWER", None, 19),
        ("NO CARRIER", '+CEER: 1,"Unassigned number"', 1),
        ("NO CARRIER", "ERROR", 31),
    ],
)
async def test_causes(start, line, port, until, monkeypatch, word, ceer, cause):
    monkeypatch.setattr("edge_agent.drivers.at_modem.voice.YOUNG_S", 0.0)
    voice, events = start(), []
    await dialled(voice, events)
    if ceer:
        port.modem.answers["AT+CEER"] = ceer if ceer == "ERROR" else f"{ceer}\r\n\r\nOK"
    line.entry = None
    port.modem.urc(word)
    await until(lambda: events)
    assert events == [VoiceEvent(K.ENDED, cause)]


async def test_a_late_word_of_the_call_before_does_not_end_this_one(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    port.modem.urc("NO CARRIER")
    await asyncio.sleep(0.05)
    assert (call.state, events) == (CallState.DIALLING, [])
    line.entry = None
    port.modem.urc("BUSY")
    await until(lambda: events == [VoiceEvent(K.ENDED, 17)])


async def test_busy_as_the_dials_result(start, line, port, until):
    voice, events = start(), []
    port.modem.answers["ATD"] = "BUSY"
    await dialled(voice, events)
    await until(lambda: events == [VoiceEvent(K.ENDED, 17)])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("ERROR", DeviceRefused),
        ("+CME ERROR: 3", DeviceRefused),
        ("+CME ERROR: 30", NoNetwork),
        ("NO DIALTONE", NoNetwork),
    ],
)
async def test_a_dial_that_is_refused(start, line, port, answer, error):
    voice, events = start(), []
    port.modem.answers["ATD"] = answer
    with pytest.raises(error):
        await dialled(voice, events)
    assert events == []
    port.modem.answers["ATD"] = line.dial
    assert (await voice.dial(TO, events.append)).state is CallState.DIALLING


async def test_a_dial_without_answer_leaves_no_call(start, line, port, monkeypatch):
    voice = start()
    monkeypatch.setitem(voice._profile.timeouts, "D", 0.05)

    def silent(modem, text):
        line.dial(modem, text)

    port.modem.answers["ATD"] = silent
    with pytest.raises(TimedOut):
        await dialled(voice, [])
    assert line.entry is None
    assert "AT+CHUP" in port.modem.log


async def test_a_cancelled_dial_leaves_no_call(start, line, port, until):
    voice = start()

    def later(modem, text):
        line.dial(modem, text)
        asyncio.get_running_loop().call_later(0.05, modem.reply, "OK")

    port.modem.answers["ATD"] = later
    dialling = asyncio.ensure_future(dialled(voice, []))
    await asyncio.sleep(0.02)
    dialling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialling
    assert line.entry is None


async def test_one_call_at_a_time(start, line):
    voice = start()
    await dialled(voice, [])
    with pytest.raises(Busy):
        await voice.dial(TO, print)


async def test_hang_up_is_verified(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    line.lasting = 2
    await call.hang_up(17)
    assert line.entry is None
    assert events == [VoiceEvent(K.ENDED, 17)]
    assert [text for text in port.modem.log if text in ("AT+CHUP", "ATH")] == ["AT+CHUP", "ATH", "AT+CHUP"]
    await call.hang_up()  # harmless
    assert len(events) == 1


@pytest.mark.parametrize("next_one", ["dialled", "rings"])
async def test_a_hang_up_that_is_tried_again_does_not_hit_the_next_call(start, line, port, until, next_one):
    voice, events, rung = start(), [], []
    call = await dialled(voice, events)
    line.lasting = 1
    hanging = asyncio.ensure_future(call.hang_up())
    await until(lambda: line.lasting == 0)
    port.modem.urc("VOICE CALL: END: 000003")  # it ends all the same, and the line is free
    await until(lambda: events)
    if next_one == "dialled":
        await dialled(voice, rung)
    else:
        line.ring()
        port.modem.urc("RING")
        await until(lambda: voice._call is not None)
    await hanging
    assert line.entry is not None
    assert [text for text in port.modem.log if text in ("AT+CHUP", "ATH")] == ["AT+CHUP"]
    assert rung == []


async def test_a_call_that_cannot_be_hung_up_costs_the_device(start, line, port, monkeypatch):
    monkeypatch.setattr("edge_agent.drivers.at_modem.call_end.PAUSE_S", 0.001)
    voice, events = start(), []
    call = await dialled(voice, events)
    line.lasting = 1000
    await call.hang_up()
    assert events[-1].kind is K.ENDED
    assert isinstance(await voice.dialogue.lost, DeviceLost)


async def test_a_hang_up_once_begun_is_carried_out(start, line, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    hanging = asyncio.ensure_future(call.hang_up())
    await asyncio.sleep(0)
    hanging.cancel()
    await until(lambda: line.entry is None and events)


async def test_a_device_lost_while_hanging_up_does_not_cancel_who_asked(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    port.modem.answers["AT+CHUP"] = None
    hanging = asyncio.ensure_future(call.hang_up())
    await asyncio.sleep(0.02)
    voice.task.cancel()
    await hanging
    assert kinds(events) == [K.ENDED]


async def test_huawei_waits_for_orig_before_hanging_up(start, line, port, until):
    voice, events = start("simferry/huawei"), []
    call = await dialled(voice, events)
    hanging = asyncio.ensure_future(call.hang_up())
    await asyncio.sleep(0.05)
    assert "AT+CHUP" not in port.modem.log
    port.modem.urc("^ORIG:1,0")
    await hanging
    assert "AT+CHUP" in port.modem.log


async def incoming(voice, core, port, *urcs, within_s=1.0):
    await asyncio.sleep(0.01)
    for urc in urcs:
        port.modem.urc(urc)
    async with asyncio.timeout(within_s):
        return await core.calls.get()


async def test_incoming_with_clip(start, line, port, core, until):
    voice = start()
    line.ring()
    offered = await incoming(voice, core, port, "RING", f'+CLIP: "{TO}",145,"",0,"",0')
    assert (offered.caller, offered.channel) == (TO, "site-1/modem1")
    events = []
    offered.voice.on_event = events.append
    await offered.voice.answer()
    port.modem.urc("VOICE CALL: BEGIN")
    port.modem.urc("+RXDTMF: 8")
    await until(lambda: events)
    assert events == [VoiceEvent(K.DIGIT, None, "8")]
    assert offered.voice.detects_dtmf
    line.entry = None
    port.modem.urc("NO CARRIER")
    await until(lambda: events[-1].kind is K.ENDED)


async def test_the_number_is_asked_for_when_clip_does_not_come(start, line, port, core):
    voice = start()
    line.ring()
    offered = await incoming(voice, core, port, "RING", within_s=0.2)
    assert offered.caller == TO


async def test_a_withheld_number_is_announced_at_once(start, line, port, core):
    voice = start()
    line.ring('"",128')
    offered = await incoming(voice, core, port, "RING", '+CLIP: "",128,,,,2', within_s=0.2)
    assert offered.caller is None


async def test_without_any_number_it_waits_a_moment(start, line, port, core):
    voice = start()
    line.ring('"",128')
    before = asyncio.get_running_loop().time()
    offered = await incoming(voice, core, port, "RING")
    assert offered.caller is None
    assert asyncio.get_running_loop().time() - before < 0.5


async def test_a_line_that_is_slow_gets_time_for_its_number(start, line, port, core):
    port.modem.answers["AT+CLCC"] = lambda modem, text: None
    voice = start()
    line.ring()
    ringing = asyncio.create_task(incoming(voice, core, port, "RING", within_s=2.0))
    await asyncio.sleep(0.6)
    assert not ringing.done()
    port.modem.urc(f'+CLIP: "{TO}",145,"",0,"",0')
    assert (await ringing).caller == TO


async def test_a_slow_line_that_has_no_number_is_announced_when_it_has_said_so(start, line, port, core):
    port.modem.answers["AT+CLCC"] = lambda modem, text: None
    voice = start()
    line.ring('"",128')
    ringing = asyncio.create_task(incoming(voice, core, port, "RING", within_s=2.0))
    await asyncio.sleep(0.6)
    assert not ringing.done()
    port.modem.reply(line.list(port.modem, ""))
    assert (await ringing).caller is None


async def test_each_ring_is_the_same_call(start, line, port, core):
    voice = start()
    line.ring()
    clip = f'+CLIP: "{TO}",145,"",0,"",0'
    await incoming(voice, core, port, "RING", clip)
    for _ in range(3):
        port.modem.urc("RING")
        port.modem.urc(clip)
    await asyncio.sleep(0.05)
    assert core.calls.empty()


async def test_missed(start, line, port, core, until):
    voice = start()
    line.ring()
    offered = await incoming(voice, core, port, "RING", f'+CLIP: "{TO}",145')
    events = []
    offered.voice.on_event = events.append
    line.entry = None
    port.modem.urc("MISSED_CALL: 11:01AM 012345678")
    port.modem.urc("NO CARRIER")
    await until(lambda: events)
    assert kinds(events) == [K.ENDED]
    with pytest.raises(DeviceRefused):
        await offered.voice.answer()
    assert kinds(events) == [K.ENDED]


async def test_gone_before_it_was_answered(start, line, port, core, until):
    voice = start()
    line.ring()
    offered = await incoming(voice, core, port, "RING", f'+CLIP: "{TO}",145')
    events = []
    offered.voice.on_event = events.append
    line.entry = None
    with pytest.raises(DeviceRefused):
        await offered.voice.answer()
    await until(lambda: kinds(events) == [K.ENDED])


async def test_two_calls_one_after_the_other(start, line, port, core, until):
    voice, events = start(), []
    for _ in range(3):
        call = await dialled(voice, events)
        await call.hang_up()
        line.ring()
        offered = await incoming(voice, core, port, "RING", f'+CLIP: "{TO}",145')
        await offered.voice.answer()
        await offered.voice.hang_up()
    assert kinds(events) == [K.ENDED] * 3
    assert line.entry is None


async def test_digits(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    with pytest.raises(DeviceRefused):
        await call.send_digits("1")
    port.modem.urc("VOICE CALL: BEGIN")
    await until(lambda: K.ANSWERED in kinds(events))
    object.__setattr__(voice._profile, "call", _gapless(voice._profile.call))
    await call.send_digits("1#a")
    assert [text for text in port.modem.log if "VTS" in text] == ['AT+VTS="1"', 'AT+VTS="#"', 'AT+VTS="A"']
    with pytest.raises(DeviceRefused):
        await call.send_digits("x")


def _gapless(call):
    from dataclasses import replace

    return replace(call, digit_gap_s=0.0)


async def test_sound_that_is_refused_at_first(start, line, port, until):
    voice, events = start(), []
    refusals = ["ERROR", "ERROR"]
    port.modem.answers["AT+CPCMREG=1"] = lambda modem, text: refusals.pop() if refusals else "OK"
    await dialled(voice, events)
    port.modem.urc("VOICE CALL: BEGIN")
    await until(lambda: K.ANSWERED in kinds(events))
    assert port.modem.log.count("AT+CPCMREG=1") == 3


async def test_a_lost_device_ends_its_call(start, line, port, until):
    voice, events = start(), []
    call = await dialled(voice, events)
    voice.task.cancel()
    await until(lambda: events)
    assert events == [VoiceEvent(K.ENDED, 38)]
    await call.hang_up()


class TestPcm:
    def frames(self, count, first=1):
        return [bytes([first + n]) * 320 for n in range(count)]

    def start(self, pacing=Pacing.STREAM):
        port = PcmPort()
        line = PcmLine(port, pacing)
        stream = line.stream()
        line.start(stream)
        return port, line, stream

    def test_rechunked(self):
        port, _, stream = self.start()
        heard = []
        stream.on_frame = heard.append
        whole = b"".join(self.frames(10))
        for at in range(0, len(whole), 77):
            port.on_data(whole[at : at + 77])
        assert heard == self.frames(10)

    def test_silent_before_start_and_after_stop(self):
        port, heard = PcmPort(), []
        line = PcmLine(port)
        stream = line.stream()
        stream.on_frame = heard.append
        port.on_data(bytes(3200))
        stream.send(bytes(320))
        line.start(stream)
        line.stop()
        port.on_data(bytes(3200))
        stream.send(bytes(320))
        assert (heard, port.frames) == ([], [])

    def test_a_call_that_is_over_does_not_speak_into_the_next(self):
        port, line, old = self.start()
        heard = []
        old.on_frame = heard.append
        new = line.stream()
        line.start(new)
        old.send(bytes(320))
        port.on_data(bytes(320))
        assert (heard, port.frames) == ([], [])

    def test_stream_writes_at_once_and_drops_when_the_port_is_full(self):
        port, line, stream = self.start()
        stream.send(b"a" * 320)
        port.unsent = 10_000
        stream.send(b"b" * 320)
        assert (port.frames, line.dropped) == ([b"a" * 320], 1)

    def test_read_paced_writes_one_frame_for_each_read(self):
        port, _, stream = self.start(Pacing.READ)
        first, second, third = self.frames(3)
        stream.send(first)
        stream.send(second)
        assert port.frames == []
        port.on_data(bytes(320))
        port.on_data(bytes(319))
        assert port.frames == [first]
        port.on_data(bytes(1))
        assert port.frames == [first, second]
        port.on_data(bytes(320))
        assert port.frames[-1] == bytes(320)  # nothing to say: silence
        stream.send(third)
        for _ in range(PRIMED_FRAMES + 1):
            port.on_data(bytes(320))
        assert port.frames[-1] == third  # alone, it waits a little and goes

    def test_read_paced_sound_has_no_gap_when_the_clocks_jitter(self):
        port, line, stream = self.start(Pacing.READ)
        sent, random = self.frames(200), Random(7)
        moments = [(n * 20 + random.uniform(0, 15), "send", n) for n in range(200)]
        moments += [(n * 20 + 5 + random.uniform(0, 15), "read", n) for n in range(210)]
        for _, what, number in sorted(moments):
            if what == "send":
                stream.send(sent[number])
            else:
                port.on_data(bytes(320))
        heard = b"".join(port.frames)
        assert heard.strip(b"\0") == b"".join(sent)
        assert line.dropped == 0

    def test_read_paced_keeps_little(self):
        port, line, stream = self.start(Pacing.READ)
        for frame in self.frames(50):
            stream.send(frame)
        port.on_data(bytes(320))
        port.on_data(bytes(320))
        assert port.frames == self.frames(50)[-PRIMED_FRAMES:]  # what piled up before is stale
        for frame in self.frames(50):
            stream.send(frame)
        assert line.dropped == 50 - QUEUED_FRAMES


@pytest.mark.parametrize(
    ("text", "event", "groups", "news"),
    [
        ("RING", None, {}, Ring()),
        ("+CRING: VOICE", None, {}, Ring()),
        ('+CLIP: "1",129', None, {}, Caller("1")),
        ("NO CARRIER", None, {}, Progress(News.GONE, None, late=True)),
        ("^CEND:1,0,104,16", UrcEvent.CALL_ENDED, {"call": "1", "cause": "16"}, Progress(News.GONE, 16, 1)),
        ("^CEND:1,0,104", UrcEvent.CALL_ENDED, {"call": "1"}, Progress(News.GONE, None, 1)),
        ("^ORIG:1,0", UrcEvent.CALL_DIALLING, {"call": "1"}, Dialled(1)),
        ("+QTONEDET: 56", UrcEvent.DIGIT, {"ascii": "56"}, Digit("8")),
        ("+RXDTMF: x", UrcEvent.DIGIT, {"digit": "x"}, None),
        ("+CREG: 1", None, {}, None),
    ],
)
def test_news(text, event, groups, news):
    assert read_news(text, event, groups) == news


def test_every_state_of_a_call_can_end():
    for state in set(CallState) - {CallState.ENDED}:
        assert CALLS[state, News.GONE] is CallState.ENDED


@pytest.mark.parametrize("to", ["", "+", "hello", "123;+CFUN=0", "123\rAT+CFUN=0", "+855 12", "1" * 50])
async def test_nothing_but_a_number_is_dialled(start, line, port, to):
    voice = start()
    await asyncio.sleep(0)
    with pytest.raises(InvalidRequest):
        await voice.dial(to, print)
    assert port.modem.log == []
