from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.sip.telephone_event import (
    KEYS,
    MOST_KEYS,
    KeyReceiver,
    KeySender,
    TelephoneEvent,
    build_event,
    parse_event,
)
from telecore.errors import RemoteProtocolError


def press(keys: KeyReceiver, key: str, at: int, *, end: bool = True, first: bool = True, marker: bool = True) -> str:
    """All packets of a press of 100 ms, the first and the ends only if asked for."""
    packets = [(duration, False) for duration in (160, 320, 480, 640)][0 if first else 1 :]
    if end:
        packets += [(800, True)] * 3
    found = ""
    for number, (duration, ends) in enumerate(packets):
        event = build_event(TelephoneEvent(KEYS.index(key), ends, 10, duration))
        found += keys.take(event, at % 2**32, marker=marker and first and number == 0)
    return found


def test_each_press_counts_once() -> None:
    keys = KeyReceiver()
    assert "".join(press(keys, key, 1600 * at) for at, key in enumerate("11#9*0D")) == "11#9*0D"


def test_presses_count_whatever_was_lost_of_them() -> None:
    keys = KeyReceiver()
    assert press(keys, "1", 0, end=False) == "1"
    assert press(keys, "1", 1600, end=False) == "1"  # a marker says that it is another
    assert press(keys, "1", 3200, first=False) == "1"  # too late to be the same
    assert press(keys, "1", 4800, first=False, end=False) == "1"  # the one before was ended


def test_only_the_last_packet_came() -> None:
    keys = KeyReceiver()
    end = build_event(TelephoneEvent(3, True, 10, 800))
    assert [keys.take(end, 0, marker=False), keys.take(end, 0, marker=False)] == ["3", ""]
    assert keys.take(end, 1600, marker=False) == "3"


def test_a_packet_that_was_overtaken_is_no_press() -> None:
    keys = KeyReceiver()
    assert press(keys, "1", 2**32 - 1600) == "1"
    assert press(keys, "2", 0) == "2"
    late = build_event(TelephoneEvent(1, True, 10, 800))
    assert keys.take(late, 2**32 - 1600, marker=False) == ""
    assert press(keys, "3", 1600) == "3"


def test_a_press_longer_than_a_duration_can_say() -> None:
    """RFC 4733 §2.5.1.3: it goes on under another timestamp."""
    keys = KeyReceiver()
    found = ""
    for at in (0, 0xFFFF, 2 * 0xFFFF):
        for duration in (*range(160, 0xFFFF, 1600), 0xFFFF):
            found += keys.take(
                build_event(TelephoneEvent(8, False, 10, duration)), at, marker=at == 0 and duration == 160
            )
    assert found == "8"


def test_a_gateway_that_counts_on_within_a_press() -> None:
    keys = KeyReceiver()
    found = ""
    for number in range(10):
        event = build_event(TelephoneEvent(4, number > 6, 10, 160 * (number + 1)))
        found += keys.take(event, 160 * min(number, 7), marker=number == 0)
    assert found == "4"


def test_flash_is_no_key_and_ends_none() -> None:
    keys = KeyReceiver()
    assert keys.take(build_event(TelephoneEvent(16, True, 10, 160)), 0, marker=True) == ""
    assert press(keys, "5", 1600) == "5"


def test_what_is_sent_is_received() -> None:
    sender, receiver = KeySender(), KeyReceiver()
    assert sender.press("12w22#a", 100, 80) == pytest.approx(6 * 0.18)
    found, frames, packets = "", 0, []
    while sender.waiting:
        payload = sender.next(160 * frames)
        if payload is not None:
            found += receiver.take(payload[0], sender.began, marker=payload[1])
            packets.append(parse_event(payload[0]))
        frames += 1
    assert (found, frames) == ("1222#A", 6 * 9)
    first = packets[:7]
    assert [event.duration for event in first] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in first] == [False] * 4 + [True] * 3
    assert {event.volume for event in packets} == {10}


def test_what_waits_is_bounded_and_told() -> None:
    sender = KeySender()
    assert sender.press("1" * 10_000, 40, 60) == pytest.approx(MOST_KEYS * 0.1)
    sender.next(0)
    assert sender.press("", 40, 60) == pytest.approx(MOST_KEYS * 0.1 - 0.02)


@given(st.lists(st.tuples(st.binary(max_size=6), st.integers(0, 2**32 - 1), st.booleans()), max_size=30))
def test_random_payloads_are_keys_or_an_error(packets: list[tuple[bytes, int, bool]]) -> None:
    keys = KeyReceiver()
    for payload, timestamp, marker in packets:
        try:
            assert keys.take(payload, timestamp, marker=marker) in ("", *KEYS)
        except RemoteProtocolError:
            assert len(payload) < 4
