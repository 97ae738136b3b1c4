"""When a balance is read by itself: at most each six hours, and once more on the last day."""

import pytest

from edge_agent.sims.account_schedule import due

H = 3600.0
DAY = 24 * H
MAY_1 = 1_777_593_600.0  # 2026-05-01


@pytest.mark.parametrize(
    ("asked_at", "now", "every_s", "expected"),
    [
        (MAY_1, MAY_1 + 5.9 * H, 6 * H, False),
        (MAY_1, MAY_1 + 6 * H, 6 * H, True),
        (MAY_1, MAY_1 + 2 * H, 1 * H, False),  # never more often than that
        (MAY_1, MAY_1 + 7 * DAY, 0, False),
        (MAY_1 + DAY, MAY_1, 6 * H, True),  # the clock was wrong
        (MAY_1, MAY_1 + 2 * DAY, 7 * DAY, False),
    ],
)
def test_by_time(asked_at, now, every_s, expected):
    assert due(asked_at, None, "89855", now=now, every_s=every_s, began=0) is expected


def test_on_the_last_day_once_more():
    def ask(asked_at, now):
        return due(asked_at, "2026-05-11", "89855", now=now, every_s=30 * DAY, began=0)

    assert not ask(MAY_1, MAY_1 + 8.9 * DAY)
    assert ask(MAY_1, MAY_1 + 9 * DAY)
    assert not ask(MAY_1 + 9.1 * DAY, MAY_1 + 9.9 * DAY)


def test_sims_that_were_never_asked_come_one_after_the_other():
    def first(iccid):
        return next(at for at in range(1801) if due(None, None, iccid, now=at, every_s=6 * H, began=0))

    times = [first(f"898559100000000{n:04d}") for n in range(8)]
    assert len({at // 60 for at in times}) >= 6
