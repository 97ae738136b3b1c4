"""Gateways and trunks in agent.yaml: what they become, and how faults are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.config import ConfigError, GatewayConfig, TrunkConfig, load_config
from edge_agent.devices.gateways import make_gateway, peer_settings, problems_of, sip_settings
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site, channels_of, channels_without_sim, import_drivers, make_device, sip_stack
from edge_agent.drivers.sip.settings import Registers, Transport
from edge_agent.plan import plan
from telecore.errors import InvalidRequest
from telecore.ids import EdgeId

ROOT = Path(__file__).parents[2]
GOOD = """\
data_dir: data
sip: {listen: 127.0.0.1, port: 5070, rtp_ports: 18000-18099}
devices:
  - id: box
    driver: gateway
    host: 127.0.0.2
    profile: generic/sip
    passwords_file: lines.yaml
    lines:
      - {name: goip01, number: +85510000001}
      - {name: goip02, user: second, line: 7}
    sip: {registers: with_us, challenge: true, quirks: {busy_480: true, ptime_ms: 40}}
  - id: carrier
    driver: trunk
    host: sip.carrier.example
    numbers: [+85523000001, +85523000002]
    calls: 12
    user: acme
    password_file: carrier.pass
    sip: {registers: with_them, transport: tls, port: 5061, outbound_proxy: "10.0.0.1:5060"}
"""
SITE = Site(EdgeId("site-1"), load_profiles())


def load(folder, text=GOOD, mode=0o600):
    for name, content in (("lines.yaml", "goip01: secret1\ngoip02: 1234\n"), ("carrier.pass", "pass\n")):
        (folder / name).write_text(content)
        os.chmod(folder / name, mode)
    (folder / "agent.yaml").write_text(text)
    return load_config(folder / "agent.yaml")


def problems(folder, text, **how):
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **how)
    return caught.value.problems


def test_a_gateway_and_a_trunk(tmp_path):
    config = load(tmp_path)
    assert "secret1" not in repr(config)
    box, carrier = config.devices
    assert isinstance(box, GatewayConfig)
    assert isinstance(carrier, TrunkConfig)
    assert channels_of(box, SITE) == {"site-1/box/1": "+85510000001", "site-1/box/7": None}
    assert channels_of(carrier, SITE) == {"site-1/carrier": "+85523000001"}
    profiles = SITE.profiles
    trunk = peer_settings(carrier, profiles.gateway("generic/trunk").profile, ())
    assert (trunk.registers, trunk.transport, trunk.port) == (Registers.WITH_THEM, Transport.TLS, 5061)
    assert (trunk.credentials.user, trunk.credentials.password) == ("acme", "pass")
    assert carrier.reached == ("sip.carrier.example",)
    assert trunk.quirks.session_timer
    assert trunk.quirks.to_line == "contact"  # From has our number, not the account
    gateway = peer_settings(box, profiles.gateway("generic/sip").profile, ())
    assert (gateway.registers, gateway.challenge, gateway.port) == (Registers.WITH_US, True, 5060)
    assert (gateway.quirks.busy_480, gateway.quirks.ptime_ms, gateway.quirks.to_line) == (True, 40, "user")
    sip = sip_settings(config.sip)
    assert (sip.listen, sip.port, sip.rtp_low, sip.rtp_high) == ("127.0.0.1", 5070, 18000, 18099)


def test_the_devices_share_one_address(tmp_path):
    config = load(tmp_path)
    site = Site(EdgeId("site-1"), SITE.profiles, sip=config.sip)
    box, carrier = (make_device(device, site) for device in config.devices)
    assert list(box._lines) == ["site-1/box/1", "site-1/box/7"]
    (trunk,) = carrier._lines.values()
    assert (trunk.calls, len(trunk.numbers)) == (12, 2)
    assert sip_stack(site) is sip_stack(site) is site.stack


def test_what_would_be_done(tmp_path):
    lines, found = plan(load(tmp_path))
    assert found == []
    assert "device    box: gateway at 127.0.0.2, 2 lines, profile generic/sip" in lines
    assert "device    carrier: trunk at sip.carrier.example, 12 calls at once, profile generic/trunk" in lines


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("sip: {listen: 127.0.0.1, port: 5070, rtp_ports: 18000-18099}", "", "agent.yaml: sip.listen: is missing"),
        ("listen: 127.0.0.1", "listen: 0.0.0.0", "line 2: sip.listen: must be one address, not all of them"),
        ("listen: 127.0.0.1", "listen: here", "line 2: sip.listen: must be a numeric address"),
        ("port: 5070", "port: 99999", "line 2: sip.port: must be between 1 and 65535"),
        ("18000-18099", "18099-18000", "line 2: sip.rtp_ports: must be FROM-TO"),
        ("rtp_ports: 18000-18099", "tls_port: 5061", "line 2: sip.tls_port: needs a certificate and a key"),
        ("rtp_ports: 18000-18099", "tls: {key: k.pem}", "line 2: sip.tls: certificate and key belong together"),
        ("challenge: true", "port: 0", "line 12: devices[0].sip.port: must be between 1 and 65535"),
        (
            "profile: generic/sip",
            "profile: generic/sip\n    management: {poll_s: 0}",
            "management.poll_s: must be from 1",
        ),
        ("profile: generic/sip", "profile: generic/sip\n    management: {port: 0}", "management.port: must be between"),
        ("+85510000001", "+८५५१०००००००१", "line 10: devices[0].lines[0].number: must be E.164"),
        ("host: 127.0.0.2", "host: 'a b'", "line 6: devices[0].host: must be a name or an address"),
        ("+85510000001", "0851", "line 10: devices[0].lines[0].number: must be E.164"),
        ("line: 7", "line: 1", "line 11: devices[0].lines[1].line: 'line 1' is used by lines[0] as well"),
        ("name: goip02", "name: goip01", "lines[1].name: 'goip01' is used by lines[0] as well"),
        ("user: second", "user: 'a b'", "line 11: devices[0].lines[1].user: must be the user part"),
        ("with_us", "sometimes", "line 12: devices[0].sip.registers: must be one of with_us, with_them, nobody"),
        ("transport: tls", "transport: tcp", "line 20: devices[1].sip.transport: must be one of udp, tls"),
        ("calls: 12", "sip_domains: ['a b']", "devices[1].sip_domains[0]: must be a host like pbx.example"),
        ("calls: 12", "calls: 0", "line 17: devices[1].calls: must be from 1 to 500"),
        ("user: acme", "sip: {}", "the key 'sip' is given twice"),
        ("challenge: true", "sources: [10.0.0.1/8]", "devices[0].sip.sources[0]: must be an address or a network"),
        ("challenge: true", "chalenge: true", "line 12: devices[0].sip.chalenge: unknown key"),
        ("passwords_file: lines.yaml", "passwords: {goip01: x}", "do not belong in this file"),
        ("passwords_file: lines.yaml", "passwords_file: none.yaml", "No such file"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, was, becomes, problem):
    assert was in GOOD
    found = problems(tmp_path, GOOD.replace(was, becomes))
    assert any(problem in text for text in found), found


def test_files_are_looked_for_beside_the_configuration(tmp_path):
    tls = "tls_port: 5061, tls: {certificate: own.pem, key: keys/own.key, ca: /etc/ssl/carrier.pem}"
    config = load(tmp_path, GOOD.replace("rtp_ports: 18000-18099", tls))
    files = sip_settings(config.sip).tls
    assert (files.certificate, files.key) == (str(tmp_path / "own.pem"), str(tmp_path / "keys/own.key"))
    assert files.ca == "/etc/ssl/carrier.pem"
    smsc, _ = load(tmp_path, LINKS.replace("tls: true", "tls: true\n    tls_ca: ca.pem")).devices
    assert smsc.tls_ca == str(tmp_path / "ca.pem")


def test_a_password_that_others_may_read(tmp_path):
    found = problems(tmp_path, GOOD, mode=0o644)
    assert sum("chmod 600" in text for text in found) == 2


def test_a_count_of_lines_takes_the_names_of_the_profile(tmp_path):
    (tmp_path / "p" / "acme").mkdir(parents=True)
    (tmp_path / "p" / "acme" / "box.yaml").write_text("driver: gateway\nline_name: 'port{p}'\nline_user: 'u{n:02}'\n")
    box = GatewayConfig("box", "127.0.0.2", "acme/box", 3)
    stack = sip_stack(Site(EdgeId("site-1"), SITE.profiles, sip=load(tmp_path).sip))
    gateway = make_gateway(box, EdgeId("site-1"), load_profiles(tmp_path / "p"), stack)
    assert list(gateway._lines) == [f"site-1/box/{n}" for n in (1, 2, 3)]
    lines = gateway._peer.settings.lines
    assert [line.user for line in lines] == ["u01", "u02", "u03"]
    assert [line.managed.name for line in gateway._lines.values()] == ["port0", "port1", "port2"]


def test_a_line_finds_its_password_by_its_name_or_by_its_user(tmp_path):
    config = load(tmp_path, GOOD.replace("name: goip02, user: second", "name: '2', user: goip02"))
    site = Site(EdgeId("site-1"), SITE.profiles, sip=config.sip)
    lines = make_device(config.devices[0], site)._peer.settings.lines
    assert [(line.user, line.credentials.password) for line in lines] == [("goip01", "secret1"), ("goip02", "1234")]


@pytest.mark.parametrize(
    ("sip", "words"),
    [
        ("sip: {quirks: {speed: 3}}", "sip.quirks.speed: unknown key"),
        ("sip: {quirks: {answer: late}}", "sip.quirks.answer: must be one of true, alerted"),
        ("sip: {quirks: {caller_from: to}}", "sip.quirks.caller_from: must be one of from, pai, rpid, display"),
        ("sip: {quirks: {digits: inband}}", "sip.quirks.digits: must be one of rfc4733, info"),
        ("sip: {quirks: {codecs: [PCMA, G729]}}", "sip.quirks.codecs[1]: must be one of PCMA, PCMU"),
        ("sip: {quirks: {codecs: []}}", "sip.quirks: codecs: is empty"),
        ("sip: {quirks: {ptime_ms: 25}}", "sip.quirks: ptime_ms: must be one of 20, 30, 40, 60"),
        ("sip: {quirks: {number_format: local}}", "sip.quirks.number_format: must be one of e164, digits, national"),
        ("sip: {quirks: {number_format: national}}", "sip.quirks: country: is missing"),
        ("sip: {quirks: {country: KH}}", "sip.quirks: country: must be a calling code"),
        ("sip: {quirks: {to_line: port}}", "sip.quirks.to_line: must be one of contact, user, prefix"),
        ("sip: {quirks: {session_expires_s: 60}}", "sip.quirks: session_expires_s: must be 90 or more"),
        ("sip: {quirks: {require_srtp: true}}", "sip.quirks: require_srtp: needs srtp: true"),
        ("sip: {quirks: {rtp_dead_s: -1}}", "sip.quirks: rtp_dead_s and options_every_s: must not be negative"),
        ("management: {tongue: klingon}", "there is no 'klingon'"),
    ],
)
def test_what_only_the_profile_knows(tmp_path, sip, words):
    device = f"{{id: b, driver: gateway, host: b, profile: generic/sip, lines: 2, {sip}}}"
    text = f"data_dir: x\nsip: {{listen: 127.0.0.1}}\ndevices:\n  - {device}\n"
    (device,) = load(tmp_path, text).devices
    (problem,) = problems_of(device, SITE.profiles)
    assert words in problem
    with pytest.raises(InvalidRequest):
        make_device(device, Site(EdgeId("site-1"), SITE.profiles, sip=load(tmp_path, text).sip))


def test_an_option_that_the_tongue_does_not_know(tmp_path):
    options = 'management: {options: {timezone: "+07:00", time_zone: "+07:00"}}'
    text = GOOD.replace("profile: generic/sip", f"profile: dinstar/uc2000\n    {options}")
    box, _ = load(tmp_path, text).devices
    (problem,) = problems_of(box, SITE.profiles)
    assert problem.startswith("management.options.time_zone: unknown (known: auth, encoding, ")


def test_a_profile_that_is_not_there(tmp_path):
    text = GOOD.replace("generic/sip", "acme/none")
    _, found = plan(load(tmp_path, text))
    assert any("there is no profile 'acme/none' of a gateway" in problem for problem in found)


LINKS = """\
data_dir: data
sip: {listen: 127.0.0.1}
devices:
  - id: smsc
    driver: smpp
    host: smsc.carrier.example
    user: acme
    password_file: carrier.pass
    numbers: [+85523000001, +85523000002]
    tls: true
    window: 20
    long: sar
    codings: {flash: 240}
    source: {ton: 5, npi: 0}
  - id: switch
    driver: freeswitch
    password_file: carrier.pass
    trunks:
      - {gateway: carrier1, numbers: [+85523000003], calls: 8}
      - {gateway: carrier2, dial_string: "sofia/gateway/{trunk}/{digits}"}
"""


def test_what_has_no_sim_has_no_health_of_one(tmp_path):
    assert channels_without_sim(load(tmp_path).devices, SITE) == {"site-1/carrier"}
    links = load(tmp_path, LINKS).devices
    assert channels_without_sim(links, SITE) == {"site-1/smsc", "site-1/switch/1", "site-1/switch/2"}


def test_a_message_centre_and_a_freeswitch(tmp_path):
    config = load(tmp_path, LINKS)
    smsc, switch = config.devices
    assert channels_of(smsc, SITE) == {"site-1/smsc": "+85523000001"}
    assert channels_of(switch, SITE) == {"site-1/switch/1": "+85523000003", "site-1/switch/2": None}
    lines, found = plan(config)
    assert found == []
    assert "device    smsc: smpp at smsc.carrier.example:2775, transceiver as acme" in lines
    assert "device    switch: freeswitch at 127.0.0.1:8021, 2 trunks" in lines


WITHOUT_PACKAGES = """\
import sys
sys.modules.update(dict.fromkeys(("aiohttp", "smpplib", "gevent", "greenswitch")))
from edge_agent.cli.main import main
sys.exit(main(["check-config", "--config", sys.argv[1]]))
"""


def test_packages_that_sites_with_modems_do_without(tmp_path):
    """In a process of its own, for here they were imported long ago."""
    load(tmp_path, GOOD.replace("generic/sip", "dinstar/uc2000") + LINKS.partition("devices:\n")[2])
    command = [sys.executable, "-c", WITHOUT_PACKAGES, str(tmp_path / "agent.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=ROOT)
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    for device, package in (("box", "aiohttp"), ("smsc", "smpplib"), ("switch", "gevent")):
        assert f"device {device}: the package {package} is not installed: run scripts/install-edge --gateways" in told
    assert "device carrier:" not in told.replace("device    carrier", "")


def test_srtp_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pylibsrtp", None)
    _, found = plan(load(tmp_path, GOOD.replace("busy_480: true", "srtp: true")))
    assert found == [
        "device box: sip.quirks.srtp: the package pylibsrtp is not installed: run scripts/install-edge --gateways"
    ]


@pytest.fixture
def links(tmp_path):
    config = load(tmp_path, LINKS)
    import_drivers(config.devices, SITE.profiles)
    return config


async def test_they_become_devices(links):
    site = Site(EdgeId("site-1"), SITE.profiles, sip=links.sip)
    smsc, switch = (make_device(device, site) for device in links.devices)
    assert smsc._settings.coding("flash") == 240
    assert (smsc._settings.password, smsc._settings.window, smsc._settings.source.ton) == ("pass", 20, 5)
    assert [trunk.channel for trunk in switch._settings.trunks] == ["site-1/switch/1", "site-1/switch/2"]
    assert (switch._settings.password, switch._settings.trunks[0].max_calls) == ("pass", 8)


@pytest.mark.parametrize(
    ("was", "becomes", "problem"),
    [
        ("user: acme", "user: ''", "devices[0].user: is empty"),
        ("user: acme", f"user: {'a' * 16}", "devices[0].user: has at most 15 characters"),
        ("long: sar", "long: short", "line 12: devices[0].long: must be one of udh, payload, sar"),
        ("window: 20", "window: 0", "devices[0].window: must be from 1 to 1000"),
        ("{flash: 240}", "{bell: 1}", "devices[0].codings.bell: is unknown"),
        ("{flash: 240}", "{flash: 256}", "devices[0].codings: must be from 0 to 255"),
        ("numbers: [+85523000001, +85523000002]", "numbers: []", "nobody could send by this link"),
        ("gateway: carrier1", "gateway: 'a,b'", "devices[1].trunks[0].gateway: must be the name of a gateway"),
        ("calls: 8", "calls: 0", "devices[1].trunks[0].calls: must be from 1 to 500"),
        ("driver: freeswitch\n    password_file: carrier.pass", "driver: freeswitch", "password_file: is missing"),
    ],
)
def test_faults_of_links(tmp_path, was, becomes, problem):
    assert was in LINKS
    found = problems(tmp_path, LINKS.replace(was, becomes))
    assert any(problem in text for text in found), found
