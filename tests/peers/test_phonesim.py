"""Our driver on ofono-phonesim, a modem that we did not write: all that a channel does, but for the sound."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.contracts import OutboundSms, UssdState, VoiceEventKind
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.profile import AudioKind, AudioProfile
from edge_agent.drivers.at_modem.transcript import parse_transcript
from telecore.model import ChannelState
from tests.edge_agent.drivers.conftest import RecordingCore
from tests.peers.phonesim_modem import on_a_terminal, phonesim, phonesim_command, transcript

COMMAND = phonesim_command()
pytestmark = [
    pytest.mark.phonesim,
    pytest.mark.skipif(
        COMMAND is None,
        reason="no ofono-phonesim: run `scripts/peers sid` as root, or name a Debian in SIMFERRY_PEERS_ROOT",
    ),
]
PROFILES = load_profiles()
RECORD = os.environ.get("SIMFERRY_RECORD_TRANSCRIPTS")
"""A folder: each test's dialogue is written there."""


@pytest.fixture
def port(tmp_path):
    """A program of its own for each test: one that falls takes no other along."""
    with phonesim(COMMAND or [], tmp_path) as number:
        yield number


@pytest.fixture
def line(port, request):
    said = []
    with on_a_terminal(port, said) as path:
        yield path
    if RECORD:
        name = request.node.originalname.removeprefix("test_").replace("_", "-")
        source = "ofono-phonesim of Debian sid with tests/peers/phonesim/modem.xml; a simulator, not hardware"
        header = {"source": source, "profile": "generic/3gpp", "model": "Synthetic Device", "story": name}
        text = transcript(said, header).text()
        parse_transcript(text.splitlines())
        Path(RECORD, f"{name}-of-phonesim.txt").write_text(text)


@pytest.fixture
def sound():
    """A port for the sound that nothing comes from: the program has none."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def with_sound(identity):
    """The standards' profile, which is what an unknown modem gets, and a port for the sound."""
    return replace(PROFILES.choose(identity), audio=AudioProfile(AudioKind.SERIAL))


@pytest.fixture
async def core():
    return RecordingCore()


async def until(condition, within_s=10.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  (any condition at all)
            await asyncio.sleep(0.01)


@pytest.fixture
async def modem(line, sound, core):
    modem = AtModem(ModemSettings("modem1", "site-1/modem1", line, sound), with_sound)
    await modem.open()
    running = asyncio.ensure_future(modem.run(core))
    await until(lambda: core.radios and core.radios[-1].state is ChannelState.REGISTERED)
    yield modem
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await modem.close()


async def test_it_is_identified_and_registers(modem, core):
    identity = modem.identity
    assert (identity.manufacturer, identity.model, identity.imei) == ("MeeGo", "Synthetic Device", "350000000000014")
    assert identity.profile == "generic/3gpp"
    status = core.radios[-1]
    assert (status.sim.iccid, status.sim.imsi) == ("89850100000000000001", "001010000000001")
    assert (status.sim.msisdn, status.sim.operator, status.sim.operator_name) == ("+85512000001", "00101", "T-MeeGo")
    assert status.signal.dbm == -51


@pytest.mark.parametrize("text", ["there and back @ €", "ភាសាខ្មែរ"])
async def test_an_sms_is_sent_and_comes_back_and_is_reported(modem, core, text):
    refs = []

    async def keep(ref):
        refs.append(ref.ref)

    await modem.channels[0].sms.submit(OutboundSms("199", text), 0, keep)
    await until(lambda: core.parts and core.reports)
    assert refs == [7]
    [part], [report] = core.parts, core.reports
    assert (part.sender, part.body) == ("199", text)
    assert (report.ref, report.recipient, report.status) == (7, "199", 0)


async def test_an_sms_is_written_sent_from_there_and_deleted(modem):
    told = []

    async def copied(copy):
        told.append((copy.store, copy.index))

    async def keep(ref):
        told.append(ref.ref)

    sms = modem.channels[0].sms
    assert sms.holds
    for text in ("hello", "again"):
        await sms.submit_held(OutboundSms("199", text), 0, copied, keep)
    assert told == [("ME", 3), 8] * 2
    assert sms.marks is True


async def test_an_sms_that_the_network_refuses(modem):
    async def keep(ref):
        raise AssertionError(ref)

    with pytest.raises(Exception, match="28"):
        await modem.channels[0].sms.submit(OutboundSms("+85512000009", "x"), 0, keep)


async def test_a_ussd_menu(modem):
    ussd = modem.channels[0].ussd
    menu = await ussd.request("*100#")
    assert (menu.state, menu.text) == (UssdState.REPLY_WANTED, "1 Balance\n2 Data")
    answer = await ussd.request("1")
    assert (answer.state, answer.text) == (UssdState.DONE, "Your balance is 2.50")


async def test_a_call_that_is_answered_and_hung_up(modem):
    events = []
    call = await modem.channels[0].voice.dial("0612301", events.append)
    await until(lambda: events and events[-1].kind is VoiceEventKind.ANSWERED)
    await call.send_digits("1#")
    await call.hang_up()
    assert [event.kind for event in events][-1] is VoiceEventKind.ENDED


async def test_a_call_to_somebody_busy(modem):
    events = []
    await modem.channels[0].voice.dial("155", events.append)
    await until(lambda: events and events[-1].kind is VoiceEventKind.ENDED)
    assert events[-1].cause == 17


async def test_who_is_called_calls_back(modem, core):
    """199 refuses the call and rings back."""
    events = []
    await modem.channels[0].voice.dial("199", lambda event: None)
    offered = await asyncio.wait_for(core.calls.get(), 15)
    assert offered.caller == "1234567"
    offered.voice.on_event = events.append
    await offered.voice.answer()
    await offered.voice.hang_up()
    assert events[-1].kind is VoiceEventKind.ENDED


async def test_the_far_end_hangs_up(modem, core):
    """177 rings back and gives up after five seconds."""
    events = []
    await modem.channels[0].voice.dial("177", lambda event: None)
    offered = await asyncio.wait_for(core.calls.get(), 15)
    offered.voice.on_event = events.append
    await until(lambda: events and events[-1].kind is VoiceEventKind.ENDED, 20)
