import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.audio import g711
from telecore.audio.wav import AudioFormatError, Pcm, read_wav, write_ulaw_wav, write_wav
from telecore.errors import TelecoreError

PCM_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
RAMP = struct.pack("<5h", -32768, -1, 0, 1, 32767)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body


def fmt(tag: int, bits: int, channels: int = 1, rate: int = 8000) -> bytes:
    width = bits // 8 * channels
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits))


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return chunk(b"RIFF", body)


@given(st.binary(max_size=300).map(lambda b: b[: len(b) // 2 * 2]), st.sampled_from([8000, 16000, 22050, 48000]))
def test_what_is_written_is_read(samples: bytes, rate: int):
    assert read_wav(write_wav(samples, rate)) == Pcm(rate, samples)


def test_the_standard_library_reads_what_we_write():
    with wave.open(io.BytesIO(write_wav(RAMP * 2, 16000, 2))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 16000, 2)
        assert file.readframes(99) == RAMP * 2


@pytest.mark.parametrize("count", [0, 1, 160, 161])
def test_ulaw_that_is_written_is_read(count: int):
    data = bytes(n % 256 for n in range(count))
    written = write_ulaw_wav(data, 16000)
    assert read_wav(written) == Pcm(16000, g711.ulaw_to_l16(data))
    assert int.from_bytes(written[4:8], "little") == len(written) - 8


@pytest.mark.parametrize(("width", "tail"), [(2, b""), (3, b"\x7f"), (4, b"\x12\x34")])
def test_pcm_of_16_24_and_32_bits(width: int, tail: bytes):
    body = b"".join(tail + RAMP[i : i + 2] for i in range(0, len(RAMP), 2))
    assert read_wav(riff(fmt(1, 8 * width), chunk(b"data", body))).samples == RAMP


def test_8_bit_is_unsigned():
    assert struct.unpack("<3h", read_wav(riff(fmt(1, 8), chunk(b"data", b"\x00\x80\xff"))).samples) == (
        -32768,
        0,
        32512,
    )


@pytest.mark.parametrize(("tag", "decode"), [(7, g711.ulaw_to_l16), (6, g711.alaw_to_l16)])
def test_g711(tag: int, decode):
    body = bytes(range(256))
    assert read_wav(riff(fmt(tag, 8), chunk(b"fact", b"\0\1\0\0"), chunk(b"data", body))).samples == decode(body)


def test_stereo_is_mixed_down():
    body = struct.pack("<6h", 100, 300, -32768, -32768, 32767, 32767)
    mixed = read_wav(riff(fmt(1, 16, channels=2, rate=44100), chunk(b"data", body)))
    assert mixed == Pcm(44100, struct.pack("<3h", 200, -32768, 32767))


def test_extensible_names_its_format_in_the_guid():
    body = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16)
    body += struct.pack("<HHIH", 22, 16, 4, 1) + PCM_GUID_TAIL
    assert read_wav(riff(chunk(b"fmt ", body), chunk(b"data", RAMP))).samples == RAMP


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, len(RAMP) + 1])
def test_streamed_files_do_not_know_their_size(size: int):
    head = riff(fmt(1, 16), chunk(b"LIST", b"abc") + b"\0")
    assert read_wav(head + chunk(b"data", RAMP, size)).samples == RAMP


def test_odd_chunks_with_and_without_padding():
    for padding in (b"\0", b""):
        data = riff(fmt(1, 16), chunk(b"note", b"x") + padding, chunk(b"data", RAMP))
        assert read_wav(data).samples == RAMP


def test_a_cut_last_sample_is_dropped():
    assert read_wav(riff(fmt(1, 16, channels=2), chunk(b"data", RAMP))[:-1]).samples == struct.pack("<2h", -16385, 0)
    assert read_wav(riff(fmt(1, 24), chunk(b"data", b"\0\1\2\3\4"))).samples == b"\1\2"


def test_an_empty_recording_is_silent_even_before_a_comment():
    assert read_wav(riff(fmt(1, 16), chunk(b"data", b""), chunk(b"LIST", b"INFO"))).samples == b""


def test_chunks_after_the_data_do_not_become_sound():
    assert read_wav(riff(fmt(1, 16), chunk(b"data", RAMP), chunk(b"LIST", b"INFO" * 9))).samples == RAMP


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "nothing"),
        (b"ID3\x04" + bytes(20), "49443304"),
        (b"<html><body>404</body>", "not a WAV"),
        (riff(), "without a fmt"),
        (riff(fmt(1, 16)), "without a data"),
        (riff(chunk(b"data", RAMP), fmt(1, 16)), "before the fmt"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", RAMP)), "4 bytes"),
        (riff(chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16))), "extensible"),
        (riff(fmt(0x55, 16)), "0x0055"),
        (riff(fmt(3, 32)), "0x0003 with 32 bits"),
        (riff(fmt(1, 12)), "12 bits"),
        (riff(fmt(1, 16, channels=0)), "0 channels"),
        (riff(fmt(1, 16, rate=0)), "0 samples"),
        (riff(fmt(1, 16, rate=1_000_000_000)), "samples per second"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, complaint: str):
    with pytest.raises(AudioFormatError, match=complaint) as caught:
        read_wav(data)
    assert isinstance(caught.value, TelecoreError)
    assert isinstance(caught.value, ValueError)


@given(st.binary(max_size=200), st.integers(0, 60), st.binary(max_size=8))
def test_damage_gives_sound_or_one_error(noise: bytes, at: int, patch: bytes):
    whole = bytearray(riff(fmt(1, 16), chunk(b"LIST", b"abc"), chunk(b"data", RAMP)))
    whole[at : at + len(patch)] = patch
    for data in (noise, bytes(whole), bytes(whole[:at])):
        try:
            assert len(read_wav(data).samples) % 2 == 0
        except AudioFormatError:
            continue
