"""A fleet whose controller is killed and started again: all are back, nothing is lost, and nobody stampedes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fleet
from tests.faults.conftest import LONG, Report, times


@pytest.mark.alone
def test_a_fleet_comes_back(tmp_path: Path, report: Report) -> None:
    count = times(100, 10_000 if fleet.may_have(10_000) else 2_000)
    out = fleet.ours(tmp_path, count, within_s=600 if LONG else 120, cap_s=60 if LONG else 1)
    report(
        "edges reconnect after a restart of the controller",
        edges=count,
        back_s=round(out.back_s, 1),
        until_it_listened_s=round(out.serving_s, 1),
        cpu_s=round(out.cpu_s, 1),
        kb_each=round(out.bytes_each / 1000, 1),
        rss_mb=round(out.rss_mb),
        us_a_join=round(out.join_us),
        attempts=out.attempts,
        put_off=out.refused,
        gave_up_waiting=out.late,
        api_p95_ms=round(out.api_p95_s * 1000),
        api_slowest_ms=round(out.api_slowest_s * 1000),
        api_unanswered=out.api_unanswered,
        lost=out.told - out.stored,
        doubled=out.stored - out.told,
    )
    assert out.told == out.acked == out.stored == count
    assert out.attempts < (20 if LONG else 100) * count
    assert out.bytes_each < 150_000
