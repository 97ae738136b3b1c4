"""lines.py: bytes → units, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.lines import MAX_LINE, MAX_QUOTED_LINES, Line, LineReader, Prompt

CASES = [
    (b"\r\nOK\r\n", [Line("OK")]),
    (b"AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n", [Line("AT+CSQ"), Line("+CSQ: 20,99"), Line("OK")]),
    (b"\r\r\n\r\r\n+CRING: VOICE\r\r\n", [Line("+CRING: VOICE")]),
    (b"\0\0RDY\r\n", [Line("RDY")]),
    (b"OK\nERROR\n", [Line("OK"), Line("ERROR")]),
    (b"\r\n+CMT: ,28\r\n0791AA\r\n", [Line("+CMT: ,28", "0791AA")]),
    (b"\r\n+CDS: 25\r\n0006AB\r\nOK\r\n", [Line("+CDS: 25", "0006AB"), Line("OK")]),
    (b"\r\n+CMT: ,28\r\nRING\r\n", [Line("+CMT: ,28"), Line("RING")]),
    (b'\r\n+CUSD: 0,"5.00 $",15\r\n', [Line('+CUSD: 0,"5.00 $",15')]),
    (b'\r\n+CUSD: 1,"1) A\r\n2) B\r\n\r\nOK > yes",15\r\n', [Line('+CUSD: 1,"1) A\n2) B\n\nOK > yes",15')]),
    (b'\r\n+CUSD: 1,"a\nb"\r\n', [Line('+CUSD: 1,"a\nb"')]),
    (b"\r\n+CUSD: 4\r\n", [Line("+CUSD: 4")]),
    (b"bal\xe9\xff\r\n", [Line("bal\\xe9\\xff")]),
    ("ភាសា\r\n".encode(), [Line("ភាសា")]),
]


@pytest.mark.parametrize(("data", "units"), CASES)
def test_whole(data, units):
    assert LineReader().feed(data) == units


@pytest.mark.parametrize(("data", "units"), CASES)
def test_byte_by_byte(data, units):
    reader = LineReader()
    assert [unit for at in range(len(data)) for unit in reader.feed(data[at : at + 1])] == units


@pytest.mark.parametrize("data", [b"\r\n> ", b"\r\n>", b"AT+CMGS=19\r\r\n> "])
def test_prompt_with_and_without_blank(data):
    reader = LineReader()
    reader.expect_prompt = True
    assert reader.feed(data)[-1] == Prompt()
    # The blank belongs to the prompt, not to what follows.
    assert reader.feed(b" \r\n+CMGS: 5\r\n") == [Line("+CMGS: 5")]


def test_a_greater_sign_is_no_prompt_when_none_is_expected():
    assert LineReader().feed(b"> menu\r\n") == [Line("> menu")]


def test_the_prompt_is_expected_once():
    reader = LineReader()
    reader.expect_prompt = True
    assert reader.feed(b"> > text\r\n") == [Prompt(), Line("> text")]


def test_flush_gives_what_was_begun():
    reader = LineReader()
    assert reader.feed(b'+CUSD: 1,"never closed\r\nmore\r\n') == []
    assert reader.holding
    assert reader.flush() == [Line('+CUSD: 1,"never closed\nmore')]
    assert not reader.holding


@pytest.mark.parametrize(
    "text",
    [
        '0,"He said "hi"\nand left",15',
        '0,"He said "hi"\nand left"',
        '0,"a 5" pipe",15',
        '0,"a "b" c"',
        '1,"OK\nRING\nERROR\n1) more",15',
        '1,"\n1) a\n\n2) b"',
    ],
)
def test_a_ussd_text_ends_where_its_quote_ends(text):
    reader = LineReader()
    lines = f"+CUSD: {text}\nOK\n".replace("\n", "\r\n").encode()
    units = [unit for at in range(len(lines)) for unit in reader.feed(lines[at : at + 1])]
    assert units == [Line(f"+CUSD: {text}"), Line("OK")]


def test_a_quote_that_never_ends_does_not_keep_the_result():
    reader = LineReader()
    assert reader.feed(b'+CUSD: 0,"a 5" pipe"\r\nOK\r\n') == []
    assert reader.flush() == [Line('+CUSD: 0,"a 5" pipe"'), Line("OK")]


def test_noise_without_an_end_is_bounded():
    reader = LineReader()
    reader.feed(b"\x80" * 1_000_000)
    [line] = reader.feed(b"\r\n")
    assert len(line.text) <= MAX_LINE * 4
    assert reader.feed(b"OK\r\n") == [Line("OK")]


def test_an_open_quote_does_not_swallow_for_ever():
    reader = LineReader()
    reader.feed(b'+CUSD: 1,"x\r\n')
    units = [unit for _ in range(MAX_QUOTED_LINES + 1) for unit in reader.feed(b"OK\r\n")]
    assert units[-1] == Line("OK")


@given(st.lists(st.binary(max_size=60), max_size=20), st.booleans())
def test_any_bytes_in_any_pieces(pieces, expect):
    whole, split = LineReader(), LineReader()
    whole.expect_prompt = split.expect_prompt = expect
    together = whole.feed(b"".join(pieces)) + whole.flush()
    apart = [unit for piece in pieces for unit in split.feed(piece)] + split.flush()
    assert together == apart
    assert all(isinstance(unit, Prompt) or isinstance(unit.text, str) for unit in together)
