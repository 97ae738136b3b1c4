import struct

import pytest

from telecore.audio.frames import FRAME_BYTES, FRAME_SAMPLES, SILENCE_L16, SILENCE_PCMU, Encoding, Frame

RAMP = Frame(Encoding.L16, struct.pack("<160h", *range(-16000, 16000, 200)))


def test_silence_is_one_frame_and_silent_in_every_encoding():
    assert (len(SILENCE_L16.data), len(SILENCE_PCMU.data)) == (FRAME_BYTES, FRAME_SAMPLES)
    assert SILENCE_L16.to_pcmu() == SILENCE_PCMU
    assert SILENCE_PCMU.to_l16() == SILENCE_L16


@pytest.mark.parametrize("encoding", list(Encoding))
def test_nothing_is_done_when_nothing_is_needed(encoding: Encoding):
    convert = {Encoding.L16: Frame.to_l16, Encoding.PCMU: Frame.to_pcmu, Encoding.PCMA: Frame.to_pcma}[encoding]
    frame = convert(RAMP)
    assert frame.encoding is encoding
    assert convert(frame) is frame


@pytest.mark.parametrize("convert", [Frame.to_pcmu, Frame.to_pcma])
def test_g711_comes_back_within_a_quantising_step(convert):
    there = convert(RAMP)
    assert len(there.data) == FRAME_SAMPLES
    back = struct.unpack("<160h", there.to_l16().data)
    for was, now in zip(struct.unpack("<160h", RAMP.data), back, strict=True):
        assert abs(was - now) <= 16 + abs(was) / 16


def test_between_the_two_laws():
    assert RAMP.to_pcma().to_pcmu().encoding is Encoding.PCMU
    assert RAMP.to_pcmu().to_pcma().encoding is Encoding.PCMA
