import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.pdu import Concat
from simulator.segments import Reassembly, split_text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ខ" * 70, 1),
        ("ខ" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_how_many_parts(text: str, parts: int) -> None:
    assert len(split_text(text, 1)) == parts


def joined(text: str) -> tuple[str, int] | None:
    parts = split_text(text, 9)
    assembly = Reassembly()
    whole = None
    for number, part in reversed(list(enumerate(parts, 1))):
        concat = Concat(9, len(parts), number) if len(parts) > 1 else None
        whole = assembly.add("+855", concat, part.text)
    return whole


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=900))
def test_a_text_survives_in_any_order(text: str) -> None:
    assert joined(text) == (text, len(split_text(text, 9)))


def test_a_repeated_part_does_not_complete_a_message() -> None:
    assembly = Reassembly()
    assert assembly.add("+1", Concat(1, 2, 1), "a") is None
    assert assembly.add("+1", Concat(1, 2, 1), "a") is None
    assert assembly.add("+1", Concat(1, 2, 2), "b") == ("ab", 2)


def test_unfinished_messages_are_bounded_and_saved() -> None:
    assembly = Reassembly(limit=2)
    for reference in range(5):
        assembly.add("+1", Concat(reference, 2, 1), "a")
    other = Reassembly()
    other.restore(assembly.snapshot())
    assert len(other.snapshot()) == 2
    assert other.add("+1", Concat(4, 2, 2), "b") == ("ab", 2)


def test_a_pair_cut_in_two_is_healed() -> None:
    assembly = Reassembly()
    assembly.add("+1", Concat(1, 2, 1), "\ud83d")
    assert assembly.add("+1", Concat(1, 2, 2), "\ude00") == ("😀", 2)
