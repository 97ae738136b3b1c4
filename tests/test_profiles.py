"""Every shipped profile at once, and the loader's complaints."""

from __future__ import annotations

import re
from dataclasses import asdict, is_dataclass

import pytest
import yaml

from edge_agent.devices.gateways import TONGUES, options_of
from edge_agent.devices.profiles import GENERIC, Header, ProfileError, doubts, load_profiles, shipped
from edge_agent.drivers.at_modem.profile import TIMEOUTS_S, AtProfile, AudioKind, UrcEvent
from scripts.labkit.options import FAMILIES
from telecore.model import DeviceIdentity, Service

PROFILES = load_profiles()
SERVICES = tuple(map(str, Service))
# Written by hand after the makers' naming, not recorded from hardware.
IDENTITIES = {
    "simcom/sim7600": DeviceIdentity("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "LE20B05SIM7600M22"),
    "simcom/a7600": DeviceIdentity("SIMCOM INCORPORATED", "A7670E", "A011B07A7670M7"),
    "simcom/sim800": DeviceIdentity("SIMCOM_Ltd", "SIMCOM_SIM800L", "1418B05SIM800L24"),
    "huawei/voice": DeviceIdentity("huawei", "K3765", "11.126.03.09.00"),
    "huawei/e1550": DeviceIdentity("huawei", "E1550", "11.608.12.00.00"),
    "huawei/e173": DeviceIdentity("huawei", "E173", "11.126.85.00.209"),
    "huawei/e17xx": DeviceIdentity("huawei", "E1750", "11.126.08.00.00"),
    "huawei/e3531": DeviceIdentity("huawei", "E3531", "21.318.15.00.00"),
    "quectel/ec25": DeviceIdentity("Quectel", "EC25", "EC25EFAR06A03M4G"),
    "quectel/uc15": DeviceIdentity("Quectel", "UC15", "UC15ER01A03"),
    "zte/mf": DeviceIdentity("ZTE INCORPORATED", "MF190", "BD_P673M3V1.0.1"),
    "telit/any": DeviceIdentity("Telit", "LE910", "17.00.503"),
    "ublox/any": DeviceIdentity("u-blox", "LARA-R211", "30.30"),
    "simferry/sim7600": DeviceIdentity("Simferry", "SIM7600-SIM", "LE20B05SIMFERRY01"),
    "simferry/huawei": DeviceIdentity("Simferry", "E173-SIM", "11.126.85.00.209"),
    "simferry/ec25": DeviceIdentity("Simferry", "EC25-SIM", "EC25EFAR06A03M4GSIMFERRY"),
    "simferry/sim800": DeviceIdentity("Simferry", "SIM800-SIM", "1418B05SIM800M32SIMFERRY"),
    "simferry/zte": DeviceIdentity("Simferry", "MF190-SIM", "BD_P673M3V1.0.1SIMFERRY"),
    "simferry/generic": DeviceIdentity("Simferry", "GENERIC-SIM", "1.0"),
    GENERIC: DeviceIdentity("Acme", "Rocket", "1"),
}
SAMPLES = {
    "simcom/sim7600": {
        "VOICE CALL: BEGIN": (UrcEvent.CALL_CONNECTED, {}),
        "VOICE CALL: END": (UrcEvent.CALL_ENDED, {}),
        "VOICE CALL: END: 000041": (UrcEvent.CALL_ENDED, {"seconds": "000041"}),
        "MISSED_CALL: 11:01AM 0771234567": (UrcEvent.CALL_MISSED, {}),
        "+RXDTMF: 8": (UrcEvent.DIGIT, {"digit": "8"}),
        "+CSQ: 23,0": (UrcEvent.SIGNAL, {}),
        "+CNSMOD: 8": (UrcEvent.NOISE, {}),
        "+SMS FULL": (UrcEvent.SMS_FULL, {}),
        "+SIMCARD: NOT AVAILABLE": (UrcEvent.SIM_CHANGED, {}),
    },
    "simcom/sim800": {
        "+DTMF: 5": (UrcEvent.DIGIT, {"digit": "5"}),
        '*PSUTTZ: 2026,1,1,0,0,0,"+28",0': (UrcEvent.NOISE, {}),
        "DST: 0": (UrcEvent.NOISE, {}),
        '+CIEV: 10,"26003","Orange","Orange",0,0': (UrcEvent.NOISE, {}),
        "+CFUN: 1": (UrcEvent.NOISE, {}),
        "+CPIN: NOT INSERTED": (UrcEvent.SIM_CHANGED, {}),
    },
    "quectel/ec25": {
        '+QIND: "ccinfo",1,0,-1,0,0,"012345678",129': (
            UrcEvent.CALL_STATE,
            {"call": "1", "dir": "0", "state": "-1", "number": "012345678"},
        ),
        "^DSCI: 2,1,4,0,+48600000000,145": (
            UrcEvent.CALL_STATE,
            {"call": "2", "dir": "1", "state": "4", "number": "+48600000000"},
        ),
        "+QTONEDET: 56": (UrcEvent.DIGIT, {"ascii": "56"}),
        "+QPCMV: 0,0": (UrcEvent.AUDIO_FLOW, {"ready": "0"}),
        "+QPCMV: 1,0": (UrcEvent.AUDIO_FLOW, {"ready": "1"}),
        '+QIND: SMS FULL,"ME"': (UrcEvent.SMS_FULL, {}),
        '+QIND: "csq",20,99': (UrcEvent.SIGNAL, {}),
        '+QIND: "act","LTE"': (UrcEvent.NOISE, {}),
        "+QIND: SMS DONE": (UrcEvent.NOISE, {}),
        "+QUSIM: 1": (UrcEvent.SIM_CHANGED, {}),
        "+CPIN: NOT READY": (UrcEvent.SIM_CHANGED, {}),
    },
    "zte/mf": {
        "+ZUSIMR:2": (UrcEvent.NOISE, {}),
        "CONNECT": (UrcEvent.CALL_CONNECTED, {}),
        "HANGUP: 1": (UrcEvent.CALL_ENDED, {"call": "1"}),
        '+ZPAS: "UMTS","CS_PS"': (UrcEvent.NOISE, {}),
    },
    "ublox/any": {
        "+UCALLSTAT: 1,6": (UrcEvent.CALL_STATE, {"call": "1", "state": "6"}),
        "+UCALLSTAT: 1,7": (UrcEvent.CALL_CONNECTED, {"call": "1"}),
    },
    "huawei/voice": {
        "^ORIG:1,0": (UrcEvent.CALL_DIALLING, {"call": "1"}),
        "^CONF:1": (UrcEvent.CALL_ALERTING, {"call": "1"}),
        "^CONN:1,0": (UrcEvent.CALL_CONNECTED, {"call": "1"}),
        "^CEND:1,0,104,16": (UrcEvent.CALL_ENDED, {"call": "1", "cause": "16"}),
        "^CEND: 1,12,29": (UrcEvent.CALL_ENDED, {"call": "1"}),
        "^DDTMF: 5": (UrcEvent.DIGIT, {"digit": "5"}),
        "^RSSI:18": (UrcEvent.SIGNAL, {}),
        '^HCSQ:"LTE",47,39,121,20': (UrcEvent.SIGNAL, {}),
        "^MODE: 5,4": (UrcEvent.NOISE, {}),
        "^SRVST: 2": (UrcEvent.NOISE, {}),
        "^SIMST: 1": (UrcEvent.SIM_CHANGED, {}),
        '^SMMEMFULL: "SM"': (UrcEvent.SMS_FULL, {}),
        "^DSFLOWRPT:0000000A,0,0,0,0,0,0": (UrcEvent.NOISE, {}),
    },
}


@pytest.mark.parametrize("name", PROFILES.names)
def test_is_usable(name):
    profile = PROFILES.get(name)
    assert profile.grammar.urcs.fullmatch("RING")
    for text in (*profile.init, *profile.audio.prepare, *profile.audio.enable, *profile.audio.disable):
        assert re.fullmatch(r"AT[ -~]+", text)
    assert "{number}" in profile.call.dial
    assert "{digit}" in profile.call.digit
    assert "{code}" in profile.ussd.start
    assert "{pin}" in profile.sim.pin
    assert all(because for because in profile.quirks.values())


@pytest.mark.parametrize("name", PROFILES.names)
def test_only_the_simulators_are_confirmed(name):
    assert PROFILES.get(name).confirmed == name.startswith("simferry/")


def test_an_identity_for_each():
    matched = {name for name in PROFILES.names if PROFILES.entry(name).header.match}
    assert set(IDENTITIES) == {*matched, GENERIC}


@pytest.mark.parametrize("name", PROFILES.names)
def test_says_what_is_unconfirmed(name):
    profile = PROFILES.get(name)
    assert bool(PROFILES.entry(name).header.unconfirmed) != profile.confirmed
    assert bool(profile.unconfirmed) != profile.confirmed
    assert doubts(profile) == profile.unconfirmed


@pytest.mark.parametrize("name", PROFILES.names)
def test_every_rule_has_a_line_that_a_modem_sends(name):
    lines = [line for samples in SAMPLES.values() for line in samples]
    for key, rule in PROFILES.get(name).urc.items():
        assert any(re.fullmatch(rule.re, line) for line in lines), f"no sample for urc.{key}"


@pytest.mark.parametrize("name", PROFILES.names)
def test_no_line_means_two_things(name):
    profile = PROFILES.get(name)
    for samples in SAMPLES.values():
        for line in samples:
            assert len([rule for rule, _ in profile.rules if rule.fullmatch(line)]) <= 1, line


@pytest.mark.parametrize("name", PROFILES.names)
def test_says_only_what_differs_from_what_it_inherits(name):
    inherits = PROFILES.entry(name).header.inherits
    inherited = PROFILES.get(inherits[-1]) if inherits else AtProfile()
    said = yaml.safe_load((shipped() / f"{name}.yaml").read_text())
    dialect = {key: value for key, value in said.items() if key not in Header.__dataclass_fields__}
    dialect.pop("confirmed", None)
    assert list(repeated(dialect, inherited)) == []


def repeated(said, inherited, path=""):
    """The paths whose value is the inherited one."""
    for key, value in said.items():
        before = inherited.get(key) if isinstance(inherited, dict) else getattr(inherited, key)
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and before is not None:
            yield from repeated(value, before, here)
        elif plain(value) == plain(before):
            yield here


def plain(value):
    """Of a dataclass and of YAML alike."""
    if is_dataclass(value):
        return {key: plain(each) for key, each in asdict(value).items() if each is not None}
    if isinstance(value, list | tuple | frozenset):
        return [plain(each) for each in (sorted(value) if set(SERVICES) >= set(map(str, value)) else value)]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", PROFILES.names)
def test_waits_are_sane(name):
    profile = PROFILES.get(name)
    assert all(1 <= seconds <= 180 for seconds in {**TIMEOUTS_S, **profile.timeouts}.values())
    longest = 5 if name.startswith("simferry/") else 60  # some networks need that long, the simulated one does not
    assert min(profile.timeout("CMGS"), profile.timeout("CMSS")) >= longest, "giving up early is not to know"
    assert 0 <= profile.sms.settle_s <= 120
    assert 5 <= profile.radio.poll_s <= 60
    assert 30 <= profile.sms.poll_s <= 300
    assert 0 < profile.call.poll_dialling_s <= profile.call.poll_active_s <= 10
    assert 0.05 <= profile.call.digit_gap_s <= 1
    for audio in filter(None, (profile.audio, profile.sound_card)):
        assert 0 <= audio.settle_s < audio.give_up_s <= 30
        assert 0 < audio.retry_s <= audio.give_up_s
        assert 1 <= audio.write_frames <= 10
        assert bool(audio.recover) >= audio.degraded_when_refused


@pytest.mark.parametrize("name", PROFILES.names)
def test_no_reset_is_empty(name):
    radio = PROFILES.get(name).radio
    assert radio.soft_reset
    assert radio.restart


def test_one_usb_identity_has_one_layout():
    layouts = {}
    for profile in PROFILES:
        for layout in profile.usb:
            assert layouts.setdefault((layout.vid, layout.pid), layout) == layout


def test_no_profile_changes_an_imei():
    text = "".join(path.read_text().upper() for path in shipped().rglob("*.yaml"))
    assert not re.search(r"EGMR|SIMEI|\^NVWR|CGSN=|DATALOCK|#IMEI", text)


@pytest.mark.parametrize(("name", "identity"), IDENTITIES.items())
def test_chosen(name, identity):
    assert PROFILES.choose(identity).name == name


@pytest.mark.parametrize(
    ("name", "line", "event", "groups"),
    [(name, line, *meaning) for name, lines in SAMPLES.items() for line, meaning in lines.items()],
)
def test_lines_that_modems_send(name, line, event, groups):
    profile = PROFILES.get(name)
    found = [(rule_event, match) for rule, rule_event in profile.rules if (match := rule.fullmatch(line))]
    assert [rule_event for rule_event, _ in found] == [event]
    assert {key: value for key, value in found[0][1].groupdict().items() if value is not None} == groups
    assert profile.grammar.urcs.fullmatch(line)


def test_inherited_and_changed():
    simulated, real = PROFILES.get("simferry/huawei"), PROFILES.get("huawei/voice")
    assert (real.audio.rtscts, simulated.audio.rtscts) == (True, False)
    assert simulated.audio.enable == real.audio.enable == ("AT^DDSETEX=2",)
    assert simulated.quirks == real.quirks != {}


def test_a_firmware_whose_sound_is_broken_carries_no_calls():
    bad = DeviceIdentity("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "LE20B06SIM7600M22")
    assert PROFILES.choose(bad).services == {Service.SMS, Service.USSD}


def test_generic_has_no_sound():
    assert PROFILES.get(GENERIC).audio.kind is AudioKind.NONE


def test_shipped_is_a_folder_with_the_generic_profile():
    assert (shipped() / f"{GENERIC}.yaml").is_file()


def write(folder, name, text):
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("audio: {kind: tape}", r"acme/one\.yaml line 1: audio\.kind: must be one of none, serial_pcm"),
        ("services: [sms]\nspeed: 3", r"acme/one\.yaml line 2: speed: unknown key"),
        ("call: {dial: 3}", r"call\.dial: must be text"),
        ("inherits: [acme/none]", r"inherits: there is no profile 'acme/none'"),
        ("inherits: [acme/one]", r"goes in a circle: acme/one → acme/one"),
        ("urc: {x: {re: '(', event: noise}}", r"urc\.x\.re: is no regular expression"),
        ("urc: {x: {re: 'a', event: party}}", r"urc\.x\.event: must be one of"),
        ("match: {model: '['}", r"match\.model: is no regular expression"),
        ("quirks: [{use: magic, because: x}]", r"quirks\[0\]\.use: there is no quirk 'magic'"),
        ("quirks: [{use: no_ceer}]", r"quirks\[0\]\.because: is missing"),
        ("firmware: [{match: x, because: y, quirks: [magic]}]", r"there is no quirk 'magic'"),
        ("timeouts: {CMGS: soon}", r"timeouts\.CMGS: must be a number"),
        ("a: [", "is not YAML"),
        ("- 1", "must be a mapping"),
    ],
)
def test_complaints(tmp_path, text, complaint):
    write(tmp_path, "acme/one", text)
    with pytest.raises(ProfileError, match=complaint):
        load_profiles(tmp_path)


def test_every_fault_is_told_at_once(tmp_path):
    write(tmp_path, "acme/one", "speed: 3")
    write(tmp_path, "acme/two", "audio: {kind: tape}")
    with pytest.raises(ProfileError) as told:
        load_profiles(tmp_path)
    assert "acme/one" in told.value.message
    assert "acme/two" in told.value.message


def test_a_sites_own_profile_goes_before_the_shipped_one(tmp_path):
    write(tmp_path, "huawei/voice", "match: {manufacturer: '^huawei'}\ninit: [AT+MINE]")
    assert load_profiles(tmp_path).choose(IDENTITIES["huawei/voice"]).init == ("AT+MINE",)


def test_the_more_specific_wins_and_equals_are_a_complaint(tmp_path):
    write(tmp_path, "acme/any", "inherits: [generic/3gpp]\nmatch: {manufacturer: Acme}")
    write(tmp_path, "acme/rocket", "inherits: [generic/3gpp]\nmatch: {manufacturer: Acme, model: Rocket}")
    assert load_profiles(tmp_path).choose(IDENTITIES[GENERIC]).name == "acme/rocket"
    write(tmp_path, "acme/other", "match: {manufacturer: Acme, model: Rock}")
    with pytest.raises(ProfileError, match="Acme Rocket is matched equally well by acme/other and acme/rocket"):
        load_profiles(tmp_path).choose(IDENTITIES[GENERIC])


def test_a_name_that_is_not_there():
    with pytest.raises(ProfileError, match="no profile 'acme/x'"):
        PROFILES.get("acme/x")


@pytest.mark.parametrize("name", PROFILES.gateway_names)
def test_a_gateway_says_what_is_unconfirmed_and_why(name):
    entry = PROFILES.gateway(name)
    profile = entry.profile
    assert profile.confirmed == name.startswith("simferry/")
    assert bool(profile.unconfirmed) != profile.confirmed
    assert entry.header.description
    assert profile.management.tongue in ("", *TONGUES)
    assert not profile.management.tongue or set(profile.management.options) <= options_of(profile.management.tongue)
    assert all(because.strip() for because in profile.because.values())
    assert bool(profile.management.tongue) == bool({Service.SMS, Service.USSD} & profile.services)


def test_the_lab_has_a_profile_for_every_family_of_gateways():
    assert {f"simferry/{family}" for family in FAMILIES} <= set(PROFILES.gateway_names)


def test_a_field_technician_is_told_of_every_gateway_profile():
    text = (shipped().parent / "docs" / "gateways.md").read_text()
    told = [name for name in PROFILES.gateway_names if not name.startswith("simferry/")]
    assert [name for name in told if f"`{name}`" not in text and f"profile: {name}" not in text] == ["generic/trunk"]
