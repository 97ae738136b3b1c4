"""recording.py and the two commands: a modem on a pseudo terminal, masked on paper, its messages left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.recording import record
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.transcript import parse_transcript
from edge_agent.drivers.at_modem.transcript_file import TranscriptFile
from telecore.errors import DeviceLost
from tests.edge_agent.drivers.conftest import PtyModem

DELIVER = "07915892000000F0040B915892214365F700006211211151252104E8329BFD"
PROFILES = load_profiles()
IMEI = "350000000000014"


@pytest.fixture
async def modem():
    there = PtyModem()
    there.modem.answers |= {
        "AT+CGMI": "Acme\r\n\r\nOK",
        "AT+CGMM": "M1\r\n\r\nOK",
        "AT+CGSN": f"{IMEI}\r\n\r\nOK",
        "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
        "AT+CREG?": "+CREG: 2,1\r\n\r\nOK",
        "AT+CNMI=?": "+CNMI: (0-2),(0-3),(0,2),(0,1),(0,1)\r\n\r\nOK",
        "AT+QPCMV=?": "ERROR",
    }
    yield there
    there.unplug()


async def test_messages_stay_on_the_sim(modem, tmp_path):
    modem.modem.stores["SM"][1] = DELIVER
    path = tmp_path / "day.txt"
    settings = ModemSettings("recorded", "recorded/recorded", modem.path)
    seen = []
    file = await asyncio.to_thread(TranscriptFile, path, {"source": "a test"})
    last = await record(settings, PROFILES.choose, file, seconds=2.5, on_progress=seen.append, flush_s=0.1)
    assert modem.modem.stores["SM"] == {1: DELIVER}
    assert (last.state, last.dropped) == ("serving", 0)
    assert [one.entries for one in seen] == sorted(one.entries for one in seen)
    text = path.read_text()
    assert "+CMGL: 1" in text
    assert DELIVER not in text
    assert IMEI not in text


async def test_a_device_that_is_lost_as_the_recording_ends_does_not_hold_it(tmp_path, monkeypatch):
    opened = []

    class Failing(AtModem):
        async def open(self):
            opened.append(self)

        async def run(self, core):
            try:
                await asyncio.Event().wait()
            finally:
                if len(opened) == 1:
                    raise DeviceLost("recorded", "its port was closed")

    monkeypatch.setattr("edge_agent.devices.recording.AtModem", Failing)
    settings = ModemSettings("recorded", "recorded/recorded", "/dev/none")
    file = await asyncio.to_thread(TranscriptFile, tmp_path / "day.txt", {"source": "a test"})
    async with asyncio.timeout(5):
        await record(settings, PROFILES.choose, file, seconds=0.1, flush_s=0.05)
    assert len(opened) == 1


async def run(*arguments):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_probe_writes_a_transcript(modem, tmp_path):
    path = tmp_path / "m1.txt"
    process = await run("probe", modem.path, "--transcript", str(path), "--source", "a test's modem")
    out, err = await process.communicate()
    assert process.returncode == 0, err
    said = out.decode()
    assert "+CNMI: (0-2)" in said
    assert "AT+QPCMV=?" in said.split("cannot", 1)[1]
    transcript = parse_transcript(path.read_text().splitlines())
    assert transcript.header["source"] == "a test's modem"
    assert (transcript.header["model"], transcript.header["profile"]) == ("M1", "generic/3gpp")
    assert any(entry.text == "AT+CGSN\r" for entry in transcript.entries)
    assert IMEI not in path.read_text()


async def test_a_day_may_be_ended(modem, tmp_path):
    path = tmp_path / "day.txt"
    process = await run("record-transcript", modem.path, "--hours", "24", "--out", str(path))
    async with asyncio.timeout(30):
        while not (path.exists() and "AT+CREG?" in path.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert process.stderr is not None
        await process.stderr.readuntil(b"of 24:00:00, serving")
    os.kill(process.pid, signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 0, err
    assert parse_transcript(path.read_text().splitlines()).entries
