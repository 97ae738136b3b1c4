import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.errors import RemoteProtocolError
from telecore.udh import Concat, Udh


@st.composite
def concats(draw: st.DrawFn) -> Concat:
    wide, total = draw(st.booleans()), draw(st.integers(1, 255))
    return Concat(draw(st.integers(0, 0xFFFF if wide else 0xFF)), total, draw(st.integers(1, total)), wide)


ports = st.integers(0, 0xFFFF)
headers = st.builds(
    lambda concat, pair, others: Udh(concat, *pair, others),
    st.none() | concats(),
    st.just((None, None)) | st.tuples(ports, ports),
    st.lists(st.tuples(st.integers(0x20, 0x6F), st.binary(max_size=20)), max_size=3).map(tuple),
)


@pytest.mark.parametrize(
    ("octets", "udh"),
    [
        ("050003cc0201", Udh(Concat(0xCC, 2, 1))),
        ("06080412340302", Udh(Concat(0x1234, 3, 2, wide=True))),
        ("06050415820000", Udh(destination_port=5506, source_port=0)),
        ("0b0504158200000003a30201", Udh(Concat(0xA3, 2, 1), 5506, 0)),
        ("0402020a00", Udh(others=())),
    ],
)
def test_headers_as_networks_send_them(octets: str, udh: Udh):
    text = b"text"
    parsed, size = Udh.parse(bytes.fromhex(octets) + text)
    if octets.startswith("0402"):
        assert parsed.others == ((0x02, b"\x0a\x00"),)
    else:
        assert parsed == udh
    assert size == len(octets) // 2


def test_eight_bit_ports():
    parsed, _ = Udh.parse(bytes.fromhex("0404020a0b"))
    assert (parsed.destination_port, parsed.source_port) == (10, 11)


def test_concatenation_is_built_as_everybody_builds_it():
    assert Udh(Concat(0xCC, 2, 1)).build() == bytes.fromhex("050003cc0201")
    assert Udh(Concat(0x1234, 3, 2, wide=True)).build() == bytes.fromhex("06080412340302")
    assert Udh().build() == b""


@given(headers, st.binary(max_size=20))
def test_what_is_built_is_parsed(udh: Udh, text: bytes):
    built = udh.build()
    if built:
        assert Udh.parse(built + text) == (udh, len(built))


@pytest.mark.parametrize("octets", ["0500030003", "050003010200", "0500030102 03", "0400030102", "0608030102 03"])
def test_senseless_elements_are_passed_over(octets: str):
    data = bytes.fromhex(octets.replace(" ", ""))
    data = bytes([len(data) - 1]) + data[1:]
    assert Udh.parse(data)[0].concat is None


@pytest.mark.parametrize("octets", ["", "05", "0500030102", "ff00"])
def test_a_header_beyond_the_data_is_an_error(octets: str):
    with pytest.raises(RemoteProtocolError):
        Udh.parse(bytes.fromhex(octets))


@given(st.binary(max_size=40))
def test_random_octets_give_a_header_or_one_error(data: bytes):
    try:
        _, size = Udh.parse(data)
    except RemoteProtocolError:
        return
    assert size == data[0] + 1
