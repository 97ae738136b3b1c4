import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import pdu

GAMMU = bytes.fromhex("07915815000000F031000B915815325476F80000FF08E834888E2ECBCB".replace(" ", ""))


def test_reads_what_gammu_sent() -> None:
    read = pdu.decode_submit(bytes.fromhex("07915815000000F011000B915815325476F80000FF05E8329BFD06"), length=19)
    assert (read.smsc, read.to, read.text, read.report) == ("+85510000000", "+85512345678", "hello", False)
    assert read.validity == timedelta(weeks=63)


def test_reads_a_wish_for_a_report() -> None:
    assert pdu.decode_submit(GAMMU).report


def submit(vpf: int, vp: str) -> pdu.Submit:
    return pdu.decode_submit(bytes.fromhex(f"00{0x01 | vpf << 3:02X}000B915815325476F80000{vp}05E8329BFD06"))


@pytest.mark.parametrize(
    ("vpf", "vp", "minutes"),
    [
        (0, "", None),
        (2, "00", 5),
        (2, "8F", 720),
        (2, "A7", 24 * 60),
        (2, "C4", 30 * 24 * 60),
        (1, "01A70000000000", 24 * 60),
        (1, "021E0000000000", 0.5),
        (1, "03102030000000", 62.05),
        (1, "00000000000000", None),
    ],
)
def test_every_form_of_validity(vpf: int, vp: str, minutes: float | None) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    if vp.startswith("03"):
        expected = timedelta(hours=1, minutes=2, seconds=3)
    assert submit(vpf, vp).validity == expected


def test_an_absolute_validity_is_a_distance_from_now() -> None:
    validity = submit(3, "99103121000000").validity
    assert validity is not None
    assert validity > timedelta(days=365 * 50)


@pytest.mark.parametrize(("header", "wide"), [(b"\x00\x03\x2a\x03\x02", False), (b"\x08\x04\x00\x2a\x03\x02", True)])
def test_parts_are_told_in_both_widths(header: bytes, wide: bool) -> None:
    body = pdu.encode_user_data(pdu.UserData(0, "part two", header=header))
    read = pdu.decode_submit(bytes([0, 0x41, 0]) + pdu.encode_address("+85512345678") + b"\0\0" + body)
    assert read.concat == pdu.Concat(0x2A, 3, 2, wide=wide)
    assert read.text == "part two"


def test_ucs2_and_octets() -> None:
    head = bytes([0, 0x01, 0]) + pdu.encode_address("0123")
    ucs2 = pdu.encode_user_data(pdu.UserData(8, "ខ្មែរ 😀"))
    assert pdu.decode_submit(head + b"\x00\x08" + ucs2).text == "ខ្មែរ 😀"
    octets = pdu.encode_user_data(pdu.UserData(4, data=b"\x01\x02"))
    assert pdu.decode_submit(head + b"\x00\x04" + octets).data == b"\x01\x02"


@given(st.binary(max_size=60))
def test_any_octets_give_a_message_or_a_pdu_error(octets: bytes) -> None:
    with contextlib.suppress(pdu.PduError):
        pdu.decode_submit(octets)


@pytest.mark.parametrize(
    ("octets", "length", "words"),
    [
        ("", None, "SMSC length"),
        ("0001000B915815325476F8000005E8329BFD06", 20, "announced 20"),
        ("0004000B915815325476F8000005E8329BFD06", None, "not SMS-SUBMIT"),
        ("0001000B915815325476F8000015E8329BFD06", None, "21 septets"),
        ("0041000B915815325476F8000005E8329BFD06", None, "header is longer"),
    ],
)
def test_errors_say_where(octets: str, length: int | None, words: str) -> None:
    with pytest.raises(pdu.PduError, match=words):
        pdu.decode_submit(bytes.fromhex(octets), length=length)


def test_a_deliver_as_the_standard_lays_it_out() -> None:
    made = pdu.encode_deliver("+85512345678", 1_750_000_000, pdu.UserData(0, "hello"))
    assert made.hex().upper() == "040B915815325476F8000052605122600482" + "05E8329BFD06"


def test_an_alphanumeric_sender() -> None:
    assert pdu.encode_address("Info").hex().upper() == "07D049B7F90D"


def test_a_status_report() -> None:
    made = pdu.encode_status_report(0x2A, "+85512345678", 1_750_000_000, 1_750_000_060, 0x46)
    assert made.hex().upper() == "062A0B915815325476F85260512260048252605122700482" + "46"
