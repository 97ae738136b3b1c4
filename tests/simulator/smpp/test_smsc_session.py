"""The simulated SMSC, octet by octet, written apart from the agent's client."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.network import Network
from simulator.smpp import codec
from simulator.smpp.codec import BadPdu, Header, Party, Sm
from simulator.smpp.link import LINK, Contract, Manners, SmppLink
from simulator.smpp.session import ANSWER_S, ENQUIRE_S, Session
from simulator.smpp.texts import expiry, party_of
from tests.simulator.fake import FakeTimers

NUMBER, HANDSET, FAILING = "+85523000001", "+85512000010", "+85512000005"


class Desk:
    """A customer's end of one connection."""

    def __init__(self, manners=None, link=None, network=None):
        self.timers = network.timers if network else FakeTimers()
        self.network = network or Network(self.timers, 0, Random(1))
        self.link = link or SmppLink(
            Contract("me", "secret", (NUMBER,)), self.network.smsc, self.timers, manners or Manners()
        )
        if link is None:
            self.network.attach_link(LINK, self.link.numbers, self.link)
        self.written = bytearray()
        self.closed = False
        self.session = Session(self.link, self.network.faults, self.timers, self.written.extend, self.close)
        self.sequence = 0

    def close(self):
        self.closed = True

    def say(self, command, body=b"", status=0, sequence=None):
        self.sequence += 1
        self.session.received(Header(command, status, sequence or self.sequence, body).pack())
        return self.heard()

    def heard(self):
        return codec.split_frames(self.written)

    def bind(self, command=codec.BIND_TRANSCEIVER, system_id=b"me", password=b"secret"):
        body = system_id + b"\0" + password + b"\0\0\x34\0\0\0"
        return self.say(command, body)

    def submit(self, content=b"hello", to=HANDSET, **options):
        sm = Sm(Party(NUMBER[1:]), party_of(to), content, **{"registered": 1, **options})
        return self.say(codec.SUBMIT_SM, sm.pack())

    def texts(self, number=HANDSET):
        return [message["body"] for message in self.network.inbox(number).messages]


def bound(**options):
    desk = Desk(**options)
    desk.bind()
    return desk


@pytest.mark.parametrize("command", [codec.BIND_RECEIVER, codec.BIND_TRANSMITTER, codec.BIND_TRANSCEIVER])
def test_binds(command):
    desk = Desk()
    (answer,) = desk.bind(command)
    assert (answer.command, answer.status, answer.sequence) == (command | codec.RESPONSE, 0, 1)
    assert answer.body.startswith(b"SIMFERRY\0")
    assert desk.bind(command)[0].status == codec.ALREADY_BOUND


@pytest.mark.parametrize(
    ("options", "status"),
    [({"system_id": b"you"}, codec.BAD_SYSTEM_ID), ({"password": b"guess"}, codec.BAD_PASSWORD)],
)
def test_binds_that_are_refused(options, status):
    assert Desk().bind(**options)[0].status == status


@pytest.mark.parametrize(("command", "status"), [(codec.BIND_RECEIVER, codec.NOT_BOUND), (codec.BIND_TRANSMITTER, 0)])
def test_who_may_submit(command, status):
    desk = Desk()
    assert desk.submit()[0].status == codec.NOT_BOUND
    desk.bind(command)
    assert desk.submit()[0].status == status


def test_a_submit_reaches_its_handset_and_a_receipt_comes():
    desk = bound()
    (answer,) = desk.submit()
    assert answer.body == b"1\0"
    desk.timers.advance(5)
    assert desk.texts() == ["hello"]
    (receipt,) = desk.heard()
    sm = codec.read_sm(receipt.body)
    assert sm.esm_class == codec.RECEIPT
    assert sm.content.startswith(b"id:1 sub:001 dlvrd:001 submit date:")
    assert b"stat:DELIVRD" in sm.content
    assert sm.tags == {codec.RECEIPTED_ID: b"1\0", codec.STATE: b"\2"}
    assert (sm.source.number, sm.destination.number) == (HANDSET[1:], NUMBER[1:])


def test_no_receipt_that_was_not_asked_for():
    desk = bound()
    desk.submit(registered=0)
    desk.timers.advance(5)
    assert desk.heard() == []


def test_a_handset_that_takes_nothing():
    desk = bound()
    desk.submit(to=FAILING)
    desk.timers.advance(5)
    assert b"stat:UNDELIV" in desk.heard()[0].body


def test_a_payload_has_one_receipt_for_all_its_parts():
    desk = bound()
    desk.submit(b"x" * 500)
    desk.timers.advance(20)
    assert desk.texts() == ["x" * 500]
    assert len(desk.heard()) == 1
    assert desk.link.counters.receipts == 0
    assert desk.link.counters.accepted == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"to": ""}, codec.BAD_DESTINATION),
        ({"validity": "nonsense"}, codec.SYSTEM_ERROR),
        ({"content": b"\xffx", "esm_class": codec.UDHI}, codec.SYSTEM_ERROR),
        ({"content": b"x" * 161}, codec.SYSTEM_ERROR),
        ({"content": b"x", "tags": {codec.SAR_REFERENCE: b"\1"}}, codec.SYSTEM_ERROR),
    ],
)
def test_submits_that_are_refused(options, status):
    desk = bound()
    assert desk.submit(**options)[0].status == status
    assert desk.link.counters.refused == 1


def test_a_number_that_is_not_his():
    desk = bound()
    sm = Sm(Party("85599"), party_of(HANDSET), b"x")
    assert desk.say(codec.SUBMIT_SM, sm.pack())[0].status == codec.BAD_SOURCE
    named = Sm(Party("Bank", 5, 0), party_of(HANDSET), b"x")
    assert desk.say(codec.SUBMIT_SM, named.pack())[0].status == 0


def test_what_a_handset_writes_waits_for_a_receiver_and_for_its_answer():
    desk = Desk()
    desk.network.handsets[HANDSET].send(NUMBER, "waiting")
    desk.timers.advance(5)
    desk.bind(codec.BIND_RECEIVER)
    desk.timers.advance(5)
    (delivery,) = desk.heard()
    assert codec.read_sm(delivery.body).content == b"waiting"
    assert len(desk.network.smsc.parcels) == 1
    desk.say(codec.DELIVER_SM | codec.RESPONSE, b"\0", sequence=delivery.sequence)
    assert len(desk.network.smsc.parcels) == 0
    assert desk.link.counters.delivered == 1


@pytest.mark.parametrize("status", [codec.LATER, codec.THROTTLED, None])
def test_what_is_not_taken_comes_again(status):
    desk = bound()
    desk.network.handsets[HANDSET].send(NUMBER, "again")
    desk.timers.advance(5)
    (delivery,) = desk.heard()
    if status is None:
        desk.timers.advance(ANSWER_S)
    else:
        desk.say(codec.DELIVER_SM | codec.RESPONSE, b"\0", status, delivery.sequence)
    desk.timers.advance(25)
    again = [header for header in desk.heard() if header.command == codec.DELIVER_SM]
    assert [codec.read_sm(header.body).content for header in again] == [b"again"]


def test_what_is_refused_for_good_does_not():
    desk = bound()
    desk.network.handsets[HANDSET].send(NUMBER, "no")
    desk.timers.advance(5)
    desk.say(codec.DELIVER_SM | codec.RESPONSE, b"\0", 0x65, desk.heard()[0].sequence)
    assert len(desk.network.smsc.parcels) == 0


def test_a_lost_connection_is_no_answer():
    desk = bound()
    desk.network.handsets[HANDSET].send(NUMBER, "kept")
    desk.timers.advance(5)
    desk.session.gone()
    assert len(desk.network.smsc.parcels) == 1
    again = Desk(link=desk.link, network=desk.network)
    again.bind()
    again.timers.advance(5)
    assert codec.read_sm(again.heard()[0].body).content == b"kept"


def test_enquire_link_both_ways_and_unbind():
    desk = bound()
    assert [header.command for header in desk.say(codec.ENQUIRE_LINK)] == [codec.ENQUIRE_LINK | codec.RESPONSE]
    desk.timers.advance(ENQUIRE_S + 0.1)
    (question,) = desk.heard()
    assert question.command == codec.ENQUIRE_LINK
    desk.timers.advance(ANSWER_S)
    assert desk.closed
    other = bound()
    assert [header.command for header in other.say(codec.UNBIND)] == [codec.UNBIND | codec.RESPONSE]
    assert other.closed


def test_throttling_by_count_and_whole():
    desk = bound()
    fault = desk.network.faults.begin("smsc_throttles", LINK, {"per_s": 2}, None)
    assert [desk.submit()[0].status for _ in range(4)] == [0, 0, codec.THROTTLED, codec.THROTTLED]
    desk.timers.advance(1)
    assert [header.status for header in desk.submit() if header.command & codec.RESPONSE] == [0]
    desk.network.faults.end(fault.id)
    desk.network.faults.begin("smsc_throttles", NUMBER, {"status": codec.QUEUE_FULL}, None)
    assert desk.submit()[-1].status == codec.QUEUE_FULL


@pytest.mark.parametrize("fault", ["no_delivery_report", "late_delivery_report"])
def test_receipts_missing_and_late(fault):
    desk = bound()
    desk.network.faults.begin(fault, LINK, {}, None)
    desk.submit()
    desk.timers.advance(10)
    assert desk.heard() == []
    desk.timers.advance(22)
    assert len([header for header in desk.heard() if header.command == codec.DELIVER_SM]) == (fault[0] == "l")


def test_an_answer_held_back_and_one_that_never_comes():
    desk = bound()
    fault = desk.network.faults.begin("early_delivery_report", LINK, {"by_s": 5}, None)
    assert desk.submit() == []
    desk.timers.advance(4)
    assert [header.command for header in desk.heard()] == [codec.DELIVER_SM]
    desk.timers.advance(2)
    assert [header.command for header in desk.heard()] == [codec.SUBMIT_SM | codec.RESPONSE]
    desk.network.faults.end(fault.id)
    desk.network.faults.begin("smsc_answers_lost", LINK, {}, None)
    assert desk.submit() == []


def test_formats_of_ids():
    desk = bound(manners=Manners(response_id="{:X}", receipt_id="{:010d}", tagged=False, marked=False))
    for _ in range(10):
        (answer,) = [header for header in desk.submit() if header.command & codec.RESPONSE]
    assert answer.body == b"A\0"
    desk.timers.advance(1)
    receipt = codec.read_sm(desk.heard()[0].body)
    assert receipt.content.startswith(b"id:0000000001 ")
    assert (receipt.esm_class, receipt.tags) == (0, {})


@pytest.mark.parametrize(
    ("validity", "seconds"),
    [("", None), ("000000000100000R", 60), ("700101000100000+", 60 + 2 * 0), ("700101010000004+", 0)],
)
def test_validity_periods(validity, seconds):
    # Two digits of a year are of this century.
    base = 3_155_760_000.0 if validity.endswith("+") else 0.0
    assert expiry(validity, 0.0) == (None if seconds is None else base + seconds)


@pytest.mark.parametrize("validity", ["1", "00000002000000RR", "269999000000000+", "000000020000000X"])
def test_validity_periods_that_are_none(validity):
    with pytest.raises(BadPdu):
        expiry(validity, 0.0)


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_random_octets_never_raise(pieces):
    desk = bound()
    for piece in pieces:
        desk.session.received(piece)


@given(st.sampled_from([1, 2, 4, 5, 6, 9, 0x15, 0x21, 0x80000005]), st.binary(max_size=120))
def test_random_bodies_never_raise(command, body):
    desk = bound()
    desk.say(command, body)


def test_a_length_that_cannot_be_ends_it():
    desk = bound()
    desk.session.received(b"GET / HTTP/1.1\r\n\r\n")
    assert desk.closed
    assert desk.heard()[0].command == codec.GENERIC_NACK
