"""Which states are those of the edge we know, and how few signatures that takes."""

from __future__ import annotations

from telecore.tunnel.joins import Verdict, judge


def state(counter: int, mark: str = "a") -> str:
    return f"{counter}.{mark * 2}.{'0' * 128}"


def test_what_is_known_needs_no_signature() -> None:
    asked: list[str] = []
    for shown in ((state(6), state(5)), (state(5), state(4)), (state(5, "b"),)):
        judge(state(5), state(6), shown, forgiven=False, genuine=lambda one: bool(asked.append(one)))
    assert asked == []


def test_only_what_is_above_all_that_is_known_is_looked_at() -> None:
    asked: list[str] = []

    def genuine(one: str) -> bool:
        asked.append(one)
        return one == state(9)

    verdict = judge(state(5), state(6), (state(9), state(4)), forgiven=False, genuine=genuine)
    assert verdict == Verdict(True, state(9), 10, ahead=True)
    assert asked == [state(9)]


def test_a_counter_that_nobody_signed_moves_nothing() -> None:
    verdict = judge(state(5), state(6), (state(9), state(6)), forgiven=False, genuine=lambda one: False)
    assert verdict == Verdict(True, state(6), 7)
    assert not judge(state(5), state(6), (state(9),), forgiven=False, genuine=lambda one: False).good
