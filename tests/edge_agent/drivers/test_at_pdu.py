"""pdu.py against PDUs written out by hand, against the simulator's own codec, and against gsmmodem's known faults."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from gsmmodem import pdu as gsmmodem_pdu
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.pdu import (
    Deliver,
    Other,
    Report,
    decode,
    encode_submit,
    encode_validity,
    encoding_of,
    identity_of,
    is_flash,
    pdu_key,
)
from simulator.pdu import UserData, decode_submit, encode_deliver, encode_smsc, encode_status_report
from simulator.segments import split_text
from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.sms import SmsEncoding, count_segments, join_parts, split

NOW = 1_780_000_000.0
SENDER = "+85512345678"
GSM_TEXT = st.text(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCZÄÖÑÜ§¿abcxyzäöñüà\f^{}\\[~]|€"
)


def deliver(content, sender=SENDER):
    return (encode_smsc("+85510999999") + encode_deliver(sender, NOW, content)).hex().upper()


def body_of(text, reference=7):
    """A text as the network would deliver it, decoded part by part and joined."""
    parts = [decode(deliver(content)) for content in split_text(text, reference)]
    assert [part.udh.concat.number if part.udh.concat else 1 for part in parts] == list(range(1, len(parts) + 1))
    return join_parts([part.body for part in parts])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "hello@",
        "1234567@",  # @ as the eighth septet
        "§ 5 and form\ffeed",
        "€" * 160,
        "x" * 160,
        "x" * 161,
        "@" * 400,
        "សួស្តីពិភពលោក",
        "ភាសា" * 40,
        "😀",
        "😀" * 70,
        "a😀" * 50,
    ],
)
def test_received_as_sent(text):
    assert body_of(text) == text


@given(GSM_TEXT)
def test_gsm_text_received_as_sent(text):
    assert body_of(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_text_received_as_sent(text):
    assert body_of(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500), st.integers(0, 255), st.booleans())
def test_submitted_segments_reach_the_network_as_they_are(text, reference, report):
    segments = split(text, reference)
    assert len(segments) == count_segments(text).segments
    parts = []
    for segment in segments:
        pdu, length = encode_submit(SENDER, segment, report=report)
        submit = decode_submit(bytes.fromhex(pdu), length=length)
        assert (submit.to, submit.report, submit.validity) == (SENDER, report, None)
        assert (submit.concat is None) == (len(segments) == 1)
        if submit.concat:
            assert (submit.concat.reference, submit.concat.total) == (reference, len(segments))
        parts.append(submit.text)
    assert join_parts(parts) == text


@pytest.mark.parametrize("to", ["+85512345678", "012345678", "1234", "*100#", "123"])
def test_destinations(to):
    [segment] = split("x")
    pdu, length = encode_submit(to, segment)
    assert decode_submit(bytes.fromhex(pdu), length=length).to == to


@pytest.mark.parametrize("to", ["", "+", "hello", "+1 23", "1" * 21])
def test_no_destination(to):
    with pytest.raises(InvalidRequest):
        encode_submit(to, split("x")[0])


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(0, 0), (1, 0), (300, 0), (600, 1), (43200, 143), (43200 + 1800, 144), (86400, 167), (172800, 168), (10**9, 255)],
)
def test_validity(seconds, value):
    assert encode_validity(seconds) == value


def test_validity_in_the_pdu():
    pdu, length = encode_submit(SENDER, split("x")[0], validity_s=3600)
    assert decode_submit(bytes.fromhex(pdu), length=length).validity == timedelta(hours=1)


@pytest.mark.parametrize("sender", ["+85512345678", "1234", "Simferry", "Bank 24/7", "*100#"])
def test_senders(sender):
    assert decode(deliver(UserData(0, "x"), sender)).sender == sender


def test_time_stamp_is_utc():
    assert decode(deliver(UserData(0, "x"))).sent_at == datetime.fromtimestamp(NOW, UTC)


def test_a_senseless_time_stamp_costs_no_message():
    good = deliver(UserData(0, "x"))
    stamp = encode_deliver(SENDER, NOW, UserData(0, "x")).hex().upper()[-18 - 4 : -4]
    broken = good.replace(stamp[4:18], "FF99FF00000000"[:14], 1)
    assert broken != good
    decoded = decode(broken)
    assert (decoded.body, decoded.sent_at) == ("x", None)


def test_sixteen_bit_reference_keeps_the_first_character():
    """gsmmodem drops it (facts §1.2 S)."""
    header = bytes([0x08, 0x04, 0x12, 0x34, 0x02, 0x01])
    decoded = decode(deliver(UserData(0, "First", header=header)))
    assert decoded.body == "First"
    assert (decoded.udh.concat.reference, decoded.udh.concat.wide) == (0x1234, True)
    assert gsmmodem_pdu.decodeSmsPdu(deliver(UserData(0, "First", header=header)))["text"] != "First"


@pytest.mark.parametrize("text", ["1234567@", "§", "\f"])
def test_where_gsmmodem_is_wrong_we_are_not(text):
    assert decode(deliver(UserData(0, text))).body == text
    assert gsmmodem_pdu.decodeSmsPdu(deliver(UserData(0, text)))["text"] != text


@pytest.mark.parametrize(
    ("dcs", "encoding"),
    [
        (0x00, SmsEncoding.GSM7),
        (0x04, None),
        (0x08, SmsEncoding.UCS2),
        (0x11, SmsEncoding.GSM7),
        (0x18, SmsEncoding.UCS2),
        (0x48, SmsEncoding.UCS2),
        (0xC0, SmsEncoding.GSM7),
        (0xD0, SmsEncoding.GSM7),
        (0xE0, SmsEncoding.UCS2),
        (0xEF, SmsEncoding.UCS2),
        (0xF1, SmsEncoding.GSM7),
        (0xF5, None),
        (0x80, SmsEncoding.GSM7),
    ],
)
def test_data_coding(dcs, encoding):
    assert encoding_of(dcs) is encoding


def test_compressed_text_is_not_guessed():
    with pytest.raises(RemoteProtocolError):
        encoding_of(0x20)


def test_eight_bit_data_with_ports():
    header = bytes([0x05, 0x04, 0x0B, 0x84, 0x23, 0xF0])
    decoded = decode(deliver(UserData(0x04, data=b"\x00\x06\xff", header=header)))
    assert (decoded.body, decoded.data, decoded.udh.destination_port) == ("", b"\x00\x06\xff", 2948)


def test_a_header_that_lies_about_the_number_of_parts_is_passed_over():
    decoded = decode(deliver(UserData(0, "text", header=bytes([0x00, 0x03, 0x01, 0x00, 0x05]))))
    assert (decoded.body, decoded.udh.concat) == ("text", None)


def test_half_an_emoji_at_the_end_of_a_part_is_kept_for_joining():
    first, second = (UserData(8, "\ud83d", header=b"\0\3\1\2\1"), UserData(8, "\ude00", header=b"\0\3\1\2\2"))
    assert join_parts([decode(deliver(first)).body, decode(deliver(second)).body]) == "😀"


def test_status_report():
    pdu = (encode_smsc("+85510999999") + encode_status_report(200, SENDER, NOW, NOW + 60, 0x41)).hex()
    assert decode(pdu) == Report(200, SENDER, 0x41, datetime.fromtimestamp(NOW + 60, UTC))


@pytest.mark.parametrize("text", ["x", "សួស្តី", "y" * 200])
@pytest.mark.parametrize("validity_s", [None, 3600])
def test_a_stored_submit_is_known_by_what_is_sent_and_to_whom(text, validity_s):
    segment = split(text, 7)[0]
    pdu, _ = encode_submit(SENDER, segment, validity_s=validity_s, report=validity_s is None, reference=9)
    assert decode(pdu) == Other(SENDER, identity_of(SENDER, segment))
    assert identity_of(SENDER, segment) not in (
        identity_of(SENDER, split(text + ".", 8)[0]),
        identity_of("+1", segment),
    )


def test_a_stored_submit_that_is_cut_short_is_nobodys():
    pdu, _ = encode_submit(SENDER, split("x")[0])
    assert decode(pdu[:20]) == Other()


@pytest.mark.parametrize("text", ["hello world, how are you", "សួស្តី", "x" * 161])
def test_truncated_anywhere_is_one_error(text):
    for content in split_text(text, 1):
        pdu = deliver(content)
        for end in range(0, len(pdu) - 1):
            with pytest.raises(RemoteProtocolError):
                decode(pdu[:end])


@pytest.mark.parametrize("pdu", ["", "0", "zz", "00", "0003", "07"])
def test_no_pdu(pdu):
    with pytest.raises(RemoteProtocolError):
        decode(pdu)


@given(st.binary(max_size=200))
def test_any_octets_give_a_value_or_one_error(octets):
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(decode(octets.hex()), Deliver | Report | Other)


def test_the_key_is_the_same_in_upper_and_lower_case():
    assert pdu_key("0791ab") == pdu_key("0791AB") != pdu_key("0791AC")


def test_gsmmodems_warnings_stay_inside(tmp_path):
    """Compiled afresh, its modules warn; with warnings as errors that must not reach us."""
    code = "import edge_agent.drivers.at_modem.pdu"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", f"pycache_prefix={tmp_path}", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("dcs", range(256))
def test_the_class(dcs):
    """23.038 §4: only the general groups, the one for automatic deletion, and the last have a class."""
    flash = dcs in (0xF0, 0xF4, 0xF8, 0xFC) or (dcs < 0x80 and dcs & 0x13 == 0x10)
    assert is_flash(dcs) == flash


def test_flash_and_ports_as_received():
    flash = decode(deliver(UserData(0x10, "now")))
    assert isinstance(flash, Deliver)
    assert (flash.body, flash.flash, flash.data) == ("now", True, None)
    data = decode(deliver(UserData(0xF5, "", b"\x00\xff", bytes.fromhex("05040b8423f0"))))
    assert isinstance(data, Deliver)
    assert (data.flash, data.data, data.udh.destination_port, data.udh.source_port) == (False, b"\x00\xff", 2948, 9200)
    short = decode(deliver(UserData(0x04, "", b"x", bytes.fromhex("0402f0f1"))))
    assert isinstance(short, Deliver)
    assert short.udh.destination_port == 0xF0
