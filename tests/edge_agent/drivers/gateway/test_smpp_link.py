"""The SMPP session against the simulator's SMSC, and against one that misbehaves; no socket, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.smpp_link import (
    NEXT_STATE,
    Answered,
    BindRefused,
    Bound,
    Delivered,
    Ended,
    LinkState,
    Silent,
    SmppLink,
    Step,
)
from edge_agent.drivers.gateway.smpp_pdu import BindRequest, Command, ShortMessage, SmeAddress, decode
from simulator.smpp import codec
from simulator.smpp.codec import Header, Party, Sm
from telecore.errors import LocalProtocolError

MESSAGE = ShortMessage(SmeAddress("855230", 1, 1), SmeAddress("855120", 1, 1), b"hello")
SM = Sm(Party("855120"), Party("855230"), b"hi").pack()


def a_link(command=Command.BIND_TRANSCEIVER, *, bound=True, now=0.0):
    link = SmppLink(BindRequest(command, "me", "pw"), enquire_s=30.0, answer_s=10.0, now=now)
    link.bind(now)
    if bound:
        assert link.receive(answer(command | codec.RESPONSE, 1, body=b"SMSC\0"), now) == [Bound("SMSC")]
        link.data_to_send()
    return link


def answer(command, sequence, status=0, body=b""):
    return Header(command, status, sequence, body).pack()


def sent(link):
    return [
        (header.command, header.status, header.sequence)
        for header in codec.split_frames(bytearray(link.data_to_send()))
    ]


@pytest.mark.parametrize("command", [Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER])
def test_a_bind_and_its_answer(command):
    link = a_link(command, bound=False)
    assert sent(link) == [(command, 0, 1)]
    assert link.state is LinkState.BINDING
    assert link.receive(answer(command | codec.RESPONSE, 1, body=b"SMSC\0"), 0.1) == [Bound("SMSC")]
    assert link.state is LinkState.BOUND


@pytest.mark.parametrize("status", [0x0D, 0x0E, 0x0F, 0x05])
def test_a_bind_that_is_refused(status):
    link = a_link(bound=False)
    assert link.receive(answer(Command.BIND_TRANSCEIVER_RESP, 1, status), 0.1) == [BindRefused(status)]
    assert link.state is LinkState.CLOSED


def test_a_bind_the_smsc_does_not_know():
    link = a_link(bound=False)
    assert link.receive(answer(codec.GENERIC_NACK, 1, 0x03), 0.1) == [BindRefused(0x03)]


def test_a_bind_that_is_not_answered():
    link = a_link(bound=False)
    assert link.tick(9.9) == []
    (ended,) = link.tick(10.0)
    assert isinstance(ended, Ended)
    assert "bind_transceiver" in ended.reason


def test_submits_are_answered_in_any_order():
    link = a_link()
    first, second = link.submit(MESSAGE, 0.0), link.submit(MESSAGE, 0.0)
    assert link.submits == 2
    octets = answer(Command.SUBMIT_SM_RESP, second, body=b"B\0") + answer(Command.SUBMIT_SM_RESP, first, 0x58)
    assert link.receive(octets, 0.1) == [Answered(second, 0, "B"), Answered(first, 0x58, "")]
    assert link.submits == 0


def test_a_nack_refuses_the_submit_it_names():
    link = a_link()
    number = link.submit(MESSAGE, 0.0)
    assert link.receive(answer(codec.GENERIC_NACK, number, 0x02), 0.1) == [Answered(number, 0x02, "")]
    again = link.submit(MESSAGE, 0.0)
    assert link.receive(answer(codec.GENERIC_NACK, again, 0), 0.1) == [Answered(again, 0x03, "")]


def test_answers_to_nothing_and_of_another_kind_are_passed_over():
    link = a_link()
    number = link.submit(MESSAGE, 0.0)
    assert link.receive(answer(Command.SUBMIT_SM_RESP, 999, body=b"x\0"), 0.1) == []
    assert link.receive(answer(Command.DATA_SM_RESP, number, body=b"x\0"), 0.1) == []
    assert link.receive(answer(codec.GENERIC_NACK, 0, 3), 0.1) == []
    assert (link.strays, link.submits) == (3, 1)


def test_a_submit_without_an_answer_is_silent_and_the_session_goes_on():
    link = a_link()
    first = link.submit(MESSAGE, 0.0)
    second = link.submit(MESSAGE, 5.0)
    assert link.next_tick() == 10.0
    assert link.tick(10.0) == [Silent(first)]
    assert link.receive(answer(Command.SUBMIT_SM_RESP, first, body=b"late\0"), 11.0) == []
    assert link.receive(answer(Command.SUBMIT_SM_RESP, second, body=b"x\0"), 11.0) == [Answered(second, 0, "x")]


def test_when_the_connection_goes_nobody_knows_what_became_of_the_submits():
    link = a_link()
    numbers = [link.submit(MESSAGE, 0.0) for _ in range(3)]
    assert link.lost("gone") == [*map(Silent, numbers), Ended("gone")]
    assert link.lost("again") == []
    with pytest.raises(LocalProtocolError):
        link.submit(MESSAGE, 0.0)


def test_after_silence_we_ask_whether_the_smsc_is_there():
    link = a_link()
    assert link.tick(29.9) == []
    assert sent(link) == []
    link.tick(30.0)
    assert sent(link) == [(Command.ENQUIRE_LINK, 0, 2)]
    assert link.receive(answer(Command.ENQUIRE_LINK_RESP, 2), 31.0) == []
    link.tick(60.9)
    assert sent(link) == []
    link.tick(61.0)
    assert sent(link) == [(Command.ENQUIRE_LINK, 0, 3)]
    (ended,) = link.tick(71.0)
    assert ended == Ended("no answer to enquire_link within 10 s")
    assert link.state is LinkState.CLOSED


def test_an_smsc_that_knows_no_enquire_link_lives_all_the_same():
    link = a_link()
    link.tick(30.0)
    assert link.receive(answer(codec.GENERIC_NACK, 2, 3), 30.1) == []
    assert link.tick(45.0) == []


def test_we_answer_the_question_whether_we_are_there():
    link = a_link()
    link.receive(answer(Command.ENQUIRE_LINK, 77), 1.0)
    assert sent(link) == [(Command.ENQUIRE_LINK_RESP, 0, 77)]


def test_a_delivery_is_answered_when_we_say_so():
    link = a_link()
    (delivered,) = link.receive(Header(Command.DELIVER_SM, 0, 5, SM).pack(), 1.0)
    assert isinstance(delivered, Delivered)
    assert sent(link) == []
    link.answer(delivered, 0x64)
    assert sent(link) == [(Command.DELIVER_SM_RESP, 0x64, 5)]


def test_a_data_sm_is_answered_as_such():
    link = a_link()
    body = b"\0\1\x01855\0\1\x01856\0\0\0\0" + bytes.fromhex("0424 0002") + b"hi"
    (delivered,) = link.receive(Header(Command.DATA_SM, 0, 5, body).pack(), 1.0)
    assert delivered.message.body == b"hi"
    link.answer(delivered, 0)
    assert sent(link) == [(Command.DATA_SM_RESP, 0, 5)]


def test_a_delivery_that_cannot_be_read_is_refused_for_good():
    link = a_link()
    assert link.receive(Header(Command.DELIVER_SM, 0, 5, b"\0\1").pack(), 1.0) == []
    assert sent(link) == [(Command.DELIVER_SM_RESP, 0x01, 5)]
    assert link.state is LinkState.BOUND


def test_a_request_we_do_not_know_is_nacked():
    link = a_link()
    link.receive(answer(0x0111, 6), 1.0)
    link.receive(answer(Command.ALERT_NOTIFICATION, 7, body=b"\0\0x\0\0\0y\0"), 1.0)
    assert sent(link) == [(codec.GENERIC_NACK, 0x03, 6)]


def test_a_delivery_before_the_bind_is_answered():
    link = a_link(bound=False)
    link.data_to_send()
    assert link.receive(Header(Command.DELIVER_SM, 0, 5, SM).pack(), 1.0) == []
    assert sent(link) == [(Command.DELIVER_SM_RESP, 0x04, 5)]


def test_the_smsc_takes_leave():
    link = a_link()
    number = link.submit(MESSAGE, 0.0)
    link.data_to_send()
    assert link.receive(answer(Command.UNBIND, 9), 1.0) == [Silent(number), Ended("the SMSC took leave (unbind)")]
    assert sent(link) == [(Command.UNBIND_RESP, 0, 9)]


def test_we_take_leave():
    link = a_link()
    link.unbind(1.0)
    assert sent(link) == [(Command.UNBIND, 0, 2)]
    with pytest.raises(LocalProtocolError):
        link.submit(MESSAGE, 1.0)
    (delivered,) = link.receive(Header(Command.DELIVER_SM, 0, 5, SM).pack(), 1.0)
    link.answer(delivered, 0)
    assert link.receive(answer(Command.UNBIND_RESP, 2), 1.1) == [Ended("we took leave")]


def test_a_receiver_does_not_submit():
    with pytest.raises(LocalProtocolError):
        a_link(Command.BIND_RECEIVER).submit(MESSAGE, 0.0)


def test_a_stream_that_makes_no_sense_ends_the_session():
    link = a_link()
    number = link.submit(MESSAGE, 0.0)
    silent, ended = link.receive(b"HTTP/1.1 400 Bad Request\r\n", 1.0)
    assert silent == Silent(number)
    assert "nonsense" in ended.reason


def test_what_came_before_the_nonsense_counts():
    link = a_link()
    number = link.submit(MESSAGE, 0.0)
    octets = answer(Command.SUBMIT_SM_RESP, number, body=b"x\0") + b"nonsense"
    answered, ended = link.receive(octets, 1.0)
    assert answered == Answered(number, 0, "x")
    assert isinstance(ended, Ended)


def test_sequence_numbers_start_again_after_the_last():
    link = a_link()
    link.sequence = 0x7FFFFFFE
    assert [link.submit(MESSAGE, 0.0) for _ in range(3)] == [0x7FFFFFFF, 1, 2]


def test_every_state_can_lose_its_connection():
    assert {state for state, step in NEXT_STATE if step is Step.LOST} == set(LinkState)


@given(st.lists(st.binary(max_size=80), max_size=5), st.booleans())
def test_random_octets_never_raise(pieces, bound):
    link = a_link(bound=bound)
    for piece in pieces:
        link.receive(piece, 1.0)
    link.tick(100.0)
    link.data_to_send()


@given(st.lists(st.tuples(st.sampled_from(list(Command)), st.integers(0, 3), st.binary(max_size=40)), max_size=8))
def test_random_pdus_never_raise_and_are_answered_once(pdus):
    link = a_link()
    for command, sequence, body in pdus:
        link.receive(answer(command, sequence, body=body), 1.0)
    answers = [decode(header.pack()) for header in codec.split_frames(bytearray(link.data_to_send()))]
    assert len(answers) <= len(pdus)
