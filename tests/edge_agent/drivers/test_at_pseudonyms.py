"""pseudonyms.py: nothing of what was there can be read, and our own parsers still take what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.pdu import Deliver, Other, Report, decode, encode_submit
from edge_agent.drivers.at_modem.profile import UssdEncoding
from edge_agent.drivers.at_modem.pseudonyms import Pseudonyms, masked_text, masked_ussd
from edge_agent.drivers.at_modem.replies import parse_iccid
from edge_agent.drivers.at_modem.ussd_text import decode_text, encode_text
from telecore.errors import RemoteProtocolError
from telecore.sms import split

numbers = st.text("2345678", min_size=7, max_size=15)
DELIVER = "07915892000000F0040B915892214365F700006211211151252104E8329BFD"


def grams(digits, size=3):
    return {digits[at : at + size] for at in range(len(digits) - size + 1)}


@given(numbers)
def test_no_three_digits_of_a_number_survive(digits):
    names = Pseudonyms()
    for stand_in in (names.number(digits), names.imsi(digits), names.imei(digits), names.iccid(digits)):
        assert len(stand_in) == len(digits)
        assert not any(gram in stand_in for gram in grams(digits))


def test_the_same_number_is_the_same_again():
    names = Pseudonyms()
    first, second = names.number("85512345678"), names.number("85512345679")
    assert first == names.number("85512345678") == "99900000001"
    assert second == "99900000002"
    assert names.number("*100#") == "*003#"


def test_iccid_both_ways_round():
    names = Pseudonyms()
    digits = "8985502345678234567"
    swapped = "".join(b + a for a, b in zip((digits + "F")[::2], (digits + "F")[1::2], strict=True))
    masked = parse_iccid([f'+CRSM: 144,0,"{names.swapped_iccid(swapped)}"'])
    assert masked == names.iccid(digits) == "8999000000000000001"


@given(numbers, st.text("abcdefghijklm €", min_size=1, max_size=200), st.booleans())
def test_what_is_sent(to, body, report):
    for segment in split(body):
        pdu, length = encode_submit("+" + to, segment, report=report, validity_s=3600)
        masked = Pseudonyms().pdu(pdu, outgoing=True)
        assert len(masked) == 2 * length + 2
        found = decode(masked)
        assert isinstance(found, Other)
        assert found.to == "+" + Pseudonyms().number(to)
        assert found.identity not in ("", decode(pdu).identity)
        swapped = pdu[8 : 8 + len(to) + len(to) % 2]
        assert swapped not in masked
        if len(segment.user_data) > 12:
            assert segment.user_data[-6:].hex().upper() not in masked


def test_what_is_received():
    names = Pseudonyms()
    masked = decode(names.pdu(DELIVER, outgoing=False))
    assert isinstance(masked, Deliver)
    assert masked.body == "xxxx"
    assert masked.sender == "+" + names.number(decode(DELIVER).sender[1:])
    assert masked.sent_at == decode(DELIVER).sent_at


def test_reports():
    names = Pseudonyms()
    pdu = "0006070B915892214365F7" + "62112111512521" * 2 + "00"
    masked = decode(names.pdu(pdu, outgoing=False))
    assert isinstance(masked, Report)
    assert (masked.ref, masked.status) == (7, 0)
    assert masked.recipient == "+" + names.number("85291234567")


@given(st.binary(max_size=60), st.booleans())
def test_any_octets_keep_their_length(octets, outgoing):
    assert len(Pseudonyms().pdu(octets.hex(), outgoing=outgoing)) == 2 * len(octets)


@given(st.integers(0, len(DELIVER) - 2))
def test_what_is_cut_short_says_nothing(length):
    masked = Pseudonyms().pdu(DELIVER[:length], outgoing=False)
    assert masked == "0003"[:length].ljust(length, "0")
    with pytest.raises(RemoteProtocolError):
        decode(masked)


def test_texts():
    assert masked_text("Balance: 5.20 USD\n1) Menü") == "Xxxxxxx: 0.00 XXX\n0) Xxxx".lower()
    assert masked_ussd("*100#") == "*000#"


@pytest.mark.parametrize("encoding", list(UssdEncoding))
def test_ussd_strings_stay_in_their_encoding(encoding):
    masked = masked_ussd(encode_text("Your balance is 5 dollars.", encoding))
    said = decode_text(masked, None, [encoding])
    assert "balance" not in said
    assert "5" not in said
    assert 24 <= len(said) <= 27
