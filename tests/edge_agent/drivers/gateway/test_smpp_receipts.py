"""Receipts in every form that SMSCs were seen to write, and ids that change their look on the way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, SmeAddress, Tlv
from edge_agent.drivers.gateway.smpp_receipts import (
    Receipt,
    id_of_response,
    ids_of_receipt,
    is_marked,
    receipt_of,
    report_of,
)
from edge_agent.drivers.gateway.smpp_settings import ReceiptIds
from tests.fakes.smpp_site import settings

HANDSET, OURS = SmeAddress("85512000010", 1, 1), SmeAddress("85523000001", 1, 1)
DONE = datetime(2026, 11, 26, 17, 5, tzinfo=UTC)


def sm(text="", *, esm_class=0x04, source=HANDSET, destination=OURS, coding=0, **tlvs):
    body = text if isinstance(text, bytes) else text.encode("latin-1")
    tags = {Tlv[name.upper()]: value for name, value in tlvs.items()}
    return ShortMessage(source, destination, body, esm_class=esm_class, data_coding=coding, tlvs=tags)


FULL = "id:{id} sub:001 dlvrd:001 submit date:2611261704 done date:2611261705 stat:{stat} err:000 text:hello"


@pytest.mark.parametrize(
    ("text", "receipt"),
    [
        (FULL.format(id="1234", stat="DELIVRD"), Receipt("1234", 0x00, DONE)),
        (FULL.format(id="00123aF", stat="EXPIRED"), Receipt("00123aF", 0x46, DONE)),
        (FULL.format(id="1", stat="UNDELIV"), Receipt("1", 0x43, DONE)),
        (FULL.format(id="1", stat="REJECTD"), Receipt("1", 0x42, DONE)),
        (FULL.format(id="1", stat="DELETED"), Receipt("1", 0x48, DONE)),
        (FULL.format(id="1", stat="UNKNOWN"), Receipt("1", 0x65, DONE)),
        (FULL.format(id="1", stat="ENROUTE"), Receipt("1", 0x30, DONE)),
        (FULL.format(id="1", stat="ACCEPTD"), Receipt("1", 0x30, DONE)),
        # A GoIP: no counters, no dates.
        ("id:55c489da stat:DELIVRD err:0", Receipt("55c489da", 0x00)),
        # Capital names, other spaces, text before the end, seconds in the stamp, a line feed.
        (
            "ID:9 SUB:1 DLVRD:1 SUBMIT DATE:261126170400 DONE DATE:261126170500 STAT:DELIVRD ERR:0",
            Receipt("9", 0, DONE),
        ),
        ("id: 77 sub: 001 dlvrd: 001 stat: delivrd err: 000", Receipt("77", 0x00)),
        ("id:a-b-c_1 stat:DELIVRD done date:20261126170500", Receipt("a-b-c_1", 0x00, DONE)),
        ("id:5 stat:UNDELIV done date:2613991705", Receipt("5", 0x43)),
        ("id:5 done date:261126\u00b21705 stat:UNDELIV", Receipt("5", 0x43)),
        # What somebody else wrote does not count.
        ("id:5 stat:UNDELIV text:id:6 stat:DELIVRD", Receipt("5", 0x43)),
    ],
)
def test_texts(text, receipt):
    assert receipt_of(sm(text)) == receipt


@pytest.mark.parametrize(
    ("state", "status"),
    [(1, 0x30), (2, 0x00), (3, 0x46), (4, 0x48), (5, 0x43), (6, 0x30), (7, 0x65), (8, 0x42)],
)
def test_optional_parameters_alone(state, status):
    assert receipt_of(sm(receipted_message_id=b"77\0", message_state=bytes([state]))) == Receipt("77", status)


@pytest.mark.parametrize("name", [b"abc", b"abc\0", b"abc\0\0"])
def test_the_id_of_the_parameter_counts_before_that_of_the_text(name):
    read = receipt_of(sm(FULL.format(id="other", stat="DELIVRD"), receipted_message_id=name, message_state=b"\2"))
    assert read == Receipt("abc", 0x00, DONE)


def test_a_state_that_only_the_parameter_knows():
    assert receipt_of(sm("id:5 stat:WHATEVER", message_state=b"\0\0\0\2")) == Receipt("5", 0x00)


def test_a_receipt_in_ucs2():
    text = FULL.format(id="12", stat="DELIVRD").encode("utf-16-be")
    assert receipt_of(sm(text, coding=8)) == Receipt("12", 0x00, DONE)


def test_an_esm_class_that_does_not_say_what_it_is():
    assert receipt_of(sm(FULL.format(id="12", stat="DELIVRD"), esm_class=0)) == Receipt("12", 0x00, DONE)
    assert receipt_of(sm("", esm_class=0, receipted_message_id=b"1\0", message_state=b"\2")) == Receipt("1", 0x00)
    assert receipt_of(sm(FULL.format(id="12", stat="ENROUTE"), esm_class=0x20)) == Receipt("12", 0x30, DONE)


@pytest.mark.parametrize(
    "text",
    ["hello", "id:5 stat:DELIVRD", "my id: 5 sub: 3", "id:1 please", "", "stat:DELIVRD", FULL.format(id="1", stat="")],
)
def test_what_a_person_writes_is_a_message(text):
    assert receipt_of(sm(text, esm_class=0)) is None


@pytest.mark.parametrize(
    "text", ["", "hello", "id: stat:DELIVRD", "id:5", "id:5 stat:XXX", f"id:{'9' * 66} stat:DELIVRD"]
)
def test_a_mark_without_a_receipt(text):
    assert receipt_of(sm(text)) is None
    assert is_marked(sm(text))


@given(st.binary(max_size=200), st.integers(0, 255), st.integers(0, 255))
def test_random_octets(body, esm_class, coding):
    message = ShortMessage(HANDSET, OURS, body, esm_class=esm_class, data_coding=coding)
    receipt = receipt_of(message)
    if receipt is not None:
        assert report_of(receipt, message, settings(1)).ref


A, S, HEX, DEC = ReceiptIds.AUTO, ReceiptIds.SAME, ReceiptIds.RESPONSE_HEX, ReceiptIds.RESPONSE_DECIMAL


@pytest.mark.parametrize(
    ("form", "response", "receipt"),
    [
        (A, "1234", "1234"),
        (A, "ABCDEF", "abcdef"),
        (A, "0000001234", "1234"),
        (A, "1234", "0000001234"),
        (A, "1A2B", "6699"),
        (A, "6699", "1A2B"),
        (A, "00001a2b", "0000006699"),
        (A, "1234", "4660"),
        (A, "c449ab94-e0b1-4b86-b8b3-ff2f71ab85a5", "C449AB94-E0B1-4B86-B8B3-FF2F71AB85A5"),
        (A, "0", "000"),
        (S, "007", "7"),
        (HEX, "1A2B", "6699"),
        (HEX, "0x1a2b", "0006699"),
        (HEX, "10", "16"),
        (DEC, "6699", "1A2B"),
        (DEC, "16", "10"),
        (HEX, "not-hex", "not-hex"),
    ],
)
def test_the_receipt_names_its_submit(form, response, receipt):
    assert id_of_response(response, form) in ids_of_receipt(receipt, form)


@pytest.mark.parametrize(
    ("form", "response", "receipt"),
    [(A, "12", "13"), (S, "1a2b", "6699"), (HEX, "10", "10"), (DEC, "10", "10"), (A, "120", "12"), (S, "a", "b")],
)
def test_the_receipt_names_another(form, response, receipt):
    assert id_of_response(response, form) not in ids_of_receipt(receipt, form)


@given(st.text(max_size=70), st.sampled_from(list(ReceiptIds)))
def test_any_text_is_some_id(name, form):
    assert id_of_response(name, form)
    assert all(ids_of_receipt(name, form))


def test_a_report_is_about_whom_the_message_went_to():
    message = sm("id:1 stat:DELIVRD")
    report = report_of(receipt_of(message), message, settings(1))
    assert (report.recipient, report.ref, report.channel) == ("+85512000010", "1", "site-1/smsc")


def test_an_smsc_that_turns_the_addresses_around():
    message = sm("id:1 stat:DELIVRD", source=OURS, destination=HANDSET)
    assert report_of(receipt_of(message), message, settings(1)).recipient == "+85512000010"


def test_a_receipt_sent_again_has_the_same_key_and_a_later_state_another():
    keys = [
        report_of(receipt_of(message), message, settings(1)).key
        for message in (
            sm("id:1 stat:ENROUTE"),
            sm("id:1 stat:DELIVRD"),
            sm("id:1 stat:DELIVRD"),
            sm("id:2 stat:DELIVRD"),
        )
    ]
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3
