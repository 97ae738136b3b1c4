"""Every transcript is read, holds nothing private, and the profile it names initialises against it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.transcript import parse_transcript
from tests.edge_agent.drivers.conftest import PtyModem
from tests.fakes.replayed_modem import ReplayedModem

PROFILES = load_profiles()
FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
TRANSCRIPTS = {path.stem: parse_transcript(path.read_text().splitlines()) for path in FILES}


def test_there_are_some():
    assert TRANSCRIPTS


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_it_says_where_it_comes_from(name):
    assert len(TRANSCRIPTS[name].header["source"]) > 10


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_nothing_private(name):
    for entry in TRANSCRIPTS[name].entries:
        for run in re.findall(r"(?<![0-9A-F])\d{11,}(?![0-9A-F])", entry.text):
            assert run.startswith(("999", "00101", "0000", "8999", "9899")), entry
        assert not re.search(r'"\+(?!999)\d{6,}"', entry.text), entry


@pytest.mark.parametrize("name", [name for name in TRANSCRIPTS if "profile" in TRANSCRIPTS[name].header])
async def test_the_profile_initialises(name):
    transcript = TRANSCRIPTS[name]
    there = PtyModem()
    there.modem = replayed = ReplayedModem(transcript, there._write)
    modem = AtModem(ModemSettings("modem1", "site-1/modem1", there.path), PROFILES.choose)
    try:
        await modem.open()
        assert modem.profile.name == transcript.header["profile"]
        assert modem.identity.model == transcript.header.get("model", modem.identity.model)
        status = await modem.radio_status()
        assert status.state
        assert replayed.unknown == []
    finally:
        await modem.close()
        there.unplug()
