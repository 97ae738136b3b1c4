"""Whose doing an outcome is."""

from __future__ import annotations

import pytest

from edge_agent.contracts import CallFacts
from edge_agent.sims.signs import Doing, Kind, call_doing, of_call, of_refusal, of_report, sms_doing
from telecore.ids import ChannelId

D = Doing
ONE = ChannelId("site/modem1")


@pytest.mark.parametrize(
    ("kind", "code", "doing"),
    [
        *(("cms", code, D.SIM) for code in (8, 10, 29, 50, 193, 310, 313, 315)),
        *(("cms", code, D.DOUBTFUL) for code in (21, 127, 255, 500, None)),
        *(("cms", code, D.DESTINATION) for code in (1, 27, 28, 30, 195, 196)),
        *(("cms", code, D.NETWORK) for code in (17, 38, 41, 47, 192, 194, 331, 314, 515, 197, 332)),
        ("cms", 42, D.CONGESTION),
        ("cme", 122, D.CONGESTION),
        *(("cms", code, D.MODEM) for code in (69, 96, 208, 300, 304, 322, 330, 512)),
        *(("cme", code, D.SIM) for code in (10, 13, 16, 40, 102, 177)),
        *(("cme", code, D.NETWORK) for code in (14, 30, 31, 117)),
        *(("cme", code, D.MODEM) for code in (0, 3, 4, 100, None)),
        ("error", None, D.MODEM),
        ("error", 8, D.MODEM),
    ],
)
def test_refused_submits(kind: str, code: int | None, doing: Doing) -> None:
    assert sms_doing(kind, code) is doing


@pytest.mark.parametrize(
    ("cause", "lasted_s", "doing"),
    [
        *((cause, 1.0, D.SIM) for cause in (8, 29, 50, 57, 63, 68)),
        *((cause, 1.0, D.GOOD) for cause in (16, 17, 18, 19)),
        *((cause, 1.0, D.DESTINATION) for cause in (1, 3, 20, 22, 27, 28)),
        *((cause, 1.0, D.NETWORK) for cause in (34, 38, 41, 43, 44, 47, 55, 58, 65, 102)),
        (42, 1.0, D.CONGESTION),
        *((cause, 3.0, D.DOUBTFUL) for cause in (21, 31, 127)),
        *((cause, None, D.DOUBTFUL) for cause in (21, 31, 127)),
        *((cause, 3.1, D.GOOD) for cause in (21, 31, 127)),
    ],
)
def test_ends_of_calls(cause: int, lasted_s: float | None, doing: Doing) -> None:
    assert call_doing(cause, answered=False, lasted_s=lasted_s, short_s=3.0) is doing
    assert call_doing(cause, answered=True, lasted_s=lasted_s, short_s=3.0) is D.GOOD


def test_a_call_we_gave_up_says_nothing() -> None:
    assert of_call(1.0, "12345678", CallFacts(ONE, "+855", True, 16, by_us=True), 3.0) is None
    sign = of_call(1.0, "12345678", CallFacts(ONE, "+855", True, 57, 2.0, lasted_s=4.0), 3.0)
    assert sign is not None
    assert (sign.kind, sign.doing, sign.answered) == (Kind.CALL, D.SIM, False)
    assert sign.what == "call to …678: cause 57 (barred)"


def test_reports() -> None:
    assert of_report(1.0, "12345678", 0x20) is None
    delivered, failed = of_report(1.0, "12345678", 0), of_report(1.0, "12345678", 0x41)
    assert delivered is not None
    assert failed is not None
    assert (delivered.doing, failed.doing) == (D.GOOD, D.DESTINATION)


def test_evidence_shows_three_digits() -> None:
    assert of_refusal(1.0, "12345678", "cms", None).what == "SMS to …678: CMS without code"
