"""Who went back in time, by the numbers and the item's name; and a model of two stores that are restored at random."""

from __future__ import annotations

import random

import pytest

from telecore.tunnel.resync import VERDICTS, Claim, Mark, Verdict, verdict


def test_every_case_has_a_verdict() -> None:
    assert set(VERDICTS) == {(claim, mark) for claim in Claim for mark in Mark}


@pytest.mark.parametrize(
    ("applied", "named", "found", "acked", "highest", "expected"),
    [
        (0, "", None, 0, 0, Verdict.CONTINUES),
        (7, "g", "g", 7, 9, Verdict.CONTINUES),
        (8, "h", "h", 7, 9, Verdict.CONTINUES),
        (8, "", "h", 7, 9, Verdict.CONTINUES),
        (7, "g", None, 7, 7, Verdict.CONTINUES),
        (10, "x", None, 7, 9, Verdict.SENDER_OLDER),
        (8, "old", "new", 7, 9, Verdict.SENDER_OLDER),
        (8, "old", "", 7, 9, Verdict.SENDER_OLDER),
        (0, "", None, 7, 9, Verdict.RECEIVER_OLDER),
        (5, "e", "e", 7, 9, Verdict.RECEIVER_OLDER),
        (5, "old", "new", 7, 9, Verdict.SENDER_OLDER),
    ],
)
def test_verdicts(applied, named, found, acked, highest, expected) -> None:
    assert verdict(applied, named, found, acked=acked, highest=highest) is expected


class Sender:
    def __init__(self) -> None:
        self.rows: dict[int, str] = {}
        self.highest = self.acked = 0


def test_no_restored_sender_is_taken_for_the_one_it_was() -> None:
    """Numbers are given again to other items before the greeting; only then is it told."""
    rng, noticed = random.Random(4), 0
    for _ in range(3000):
        sender = Sender()
        for _ in range(rng.randrange(1, 12)):
            sender.highest += 1
            sender.rows[sender.highest] = f"{rng.random()}"
        copied = (dict(sender.rows), sender.highest)
        later = rng.randrange(0, 6)
        for _ in range(later):
            sender.highest += 1
            sender.rows[sender.highest] = f"{rng.random()}"
        applied = rng.randrange(1, sender.highest + 1)
        named = sender.rows[applied]
        sender.rows, sender.highest = copied
        known = applied <= sender.highest
        for _ in range(rng.randrange(0, 8)):
            sender.highest += 1
            sender.rows[sender.highest] = f"{rng.random()}"
        found = sender.rows.get(applied, "")
        said = verdict(applied, named, found, acked=0, highest=sender.highest)
        assert said is (Verdict.CONTINUES if known else Verdict.SENDER_OLDER)
        noticed += not known
    assert noticed > 500
