"""The account of data for people: in ``edge-agent status`` and on the operator's page."""

from __future__ import annotations

from cloud.dashboard.present import data_words
from edge_agent.status_table import data_lines
from telecore.notices import DataUsed, Detail, UplinkUsed
from telecore.schema import dump
from telecore.tunnel.meter import Bytes, Traffic

TRAFFIC = Traffic(Bytes(audio=1_000_000, events=2_000_000), Bytes(bulk=96_000_000, overhead=1_000_000))
UPLINKS = (UplinkUsed("eth0", 90_000_000), UplinkUsed("wwan0", 10_000_000, 50_000_000))
USED = DataUsed("2026-11-01", TRAFFIC, 200_000_000, Detail.LESS, "for the cheap hours, 01:00-05:00", "wwan0", UPLINKS)


def test_in_the_terminal() -> None:
    assert list(data_lines(dump(USED))) == [
        "data since 2026-11-01: 100.0 MB of 200.0 MB (50%): audio 1.0 MB, events 2.0 MB, bulk 96.0 MB, overhead 1.0 MB"
        " · by wwan0 · telemetry less · recordings wait for the cheap hours, 01:00-05:00",
        "  eth0: 90.0 MB",
        "  wwan0: 10.0 MB of 50.0 MB",
    ]
    assert list(data_lines(dump(DataUsed("2026-11-01", Traffic())))) == [
        "data since 2026-11-01: 0.0 MB: audio 0.0 MB, events 0.0 MB, bulk 0.0 MB, overhead 0.0 MB"
    ]
    assert list(data_lines(None)) == []


def test_on_the_page() -> None:
    words, hint = data_words(USED)
    assert words == "100.0 MB of 200.0 MB"
    assert hint == (
        "since 2026-11-01; audio 1.0 MB; events 2.0 MB; bulk 96.0 MB; overhead 1.0 MB; up 3.0 MB, down 97.0 MB; "
        "by wwan0; eth0 90.0 MB; wwan0 10.0 MB of 50.0 MB; telemetry less; "
        "recordings wait for the cheap hours, 01:00-05:00"
    )
    assert data_words(None) == ("", "")
