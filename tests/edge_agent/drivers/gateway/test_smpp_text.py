"""Texts, numbers and times, there and back: held against the simulator's own reading of the standards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import OutboundSms
from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, SmeAddress, encode_submit
from edge_agent.drivers.gateway.smpp_settings import Numbering
from edge_agent.drivers.gateway.smpp_text import (
    address_of,
    content_key,
    count_messages,
    messages_of,
    number_of,
    own_number,
    part_of,
)
from simulator.segments import Reassembly
from simulator.smpp import codec
from simulator.smpp.texts import concat_of, expiry, parts_of
from tests.fakes.smpp_site import NUMBERS, settings

NOW = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
SHORT, LONG = "hello @£é", "The quick brown fox. " * 20
UCS2, LONG_UCS2 = "សួស្តី", "សួស្តី 😀 " * 20


def heard(messages):
    """What a handset shows of submits, as the simulator's SMSC reads them."""
    joined = Reassembly()
    texts = []
    for message in messages:
        (header,) = codec.split_frames(bytearray(encode_submit(message, 1)))
        for part in parts_of(codec.read_sm(header.body), 7):
            whole = joined.add("x", concat_of(part), part.text)
            if whole is not None:
                texts.append(whole[0])
    return texts


@pytest.mark.parametrize("long", ["udh", "payload", "sar"])
@pytest.mark.parametrize("text", [SHORT, LONG, UCS2, LONG_UCS2, "", "€" * 200, "{" * 153, "a" * 160, "a" * 161])
def test_a_handset_reads_what_was_written(long, text):
    chosen = settings(1, long=long)
    sms = OutboundSms("+85512000010", text)
    messages = messages_of(sms, chosen, NOW)
    assert heard(messages) == [text]
    assert count_messages(sms, chosen) == len(messages)
    assert long != "payload" or len(messages) == 1


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=400), st.sampled_from(["udh", "payload", "sar"]))
def test_any_text(text, long):
    chosen = settings(1, long=long)
    messages = messages_of(OutboundSms("+85512000010", text), chosen, NOW)
    assert heard(messages) == [text]
    assert count_messages(OutboundSms("+85512000010", text), chosen) == len(messages)


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "body"),
    [
        ("gsm7", "@é€", 0, bytes.fromhex("00051b65")),
        ("latin1", "@é", 0, b"@\xe9"),
        ("latin1", "€", 8, b"\x20\xac"),
        ("latin1", "ç", 8, b"\0\xe7"),
        ("ascii", "@a", 0, b"@a"),
        ("ascii", "é", 8, b"\0\xe9"),
        ("ascii", "`", 8, b"\0`"),
    ],
)
def test_the_alphabet_the_smsc_takes_for_the_default(alphabet, text, coding, body):
    (message,) = messages_of(OutboundSms("+85512000010", text), settings(1, alphabet=alphabet), NOW)
    assert (message.data_coding, message.body) == (coding, body)


def test_what_the_default_alphabet_cannot_write_is_cut_as_ucs2():
    chosen, sms = settings(1, alphabet="ascii"), OutboundSms("+85512000010", "é" * 100)
    messages = messages_of(sms, chosen, NOW)
    assert [len(message.body) for message in messages] == [6 + 134, 6 + 66]
    assert count_messages(sms, chosen) == 2


@pytest.mark.parametrize(
    ("text", "codings", "coding"),
    [("x", {}, 0x10), ("ស", {}, 0x18), ("x", {"flash": 0xF0}, 0xF0), ("ស", {"flash": 0xF0}, 0x18)],
)
def test_flash(text, codings, coding):
    (message,) = messages_of(OutboundSms("+85512000010", text, flash=True), settings(1, codings=codings), NOW)
    assert message.data_coding == coding


@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
def test_a_message_for_a_port(long):
    (message,) = messages_of(OutboundSms("+85512000010", "x", port=2948), settings(1, long=long), NOW)
    (header,) = codec.split_frames(bytearray(encode_submit(message, 1)))
    (part,) = parts_of(codec.read_sm(header.body), 7)
    assert part.header[:4] == bytes([5, 4, 0x0B, 0x84])


def test_segments_of_one_message_keep_their_reference_when_it_goes_on_later():
    first, second = (messages_of(OutboundSms("+85512000010", LONG), settings(1), NOW) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("seconds", "relative", "absolute"),
    [
        (None, "", ""),
        (60, "000000000100000R", "261126170100000+"),
        (7200, "000000020000000R", "261126190000000+"),
        (3 * 86400, "000003000000000R", "261129170000000+"),
        (45 * 86400 + 3661, "000115010101000R", "270110180101000+"),
    ],
)
def test_validity(seconds, relative, absolute):
    for form, text in (("relative", relative), ("absolute", absolute), ("none", "")):
        (message,) = messages_of(OutboundSms("+1", "x", validity_s=seconds), settings(1, validity=form), NOW)
        assert message.validity == text
        if text:
            assert expiry(text, NOW.timestamp()) == NOW.timestamp() + seconds


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("+85512000010", SmeAddress("85512000010", 1, 1)),
        ("1234", SmeAddress("1234", 0, 1)),
        ("012000010", SmeAddress("012000010", 0, 1)),
        ("Simferry", SmeAddress("Simferry", 5, 0)),
        ("", SmeAddress("", 0, 0)),
    ],
)
def test_addresses(number, address):
    assert address_of(number, Numbering()) == address
    assert address_of(number, Numbering(3, 8)) == SmeAddress(address.value, 3, 8)


@pytest.mark.parametrize(
    ("address", "number"),
    [
        (SmeAddress("85512000010", 1, 1), "+85512000010"),
        (SmeAddress("+85512000010", 0, 0), "+85512000010"),
        (SmeAddress("0085512000010", 0, 0), "+85512000010"),
        (SmeAddress("1234", 3, 0), "1234"),
        (SmeAddress("012000010", 2, 1), "012000010"),
        (SmeAddress("Bank", 5, 0), "Bank"),
        (SmeAddress("", 0, 0), ""),
    ],
)
def test_whom_a_message_comes_from(address, number):
    assert number_of(address) == number


@pytest.mark.parametrize("value", ["85523000002", "+85523000002", "0085523000002", "023000002", "23000002"])
def test_which_of_our_numbers_it_is_for(value):
    assert own_number(SmeAddress(value), NUMBERS) == "+85523000002"


@pytest.mark.parametrize("value", ["", "0", "2", "85523000003", "Bank"])
def test_none_of_ours(value):
    assert own_number(SmeAddress(value), NUMBERS) is None


def test_the_sender_is_the_number_that_was_chosen_or_the_name_or_the_first():
    def sender(sms, **options):
        return messages_of(sms, settings(1, **options), NOW)[0].source.value

    plain = OutboundSms("+85512000010", "x")
    assert sender(plain) == "85523000001"
    assert sender(plain, sender="Simferry") == "Simferry"
    assert sender(OutboundSms("+85512000010", "x", sender=NUMBERS[1]), sender="Simferry") == "85523000002"
    assert sender(plain, numbers=()) == ""


HANDSET, OURS = SmeAddress("85512000010", 1, 1), SmeAddress("85523000001", 1, 1)


def received(body, coding=0, esm_class=0, tlvs=None, **options):
    message = ShortMessage(HANDSET, OURS, body, esm_class=esm_class, data_coding=coding, tlvs=tlvs or {})
    return part_of(message, settings(1, **options), 0)


@pytest.mark.parametrize(
    ("body", "coding", "alphabet", "text"),
    [
        (b"hi\x00\x05", 0, "gsm7", "hi@é"),
        (b"\x1b\x65", 0, "gsm7", "€"),
        (b"caf\xe9", 0, "gsm7", "café"),
        (b"caf\xe9 @", 0, "latin1", "café @"),
        (b"a\xe9", 0, "ascii", "a\ufffd"),
        (b"@_", 1, "gsm7", "@_"),
        (b"caf\xe9", 3, "gsm7", "café"),
        (b"\xbf\xe0", 6, "gsm7", "Пр"[0] + "р"),
        (b"\xe0", 7, "gsm7", "א"),
        ("សួ".encode("utf-16-be"), 8, "gsm7", "សួ"),
        ("😀".encode("utf-16-be"), 0x18, "gsm7", "😀"),
        (b"\x17\x9f\x17", 8, "gsm7", "ស\ufffd"),
        (b"\0", 0xF1, "gsm7", "@"),
        (b"\0", 0xC0, "gsm7", "@"),
        (b"\0a", 0xE0, "gsm7", "a"),
        (b"", 0, "gsm7", ""),
    ],
)
def test_texts_by_data_coding(body, coding, alphabet, text):
    part = received(body, coding, alphabet=alphabet)
    assert (part.body, part.data) == (text, None)


@pytest.mark.parametrize("coding", [0x02, 0x04, 0x09, 0x14, 0xF5, 0x80])
def test_what_is_no_text_is_data(coding):
    part = received(b"\x01\x02\xff", coding)
    assert (part.body, part.data) == ("", b"\x01\x02\xff")


@pytest.mark.parametrize(
    ("coding", "flash"), [(0x10, True), (0x18, True), (0xF0, True), (0, False), (0x11, False), (0xF1, False)]
)
def test_flash_comes_in(coding, flash):
    assert received(b"x", coding).flash is flash


def test_a_part_by_its_header():
    part = received(bytes.fromhex("0500034203 02") + b"hi", esm_class=0x40)
    assert (part.ref, part.parts, part.part, part.wide_ref, part.body) == (0x42, 3, 2, False, "hi")
    wide = received(bytes.fromhex("0608041234 0302") + b"hi", esm_class=0x40)
    assert (wide.ref, wide.wide_ref) == (0x1234, True)


def test_a_part_by_sar():
    part = received(b"hi", tlvs={0x020C: b"\x12\x34", 0x020E: b"\x03", 0x020F: b"\x02"})
    assert (part.ref, part.parts, part.part, part.body) == (0x1234, 3, 2, "hi")


@pytest.mark.parametrize(
    "tlvs", [{0x020C: b"\1"}, {0x020C: b"\1", 0x020E: b"\2", 0x020F: b"\3"}, {0x020C: b"", 0x020E: b"", 0x020F: b""}]
)
def test_senseless_sar_is_no_part(tlvs):
    assert received(b"hi", tlvs=tlvs).parts == 1


def test_a_header_longer_than_the_message_is_data():
    assert received(b"\xffhi", esm_class=0x40).data == b"\xffhi"


def test_to_an_application():
    assert received(bytes.fromhex("0605040b8423f0") + b"\1", 4, esm_class=0x40).port == 0x0B84
    assert received(b"x", tlvs={0x020B: b"\x0b\x84"}).port == 0x0B84


def test_half_a_surrogate_at_the_end_of_a_part_is_kept():
    half = "😀".encode("utf-16-be")[:2]
    assert received(bytes.fromhex("050003420301") + half, 8, esm_class=0x40).body == "\ud83d"


def test_the_key_is_of_the_content():
    one = ShortMessage(HANDSET, OURS, b"hi")
    assert content_key(one) == content_key(ShortMessage(HANDSET, OURS, b"hi"))
    others = [
        ShortMessage(HANDSET, OURS, b"ho"),
        ShortMessage(OURS, HANDSET, b"hi"),
        ShortMessage(HANDSET, OURS, b"hi", data_coding=1),
        ShortMessage(HANDSET, OURS, b"hi", tlvs={1: b"x"}),
    ]
    assert len({content_key(message) for message in [one, *others]}) == 5


@given(st.binary(max_size=160), st.integers(0, 255), st.integers(0, 255), st.text(max_size=20))
def test_anything_gives_a_part(body, coding, esm_class, name):
    message = ShortMessage(SmeAddress(name), OURS, body, esm_class=esm_class, data_coding=coding)
    part = part_of(message, settings(1), 3)
    assert part.key.endswith("/3")
    assert 1 <= part.part <= part.parts
