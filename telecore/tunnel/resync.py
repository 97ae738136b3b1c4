"""Whether one end of a street went back in time: its disk was wiped, or restored from an older copy.

The sender knows the ``highest`` number it gave out, the last that was ``acked``, and what it has under each number. The
receiver says in its Resume what it has ``applied``, and names the item it applied last. Where the two do not agree, one
of them has forgotten, and what lies between is uncertain. See ``verdict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What a sender makes of the receiver's Resume."""

    CONTINUES = "continues"
    """Both remember the same."""
    SENDER_OLDER = "sender-older"
    """The receiver has items that the sender does not remember to have sent: the sender begins a new street."""
    RECEIVER_OLDER = "receiver-older"
    """The receiver had confirmed more than it says now: what it has forgotten is told again, or accounted for."""


class Claim(StrEnum):
    """Where ``applied`` stands among the sender's numbers."""

    BEYOND = "beyond"
    """Above the highest that was ever given out."""
    WITHIN = "within"
    """From what was acknowledged to the highest."""
    BEHIND = "behind"
    """Below what was acknowledged."""


class Mark(StrEnum):
    """Whether the item under ``applied`` is the one the receiver names."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"
    """The receiver names none, or the sender's row is gone."""


VERDICTS: Mapping[tuple[Claim, Mark], Verdict] = {
    (Claim.BEYOND, Mark.SAME): Verdict.SENDER_OLDER,
    (Claim.BEYOND, Mark.OTHER): Verdict.SENDER_OLDER,
    (Claim.BEYOND, Mark.UNKNOWN): Verdict.SENDER_OLDER,
    (Claim.WITHIN, Mark.SAME): Verdict.CONTINUES,
    (Claim.WITHIN, Mark.OTHER): Verdict.SENDER_OLDER,
    (Claim.WITHIN, Mark.UNKNOWN): Verdict.CONTINUES,
    (Claim.BEHIND, Mark.SAME): Verdict.RECEIVER_OLDER,
    (Claim.BEHIND, Mark.OTHER): Verdict.SENDER_OLDER,
    (Claim.BEHIND, Mark.UNKNOWN): Verdict.RECEIVER_OLDER,
}
"""Numbers alone do not tell: a restored sender gives the forgotten numbers to new items before it greets."""


def claim(applied: int, *, acked: int, highest: int) -> Claim:
    if applied > highest:
        return Claim.BEYOND
    return Claim.BEHIND if applied < acked else Claim.WITHIN


def mark(named: str, found: str | None) -> Mark:
    """``named``: the item by its receiver, empty for none; ``found``: the sender's under that number."""
    if not named or found is None:
        return Mark.UNKNOWN
    return Mark.SAME if named == found else Mark.OTHER


def verdict(applied: int, named: str, found: str | None, *, acked: int, highest: int) -> Verdict:
    """``found`` is None where the row may be gone by rights, empty where there never was one."""
    return VERDICTS[claim(applied, acked=acked, highest=highest), mark(named, found)]
