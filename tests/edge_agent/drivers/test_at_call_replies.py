"""call_replies.py: calls as the modem lists them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.call_replies import CurrentCall, parse_clcc, parse_clip
from telecore.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('+CLCC: 1,0,3,0,0,"012345678",129', CurrentCall(1, False, 3, True, "012345678")),
        ('+CLCC: 1,1,4,0,0,"+85512345678",145,""', CurrentCall(1, True, 4, True, "+85512345678")),
        ('+CLCC: 1,1,4,0,0,"85512345678",145,"Sok, Dara"', CurrentCall(1, True, 4, True, "+85512345678")),
        ("+CLCC:1,0,0,0,0", CurrentCall(1, False, 0, True)),
        ("+CLCC: 2,0,0,1,0", CurrentCall(2, False, 0, False)),
        ('+CLCC: 1,1,4,0,0,"",128', CurrentCall(1, True, 4, True)),
    ],
)
def test_clcc(line, value):
    assert parse_clcc(line) == value


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ('+CLIP: "+85512345678",145,"",0,"",0', "+85512345678"),
        ('+CLIP: "85512345678",145', "+85512345678"),
        ('+CLIP: "",128,,,,2', None),
        ('+CLIP: "012345678",129', "012345678"),
    ],
)
def test_clip(line, number):
    assert parse_clip(line) == number


@given(st.sampled_from(["", "+CLCC: ", "+CLCC: 1,0,", "+CLIP: "]), st.text('0123456789,":+ \r²٣x', max_size=60))
def test_any_text_gives_a_value_or_one_error(prefix, text):
    for parse in (parse_clcc, parse_clip):
        with contextlib.suppress(RemoteProtocolError):
            parse(prefix + text)
