"""How a reference of a submit is kept. The columns are INTEGER: to SQLite the text 00123 would be the number 123."""

from __future__ import annotations

_TEXT, _LONG = ":", "#"
"""Texts that begin so are no numbers to SQLite, so they stay what they are."""
_LARGEST = 2**63


def to_column(ref: int | str) -> int | str:
    """What is written. A TP-MR stays the number it always was, so files of older agents need no change."""
    if isinstance(ref, str):
        return _TEXT + ref
    return ref if -_LARGEST <= ref < _LARGEST else f"{_LONG}{ref}"


def from_column(value: int | str) -> int | str:
    """What was meant."""
    if isinstance(value, int):
        return value
    return int(value[1:]) if value.startswith(_LONG) else value.removeprefix(_TEXT)


def to_list(others: tuple[str, ...]) -> str:
    """Several in one column, to be searched by ``instr`` for one between line feeds."""
    return "".join(f"\n{to_column(other)}" for other in others) + "\n" if others else ""
