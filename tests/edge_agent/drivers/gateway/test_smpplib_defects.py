"""What smpplib 2.2.4 does wrong, each shown beside what our wrapper makes of the same. Gone there, it may go here."""

from __future__ import annotations

import struct

import pytest
from smpplib import command, exceptions, smpp

from edge_agent.drivers.gateway.smpp_pdu import (
    BindRequest,
    Command,
    ShortMessage,
    SmeAddress,
    Tlv,
    decode,
    encode_bind,
    encode_submit,
)
from telecore.errors import LocalProtocolError, RemoteProtocolError


class Client:
    sequence = 0

    def next_sequence(self):
        self.sequence += 1
        return self.sequence


def frame(command_id, body=b"", status=0, sequence=7):
    return struct.pack(">LLLL", 16 + len(body), command_id, status, sequence) + body


def tlv(tag, value):
    return struct.pack(">HH", tag, len(value)) + value


HEAD = b"\0\1\x01855\0\1\x01856\0\0\0\0\0\0\0\0\0\0\x02hi"


def theirs(octets, **options):
    return smpp.parse_pdu(octets, client=Client(), **options)


def ours(tlvs=b""):
    message = decode(frame(Command.DELIVER_SM, HEAD + tlvs)).message
    assert message is not None
    assert message.body == b"hi"
    return message


def test_an_optional_text_without_its_null_loses_its_last_character():
    octets = tlv(Tlv.RECEIPTED_MESSAGE_ID, b"12345")
    assert theirs(frame(5, HEAD + octets)).receipted_message_id == b"1234"
    assert ours(octets).tlvs[Tlv.RECEIPTED_MESSAGE_ID] == b"12345"


def test_an_optional_number_of_another_length_makes_nonsense_of_all_behind_it():
    octets = tlv(Tlv.MESSAGE_STATE, b"\0\0\0\x02") + tlv(Tlv.RECEIPTED_MESSAGE_ID, b"77\0")
    with pytest.raises((struct.error, exceptions.UnknownCommandError, KeyError)):
        theirs(frame(5, HEAD + octets))
    message = ours(octets)
    assert message.number(Tlv.MESSAGE_STATE) == 2
    assert message.tlvs[Tlv.RECEIPTED_MESSAGE_ID] == b"77\0"


def test_an_unknown_tag_is_an_error_of_another_kind():
    octets = tlv(0x1501, b"vendor") + tlv(Tlv.MESSAGE_STATE, b"\x02")
    with pytest.raises(exceptions.UnknownCommandError):
        theirs(frame(5, HEAD + octets))
    assert ours(octets).number(Tlv.MESSAGE_STATE) == 2


def test_a_known_tag_where_it_does_not_expect_it_is_a_key_error():
    octets = tlv(0x0005, b"\x01")  # dest_addr_subunit
    with pytest.raises(KeyError):
        theirs(frame(5, HEAD + octets), allow_unknown_opt_params=True)
    assert ours(octets).tlvs == {0x0005: b"\x01"}


def test_a_response_with_optional_parameters_is_a_key_error():
    octets = frame(Command.SUBMIT_SM_RESP, b"abc\0" + tlv(0x0427, b"\x02"))
    with pytest.raises(KeyError):
        theirs(octets, allow_unknown_opt_params=True)
    assert decode(octets).message_id == "abc"


def test_a_text_without_its_null_sends_it_back_to_the_beginning():
    octets = frame(Command.SUBMIT_SM_RESP, b"abc")
    with pytest.raises(struct.error):
        theirs(octets)
    assert decode(octets).message_id == "abc"
    with pytest.raises(RemoteProtocolError):
        decode(frame(Command.DELIVER_SM, b"\0\1\x01855"))


@pytest.mark.parametrize("body", [b"\0", b"\0\1", HEAD[:12], b"\0\1\x01855\0\1\x01856\0\0"])
def test_a_body_that_ends_early(body):
    try:
        half = theirs(frame(Command.DELIVER_SM, body))
    except struct.error:
        half = None
    assert half is None or half.destination_addr != b"856" or half.data_coding != 0, "struct.error, or nonsense"
    with pytest.raises(RemoteProtocolError):
        decode(frame(Command.DELIVER_SM, body))


@pytest.mark.parametrize("octets", [b"", b"\0\0\0\x10", b"\0" * 15])
def test_less_than_a_header(octets):
    with pytest.raises((struct.error, exceptions.UnknownCommandError)):
        theirs(octets)
    with pytest.raises(RemoteProtocolError):
        decode(octets)


def test_a_command_it_does_not_know_is_an_error_of_another_kind():
    with pytest.raises(exceptions.UnknownCommandError):
        theirs(frame(0x00000111))
    assert decode(frame(0x00000111)).command == 0x111


def test_a_flag_is_not_read_and_its_value_taken_for_a_tag():
    octets = tlv(0x130C, b"") + tlv(0x130C, b"\x01")
    with pytest.raises((struct.error, KeyError, exceptions.UnknownCommandError)):
        theirs(frame(5, HEAD + octets))
    assert ours(octets).body == b"hi"


def test_a_number_that_is_too_long_is_cut_to_another_number():
    pdu = command.factory(
        "submit_sm", client=Client(), destination_addr="8551234567890123456789012", short_message=b"x"
    )
    assert b"85512345678901234567\0" in pdu.generate(), "a message to somebody else"
    with pytest.raises(LocalProtocolError):
        encode_submit(ShortMessage(SmeAddress("855"), SmeAddress("8551234567890123456789012"), b"x"), 1)


def test_a_password_that_is_too_long_is_cut():
    pdu = command.factory("bind_transceiver", client=Client(), system_id="me", password="secret-and-long")
    assert b"secret-a\0" in pdu.generate()
    with pytest.raises(LocalProtocolError):
        encode_bind(BindRequest(Command.BIND_TRANSCEIVER, "me", "secret-and-long"), 1)


def test_a_name_beyond_ascii_goes_out_as_latin_1():
    pdu = command.factory("submit_sm", client=Client(), source_addr="Fähre", destination_addr="855", short_message=b"x")
    assert "Fähre".encode("latin-1") in pdu.generate()
    with pytest.raises(LocalProtocolError):
        encode_submit(ShortMessage(SmeAddress("Fähre", 5), SmeAddress("855"), b"x"), 1)


def test_more_than_a_length_octet_can_say_is_an_error_of_another_kind():
    pdu = command.factory("submit_sm", client=Client(), destination_addr="855", short_message=b"x" * 300)
    with pytest.raises(struct.error):
        pdu.generate()
    assert len(encode_submit(ShortMessage(SmeAddress("855"), SmeAddress("856"), b"x" * 300), 1)) > 300


def test_a_sequence_number_that_is_asked_for_is_not_used():
    pdu = command.factory("enquire_link", client=None, sequence=42)
    assert pdu.sequence == 0
    assert encode_bind(BindRequest(Command.BIND_RECEIVER, "me", ""), 42)[12:16] == (42).to_bytes(4, "big")


def test_the_lengths_it_does_not_compare():
    lying = frame(Command.DELIVER_SM, HEAD[:-3] + b"\xffhi")
    assert theirs(lying).short_message == b"hi"
    message = decode(lying).message
    assert message is not None
    assert message.body == b"hi", "what came of it is told, rather than nothing"
