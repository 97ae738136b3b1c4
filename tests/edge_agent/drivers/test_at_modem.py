"""modem.py and probe.py: a whole device on a pseudo terminal, and the simulator's modems in their own process."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import urllib.request
import wave
from array import array
from dataclasses import replace

import pytest
from blockbuster import blockbuster_ctx

from edge_agent.contracts import OutboundSms, UssdState, VoiceEventKind
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.probe import probe
from edge_agent.drivers.at_modem.profile import AtProfile
from telecore.errors import DeviceLost
from telecore.model import ChannelState

PROFILES = load_profiles()


@pytest.fixture(autouse=True)
async def _nothing_blocks_the_loop():
    with blockbuster_ctx():
        yield


def settings(path, pcm=None, **more):
    return ModemSettings("modem1", "site-1/modem1", path, pcm, **more)


@pytest.fixture
def answering(pty_modem):
    pty_modem.modem.answers |= {
        "AT+CGMI": "Acme\r\n\r\nOK",
        "AT+CGMM": "M1\r\n\r\nOK",
        "AT+CGMR": "+CGMR: 1.0\r\n\r\nOK",
        "AT+CGSN": "350000000000014\r\n\r\nOK",
        "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
        "AT+CREG?": "+CREG: 2,1\r\n\r\nOK",
        "AT+CEREG?": "ERROR",
        "AT+CSQ": "+CSQ: 20,99\r\n\r\nOK",
        "AT+COPS?": '+COPS: 0,0,"Cell"\r\n\r\nOK',
    }
    return pty_modem


async def test_open_run_close(answering, core, until):
    modem = AtModem(settings(answering.path), PROFILES.choose)
    await modem.open()
    assert (modem.identity.manufacturer, modem.identity.model, modem.identity.imei) == ("Acme", "M1", "350000000000014")
    assert modem.identity.profile == "generic/3gpp"
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios)
    [channel] = modem.channels
    assert core.radios[0].state is ChannelState.REGISTERED
    assert channel.voice is None  # no port for sound
    assert channel.sms is not None
    answering.unplug()
    with pytest.raises(DeviceLost, match="gone"):
        await running
    await modem.close()


async def test_nothing_answers(pty_modem, monkeypatch):
    monkeypatch.setattr("edge_agent.drivers.at_modem.engine.PROBE_S", 0.02)
    monkeypatch.setattr("edge_agent.drivers.at_modem.engine.SILENCE_S", 0.02)
    pty_modem.modem.answers["AT"] = None
    modem = AtModem(settings(pty_modem.path), PROFILES.choose)
    with pytest.raises(DeviceLost, match="AT"):
        await modem.open()
    again = AtModem(settings(pty_modem.path), PROFILES.choose)  # the port was let go of
    pty_modem.modem.answers["AT"] = "OK"
    await again.open()
    await again.close()


async def test_left_in_a_text_entry(answering, core):
    """An earlier process died after the prompt: the modem takes whatever comes for the text."""
    answering.modem._in_body = True
    modem = AtModem(settings(answering.path), PROFILES.choose)
    await modem.open()
    assert answering.modem.bodies == []
    await modem.close()


async def test_noise_while_opening(answering, core):
    answering.modem.send(b"\xff\x80\0RDY garbage\r\n" * 20)
    modem = AtModem(settings(answering.path), PROFILES.choose)
    await modem.open()
    await modem.close()


async def test_a_call_left_by_an_earlier_process_is_hung_up(answering):
    calls = ['+CLCC: 1,0,0,0,0,"+85512345678",145']

    def hang_up(modem, text):
        calls.clear()
        return "OK"

    answering.modem.answers["AT+CLCC"] = lambda modem, text: "\r\n\r\n".join([*calls, "OK"])
    answering.modem.answers["AT+CHUP"] = hang_up
    modem = AtModem(settings(answering.path), PROFILES.choose)
    await modem.open()
    assert calls == []
    await modem.close()


async def test_a_restart_of_the_modem_is_a_loss(answering, core, until):
    modem = AtModem(settings(answering.path), PROFILES.choose)
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios)
    answering.modem.urc("RDY")
    with pytest.raises(DeviceLost, match="restarted"):
        await running
    await modem.close()


async def test_init_commands_that_are_refused_are_told(answering):
    answering.modem.answers["AT+CVHU=0"] = "ERROR"
    report = await probe(answering.path, choose=PROFILES.choose)
    assert report.refused == ("AT+CVHU=0",)
    text = "\n".join(report.lines())
    for word in ("Acme M1", "350000000000014", "generic/3gpp", "registered", "-73 dBm", "not confirmed", "AT+CVHU=0"):
        assert word in text


async def test_probe_of_a_port_that_is_none():
    with pytest.raises(DeviceLost, match="no such port"):
        await probe("/dev/simferry-none", choose=lambda identity: AtProfile())


def hurried(identity):
    """The right profile, with less patience."""
    profile = PROFILES.choose(identity)
    return replace(profile, radio=replace(profile.radio, poll_s=0.2), timeouts={"CPIN": 1.0, "CREG": 1.0, "CSQ": 1.0})


class Lab:
    """The simulator in its own process."""

    def __init__(self, info):
        self.modem = info["modems"][0]
        self.url = info["url"]
        self.handsets = info["handsets"]

    async def fetch(self, path):
        def do():
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.read()

        return await asyncio.to_thread(do)

    async def ask(self, method, path, body=None):
        def do():
            data = json.dumps(body).encode() if body is not None else None
            request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read() or "null")

        return await asyncio.to_thread(do)


WITH_SOUND = ["sim7600", "huawei", "ec25"]
of_every_family = pytest.mark.parametrize("lab", [*WITH_SOUND, "sim800", "zte", "generic"], indirect=True)


@pytest.fixture(params=WITH_SOUND)
async def lab(request, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--device-dir", str(tmp_path), "--modems", "1"),
        *("--profile", request.param, "--speed", "10"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Lab(json.loads(await asyncio.wait_for(process.stdout.readline(), 20)))
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def served(lab, core, until):
    modem = AtModem(settings(lab.modem["at"], lab.modem["pcm"]), PROFILES.choose)
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios and core.radios[-1].state is ChannelState.REGISTERED, 15)
    yield modem
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await modem.close()


@of_every_family
async def test_simulator_identity_and_radio(lab, served, core):
    sim = core.radios[-1].sim
    assert (sim.iccid, sim.imsi, sim.msisdn) == (lab.modem["iccid"], lab.modem["imsi"], lab.modem["number"])
    assert served.identity.imei == lab.modem["imei"]
    assert served.identity.profile == f"simferry/{lab.modem['profile']}"
    assert served.refused == []


@of_every_family
async def test_simulator_sms_both_ways(lab, served, core, until):
    free, refs = lab.handsets["free"][0], []
    texts = ["hello @ € {}", "x" * 500, "ភាសាខ្មែរ 😀" * 12]
    for text in texts:
        await lab.ask("POST", f"/subscribers/{free}/messages", {"to": lab.modem["number"], "body": text})

    async def keep(ref):
        refs.append(ref)

    for text in texts:
        await served.channels[0].sms.submit(OutboundSms(free, text), 0, keep)
    await until(lambda: len(core.reports) == len(refs), 15)
    assert {report.ref for report in core.reports} == {ref.ref for ref in refs}
    heard = await lab.ask("GET", f"/subscribers/{free}/messages")
    assert sorted(message["body"] for message in heard) == sorted(texts)
    wanted = 1 + 4 + len([ref for ref in refs if ref.segments == refs[-1].segments])
    await until(lambda: len({part.key for part in core.parts}) >= wanted, 15)


@of_every_family
async def test_simulator_ussd(lab, served):
    reply = await served.channels[0].ussd.request("*100#")
    assert reply.state is UssdState.DONE
    assert "balance" in reply.text.lower()


async def test_simulator_outgoing_call(lab, served, until):
    events, heard = [], []
    call = await served.channels[0].voice.dial(lab.handsets["answers"], events.append)
    call.pcm.on_frame = heard.append
    await until(lambda: events and events[-1].kind is VoiceEventKind.ANSWERED, 15)
    await until(lambda: len(heard) > 10)
    assert {len(frame) for frame in heard} == {320}
    await call.send_digits("12#")
    await asyncio.sleep(0.3)
    await call.hang_up()
    await until(lambda: events[-1].kind is VoiceEventKind.ENDED)
    [told] = await lab.ask("GET", "/calls")
    assert (told["state"], told["cause"], told["digits_heard"]) == ("ended", 16, "12#")


async def test_simulator_sound_arrives_frame_for_frame(lab, served, until):
    events, loop = [], asyncio.get_running_loop()
    call = await served.channels[0].voice.dial(lab.handsets["answers"], events.append)
    await until(lambda: events and events[-1].kind is VoiceEventKind.ANSWERED, 15)
    sent = [1000 + 20 * number for number in range(100)]  # a loudness for each frame, so that each is known again
    tick = loop.time()
    for value in sent:
        call.pcm.send(value.to_bytes(2, "little") * 160)
        tick += 0.02
        await asyncio.sleep(tick - loop.time())
    await asyncio.sleep(0.4)
    with wave.open(io.BytesIO(await lab.fetch("/calls/call1/heard.wav"))) as file:
        samples = array("h", file.readframes(file.getnframes()))
    heard = list(samples[80::160])
    begin = next(at for at, value in enumerate(heard) if value > 500)
    assert [round((value - 1000) / 20) for value in heard[begin : begin + 100]] == list(range(100))
    await call.hang_up()


@pytest.mark.parametrize(("handset", "causes"), [("busy", {17}), ("unreachable", {18, 20, 27})])
async def test_simulator_call_that_fails(lab, served, until, handset, causes):
    events = []
    await served.channels[0].voice.dial(lab.handsets[handset], events.append)
    await until(lambda: events and events[-1].kind is VoiceEventKind.ENDED, 15)
    assert events[-1].cause in causes


async def test_simulator_incoming_call(lab, served, core, until):
    free, events = lab.handsets["free"][1], []
    await lab.ask(
        "POST",
        f"/subscribers/{free}/calls",
        {"to": lab.modem["number"], "press": [{"after_s": 0.5, "digits": "1#"}]},
    )
    offered = await asyncio.wait_for(core.calls.get(), 15)
    offered.voice.on_event = events.append
    assert offered.caller == free
    await offered.voice.answer()
    await until(lambda: len(events) == 2)
    assert "".join(event.digit for event in events) == "1#"
    [told] = await lab.ask("GET", "/calls")
    await lab.ask("POST", f"/calls/{told['id']}/hangup", {"cause": 16})
    await until(lambda: events[-1].kind is VoiceEventKind.ENDED)
    assert events[-1].cause == 16


@pytest.mark.parametrize("kind", ["modem_unplugged", "modem_hang"])
async def test_simulator_faults(lab, core, until, kind, monkeypatch):
    monkeypatch.setattr("edge_agent.drivers.at_modem.engine.PROBE_S", 0.1)
    modem = AtModem(settings(lab.modem["at"], lab.modem["pcm"]), hurried)
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios)
    await lab.ask("POST", "/faults", {"kind": kind, "target": lab.modem["name"], "for_s": 60})
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(running, 60)
    await modem.close()


async def test_simulator_garbage(lab, served, core, until):
    free = lab.handsets["free"][2]
    await lab.ask("POST", "/faults", {"kind": "modem_garbage", "target": lab.modem["name"], "for_s": 3})
    for number in range(5):
        body = {"to": lab.modem["number"], "body": f"through the noise {number}"}
        await lab.ask("POST", f"/subscribers/{free}/messages", body)
    await until(lambda: len({part.key for part in core.parts}) == 5, 30)
