"""inbox.py: every SMS reaches the core, is deleted only then, and one bad PDU stops nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import pytest

from edge_agent.drivers.at_modem.dialogue import Dialogue
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.inbox import Inbox
from edge_agent.drivers.at_modem.pdu import encode_submit
from edge_agent.drivers.at_modem.profile import AtProfile, SmsProfile
from simulator.pdu import UserData, encode_deliver, encode_smsc, encode_status_report
from telecore.errors import DeviceLost, StorageFailed
from telecore.sim_health import StoreLevel
from telecore.sms import split

SENDER = "+85512345678"


def pdu(text, *, header=b"", coding=0, data=b""):
    octets = encode_deliver(SENDER, 1_780_000_000.0, UserData(coding, text, data, header))
    return (encode_smsc("+85510999999") + octets).hex().upper()


def report(ref, status=0):
    octets = encode_status_report(ref, SENDER, 1_780_000_000.0, 1_780_000_060.0, status)
    return (encode_smsc("+85510999999") + octets).hex().upper()


@pytest.fixture
async def inbox(port, core):
    dialogue = Dialogue(port, Grammar.of())
    made = Inbox(dialogue, AtProfile(sms=SmsProfile(poll_s=0.2)), "site-1/modem1")
    dialogue.on_urc = made.on_urc
    await made.prepare()
    running = asyncio.ensure_future(made.run(core))
    yield made
    running.cancel()
    assert not running.done() or running.exception() is None


def bodies(core):
    return sorted(part.body for part in core.parts)


async def test_set_up(inbox, port):
    assert port.modem.log[:3] == ["AT+CMGF=0", 'AT+CPMS="SM","SM","SM"', "AT+CNMI=2,1,0,2,0"]


async def test_notified_read_handed_over_deleted(inbox, port, core, until):
    await until(lambda: "AT+CMGL=4" in port.modem.log)
    port.modem.stores["SM"][3] = pdu("hello")
    core.before_safe = lambda: core.events.append(dict(port.modem.stores["SM"]))
    port.modem.urc('+CMTI: "SM",3')
    await until(lambda: core.parts and not port.modem.stores["SM"])
    [part] = core.parts
    assert (part.channel, part.sender, part.body, part.parts) == ("site-1/modem1", SENDER, "hello", 1)
    assert core.events == [{3: pdu("hello")}]  # it still lay there while it was not safe


async def test_what_lies_there_at_the_start(inbox, port, core, until):
    port.modem.stores["SM"] = {1: pdu("one"), 5: pdu("two")}
    port.modem.stores["ME"] = {1: pdu("three")}
    inbox.sweep()
    await until(lambda: len(core.parts) == 3 and not any(port.modem.stores.values()))
    assert bodies(core) == ["one", "three", "two"]


async def test_a_burst_of_notices(inbox, port, core, until):
    for index in range(1, 11):
        port.modem.stores["SM"][index] = pdu(f"number {index}")
    for index in range(1, 11):
        port.modem.urc(f'+CMTI: "SM",{index}')
    await until(lambda: not port.modem.stores["SM"])
    assert bodies(core) == sorted(f"number {index}" for index in range(1, 11))


async def test_a_lost_notice_is_found_by_listing(inbox, port, core, until):
    await until(lambda: "AT+CMGL=4" in port.modem.log)
    port.modem.stores["ME"][2] = pdu("no notice")
    await until(lambda: bodies(core) == ["no notice"])


async def test_one_store_under_two_names_gives_one_part(inbox, port, core, until):
    port.modem.stores["ME"] = port.modem.stores["SM"]
    port.modem.stores["SM"][1] = pdu("once")
    inbox.sweep()
    await until(lambda: core.parts and not port.modem.stores["SM"])
    await asyncio.sleep(0.25)
    assert len(core.parts) == 1


async def test_parts_carry_their_place(inbox, port, core, until):
    for number, segment in enumerate(split("x" * 200, 77), 1):
        port.modem.stores["SM"][number] = pdu(segment.text, header=segment.udh[1:])
    inbox.sweep()
    await until(lambda: len(core.parts) == 2)
    assert sorted((part.ref, part.part, part.parts, part.wide_ref) for part in core.parts) == [
        (77, 1, 2, False),
        (77, 2, 2, False),
    ]


async def test_a_pdu_that_cannot_be_read_stays_and_is_told_once(inbox, port, core, until, caplog):
    caplog.set_level(logging.WARNING)
    port.modem.stores["SM"] = {1: "0791FFFF", 2: pdu("good"), 3: pdu("also good")}
    for _ in range(3):
        inbox.sweep()
        await until(lambda: set(port.modem.stores["SM"]) == {1})
        await asyncio.sleep(0.02)
    assert bodies(core) == ["also good", "good"]
    assert len([record for record in caplog.records if "stays where it is" in record.getMessage()]) == 1
    assert "0791FFFF" not in caplog.text  # it may hold a text


async def test_a_message_stored_to_be_sent_is_left_alone(inbox, port, core, until):
    port.modem.stores["SM"] = {1: pdu("received")}
    port.modem.answers["AT+CMGL=4"] = f"+CMGL: 1,3,,28\r\n{pdu('stored')}\r\n\r\nOK"
    inbox.sweep()
    await until(lambda: port.modem.log.count("AT+CMGL=4") >= 3)
    assert core.parts == []
    assert port.modem.stores["SM"]


async def test_a_place_filled_anew_is_not_deleted(inbox, port, core, until):
    await until(lambda: "AT+CMGL=4" in port.modem.log)
    port.modem.stores["SM"][1] = pdu("first")

    def replace():
        if len(core.parts) == 0:
            port.modem.stores["SM"][1] = pdu("second")

    core.before_safe = replace
    port.modem.urc('+CMTI: "SM",1')
    await until(lambda: not port.modem.stores["SM"])
    assert bodies(core) == ["first", "second"]


async def test_direct_delivery(inbox, port, core, until):
    port.modem.answers["AT+CSMS?"] = "+CSMS: 1,1,1,1\r\n\r\nOK"
    await inbox.prepare()
    port.modem.urc(f"+CMT: ,28\r\n{pdu('direct')}")
    await until(lambda: core.parts)
    assert bodies(core) == ["direct"]
    await until(lambda: "AT+CNMA" in port.modem.log)


async def test_what_comes_directly_and_cannot_be_read_is_told_as_data(inbox, port, core, until):
    port.modem.urc("+CMT: ,4\r\n0791FFFF")
    port.modem.urc(f"+CMT: ,28\r\n{pdu('next')}")
    await until(lambda: len(core.parts) == 2)
    assert [(part.sender, part.data, part.body) for part in core.parts] == [
        ("unreadable", bytes.fromhex("0791FFFF"), ""),
        (SENDER, None, "next"),
    ]


async def test_a_flood_of_direct_delivery_passes_over_none_that_is_still_held(inbox, port, core, until):
    inbox._direct = deque(maxlen=3)
    numbers = iter(range(2, 6))

    def more():
        if len(core.parts) == 0:
            for number in numbers:
                inbox.on_urc(Urc("+CMT: ,28", pdu(f"number {number}")))

    core.before_safe = more
    port.modem.urc(f"+CMT: ,28\r\n{pdu('number 1')}")
    await until(lambda: len(core.parts) == 4)
    assert [part.body for part in core.parts] == ["number 1", "number 3", "number 4", "number 5"]


async def test_no_receipt_when_the_modem_wants_none(port, core, until):
    dialogue = Dialogue(port, Grammar.of())
    port.modem.answers["AT+CSMS?"] = "+CSMS: 0,1,1,1\r\n\r\nOK"
    inbox = Inbox(dialogue, AtProfile(), "site-1/modem1")
    dialogue.on_urc = inbox.on_urc
    await inbox.prepare()
    running = asyncio.ensure_future(inbox.run(core))
    port.modem.urc(f"+CDS: 25\r\n{report(9)}")
    await until(lambda: core.reports)
    await asyncio.sleep(0.02)
    assert "AT+CNMA" not in port.modem.log
    running.cancel()


async def test_status_reports_both_ways(inbox, port, core, until):
    port.modem.urc(f"+CDS: 25\r\n{report(200, 0x41)}")
    port.modem.stores["SR"][4] = report(201)
    port.modem.urc('+CDSI: "SR",4')
    await until(lambda: len(core.reports) == 2 and not port.modem.stores["SR"])
    assert sorted((entry.ref, entry.status, entry.recipient) for entry in core.reports) == [
        (200, 0x41, SENDER),
        (201, 0, SENDER),
    ]


async def test_a_wap_push_is_told_as_data_and_does_not_fill_the_store(inbox, port, core, until):
    header = bytes([0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0])
    port.modem.stores["SM"][1] = pdu("", header=header, coding=4, data=b"\x00\x06")
    inbox.sweep()
    await until(lambda: not port.modem.stores["SM"])
    [part] = core.parts
    assert (part.port, part.data, part.body) == (2948, b"\x00\x06", "")


async def test_a_modem_that_does_not_delete_blocks_nothing(inbox, port, core, until, caplog):
    port.modem.answers["AT+CMGD"] = "+CMS ERROR: 320"
    port.modem.stores["SM"] = {1: pdu("stays"), 2: pdu("too")}
    inbox.sweep()
    await until(lambda: len({part.key for part in core.parts}) == 2)


async def test_a_store_that_is_not_there_is_asked_once(inbox, port, core, until):
    del port.modem.stores["ME"]
    port.modem.stores["SM"][1] = pdu("still found")
    inbox.sweep()
    await until(lambda: port.modem.log.count("AT+CMGL=4") >= 6)
    assert bodies(core) == ["still found"]
    assert port.modem.log.count('AT+CPMS="ME"') <= 2


async def test_silence_in_the_middle_loses_nothing(inbox, port, core, until, monkeypatch):
    monkeypatch.setitem(inbox._profile.timeouts, "CMGR", 0.05)
    await until(lambda: port.modem.log.count("AT+CMGL=4") == 3)
    port.modem.answers["AT+CMGR"] = None
    port.modem.stores["SM"][1] = pdu("patience")
    port.modem.urc('+CMTI: "SM",1')
    await until(lambda: "AT+CMGR=1" in port.modem.log)
    del port.modem.answers["AT+CMGR"]
    await until(lambda: bodies(core) == ["patience"] and not port.modem.stores["SM"])


async def test_notification_falls_back(port):
    port.modem.answers["AT+CNMI=2"] = "+CMS ERROR: 303"
    inbox = Inbox(Dialogue(port, Grammar.of()), AtProfile(), "site-1/modem1")
    await inbox.prepare()
    tried = [text for text in port.modem.log if text.startswith("AT+CNMI=")]
    assert tried[-1] == "AT+CNMI=1,1,0,0,0"
    assert len(tried) == 7


async def test_a_modem_that_restarted_without_a_word_is_found_out(inbox, port):
    port.modem.answers["AT+CNMI?"] = "+CNMI: 2,1,0,2,0\r\n\r\nOK"
    await inbox.prepare()
    await inbox.verify()
    port.modem.answers["AT+CNMI?"] = "+CNMI: 0,0,0,0,0\r\n\r\nOK"
    with pytest.raises(DeviceLost, match="restarted by itself"):
        await inbox.verify()


async def test_a_modem_that_does_not_tell_its_settings_is_believed(inbox, port):
    port.modem.answers["AT+CNMI?"] = "+CME ERROR: 4"
    await inbox.prepare()
    await inbox.verify()


async def test_how_full_the_storages_are(inbox, port, core, until):
    await until(lambda: core.levels == [StoreLevel("SM", 0, 20)])
    port.modem.answers["AT+CMGD"] = "+CMS ERROR: 320"
    port.modem.stores["ME"] = {index: pdu(f"stuck {index}") for index in range(5)}
    inbox.sweep()
    await until(lambda: core.levels[1:] == [StoreLevel("ME", 5, 20)])
    del port.modem.answers["AT+CMGD"]
    await until(lambda: core.levels[2:] == [StoreLevel("SM", 0, 20)])


async def test_a_full_storage_is_freed_of_what_is_nobodys(inbox, port, core, until):
    sent = encode_submit(SENDER, split("never sent")[0])[0]
    port.modem.places = 3
    port.modem.stores["SM"] = {1: sent, 2: "0791FFFF", 3: pdu("good")}
    inbox.sweep()
    await until(lambda: bodies(core) == ["good"])
    await asyncio.sleep(0.05)
    assert port.modem.stores["SM"] == {1: sent, 2: "0791FFFF"}  # there is room again
    port.modem.places = 2
    inbox.sweep()
    await until(lambda: port.modem.stores["SM"] == {2: "0791FFFF"})
    port.modem.places = 1
    inbox.sweep()
    await until(lambda: not port.modem.stores["SM"])
    assert [part.data for part in core.parts] == [None, bytes.fromhex("0791FFFF")]


async def test_a_full_storage_keeps_what_is_not_safe_yet(inbox, port, core, until):
    def full_disk():
        raise StorageFailed("no space left")

    core.before_safe = full_disk
    port.modem.places = 2
    port.modem.stores["SM"] = {1: pdu("one"), 2: pdu("two")}
    inbox.sweep()
    await until(lambda: port.modem.log.count("AT+CMGL=4") > 5)
    assert sorted(port.modem.stores["SM"]) == [1, 2]
    core.before_safe = lambda: None
    await until(lambda: bodies(core) == ["one", "two"])


async def test_a_list_that_hangs(inbox, port, core, until, monkeypatch, caplog):
    """Its places are read one by one, the empty ones too: some answer only OK there."""
    monkeypatch.setitem(inbox._profile.timeouts, "CMGL", 0.05)
    await until(lambda: port.modem.log.count("AT+CMGL=4") == 3)
    port.modem.answers["AT+CMGL"] = None
    port.modem.answers["AT+CMGR=0"] = "OK"
    port.modem.stores["SM"] = {2: pdu("two"), 7: pdu("seven")}
    inbox.sweep()
    await until(lambda: bodies(core) == ["seven", "two"] and not port.modem.stores["SM"], 10)
    hung = port.modem.log.count("AT+CMGL=4")
    port.modem.stores["SM"] = {3: pdu("later")}
    inbox.sweep()
    await until(lambda: "later" in bodies(core), 10)
    assert port.modem.log.count("AT+CMGL=4") <= hung + 2  # ME and SR only


async def test_a_sim_that_is_busy_keeps_its_storages(inbox, port, core, until):
    await until(lambda: port.modem.log.count("AT+CMGL=4") == 3)
    port.modem.answers['AT+CPMS="SM"'] = "+CMS ERROR: 314"
    port.modem.stores["SM"][1] = pdu("patience")
    inbox.sweep()
    await until(lambda: port.modem.log.count('AT+CPMS="SM"') >= 2)
    del port.modem.answers['AT+CPMS="SM"']
    await until(lambda: bodies(core) == ["patience"])
