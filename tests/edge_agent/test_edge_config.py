"""agent.yaml: what it may say, and how faults are told."""

import os
from pathlib import Path

import pytest

from edge_agent.config import AudioConfig, ConfigError, load_config

GOOD = """\
data_dir: data
cloud: {url: "https://cloud.example.org"}
devices:
  - id: modem1
    port: /dev/ttyUSB2
    audio: /dev/ttyUSB4
    number: +85510000001
  - {id: modem2, port: /dev/ttyUSB7, audio: none, iccid: "8985500000000000001"}
  - {id: modem3, port: "socket://10.0.0.2:2000", audio: {kind: serial, port: /dev/ttyUSB9}, profile: simcom/sim7600}
limits: {clips_mb: 64, sms_interval_s: 6}
log: {level: debug}
"""


SIM = "data_dir: x\nsims:\n  by_iccid:\n    '8985500000000000001': "


def load(folder: Path, text: str, pins: str | None = None, mode: int = 0o600):
    path = folder / "agent.yaml"
    path.write_text(text)
    if pins is not None:
        (folder / "pins.yaml").write_text(pins)
        os.chmod(folder / "pins.yaml", mode)
    return load_config(path)


def problems(folder, text, pins=None, mode=0o600):
    with pytest.raises(ConfigError) as caught:
        load(folder, text, pins, mode)
    return list(caught.value.problems)


def test_a_whole_configuration(tmp_path):
    config = load(tmp_path, GOOD)
    assert config.data_dir == tmp_path / "data"
    assert config.cloud.url == "https://cloud.example.org"
    assert config.devices is not None
    one, two, three = config.devices
    assert (one.id, one.driver, one.profile, one.number) == ("modem1", "at_modem", "auto", "+85510000001")
    assert one.sound == AudioConfig("serial", "/dev/ttyUSB4")
    assert two.sound == AudioConfig("none")
    assert three.sound == AudioConfig("serial", "/dev/ttyUSB9")
    assert (config.limits.clips_mb, config.limits.sms_interval_s, config.log.level) == (64, 6.0, "debug")
    assert (config.status.port, config.pins, config.warnings) == (9120, {}, ())


def test_the_smallest_configuration_finds_modems_by_itself(tmp_path):
    config = load(tmp_path, "data_dir: /var/lib/edge-agent\n")
    assert config.data_dir == Path("/var/lib/edge-agent")
    assert config.devices is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("data_dir: x\nstatis: 1\n", "agent.yaml line 2: statis: unknown key (known: cloud, data_dir, devices, "),
        ("cloud: {}\n", "agent.yaml line 1: data_dir: is missing"),
        ("data_dir: 7\n", "agent.yaml line 1: data_dir: must be text, not a whole number"),
        ("data_dir: ''\n", "agent.yaml line 1: data_dir: is empty"),
        ("- data_dir\n", "agent.yaml line 1: must be a mapping"),
        ("", "agent.yaml: must be a mapping"),
        ("data_dir: x\ndata_dir: y\n", "agent.yaml line 2: the key 'data_dir' is given twice"),
        ("data_dir: x\n  cloud: y\n", "agent.yaml line 2: is not YAML: "),
        ("data_dir: [x\n", "agent.yaml line 2: is not YAML: "),
        ("data_dir: x\n? [a]\n: b\n", "agent.yaml line 2: a key must be a word"),
        ("data_dir: x\ncloud:\n  url: ftp://x\n", "agent.yaml line 3: cloud.url: must begin with https:// or http://"),
        ("data_dir: x\nstatus: {port: 70000}\n", "agent.yaml line 2: status.port: must be between 0 and 65535"),
        ("data_dir: x\nlog:\n\n  level: loud\n", "agent.yaml line 4: log.level: must be one of debug, info"),
        ("data_dir: x\nlimits: {clips_mb: -1}\n", "agent.yaml line 2: limits.clips_mb: must not be negative"),
        ("data_dir: x\nlimits: {clips_mb: no}\n", "limits.clips_mb: must be a whole number, not text"),
        ("data_dir: x\nlimits: {clips_mb: true}\n", "limits.clips_mb: must be a whole number, not true or false"),
        ("data_dir: x\nsims:\n  quotas: {sms_per_day: -1}\n", "line 3: sims.quotas.sms_per_day: must not be negative"),
        ("data_dir: x\nsims: {recipe: 'A b'}\n", "sims.recipe: must be auto, none, or the name of a recipe"),
        ("data_dir: x\nsims: {floor: much}\n", "line 2: sims.floor: must be a number in quotes"),
        ("data_dir: x\nsims: {floor: NaN}\n", "sims.floor: must be a number in quotes"),
        ("data_dir: x\nsims: {balance_every_h: 1}\n", "sims.balance_every_h: must be 6 or more"),
        ("data_dir: x\nsims: {keep_alive_days: 0}\n", "sims.keep_alive_days: must be 1 or more"),
        (
            "data_dir: x\nsims: {thresholds: {denied_s: -3, weak_dbm: -97}}\n",
            "sims.thresholds.denied_s: must not be negative",
        ),
        ("data_dir: x\nsims:\n  by_iccid:\n    '123': {}\n", "line 4: sims.by_iccid.123: is not an ICCID"),
        (SIM + "{valid_until: 31.12.2026}\n", "sims.by_iccid.8985500000000000001.valid_until: must be a date like"),
        (SIM + "{quotas: {minutes_per_day: -5}}\n", "8985500000000000001.quotas.minutes_per_day: must not be negative"),
        (SIM + "{flor: '1'}\n", "line 4: sims.by_iccid.8985500000000000001.flor: unknown key"),
        ("data_dir: x\nself_test: {every_h: 0.1}\n", "line 2: self_test.every_h: must be 1 or more"),
        ("data_dir: x\nself_test: {sms: false, call: false}\n", "self_test: neither sms nor call"),
        ("data_dir: x\nhealing: {usb_power: maybe}\n", "healing.usb_power: must be one of auto, off"),
        ("data_dir: x\nhealing: {power_command: [cut, '{port}']}\n", "healing.power_command[1]: may hold {plug}"),
        ("data_dir: x\nhealing: {power_command: ['{plug']}\n", "healing.power_command[0]: has a brace"),
        ("data_dir: x\ndevices: all\n", "agent.yaml line 2: devices: must be auto, or a list of devices"),
        ("data_dir: x\ndevices: [modem]\n", "agent.yaml line 2: devices[0]: must be a mapping, not text"),
        ("data_dir: !!python/object:os.system {}\n", "agent.yaml line 1: data_dir: must be text, not a mapping"),
    ],
)
def test_each_fault_is_told_with_its_line(tmp_path, text, problem):
    (found,) = problems(tmp_path, text)
    assert found.startswith(problem) or problem in found


@pytest.mark.parametrize(
    ("device", "problem"),
    [
        ("{id: m}", "devices[0].port: is missing"),
        ("{id: Modem 1, port: p}", "devices[0].id: may hold lower-case letters"),
        ("{id: m, prot: p}", "devices[0].prot: unknown key (known: audio, baud, driver, enabled, iccid, id, number"),
        ("{id: m, port: p, baud: fast}", "devices[0].baud: must be a whole number, not text"),
        ("{id: m, port: p, baud: 7}", "devices[0].baud: must be between 300 and 4000000"),
        ("{id: m, port: p, number: 85510000001}", "devices[0].number: must be text, not a whole number"),
        ("{id: m, port: p, number: '012345678'}", "devices[0].number: must be E.164"),
        ("{id: m, port: p, iccid: '123'}", "devices[0].iccid: must be 18 to 20 digits"),
        (
            "{id: m, port: p, audio: {knd: serial}}",
            "devices[0].audio.knd: unknown key (known: capture, kind, playback, port)",
        ),
        ("{id: m, port: p, profile: ../x}", "devices[0].profile: must be auto or the name of a profile"),
        ("{id: m, port: p}\n  - {id: m, port: q}", "devices[1].id: 'm' is used by devices[0] as well"),
        ("{id: m, port: p}\n  - {id: n, port: p}", "devices[1].port: 'p' is used by devices[0] as well"),
    ],
)
def test_faults_of_a_device(tmp_path, device, problem):
    found = problems(tmp_path, f"data_dir: x\ndevices:\n  - {device}\n")
    assert any(problem in text and "agent.yaml line " in text for text in found), found


def test_every_fault_is_told_at_once_in_the_order_of_the_file(tmp_path):
    devices = "devices:\n  - {id: M, port: p}\n  - {id: n, port: q, bud: 1, baud: x}\n"
    found = problems(tmp_path, f"data_dir: x\n{devices}limits: {{clips: 1}}\nstatis: 2\n")
    assert [line.split(":")[0] for line in found] == [f"agent.yaml line {n}" for n in (3, 4, 4, 5, 6)]


def test_a_number_and_a_pin_are_text_whatever_yaml_thinks(tmp_path):
    text = "data_dir: x\nsim_pins: pins.yaml\ndevices:\n  - {id: m, port: p, number: +85510000001}\n"
    config = load(tmp_path, text, "8985500000000000001: 0123\n'8985500000000000002': 4567\n")
    assert config.devices is not None
    assert config.devices[0].number == "+85510000001"
    assert config.pins == {"8985500000000000001": "0123", "8985500000000000002": "4567"}


@pytest.mark.parametrize(
    ("pins", "mode", "problem"),
    [
        ("8985500000000000001: 0123\n", 0o644, "may be read by others (mode 0644); run: chmod 600"),
        ("8985500000000000001: abcd\n", 0o600, "pins.yaml line 1: 8985500000000000001: the PIN must be 4 to 8 digits"),
        ("\n12: 1234\n", 0o600, "pins.yaml line 2: 12: is not an ICCID"),
        ("- 1234\n", 0o600, "pins.yaml line 1: must be a mapping of ICCID to PIN"),
        (None, 0o600, "line 2: sim_pins: "),
    ],
)
def test_faults_of_the_pin_file(tmp_path, pins, mode, problem):
    found = problems(tmp_path, "data_dir: x\nsim_pins: pins.yaml\n", pins, mode)
    assert any(problem in text for text in found), found
    assert not any("0123" in text or "abcd" in text for text in found), "a PIN is never shown"


def test_a_pin_for_no_sim_of_this_site_is_a_warning(tmp_path):
    device = "{id: m, port: p, iccid: '8985500000000000001'}"
    text = f"data_dir: x\nsim_pins: pins.yaml\ndevices:\n  - {device}\n"
    config = load(tmp_path, text, "8985500000000000001: 1111\n8985500000000000099: 2222\n")
    assert config.warnings == ("the PIN for ICCID 898550…0099 is for no SIM of this site",)


def test_a_file_that_explodes_is_refused(tmp_path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
    )
    assert any("too many values" in text for text in problems(tmp_path, bomb))
    assert any("larger than 1 MB" in text for text in problems(tmp_path, "data_dir: " + "x" * 1_100_000))
    assert any("UTF-8" in text or "not YAML" in text for text in problems(tmp_path, "data_dir: \x01\n"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.yaml")


def test_the_sims_section_and_its_folder_of_recipes(tmp_path):
    text = "data_dir: x\nsims:\n  floor: '0.50'\n  recipes: own\n  by_iccid:\n    '8985500000000000001':\n"
    config = load(tmp_path, text + "      {valid_until: 2026-12-31, recipe: mine, quotas: {sms_per_day: 100}}\n")
    assert config.sims.recipes == str(tmp_path / "own")
    sim = config.sims.by_iccid["8985500000000000001"]
    assert (sim.valid_until, sim.recipe, sim.quotas.sms_per_day) == ("2026-12-31", "mine", 100)
