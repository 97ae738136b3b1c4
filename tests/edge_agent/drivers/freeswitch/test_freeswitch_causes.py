"""Hang-up causes, both ways."""

from __future__ import annotations

import pytest

from edge_agent.drivers.freeswitch.causes import Q850, cause_of, name_of


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("USER_BUSY", 17),
        ("NORMAL_CLEARING", 16),
        ("NO_ANSWER", 19),
        ("ALLOTTED_TIMEOUT", 19),
        ("ORIGINATOR_CANCEL", 16),
        ("GATEWAY_DOWN", 38),
        ("INVALID_GATEWAY", 3),
        ("DECLINE", 21),
        ("SYSTEM_SHUTDOWN", 38),
        ("NO_SUCH_THING", 31),
        ("", 31),
        ("NONE", 31),
    ],
)
def test_names(name: str, cause: int) -> None:
    assert cause_of(name) == cause


def test_every_q850_cause_survives_the_way_there_and_back() -> None:
    assert all(cause_of(name_of(cause)) == cause for cause in Q850.values())
    assert all(1 <= cause <= 127 for cause in Q850.values())


def test_a_cause_without_name() -> None:
    assert name_of(26) == name_of(999) == "NORMAL_CLEARING"
