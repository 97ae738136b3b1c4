"""The units: what they promise, and how little they may reach."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[1] / "systemd").glob("*.service"))
ANALYSE = shutil.which("systemd-analyze")


def settings(unit):
    return re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)


def test_there_are_two():
    assert [unit.name for unit in UNITS] == ["cloud.service", "edge-agent.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_is_watched_and_comes_back(unit):
    said = settings(unit)
    for wanted in (("Type", "notify"), ("WatchdogSec", "30"), ("Restart", "always"), ("CapabilityBoundingSet", "")):
        assert wanted in said
    assert ("User", "root") not in said
    assert any(name == "User" for name, _ in said)


def test_the_agent_reaches_serial_ports_and_no_other_device():
    (agent,) = [unit for unit in UNITS if unit.stem == "edge-agent"]
    said = settings(agent)
    assert ("DevicePolicy", "closed") in said
    devices = {value for name, value in said if name == "DeviceAllow"}
    assert {"char-ttyUSB rw", "char-ttyACM rw"} <= devices
    assert all(value.startswith("char-tty") for value in devices)


@pytest.mark.skipif(ANALYSE is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_exposure_is_at_most_2(unit):
    done = subprocess.run(
        [str(ANALYSE), "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for [^:]+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= 2.0
