"""SMPP PDUs: held against smpplib's and the simulator's codec, and against random octets."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import command

from edge_agent.drivers.gateway.smpp_pdu import (
    LARGEST_PDU,
    BindRequest,
    Command,
    Frames,
    Pdu,
    ShortMessage,
    SmeAddress,
    Tlv,
    decode,
    describe,
    encode,
    encode_bind,
    encode_submit,
)
from simulator.smpp import codec as smsc_codec
from telecore.errors import LocalProtocolError, RemoteProtocolError

A, B = SmeAddress("85523000001", 1, 1), SmeAddress("85512000010", 1, 1)


class Client:
    def next_sequence(self):
        return 5


MESSAGES = [
    ShortMessage(A, B, b"hello", registered=1),
    ShortMessage(SmeAddress("Simferry", 5, 0), B, b"\0h\0i", data_coding=8, registered=1, service_type="CMT"),
    ShortMessage(A, B, b"\5\0\3\1\2\1hello", esm_class=0x40, validity="000000020000000R"),
    ShortMessage(A, B, b"x" * 254, protocol_id=0x41, priority=3),
    ShortMessage(A, B, b"", tlvs={Tlv.SOURCE_PORT: b"\0\0", Tlv.DESTINATION_PORT: b"\x0b\x84"}),
    ShortMessage(A, B, b"hi", tlvs={0x020C: b"\0\x07", 0x020E: b"\x02", 0x020F: b"\x01"}),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_submit_sm_is_octet_by_octet_what_smpplib_makes(message):
    tlvs = {}
    for name in ("source_port", "destination_port", "sar_msg_ref_num", "sar_total_segments", "sar_segment_seqnum"):
        number = message.number(Tlv[name.upper()])
        if number is not None:
            tlvs[name] = number
    pdu = command.factory(
        "submit_sm",
        client=Client(),
        service_type=message.service_type,
        source_addr_ton=message.source.ton,
        source_addr_npi=message.source.npi,
        source_addr=message.source.value,
        dest_addr_ton=message.destination.ton,
        dest_addr_npi=message.destination.npi,
        destination_addr=message.destination.value,
        esm_class=message.esm_class,
        protocol_id=message.protocol_id,
        priority_flag=message.priority,
        validity_period=message.validity,
        registered_delivery=message.registered,
        data_coding=message.data_coding,
        short_message=message.body,
        **tlvs,
    )
    assert encode_submit(message, 5) == pdu.generate()


@pytest.mark.parametrize("message", [*MESSAGES, ShortMessage(A, B, b"p" * 60_000)])
def test_the_simulators_smsc_reads_what_we_wrote(message):
    (header,) = smsc_codec.split_frames(bytearray(encode_submit(message, 9)))
    assert (header.command, header.sequence) == (smsc_codec.SUBMIT_SM, 9)
    sm = smsc_codec.read_sm(header.body)
    assert (sm.source.number, sm.destination.number, sm.content) == (
        message.source.value,
        message.destination.value,
        message.body,
    )
    assert (sm.esm_class, sm.coding, sm.registered, sm.validity) == (
        message.esm_class,
        message.data_coding,
        message.registered,
        message.validity,
    )


@pytest.mark.parametrize("message", [*MESSAGES, ShortMessage(A, B, b"p" * 60_000)])
def test_what_we_wrote_we_read(message):
    read = decode(encode_submit(message, 9))
    assert read.message is not None
    assert read.message.body == message.body
    assert dict(read.message.tlvs) == dict(message.tlvs)
    assert (read.message.source, read.message.destination) == (message.source, message.destination)


def test_a_deliver_sm_of_the_simulator():
    sm = smsc_codec.Sm(smsc_codec.Party("855120"), smsc_codec.Party("Simferry", 5, 0), b"text", coding=3)
    read = decode(smsc_codec.Header(smsc_codec.DELIVER_SM, 0, 4, sm.pack()).pack())
    assert read == Pdu(
        Command.DELIVER_SM,
        4,
        message=ShortMessage(SmeAddress("855120", 1, 1), SmeAddress("Simferry", 5, 0), b"text", data_coding=3, tlvs={}),
    )


def test_a_bind():
    octets = encode_bind(BindRequest(Command.BIND_TRANSCEIVER, "me", "secret", "VMA", 1, 1, "^855"), 3)
    (header,) = smsc_codec.split_frames(bytearray(octets))
    assert (header.command, header.sequence) == (smsc_codec.BIND_TRANSCEIVER, 3)
    assert smsc_codec.read_login(header.body) == smsc_codec.Login("me", "secret", "VMA")
    assert header.body.endswith(b"\x34\x01\x01^855\0")


@pytest.mark.parametrize("body", [b"", b"SMSC", b"SMSC\0", b"SMSC\0\x02\x10\0\x01\x34", b"SMSC\0\x02\x10\0\xff"])
def test_bind_responses_as_they_come(body):
    octets = struct.pack(">LLLL", 16 + len(body), Command.BIND_TRANSCEIVER_RESP, 0, 1) + body
    assert decode(octets).system_id == ("SMSC" if body else "")


def test_a_response_to_a_delivery_has_an_empty_message_id():
    assert encode(Command.DELIVER_SM_RESP, 8, 0x64) == bytes.fromhex("00000011 80000005 00000064 00000008 00")
    assert encode(Command.ENQUIRE_LINK_RESP, 8) == bytes.fromhex("00000010 80000015 00000000 00000008")


@pytest.mark.parametrize(
    "message",
    [
        ShortMessage(A, B, b"x", service_type="toolong"),
        ShortMessage(A, B, b"x", validity="0" * 17),
        ShortMessage(A, SmeAddress("8\x005"), b"x"),
        ShortMessage(A, B, b"x", data_coding=256),
        ShortMessage(A, B, b"x" * 0x10000),
    ],
)
def test_what_does_not_fit_is_not_cut(message):
    with pytest.raises(LocalProtocolError):
        encode_submit(message, 1)


def test_a_stream_in_pieces():
    frames = [encode(Command.ENQUIRE_LINK, 1), encode_submit(MESSAGES[0], 2), encode(Command.UNBIND, 3)]
    stream = b"".join(frames)
    for size in (1, 3, 16, 50, 1000):
        reader = Frames()
        got = [frame for at in range(0, len(stream), size) for frame in reader.feed(stream[at : at + size])]
        assert got == frames


@pytest.mark.parametrize("length", [0, 15, LARGEST_PDU + 1, 0xFFFFFFFF])
def test_a_length_that_cannot_be(length):
    reader, good = Frames(), encode(Command.ENQUIRE_LINK, 1)
    assert reader.feed(good + length.to_bytes(4, "big") + good) == [good]
    assert reader.broken.startswith(f"command_length {length}")
    assert reader.feed(good) == []


def test_a_status_in_words():
    assert describe(0x58).startswith("0x58 Throttling")
    assert describe(0x455) == "0x455 a code of this SMSC"


@given(st.binary(max_size=300))
def test_random_octets_give_a_value_or_one_error(octets):
    with suppress(RemoteProtocolError):
        assert isinstance(decode(octets), Pdu)
    Frames().feed(octets)


@given(st.sampled_from(list(Command)), st.binary(max_size=200))
def test_random_bodies_give_a_value_or_one_error(command_id, body):
    with suppress(RemoteProtocolError):
        decode(struct.pack(">LLLL", 16 + len(body), command_id, 0, 1) + body)


@given(st.integers(0, len(encode_submit(MESSAGES[5], 1)) - 1), st.integers(0, 255), st.booleans())
def test_one_octet_changed_or_cut(at, value, cut):
    octets = bytearray(encode_submit(MESSAGES[5], 1))
    octets[7] = Command.DELIVER_SM
    if cut:
        del octets[at:]
    else:
        octets[at] = value
    with suppress(RemoteProtocolError):
        decode(bytes(octets))
