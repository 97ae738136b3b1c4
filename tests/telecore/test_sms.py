import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.gsm7 import SEPTETS, decode_gsm7, unpack
from telecore.sms import (
    ConcatKey,
    Reassembler,
    SegmentInfo,
    SmsEncoding,
    count_segments,
    decode_ucs2,
    decode_user_data,
    encode_ucs2,
    needs_ucs2,
    split,
)
from telecore.udh import Concat, Udh

GSM7, UCS2 = SmsEncoding.GSM7, SmsEncoding.UCS2
KHMER = "សួស្តី ពិភពលោក។ "

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)
gsm_text = st.text(st.sampled_from(sorted(SEPTETS)), max_size=700)


@pytest.mark.parametrize(
    ("text", "info"),
    [
        ("", (GSM7, 1, 0)),
        ("a" * 160, (GSM7, 1, 160)),
        ("a" * 161, (GSM7, 2, 161)),
        ("a" * 306, (GSM7, 2, 306)),
        ("a" * 307, (GSM7, 3, 307)),
        ("a" * 1071, (GSM7, 7, 1071)),
        ("{" + "a" * 158, (GSM7, 1, 160)),
        ("{" + "a" * 159, (GSM7, 2, 161)),
        ("a" * 152 + "{" * 4 + "a", (GSM7, 2, 161)),
        # The brace does not fit as the 153rd and 154th septet: the part stays at 152, and the last char spills.
        ("a" * 152 + "{" + "a" * 151, (GSM7, 2, 305)),
        ("a" * 152 + "{" + "a" * 152, (GSM7, 3, 306)),
        ("\f^[]~\\|€{}", (GSM7, 1, 20)),
        ("Ç" * 160, (GSM7, 1, 160)),
        ("ç" * 70, (UCS2, 1, 70)),
        ("`" + "a" * 70, (UCS2, 2, 71)),
        ("😀" * 35, (UCS2, 1, 70)),
        ("😀" * 66, (UCS2, 2, 132)),  # 33 to a part: 67 is odd
        ("😀" * 67, (UCS2, 3, 134)),
        ("😀" + "]" * 68, (UCS2, 1, 70)),
        ("😀" + "]" * 69, (UCS2, 2, 71)),
        ("ខ" * 134, (UCS2, 2, 134)),
        ("ខ" * 135, (UCS2, 3, 135)),
        ("a\r\nb", (GSM7, 1, 4)),
    ],
)
def test_segments_are_counted_as_twilio_counts(text: str, info: tuple[SmsEncoding, int, int]):
    assert count_segments(text) == SegmentInfo(*info)
    assert len(split(text)) == info[1]
    assert needs_ucs2(text) == (info[0] is UCS2)


@given(any_text | gsm_text)
def test_segments_make_up_the_text_and_fit(text: str):
    segments = split(text, reference=77)
    info = count_segments(text)
    assert "".join(segment.text for segment in segments) == text
    assert (info.segments, info.units) == (len(segments), sum(segment.units for segment in segments))
    for number, segment in enumerate(segments, 1):
        assert segment.encoding is info.encoding
        assert segment.concat == (Concat(77, len(segments), number) if len(segments) > 1 else None)
        assert len(segment.user_data) <= 140
        assert segment.udl <= (160 if segment.encoding is GSM7 else 140)
        assert segment.dcs == (0 if segment.encoding is GSM7 else 8)


@given(any_text | gsm_text, st.randoms())
def test_what_is_split_comes_together_again(text: str, rng):
    segments = list(split(text, reference=300))
    rng.shuffle(segments)
    parts, whole = Reassembler(), None
    for segment in segments:
        received, udh = decode_user_data(
            segment.encoding, segment.user_data, segment.udl, has_header=segment.concat is not None
        )
        assert udh.concat == segment.concat
        assert received == segment.text
        if udh.concat is None:
            whole = received
        else:
            whole = parts.add(ConcatKey.of("+1", udh.concat), udh.concat.number, received, 0.0)
    assert whole == text


def test_user_data_of_a_segment_to_the_octet():
    alone, (first, _) = split("hellohello")[0], split("@" * 161, reference=0xCC)
    assert (alone.udl, alone.user_data) == (10, bytes.fromhex("e8329bfd4697d9ec37"))
    assert (first.udl, first.user_data) == (160, bytes.fromhex("050003cc0201") + bytes(134))


def test_sixteen_bit_references_lose_no_character():
    # 06 08 04 rr rr tt nn: seven octets are eight septets, no fill bits.
    header = bytes.fromhex("06080412340201")
    text, udh = decode_user_data(GSM7, header + bytes.fromhex("c834"), 8 + 2, has_header=True)
    assert (text, udh.concat) == ("Hi", Concat(0x1234, 2, 1, wide=True))


def test_trailing_at_signs_and_other_lost_characters():
    segments = split("§\f@@@@@@@@")
    assert decode_user_data(GSM7, segments[0].user_data, segments[0].udl, has_header=False)[0] == "§\f@@@@@@@@"
    assert decode_gsm7(unpack(b"\0" * 7, 8)) == "@" * 8


def test_a_surrogate_pair_cut_by_the_sender_is_joined():
    emoji = "😀".encode("utf-16-be")
    parts = Reassembler()
    made = None
    for number, half in enumerate((emoji[:2], emoji[2:]), 1):
        header = bytes([5, 0, 3, 9, 2, number])
        text, udh = decode_user_data(UCS2, header + half, 8, has_header=True)
        assert udh.concat is not None
        made = parts.add(ConcatKey.of("+1", udh.concat), number, text, 0.0)
    assert made == "😀"


def test_half_a_pair_can_be_stored_when_nothing_else_will_come():
    text, _ = decode_user_data(UCS2, b"\xd8\x3d\x00A", 4, has_header=False)
    assert text == "\ufffdA"
    assert encode_ucs2("a\udc00") == b"\0a\xff\xfd"
    assert decode_ucs2(b"\0a\0") == "a\ufffd"
    assert decode_ucs2(b"\0a\0", keep_halves=True) == "a\ufffd"


@given(st.sampled_from(SmsEncoding), st.binary(max_size=150), st.integers(0, 255), st.booleans())
def test_random_user_data_gives_text_or_one_error(encoding: SmsEncoding, data: bytes, udl: int, has_header: bool):
    try:
        text, _ = decode_user_data(encoding, data, udl, has_header=has_header)
    except RemoteProtocolError:
        return
    assert len(text) <= 160


def test_too_many_segments():
    with pytest.raises(InvalidRequest) as caught:
        split("a" * (255 * 153 + 1))
    assert caught.value.code == 21617
    assert len(split("a" * (255 * 153))) == 255


def test_khmer_in_seven_segments():
    text = (KHMER * 40)[: 67 * 7]
    assert count_segments(text) == SegmentInfo(UCS2, 7, 469)


@pytest.mark.parametrize(
    ("char", "count", "parts"),
    [
        ("x", 152, 1),
        ("x", 153, 2),
        ("x", 292, 2),
        ("x", 293, 3),
        ("ភ", 66, 1),
        ("ភ", 67, 2),
        ("ភ", 128, 2),
        ("ភ", 129, 3),
    ],
)
def test_the_address_of_an_application_takes_room(char, count, parts):
    text = char * count
    segments = split(text, 9, port=16000)
    assert len(segments) == count_segments(text, port=16000).segments == parts
    assert "".join(segment.text for segment in segments) == text
    for segment in segments:
        assert len(segment.user_data) <= 140
        udh, _ = Udh.parse(segment.user_data)
        assert (udh.destination_port, udh.source_port) == (16000, 0)
        assert (udh.concat is None) == (parts == 1)


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_such_port(port):
    with pytest.raises(InvalidRequest, match="port"):
        split("x", port=port)


@pytest.mark.parametrize(("text", "dcs"), [("alarm", 0x10), ("\u1797", 0x18)])
def test_a_flash_message_is_of_class_0(text, dcs):
    [segment] = split(text, flash=True)
    assert segment.dcs == dcs
    assert all(part.dcs == dcs for part in split(text * 200, flash=True))
