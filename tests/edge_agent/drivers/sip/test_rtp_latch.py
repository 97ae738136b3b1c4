from __future__ import annotations

import pytest

from edge_agent.drivers.sip.rtp_latch import LOCK_PACKETS, SILENT_S, Latch, place

GATEWAY, OTHER_PORT, STRANGER = ("192.0.2.1", 4000), ("192.0.2.1", 4444), ("198.51.100.9", 4000)


def locked(*sources: str) -> Latch:
    latch = Latch()
    latch.plan(*GATEWAY, sources)
    for _ in range(LOCK_PACKETS):
        latch.heard(OTHER_PORT, 10.0)
    return latch


def test_it_sends_to_what_was_announced_until_it_hears() -> None:
    latch = Latch()
    assert latch.target is None
    assert not latch.accepts(GATEWAY, 0.0)
    latch.plan(*GATEWAY)
    assert latch.target == GATEWAY
    assert latch.accepts(OTHER_PORT, 0.0)
    latch.heard(OTHER_PORT, 0.0)
    assert latch.target == OTHER_PORT


def test_strangers_never_move_it() -> None:
    latch = Latch()
    latch.plan(*GATEWAY)
    assert not latch.accepts(STRANGER, 0.0)
    assert not locked().accepts(STRANGER, 10.1)
    assert not locked().accepts(STRANGER, 10.1 + SILENT_S)


def test_it_locks_and_is_freed_by_silence() -> None:
    latch = locked()
    assert latch.accepts(OTHER_PORT, 10.1)
    assert not latch.accepts(GATEWAY, 10.1)
    assert latch.accepts(GATEWAY, 10.1 + SILENT_S)
    latch.heard(GATEWAY, 10.1 + SILENT_S)
    assert latch.target == GATEWAY
    assert latch.locked is None


def test_two_sources_at_once_do_not_lock() -> None:
    latch = Latch()
    latch.plan(*GATEWAY)
    for _ in range(20):
        latch.heard(GATEWAY, 1.0)
        latch.heard(OTHER_PORT, 1.0)
    assert latch.locked is None


def test_signalling_may_come_from_elsewhere_than_announced() -> None:
    """Beyond a NAT the SDP names an address that is none of ours."""
    latch = Latch()
    latch.plan("10.0.0.5", 4000, ("192.0.2.1",))
    assert latch.accepts(OTHER_PORT, 0.0)
    assert not latch.accepts(STRANGER, 0.0)


def test_the_same_plan_again_keeps_the_target_and_learns_anew() -> None:
    latch = locked()
    latch.plan(*GATEWAY)
    assert latch.target == OTHER_PORT
    assert latch.accepts(GATEWAY, 10.1)


def test_another_plan_moves_it() -> None:
    latch = locked()
    latch.plan(*STRANGER)
    assert latch.target == STRANGER
    assert not latch.accepts(OTHER_PORT, 10.1)


def test_hold_by_no_address_goes_on_where_it_was() -> None:
    latch = locked()
    latch.plan("0.0.0.0", 4000)
    assert latch.target == OTHER_PORT
    assert latch.accepts(OTHER_PORT, 10.1)
    latch.plan(*GATEWAY)
    assert latch.target == OTHER_PORT
    latch.plan("0.0.0.0", 0)
    assert latch.target is None


@pytest.mark.parametrize(
    ("address", "port"),
    [("gateway", 4000), ("", 4000), ("0.0.0.0", 4000), ("192.0.2.1", 0), ("192.0.2.1", 99_999), ("224.0.0.1", 4000)],
)
def test_nowhere(address: str, port: int) -> None:
    assert place(address, port) is None


def test_ipv6_is_somewhere() -> None:
    assert place("2001:DB8::1", 4000) == ("2001:db8::1", 4000)
