"""Dialogues with a modem: identity, SIM, radio, USSD, power."""

import re

import pytest

from simulator.identity import luhn_digit
from simulator.modem.profile import HUAWEI
from tests.simulator.fake import Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk(2)
    desk.at("AT+CMEE=1")
    return desk


def fault(desk: Desk, kind: str, **options: object) -> str:
    return desk.network.faults.begin(kind, "modem1", options, None).id


def test_the_imei_and_the_iccid_have_valid_check_digits(desk: Desk) -> None:
    imei = re.search(r"\d{15}", desk.at("AT+CGSN"))
    iccid = re.search(r"\d{19}", desk.at("AT+CCID"))
    assert imei is not None
    assert iccid is not None
    assert all(luhn_digit(match[0][:-1]) == match[0][-1] for match in (imei, iccid))
    raw = re.search(r'144,0,"(\w{20})"', desk.at("AT+CRSM=176,12258,0,0,10"))
    assert raw is not None
    swapped = "".join(raw[1][at + 1] + raw[1][at] for at in range(0, 20, 2))
    assert swapped.rstrip("F") == iccid[0]


ANSWERS = [
    ("AT+CPIN?", "+CPIN: READY"),
    ("AT+CIMI", "456910000000001"),
    ("AT+CNUM", '+CNUM: "","+85510000001",145'),
    ("AT+CREG=2;+CREG?", '+CREG: 2,1,"00C3","1B9A",7'),
    ("AT+CGREG?", "+CGREG: 0,1"),
    ("AT+CEREG=1;+CEREG?", "+CEREG: 1,1"),
    ("AT+COPS?", '+COPS: 0,0,"Simferry Mobile",7'),
    ("AT+COPS=3,2;+COPS?", '+COPS: 0,2,"45691",7'),
    ("AT+CSQ", "+CSQ: 23,99"),
    ("AT+CSCA?", '+CSCA: "+85510999999",145'),
    ("AT+CPMS?", '+CPMS: "SM",0,40,"SM",0,40,"SM",0,40'),
    ('AT+CPMS="ME","SM","ME"', "+CPMS: 0,23,0,40,0,23"),
    ("AT+CNMI=2,1,0,2;+CNMI?", "+CNMI: 2,1,0,2,0"),
    ("AT+CPINR", "+CPINR: SIM PIN,3"),
    ("AT+SPIC", "+SPIC: 3,10,3,10"),
    ('AT+CLCK="SC",2', "+CLCK: 0"),
    ("AT+CMGF=?", "+CMGF: (0)"),
    ("AT+CLIP=1;+CLIP?", "+CLIP: 1,1"),
    ('AT+CSCS="UCS2";+CSCS?', '+CSCS: "UCS2"'),
    ("AT+CFUN?", "+CFUN: 1"),
]


@pytest.mark.parametrize(("command", "answer"), ANSWERS)
def test_answers(desk: Desk, command: str, answer: str) -> None:
    said = desk.at(command)
    assert said.startswith(f"\r\n{answer}\r\n")
    assert said.endswith("\r\nOK\r\n")


REFUSALS = [
    ("AT+CMGF=1", "+CMS ERROR: 303"),
    ("AT+CMGR=7", "+CMS ERROR: 321"),
    ("AT+CMGD=99", "+CMS ERROR: 321"),
    ('AT+CPMS="XX"', "+CMS ERROR: 303"),
    ("AT+CMGS=3", "+CMS ERROR: 304"),
    ("AT+CNMA", "+CMS ERROR: 340"),
    ("AT+CREG=9", "+CME ERROR: 50"),
    ("AT+CNMI=2,9", "+CME ERROR: 50"),
    ('AT+CPIN="1234"', "+CME ERROR: 3"),
    ("AT+VTS=5", "+CME ERROR: 3"),
    ("AT+CPCMREG=1", "+CME ERROR: 3"),
    ("ATA", "NO CARRIER"),
    ("ATD12345", "NO CARRIER"),
    ("ATDxyz;", "+CME ERROR: 50"),
]


@pytest.mark.parametrize(("command", "answer"), REFUSALS)
def test_refusals(desk: Desk, command: str, answer: str) -> None:
    assert desk.at(command) == f"\r\n{answer}\r\n"


def test_the_scan_takes_its_time(desk: Desk) -> None:
    assert desk.at("AT+COPS=?") == ""
    assert '(2,"Simferry Mobile","Simferry","45691",7)' in desk.wait(10)


def test_ussd_in_every_character_set(desk: Desk) -> None:
    desk.at("AT+CUSD=1")
    assert desk.at('AT+CUSD=1,"*100#",15') == "\r\nOK\r\n"
    assert desk.wait(2) == '\r\n+CUSD: 0,"Your balance is 100.00 USD. Valid until 31.12.2030.",15\r\n'
    desk.at('AT+CSCS="UCS2"')
    desk.at('AT+CUSD=1,"002A0031003000300023",15')
    assert "0059006F0075007200200062" in desk.wait(2)
    desk.at('AT+CSCS="GSM"')
    desk.at('AT+CUSD=1,"*100*2#"')
    khmer = re.search(r'"(\w+)",72', desk.wait(2))
    assert khmer is not None
    assert bytes.fromhex(khmer[1]).decode("utf-16-be").startswith("សមតុល្យ")
    desk.at('AT+CUSD=1,"*777#"')
    assert desk.wait(2) == "\r\n+CUSD: 4\r\n"


def test_a_ussd_menu_of_several_steps_tops_up(desk: Desk) -> None:
    desk.at("AT+CUSD=1")
    desk.at('AT+CUSD=1,"*123#"')
    assert desk.wait(2).startswith('\r\n+CUSD: 1,"Simferry Mobile\n1 Balance')
    desk.at('AT+CUSD=1,"2"')
    assert "Enter the 10 digits" in desk.wait(2)
    desk.at('AT+CUSD=1,"0512345678"')
    assert "Recharged 5.00 USD" in desk.wait(2)
    assert desk.modems[0].sim.balance == 10_500


def test_a_ussd_session_ends_by_time_or_by_wish(desk: Desk) -> None:
    desk.at("AT+CUSD=1")
    desk.at('AT+CUSD=1,"*123#"')
    desk.wait(2)
    assert desk.wait(70) == "\r\n+CUSD: 5\r\n"
    desk.at('AT+CUSD=1,"*123#"')
    desk.wait(2)
    desk.at("AT+CUSD=2")
    assert desk.wait(70) == ""


def test_huawei_packs_ussd() -> None:
    desk = Desk(1, HUAWEI)
    desk.at("AT+CUSD=1")
    desk.at('AT+CUSD=1,"AA180C3602",15')
    assert desk.wait(2).startswith('\r\n+CUSD: 0,"D9775D0E')
    assert desk.at("AT+PORTSEL=1") == "\r\nCOMMAND NOT SUPPORT\r\n"
    assert desk.at("AT^CVOICE?") == "\r\n^CVOICE:0,8000,16,20\r\n\r\nOK\r\n"


def test_a_pin_is_asked_for_and_three_wrong_ones_block(desk: Desk) -> None:
    assert desk.at('AT+CLCK="SC",1,"0000"') == "\r\nOK\r\n"
    desk.at("AT+CFUN=1,1")
    assert "+CPIN: SIM PIN" in desk.wait(5)
    desk.at("ATE0+CMEE=1;+CREG=1")
    assert desk.at("AT+CIMI") == "\r\n+CME ERROR: 11\r\n"
    assert desk.at("AT+CREG?").startswith("\r\n+CREG: 1,0")
    assert desk.at('AT+CPIN="9999"') == "\r\n+CME ERROR: 16\r\n"
    assert "+CPINR: SIM PIN,2" in desk.at("AT+CPINR")
    desk.at('AT+CPIN="9999"')
    assert desk.at('AT+CPIN="9999"') == "\r\n+CME ERROR: 12\r\n"
    assert "SIM PUK" in desk.at("AT+CPIN?")
    assert desk.at('AT+CPIN="12345678","4321"') == "\r\nOK\r\n"
    assert "+CREG: 1\r\n" in desk.wait(3)
    assert "READY" in desk.at("AT+CPIN?")


def test_a_reset_keeps_the_port_and_forgets_the_settings(desk: Desk) -> None:
    desk.at("AT+CREG=2")
    desk.at("AT+CFUN=1,1")
    desk.timers.advance(0.2)
    assert desk.at("AT") == ""
    assert desk.wait(4) == "\r\nRDY\r\n+CPIN: READY\r\nSMS DONE\r\nPB DONE\r\n"
    assert desk.at("AT+CREG?").startswith("AT+CREG?\r\r\n+CREG: 0")


def test_flight_mode_leaves_the_network(desk: Desk) -> None:
    desk.at("AT+CREG=1")
    desk.at("AT+CFUN=4")
    assert desk.wait(1) == "\r\n+CREG: 0\r\n"
    assert desk.at("AT+CSQ") == "\r\n+CSQ: 99,99\r\n\r\nOK\r\n"
    assert desk.at("AT+COPS?") == "\r\n+COPS: 0\r\n\r\nOK\r\n"
    desk.at("AT+CFUN=1")
    assert desk.wait(4) == "\r\n+CREG: 2\r\n\r\n+CREG: 1\r\n"


def test_no_network_and_denied(desk: Desk) -> None:
    desk.at("AT+CREG=2")
    ended = fault(desk, "no_network")
    assert desk.said() == "\r\n+CREG: 2\r\n"
    desk.network.faults.end(ended)
    assert desk.wait(4) == '\r\n+CREG: 1,"00C3","1B9A",7\r\n'
    fault(desk, "registration_denied")
    assert desk.said() == "\r\n+CREG: 3\r\n"
    assert desk.at("ATD+85512000001;") == "\r\n+CME ERROR: 30\r\n"


def test_weak_signal(desk: Desk) -> None:
    fault(desk, "weak_signal", rssi=4)
    assert "+CSQ: 4,99" in desk.at("AT+CSQ")


def test_a_removed_sim(desk: Desk) -> None:
    ended = fault(desk, "sim_removed")
    assert "+CPIN: NOT INSERTED" in desk.said()
    assert desk.at("AT+CPIN?") == "\r\n+CME ERROR: 10\r\n"
    assert desk.at("AT+CPMS?") == "\r\n+CMS ERROR: 310\r\n"
    desk.network.faults.end(ended)
    assert "+CPIN: READY" in desk.said()
    desk.timers.advance(4)
    assert desk.modems[0].registration == 1


def test_a_blocked_sim(desk: Desk) -> None:
    ended = fault(desk, "sim_blocked")
    assert "SIM PUK" in desk.at("AT+CPIN?")
    assert desk.at('AT+CPIN="12345678","1111"') == "\r\n+CME ERROR: 16\r\n"
    assert desk.modems[0].registration == 0
    desk.network.faults.end(ended)
    assert "READY" in desk.at("AT+CPIN?")


def test_a_hanging_modem_says_nothing_and_comes_back(desk: Desk) -> None:
    desk.network.faults.begin("modem_hang", "+85510000001", {}, 10)
    assert desk.at("AT") == ""
    desk.timers.advance(11)
    assert desk.at("AT") == "\r\nOK\r\n"


def test_an_unplugged_modem_boots_when_it_is_back(desk: Desk) -> None:
    ended = fault(desk, "modem_unplugged")
    assert not desk.lines[0].plugged
    assert not desk.pcm[0].plugged
    assert desk.modems[0].registration == 0
    desk.network.faults.end(ended)
    assert desk.lines[0].plugged
    assert desk.wait(4).startswith("\r\nRDY\r\n")


def test_garbage_is_noise_for_a_while(desk: Desk) -> None:
    desk.network.faults.begin("modem_garbage", "modem1", {"every_ms": 50}, 1)
    noise = desk.wait(2).encode("latin-1")
    assert len(noise) > 100
    assert any(byte > 0x7F for byte in noise)
    assert desk.wait(1) == ""
    assert desk.at("AT") == "\r\nOK\r\n"
