"""What is usual at an operator, and when it is the operator."""

from __future__ import annotations

import pytest

from edge_agent.sims.baseline import drift, outage, usual
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import Rates


def test_the_median_of_the_siblings() -> None:
    siblings = [Rates(answered=0.4), Rates(answered=0.5), Rates(answered=0.9)]
    assert usual(siblings, Rates(answered=0.1)).answered == 0.5


def test_with_too_few_siblings_what_the_sim_itself_used_to_do() -> None:
    own = Rates(answered=0.6, talk_s=90.0)
    assert usual([], own) == own
    assert usual([Rates(answered=0.2), Rates()], own) == own


def test_each_rate_has_its_own_siblings() -> None:
    siblings = [Rates(answered=0.4, talk_s=60.0), Rates(answered=0.6)]
    found = usual(siblings, Rates(answered=0.9, talk_s=90.0))
    assert (found.answered, found.talk_s) == (0.5, 90.0)


def test_long_term_rates_follow_slowly() -> None:
    own = drift(Rates(), Rates(answered=0.8))
    assert own.answered == 0.8
    own = drift(own, Rates())
    assert own.answered == 0.8
    own = drift(own, Rates(answered=0.0))
    assert own.answered == pytest.approx(0.76)


@pytest.mark.parametrize(
    ("affected", "sims", "down"),
    [
        (0, 10, False), (3, 10, False), (4, 10, True), (2, 5, True), (1, 5, False), (1, 3, False), (2, 3, True),
        (2, 2, False), (1, 1, False), (25, 64, False), (26, 64, True),
    ],
)  # fmt: skip
def test_forty_of_a_hundred_sims_are_their_operator(affected: int, sims: int, down: bool) -> None:
    assert outage(affected, sims, Thresholds()) is down
