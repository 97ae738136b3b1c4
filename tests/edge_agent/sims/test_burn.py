"""What is spent in a day, robust against top-ups."""

from decimal import Decimal

import pytest

from edge_agent.sims.burn import DAY_S, KEPT, Point, burn_per_day, days_left, keep


def points(*pairs):
    return tuple(Point(day * DAY_S, Decimal(amount)) for day, amount in pairs)


@pytest.mark.parametrize(
    ("history", "burn"),
    [
        ((), None),
        (((0, "5"),), None),
        (((0, "5"), (0.5, "4")), None),  # half a day says nothing
        (((0, "5"), (1, "4")), "1"),
        (((0, "5"), (1, "4"), (2, "14"), (3, "13")), "1"),  # the day of the top-up is left out
        (((0, "5"), (2, "5")), "0"),
        (((0, "5"), (1, "20"), (2, "35")), None),  # only top-ups were seen
    ],
)
def test_only_falls_count(history, burn):
    found = burn_per_day(points(*history))
    assert found == (None if burn is None else Decimal(burn))


def test_days_left():
    assert days_left(Decimal("7.5"), Decimal("1.5")) == 5.0
    assert days_left(Decimal("-1"), Decimal("1")) == 0.0
    assert days_left(Decimal("5"), Decimal(0)) is None
    assert days_left(Decimal("5"), None) is None


def test_the_history_is_bounded_and_forgets_what_a_wrong_clock_put_into_the_future():
    history = ()
    for hour in range(2 * KEPT):
        history = keep(history, Point(hour * 3600.0, Decimal(hour)))
    assert len(history) == KEPT
    assert keep(history, Point(3600.0, Decimal(1))) == (Point(3600.0, Decimal(1)),)
    assert keep(points((0, "5")), Point(40 * DAY_S, Decimal(1))) == points((40, "1"))
