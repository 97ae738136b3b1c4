"""The units: what they promise, and how little they may reach."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cloud.app import STOPS_S
from cloud.config import StopConfig
from edge_agent.devices.profiles import load_profiles

UNITS = sorted((Path(__file__).parents[1] / "systemd").glob("*.service"))
ANALYSE = shutil.which("systemd-analyze")


def settings(unit):
    return re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)


SERVICES = [unit for unit in UNITS if unit.stem != "simferry-update"]


def test_there_are_two_services_and_the_updater():
    assert [unit.name for unit in UNITS] == ["cloud.service", "edge-agent.service", "simferry-update.service"]


def test_the_updater_reaches_no_network_and_is_nobody_elses_user():
    (updater,) = [unit for unit in UNITS if unit.stem == "simferry-update"]
    said = dict(settings(updater))
    assert said["User"] == "simferry-update"
    assert said["PrivateNetwork"] == "yes"
    assert said["CapabilityBoundingSet"] == "CAP_KILL"
    assert "-I" in said["ExecStart"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
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


def test_gateways_may_reach_the_agent():
    """SIP, RTP and the gateways' own tongues listen on ports above 1023, by UDP and TCP; 128 calls hold 256 sockets."""
    (agent,) = [unit for unit in UNITS if unit.stem == "edge-agent"]
    said = settings(agent)
    (families,) = [value.split() for name, value in said if name == "RestrictAddressFamilies"]
    assert {"AF_INET", "AF_INET6"} <= set(families)
    assert not {"IPAddressDeny", "PrivateNetwork", "SocketBindDeny"} & {name for name, _ in said}
    assert int(dict(said)["LimitNOFILE"]) >= 1024


def test_systemd_waits_as_long_as_the_controller_lets_its_calls_finish():
    (cloud,) = [unit for unit in UNITS if unit.stem == "cloud"]
    assert int(dict(settings(cloud))["TimeoutStopSec"]) >= StopConfig().calls_s + STOPS_S


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


def test_modem_manager_stays_away_from_every_modem_that_a_profile_knows():
    rules = (UNITS[0].parent / "60-edge-modems.rules").read_text()
    ignored = set(re.findall(r'ATTR\{idVendor\}=="([0-9a-f]{4})", ENV\{ID_MM_DEVICE_IGNORE\}="1"', rules))
    may_open = set(re.findall(r'ATTRS\{idVendor\}=="([0-9a-f]{4})", .*GROUP="dialout", MODE="0660"', rules))
    profiles = load_profiles()
    vendors = {usb.vid for profile in profiles for usb in (*profile.usb, *profile.usb_storage)}
    assert vendors
    assert vendors <= ignored
    assert vendors <= may_open
