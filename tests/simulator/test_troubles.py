"""Faults beyond lab.md's: on every family, by operator, on the wire."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from simulator.faults import MODEM_KINDS, FaultRefused
from simulator.lab import Lab
from simulator.modem.profile import EC25, HUAWEI, PROFILES, SIM800, SIM7600, Profile
from simulator.network import Network
from simulator.timing import LoopTimers
from tests.simulator.fake import Desk, FakeTimers, submit

SIM1, SIM2, FREE = "+85510000001", "+85510000002", "+85512000010"
NEEDED = {"cms_error": {"code": 38}, "report_status": {"status": 0x63}}


def begin(desk: Desk, kind: str, target: str = "modem1", **options: object) -> str:
    return desk.network.faults.begin(kind, target, options, None).id


@pytest.mark.parametrize("kind", MODEM_KINDS)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_family_survives_every_fault(profile: Profile, kind: str) -> None:
    desk = Desk(2, profile)
    ended = begin(desk, kind, **NEEDED.get(kind, {}))
    desk.at("AT+CPMS?")
    desk.at("AT+CREG?")
    desk.at("AT+CUSD=1")
    desk.at("ATD+85512000001;")
    desk.wait(5)
    desk.network.faults.end(ended)
    desk.wait(20)
    desk.type("\x1b\rATH\rATE0\r")
    desk.at("AT+CPMS?")
    desk.wait(25)
    assert desk.at("AT") == "\r\nOK\r\n"
    assert desk.modems[0].registration == 1
    assert "+CMGS:" in desk.send_pdu(submit(FREE, "well again"))


def test_an_outage_of_one_operator_takes_its_sims_only() -> None:
    timers = FakeTimers()
    network = Network(timers, 4, Random(1), operators=2)
    fault = network.faults.begin("no_network", "Mekong Tel", {}, None)
    assert fault.devices == ("modem2", "modem4")
    assert network.faults.on("no_network", "modem4") is fault
    assert network.faults.on("no_network", "modem1") is None
    assert [sim.imsi[:5] for sim in network.sims.values()] == ["45691", "45692"] * 2
    assert list(network.sims)[:2] == [SIM1, SIM2]
    with pytest.raises(FaultRefused, match="no SIM, modem or operator"):
        network.faults.begin("no_network", "Nobody", {}, None)


def test_roaming_and_the_cause_of_a_refusal() -> None:
    desk = Desk(1)
    desk.at("AT+CREG=3")
    ended = begin(desk, "roaming")
    desk.said()
    assert '+CREG: 5,"00C3"' in desk.wait(4)
    assert desk.at("AT+COPS=3,2;+COPS?").startswith('\r\n+COPS: 0,2,"45692"')
    desk.network.faults.end(ended)
    desk.wait(4)
    begin(desk, "registration_denied", cause=3)
    assert desk.said() == "\r\n+CREG: 3,,,,0,3\r\n"


def test_a_busy_sim_answers_after_some_tries() -> None:
    desk = Desk(1)
    desk.at("AT+CMEE=1")
    begin(desk, "sim_busy", times=2)
    assert [("14" in desk.at("AT+CPIN?")) for _ in range(3)] == [True, True, False]


def test_a_flood_and_lines_inside_answers() -> None:
    desk = Desk(1, HUAWEI)
    ended = begin(desk, "urc_flood", per_s=200)
    assert desk.wait(1).count("^RSSI:18") in (200, 201, 202)
    desk.network.faults.end(ended)
    desk.wait(1)
    begin(desk, "urc_inside_answers")
    assert desk.at("AT+CSQ") == "\r\n+CSQ: 23,99\r\n\r\n^RSSI:18\r\n\r\nOK\r\n"


def test_answers_byte_by_byte_and_late() -> None:
    desk = Desk(1)
    ended = begin(desk, "split_writes", gap_ms=50)
    assert desk.at("AT") == "\r"
    assert desk.wait(0.11) == "\nO"
    desk.network.faults.end(ended)
    assert desk.said() == "K\r\n"
    begin(desk, "late_answers", delay_s=3)
    assert desk.at("AT") == ""
    assert desk.wait(2.9) == ""
    assert desk.wait(0.2) == "\r\nOK\r\n"


def test_a_modem_reboots_by_itself() -> None:
    desk = Desk(1, EC25)
    begin(desk, "modem_reboots")
    assert "+QUSIM: 1" in desk.wait(4)


def test_a_report_of_another_status() -> None:
    desk = Desk(1)
    desk.at("AT+CNMI=2,1,0,1")
    begin(desk, "report_status", status=0x63)
    desk.send_pdu(submit(FREE, "hello", report=True), wait=0.6)
    assert "63\r\n" in desk.wait(3)


def test_ussd_from_the_network_and_before_the_ok() -> None:
    desk = Desk(1, SIM800)
    desk.at("AT+CUSD=1")
    desk.modems[0].push_ussd("Your bundle ends today", expects_reply=True)
    assert desk.said() == '\r\n+CUSD: 1, "Your bundle ends today", 15\r\n'
    assert "+CUSD: 5" in desk.wait(70)
    desk.modems[0].habits = replace(desk.modems[0].habits, ussd_before_ok=True)
    assert desk.at('AT+CUSD=1,"*99#"') == ""
    assert desk.wait(2) == f'\r\n+CUSD: 0, "Your number is {SIM1}", 15\r\n\r\nOK\r\n'


async def test_a_modem_returns_under_another_name(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    network = Network(LoopTimers(loop, speed=1000, random=Random(1)), 2, Random(1))
    lab = Lab(loop, network, tmp_path, [SIM7600, SIM800])
    lab.start()
    try:
        before = lab.at_ports[0].link
        fault = network.faults.begin("modem_unplugged", "modem1", {"moved": 1}, None)
        assert not before.exists()
        network.faults.end(fault.id)
        assert lab.at_ports[0].link != before
        assert lab.at_ports[0].link.exists()
        assert lab.pcm_ports[1] is None
    finally:
        lab.stop()
