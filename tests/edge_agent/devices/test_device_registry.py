"""registry.py: from a line of the configuration to a device."""

from __future__ import annotations

import pytest

from edge_agent.config import DeviceConfig
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site, channels_of, make_device
from edge_agent.drivers.at_modem.modem import AtModem
from telecore.errors import InvalidRequest
from telecore.model import DeviceIdentity

SITE = Site("site-1", load_profiles(), {"8985591000000000017": "1234"})


def test_at_modem():
    config = DeviceConfig("modem1", "/dev/ttyUSB2", audio="/dev/ttyUSB4", number="+85510000001")
    device = make_device(config, SITE)
    assert isinstance(device, AtModem)
    assert device._settings.audio_port == "/dev/ttyUSB4"
    assert device._settings.channel == "site-1/modem1"
    assert list(channels_of(config, SITE)) == ["site-1/modem1"]


def test_audio_none():
    assert make_device(DeviceConfig("modem1", "/dev/x", audio="none"), SITE)._settings.audio_port is None


def test_each_call_makes_a_new_device():
    config = DeviceConfig("modem1", "/dev/x")
    assert make_device(config, SITE) is not make_device(config, SITE)


def test_a_profile_by_name():
    device = make_device(DeviceConfig("modem1", "/dev/x", profile="huawei/voice"), SITE)
    assert device._choose(DeviceIdentity("Anyone", "At all", "")).name == "huawei/voice"


def test_what_is_unconfirmed_is_told_once_for_each_device(caplog):
    caplog.set_level("INFO")
    site, huawei = Site("site-1", load_profiles()), DeviceIdentity("huawei", "E173", "")
    for name in ("modem1", "modem1", "modem2"):
        make_device(DeviceConfig(name, "/dev/x"), site)._choose(huawei)
    told = [record.getMessage() for record in caplog.records]
    wanted = site.profiles.get("huawei/e173").unconfirmed
    assert told == [
        f"{n}: huawei/e173: not confirmed on hardware: {claim}" for n in ("modem1", "modem2") for claim in wanted
    ]


def test_a_driver_that_does_not_exist():
    with pytest.raises(InvalidRequest, match="no driver 'goip'"):
        make_device(DeviceConfig("modem1", "/dev/x", driver="goip"), SITE)
