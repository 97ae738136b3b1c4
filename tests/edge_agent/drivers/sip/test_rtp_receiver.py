from __future__ import annotations

import contextlib
import random

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.sip.codec import PCMA, PCMU, WIDTH
from edge_agent.drivers.sip.rtp_packet import build_rtp
from edge_agent.drivers.sip.rtp_receiver import RtpReceiver
from edge_agent.drivers.sip.rtp_sender import RtpSender
from edge_agent.media.source import SILENCE
from telecore.errors import RemoteProtocolError

near = st.integers(0, 400)
packets = st.builds(
    build_rtp,
    st.sampled_from([0, 8, 13, 18, 101, 128, 229]),
    near | st.integers(0, 65535),
    near.map(lambda number: 160 * number) | st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2]),
    st.binary(max_size=12) | st.just(bytes(range(160))) | st.just(bytes(1601)),
)


@given(st.lists(packets | st.binary(max_size=30) | st.none(), max_size=80))
def test_whatever_comes_is_sound_a_key_or_an_error(datagrams: list[bytes | None]) -> None:
    receiver = RtpReceiver()
    receiver.plan(PCMU, 0, 101, listening=True)
    for number, datagram in enumerate(datagrams):
        if datagram is None:
            assert len(receiver.playout.pull()) == 320
            continue
        with contextlib.suppress(RemoteProtocolError):
            assert receiver.take(datagram, 0.01 * number) in ("", *"0123456789*#ABCD")
    reception = receiver.reception
    assert 0 <= reception.lost <= reception.expected
    assert reception.figures().fraction < 256


def frame_of(number: int) -> bytes:
    """Like no other, also in A-law."""
    return bytes((0, 8 + number % 8, 0, 8 + number // 8)) * 80


def test_another_stream_takes_over_and_is_heard() -> None:
    """At 183 and 200 many begin anew: other source, sequence and timestamps."""
    receiver, early, late = RtpReceiver(), RtpSender(random.Random(1)), RtpSender(random.Random(2))
    receiver.plan(PCMA, 8, 101, listening=True)
    heard = []
    for number in range(60):
        sender = early if number < 30 else late
        sender.plan(PCMA, 8, 101, 20)
        packet = sender.packet(frame_of(number))
        assert packet is not None
        receiver.take(packet, 0.02 * number)
        heard.append(receiver.playout.pull())
    own = [PCMA.decode(PCMA.encode(frame_of(number), WIDTH), WIDTH) for number in range(60)]
    assert [frame for frame in heard if frame in own and frame != SILENCE] == [*own[:30], *own[32:59]]
    assert receiver.reception.received == 59  # one packet of a stranger proves nothing
