"""Ports in agent.yaml: on the network, with a password in its own file, and never one port for two devices."""

from __future__ import annotations

import os

import pytest

from edge_agent.config import ConfigError, load_config
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site, make_device


def load(folder, devices):
    path = folder / "agent.yaml"
    path.write_text("data_dir: x\ndevices:\n" + "".join(f"  - {device}\n" for device in devices))
    return load_config(path)


def problems(folder, *devices):
    with pytest.raises(ConfigError) as caught:
        load(folder, devices)
    return caught.value.problems


def secret(folder, mode=0o600):
    (folder / "pw").write_text("1234\n")
    os.chmod(folder / "pw", mode)


GATEWAY = "{id: m1, port: 'telnet://box/module1', profile: portech/mv37x, user: voip, password_file: pw}"


def test_a_gateway_with_its_login(tmp_path):
    secret(tmp_path)
    config = load(tmp_path, [GATEWAY])
    assert (config.devices[0].user, config.devices[0].password) == ("voip", "1234")
    assert "1234" not in repr(config)
    login = make_device(config.devices[0], Site("site-1", load_profiles()))._settings.login
    assert (login.user, login.password, login.leave, len(login.steps)) == ("voip", "1234", "\x18", 3)


def test_a_password_that_others_may_read(tmp_path):
    secret(tmp_path, 0o644)
    [problem] = problems(tmp_path, GATEWAY)
    assert "password_file" in problem
    assert "chmod 600" in problem
    assert "1234" not in problem


def test_a_password_in_the_open(tmp_path):
    [problem] = problems(tmp_path, "{id: m1, port: 'telnet://box', password: hush}")
    assert "password_file" in problem
    assert "hush" not in problem


def test_a_password_file_that_is_not_there(tmp_path):
    [problem] = problems(tmp_path, GATEWAY)
    assert "No such file" in problem


@pytest.mark.parametrize("port", ["telnet://", "http://box", "socket://box", "telnet://voip:1234@box"])
def test_addresses(tmp_path, port):
    [problem] = problems(tmp_path, f"{{id: m1, port: '{port}'}}")
    assert "telnet://HOST" in problem


def test_one_port_under_two_names(tmp_path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-path").symlink_to(tmp_path / "ttyUSB0")
    first, second = f"{{id: m1, port: {tmp_path}/ttyUSB0}}", f"{{id: m2, port: {tmp_path}/by-path}}"
    [problem] = problems(tmp_path, first, second)
    assert "the same port as devices[0].port" in problem
    assert load(tmp_path, [first, second.replace("}", ", enabled: false}")]).devices


def test_a_sound_port_is_one_port_too(tmp_path):
    [problem] = problems(tmp_path, "{id: m1, port: /dev/a, audio: /dev/b}", "{id: m2, port: /dev/b}")
    assert "devices[1].port" in problem
