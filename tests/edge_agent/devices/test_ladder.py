"""One rung after the other, and then patience."""

from __future__ import annotations

import pytest

from edge_agent.contracts import Heal
from edge_agent.devices.ladder import LADDER, QUARANTINE_S, RESETS, STEADY_S, Climb, failed, gone_for

ALL = frozenset(RESETS)
H = Heal


def climb(times: int, possible: frozenset[Heal]) -> list[tuple[tuple[Heal, ...], float]]:
    at, moves = Climb(), []
    for _ in range(times):
        at, move = failed(at, 0.0, possible)
        moves.append((move.steps, move.wait_s))
    return moves


def test_gentle_first_then_resets_then_quarantine_with_a_reset_now_and_then() -> None:
    assert [steps for steps, _ in climb(10, ALL)] == [
        (H.REOPEN,),
        (H.REOPEN,),
        (H.SOFT_RESET,),
        (H.VENDOR_RESET,),
        (H.USB_POWER,),
        (H.QUARANTINE,),
        (H.SOFT_RESET, H.QUARANTINE),
        (H.VENDOR_RESET, H.QUARANTINE),
        (H.USB_POWER, H.QUARANTINE),
        (H.SOFT_RESET, H.QUARANTINE),
    ]


def test_quarantine_grows_and_is_never_given_up() -> None:
    waits = [wait_s for steps, wait_s in climb(40, ALL) if H.QUARANTINE in steps]
    assert tuple(waits[: len(QUARANTINE_S)]) == QUARANTINE_S
    assert set(waits[len(QUARANTINE_S) :]) == {QUARANTINE_S[-1]}


def test_what_a_site_cannot_do_is_passed_over_and_told() -> None:
    at, _ = failed(Climb(2), 0.0, frozenset())
    assert at.in_quarantine
    _, move = failed(Climb(2), 0.0, frozenset())
    assert move.skipped == (H.SOFT_RESET, H.VENDOR_RESET, H.USB_POWER)
    _, move = failed(Climb(4), 0.0, ALL - {H.USB_POWER})
    assert (move.steps, move.skipped) == ((H.QUARANTINE,), (H.USB_POWER,))


@pytest.mark.parametrize(("served_s", "steps"), [(0.0, (H.VENDOR_RESET,)), (STEADY_S, (H.REOPEN,))])
def test_only_a_device_that_served_for_a_while_begins_anew(served_s: float, steps: tuple[Heal, ...]) -> None:
    _, move = failed(Climb(3), served_s, ALL)
    assert move.steps == steps


def test_the_whole_way_to_quarantine_takes_little_more_than_a_minute() -> None:
    assert sum(rung.wait_s for rung in LADDER) <= 90


@pytest.mark.parametrize(
    ("seconds", "last_power_s", "possible", "expected"),
    [
        (299.0, None, ALL, False),
        (300.0, None, ALL, True),
        (300.0, None, ALL - {H.USB_POWER}, False),
        (4000.0, 3599.0, ALL, False),
        (4000.0, 3600.0, ALL, True),
    ],
)
def test_a_socket_whose_device_is_gone(
    seconds: float, last_power_s: float | None, possible: frozenset[Heal], expected: bool
) -> None:
    assert gone_for(seconds, last_power_s, possible) is expected
