"""Messages through a modem: both ways, stored, indicated, reported, charged, lost."""

import re
from dataclasses import asdict, replace

import pytest

from simulator import pdu
from simulator.modem.profile import HUAWEI
from simulator.segments import split_text
from tests.simulator.fake import Desk, submit

FREE, FAILS = "+85512000010", "+85512000005"
SIM1, SIM2 = "+85510000001", "+85510000002"


@pytest.fixture
def desk() -> Desk:
    desk = Desk(2)
    desk.at("AT+CMEE=1;+CNMI=2,1,0,1,0")
    return desk


def bodies(desk: Desk, number: str) -> list[tuple[str, int]]:
    inbox = desk.network.inbox(number)
    assert inbox is not None
    return [(str(message["body"]), int(str(message["parts"]))) for message in inbox.messages]


def counters(desk: Desk) -> dict[str, int]:
    return asdict(desk.modems[0].sim.counters)


def test_a_message_is_sent_charged_and_reported(desk: Desk) -> None:
    said = desk.send_pdu(submit(FREE, "hello", report=True), wait=0.6)
    assert said == "\r\n+CMGS: 0\r\n\r\nOK\r\n"
    assert desk.modems[0].sim.balance == 9_995
    report = re.search(r"\+CDS: (\d+)\r\n(\w+)\r\n", desk.wait(3))
    assert report is not None
    octets = bytes.fromhex(report[2])
    assert len(octets) - octets[0] - 1 == int(report[1])
    assert octets[octets[0] + 1 :].hex().startswith("06000b915815020010f0")
    assert octets[-1] == 0
    assert bodies(desk, FREE) == [("hello", 1)]


def test_the_reference_wraps(desk: Desk) -> None:
    desk.modems[0].sim.last_reference = 254
    references = [re.search(r"CMGS: (\d+)", desk.send_pdu(submit(FREE, "x"))) for _ in range(3)]
    assert [match and match[1] for match in references] == ["255", "0", "1"]


def test_a_failing_handset_reports_a_permanent_error(desk: Desk) -> None:
    said = desk.send_pdu(submit(FAILS, "hello", report=True), wait=5)
    assert re.search(r"\+CDS: \d+\r\n\w+40\r\n", said)
    assert bodies(desk, FAILS) == []
    said = desk.send_pdu(submit("+85599999999", "hello", report=True), wait=5)
    assert re.search(r"\+CDS: \d+\r\n\w+43\r\n", said)


@pytest.mark.parametrize("text", ["a" * 1000, "សួស្តី " * 40, "😀" * 200])
def test_long_messages_are_joined_at_the_handset(desk: Desk, text: str) -> None:
    parts = split_text(text, 77)
    for part in parts:
        assert "+CMGS" in desk.send_pdu(submit(FREE, part.text, header=part.header, coding=part.coding))
    desk.timers.advance(10)
    assert bodies(desk, FREE) == [(text, len(parts))]
    assert counters(desk)["accepted"] == counters(desk)["delivered"] == len(parts)


def test_the_same_text_twice_is_two_messages(desk: Desk) -> None:
    for _ in range(2):
        desk.send_pdu(submit(FREE, "again"))
    assert bodies(desk, FREE) == [("again", 1)] * 2


def test_national_numbers_find_their_way(desk: Desk) -> None:
    desk.send_pdu(submit("012000010", "local"))
    assert bodies(desk, FREE) == [("local", 1)]


def test_a_bad_pdu_is_refused_and_costs_nothing(desk: Desk) -> None:
    for typed in ("00zz", "", "0011000B915821000000F100", submit(FREE, "hello").hex() + "00"):
        desk.at("AT+CMGS=18")
        assert desk.type(typed + "\x1a") == "\r\n+CMS ERROR: 304\r\n"
    assert counters(desk)["submits"] == 0
    assert desk.modems[0].sim.balance == 10_000


def test_a_message_arrives_is_read_and_deleted(desk: Desk) -> None:
    desk.network.handsets[FREE].send(SIM1, "good morning")
    assert desk.wait(2) == '\r\n+CMTI: "SM",0\r\n'
    shown = re.fullmatch(r"\r\n\+CMGR: 0,,(\d+)\r\n(\w+)\r\n\r\nOK\r\n", desk.at("AT+CMGR=0"))
    assert shown is not None
    octets = bytes.fromhex(shown[2])
    tpdu = octets[octets[0] + 1 :]
    assert len(tpdu) == int(shown[1])
    assert tpdu.startswith(bytes([0x04]) + pdu.encode_address(FREE))
    assert desk.at("AT+CMGR=0").startswith("\r\n+CMGR: 1,,")
    assert desk.at("AT+CMGL=4").startswith("\r\n+CMGL: 0,1,,")
    assert desk.at("AT+CMGL=0") == "\r\nOK\r\n"
    assert desk.at("AT+CMGD=0") == "\r\nOK\r\n"
    assert desk.at("AT+CMGR=0") == "\r\n+CMS ERROR: 321\r\n"
    assert desk.at("AT+CMGD=0,4") == "\r\nOK\r\n"


def test_from_sim_to_sim(desk: Desk) -> None:
    desk.at("AT+CNMI=2,1", 2)
    desk.send_pdu(submit(SIM2, "neighbour"))
    assert desk.wait(3, 2) == '\r\n+CMTI: "SM",0\r\n'
    assert bodies(desk, SIM2) == [("neighbour", 1)]


def test_straight_to_the_terminal_with_acknowledgement(desk: Desk) -> None:
    desk.at("AT+CSMS=1;+CNMI=2,2,0,0,0")
    desk.network.handsets[FREE].send(SIM1, "direct")
    assert re.match(r'\r\n\+CMT: "",\d+\r\n\w+\r\n', desk.wait(2))
    assert bodies(desk, SIM1) == []
    assert desk.at("AT+CNMA") == "\r\nOK\r\n"
    assert bodies(desk, SIM1) == [("direct", 1)]


def test_without_acknowledgement_the_message_comes_again_stored(desk: Desk) -> None:
    desk.at("AT+CSMS=1;+CNMI=2,2,0,0,0")
    desk.network.handsets[FREE].send(SIM1, "direct")
    desk.wait(2)
    assert "+CMT" not in desk.wait(60)
    assert desk.at("AT+CNMI?").startswith("\r\n+CNMI: 2,0,0,0,0")
    assert desk.at("AT+CMGL=4").startswith("\r\n+CMGL: 0,0,,")


def test_reports_into_their_own_memory(desk: Desk) -> None:
    desk.at("AT+CNMI=2,1,0,2,0")
    assert '+CDSI: "SR",0' in desk.send_pdu(submit(FREE, "x", report=True), wait=5)
    desk.at('AT+CPMS="SR"')
    assert desk.at("AT+CMGR=0").startswith("\r\n+CMGR: 0,,")


def test_a_full_memory_leaves_messages_with_the_network(desk: Desk) -> None:
    handset = desk.network.handsets[FREE]
    for number in range(45):
        handset.send(SIM1, f"message {number}")
    said = desk.wait(60)
    assert said.count("+CMTI") == 40
    assert "+SMS FULL" in said
    assert len(desk.network.smsc.parcels) == 5
    desk.at("AT+CMGD=0,4")
    desk.at("AT+CMGL=0")
    desk.at("AT+CMGD=0,1")
    assert desk.wait(10).count("+CMTI") == 5
    assert bodies(desk, SIM1) == [(f"message {number}", 1) for number in range(45)]


def test_the_fault_of_a_full_memory(desk: Desk) -> None:
    desk.network.faults.begin("sms_storage_full", SIM1, {}, 30)
    assert '"SM",40,40' in desk.at("AT+CPMS?")
    desk.network.handsets[FREE].send(SIM1, "later")
    assert "+CMTI" not in desk.wait(20)
    assert "+CMTI" in desk.wait(20)


def test_a_message_for_an_unplugged_modem_waits(desk: Desk) -> None:
    fault = desk.network.faults.begin("modem_unplugged", "modem1", {}, None)
    desk.network.handsets[FREE].send(SIM1, "patience")
    desk.timers.advance(120)
    assert bodies(desk, SIM1) == []
    desk.network.faults.end(fault.id)
    desk.timers.advance(30)
    assert bodies(desk, SIM1) == [("patience", 1)]


def test_power_lost_before_the_network_has_it_sends_nothing(desk: Desk) -> None:
    message = submit(FREE, "gone")
    desk.at(f"AT+CMGS={len(message) - 1}")
    desk.type(message.hex() + "\x1a")
    desk.network.faults.begin("modem_unplugged", "modem1", {}, 5)
    desk.timers.advance(20)
    assert bodies(desk, FREE) == []
    assert counters(desk)["submits"] == 0


def test_a_hanging_modem_has_sent_what_it_does_not_confirm(desk: Desk) -> None:
    message = submit(FREE, "really")
    desk.at(f"AT+CMGS={len(message) - 1}")
    desk.type(message.hex() + "\x1a")
    desk.network.faults.begin("modem_hang", "modem1", {}, 5)
    assert desk.wait(10) == ""
    assert bodies(desk, FREE) == [("really", 1)]


@pytest.mark.parametrize(
    ("kind", "options", "answer", "delivered"),
    [
        ("cms_error", {"code": 38}, "+CMS ERROR: 38", 0),
        ("no_balance", {}, "+CMS ERROR: 21", 0),
        ("no_network", {}, "+CMS ERROR: 331", 0),
        ("sms_silently_lost", {}, "+CMGS: 0", 0),
        ("no_delivery_report", {}, "+CMGS: 0", 1),
    ],
)
def test_faults_of_sending(desk: Desk, kind: str, options: dict[str, object], answer: str, delivered: int) -> None:
    desk.network.faults.begin(kind, SIM1, options, None)
    message = submit(FREE, "x", report=True)
    desk.at(f"AT+CMGS={len(message) - 1}")
    said = desk.type(message.hex() + "\x1a") + desk.wait(20)
    assert answer in said
    assert "+CDS" not in said
    assert len(bodies(desk, FREE)) == delivered


def test_a_late_report(desk: Desk) -> None:
    fault = desk.network.faults.begin("late_delivery_report", SIM1, {"delay_s": 100}, None)
    assert "+CDS" not in desk.send_pdu(submit(FREE, "x", report=True), wait=90)
    desk.network.faults.end(fault.id)
    assert desk.wait(30).count("+CDS") == 1


def test_an_empty_account_refuses(desk: Desk) -> None:
    desk.modems[0].sim.balance = 7
    assert "+CMGS" in desk.send_pdu(submit(FREE, "x"))
    assert "+CMS ERROR: 21" in desk.send_pdu(submit(FREE, "x"))
    assert desk.modems[0].sim.balance == 2
    assert (counters(desk)["accepted"], counters(desk)["refused"]) == (1, 1)


def test_a_message_can_expire(desk: Desk) -> None:
    desk.network.faults.begin("no_network", "modem2", {}, None)
    said = desk.send_pdu(submit(SIM2, "stale", report=True, vp=b"\x00"), wait=400)
    assert re.search(r"\+CDS: \d+\r\n\w+46\r\n", said)


def test_write_now_send_later(desk: Desk) -> None:
    message = submit(FREE, "stored")
    assert desk.at(f"AT+CMGW={len(message) - 1}") == "\r\n> "
    assert desk.type(message.hex() + "\x1a") == "\r\n+CMGW: 0\r\n\r\nOK\r\n"
    assert "+CMGL: 0,2,," in desk.at("AT+CMGL=2")
    assert desk.at("AT+CMSS=0") + desk.wait(1) == "\r\n+CMSS: 0\r\n\r\nOK\r\n"
    assert "+CMGL: 0,3,," in desk.at("AT+CMGL=3")
    assert bodies(desk, FREE) == [("stored", 1)]


def test_delay_at_the_handset(desk: Desk) -> None:
    handset = desk.network.handsets[FREE]
    handset.behaviour = replace(handset.behaviour, on_sms="delay", sms_delay_s=30)
    desk.send_pdu(submit(FREE, "slow"), wait=29)
    assert bodies(desk, FREE) == []
    desk.timers.advance(5)
    assert bodies(desk, FREE) == [("slow", 1)]


def test_huawei_says_that_it_is_full() -> None:
    desk = Desk(1, HUAWEI)
    desk.network.faults.begin("sms_storage_full", SIM1, {}, None)
    desk.network.handsets[FREE].send(SIM1, "x")
    assert desk.wait(3) == '\r\n^SMMEMFULL: "SM"\r\n'


def test_octets_arrive_as_octets(desk: Desk) -> None:
    desk.send_pdu(submit(FREE, "ab", coding=4))
    assert bodies(desk, FREE) == [("6162", 1)]
