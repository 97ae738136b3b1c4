"""Counting the parts of long SMS, whichever way a box does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contracts import SmsPart
from edge_agent.drivers.gateway.parts_index import PartsIndex
from telecore.ids import Address, ChannelId


def part(parts: int, body: str = "") -> SmsPart:
    return SmsPart(ChannelId("e/gw/1"), body, Address("+1"), body, None, ref=1, parts=parts)


@given(st.integers(0, 1), st.integers(2, 9), st.randoms())
def test_every_message_comes_out_whole_and_in_order(base: int, total: int, random) -> None:  # type: ignore[no-untyped-def]
    index, order, out = PartsIndex(), list(range(total)), []
    for _ in range(3):
        random.shuffle(order)
        out += [known for number in order for known in index.number(part(total, str(number)), number + base)]
    assert not index.holding
    assert len(out) == 3 * total
    assert all(known.part == int(known.body) + 1 for known in out)


def test_one_that_comes_alone_shows_nothing() -> None:
    index = PartsIndex()
    for number in (0, 1, 7):
        (known,) = index.number(part(1), number)
        assert (known.part, known.parts, known.ref) == (1, 1, None)
    assert index.number(part(3), 1) == []


def test_what_is_out_of_all_counting_stands_alone() -> None:
    (known,) = PartsIndex().number(part(3), 4)
    assert (known.part, known.parts, known.ref) == (1, 1, None)


def test_what_is_known_is_not_held() -> None:
    assert [known.part for known in PartsIndex(1).number(part(3), 2)] == [2]
    assert [known.part for known in PartsIndex(0).number(part(3), 1)] == [2]


def test_it_does_not_hold_for_ever() -> None:
    index = PartsIndex()
    out = [known for number in range(100) for known in index.number(part(3, str(number)), 1)]
    assert len(out) >= 64
    assert [known.part for known in index.release()] == [2] * (100 - len(out))
