"""Versions in order, whose turn it is, and when a release halts."""

from __future__ import annotations

import pytest

from telecore.errors import InvalidRequest
from telecore.releases import is_staged, must_halt, parse_version, share_of

EDGES = [f"site-{number}" for number in range(2000)]


def test_versions_have_an_order() -> None:
    told = ["0.1.0rc1", "0.1.0rc2", "0.1.0", "0.1.1a1", "0.1.1b1", "0.1.1", "0.2.0", "0.10.0", "1.0.0"]
    assert sorted(reversed(told), key=parse_version) == told


@pytest.mark.parametrize("text", ["", "1", "1.2", "v1.2.3", "1.2.3-beta", "1.2.3\n", "../1.2.3", "1.2.9999999"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_version(text)


def test_a_share_is_the_same_each_time_and_only_grows() -> None:
    first = {edge for edge in EDGES if is_staged("a" * 64, edge, 10)}
    more = {edge for edge in EDGES if is_staged("a" * 64, edge, 30)}
    assert first < more
    assert 150 < len(first) < 250
    assert 520 < len(more) < 680
    assert all(is_staged("a" * 64, edge, 100) for edge in EDGES)
    assert not any(is_staged("a" * 64, edge, 0) for edge in EDGES)
    assert [share_of("b" * 64, edge) for edge in EDGES[:5]] != [share_of("a" * 64, edge) for edge in EDGES[:5]]


def test_above_five_percent_it_halts() -> None:
    assert not must_halt(100, 5)
    assert must_halt(100, 6)
    assert must_halt(1, 1)
    assert not must_halt(0, 0)
