"""What was for what, and how much the line carried besides."""

from __future__ import annotations

import pytest

from telecore.tunnel import frames
from telecore.tunnel.frames import Ack, Bulk, Bye, Item, Notice, Resume, encode, encode_bulk
from telecore.tunnel.media import MediaQueue
from telecore.tunnel.meter import Bytes, Kind, Meter, Traffic, kind_of


def sound() -> bytes:
    queue = MediaQueue(lambda: 0.0)
    queue.add(1, bytes(160))
    return queue.take()[0]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (encode(Item(1, {"kind": "x"})), Kind.EVENTS),
        (encode(Notice({"kind": "x"})), Kind.EVENTS),
        (encode(Ack(1)), Kind.OVERHEAD),
        (encode(Resume("s", 1)), Kind.OVERHEAD),
        (encode(Bye("c", "r")), Kind.OVERHEAD),
        (encode(frames.Hello(frames.Side.EDGE, "e", "i", "s", 1)), Kind.OVERHEAD),
        (encode_bulk(Bulk(1, 0, True, b"x")), Kind.BULK),
        (sound(), Kind.AUDIO),
        (b"", Kind.OVERHEAD),
        (b"\x09", Kind.OVERHEAD),
    ],
)
def test_kinds(message: str | bytes, kind: Kind) -> None:
    assert kind_of(message) is kind


def test_the_rest_of_what_the_line_carried_is_overhead() -> None:
    meter = Meter()
    item = encode(Item(1, {"text": "Größe"}))
    meter.sent([item, sound()])
    meter.heard(encode_bulk(Bulk(1, 0, True, bytes(1000))))
    meter.wire(5000, 3000)
    said = len(item.encode())
    carried = meter.take()
    assert carried.up == Bytes(audio=165, events=said, overhead=5000 - 165 - said)
    assert carried.down == Bytes(bulk=1014, overhead=3000 - 1014)
    assert carried.total == 8000
    meter.wire(5000, 3000)
    assert meter.take() == Traffic()


def test_what_waits_unsent_takes_nothing_back() -> None:
    meter = Meter()
    meter.wire(500, 0)
    assert meter.take().up.total == 500
    meter.sent([encode_bulk(Bulk(1, 0, False, bytes(1000)))])
    assert meter.take().up == Bytes(bulk=1014)
    meter.wire(2000, 0)
    assert meter.take().up == Bytes(overhead=2000 - 1014 - 500)


def test_where_the_kernel_tells_nothing_headers_are_reckoned() -> None:
    meter = Meter()
    meter.sent([encode(Ack(1))])
    assert meter.take().up == Bytes(overhead=len(encode(Ack(1))) + 64)
