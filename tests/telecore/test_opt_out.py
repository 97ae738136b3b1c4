"""Keywords that end messages."""

from __future__ import annotations

import pytest

from telecore.opt_out import REPLIES, OptOut, keyword_of
from telecore.sms import count_segments


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("STOP", OptOut.STOP),
        (" stop\n", OptOut.STOP),
        ("StopAll", OptOut.STOP),
        ("Unsubscribe", OptOut.STOP),
        ("cancel", OptOut.STOP),
        ("End", OptOut.STOP),
        ("QUIT", OptOut.STOP),
        ("start", OptOut.START),
        ("Yes", OptOut.START),
        ("UNSTOP", OptOut.START),
        ("help", OptOut.HELP),
        ("Info", OptOut.HELP),
        ("stop it", None),
        ("STOP.", None),
        ("", None),
        ("ſTOP", None),
    ],
)
def test_a_keyword_is_the_whole_message(body: str, word: OptOut | None) -> None:
    assert keyword_of(body) is word


def test_each_reply_is_one_segment_and_no_keyword() -> None:
    for reply in REPLIES.values():
        assert count_segments(reply).segments == 1
        assert keyword_of(reply) is None
