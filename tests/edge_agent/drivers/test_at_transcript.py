"""transcript.py: the tap changes nothing and tells whole lines; what was written is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.transcript import Entry, Tap, Transcript, parse_transcript
from telecore.errors import DeviceLost, InvalidRequest

NUMBER = "85523456782"


class Port:
    """Takes everything and says what the test says."""

    def __init__(self) -> None:
        self.on_data = lambda data: None
        self.on_lost = lambda error: None
        self.written = b""
        self.takes = True

    def write(self, data):
        if self.takes:
            self.written += data
        return self.takes


class Tapped:
    def __init__(self) -> None:
        self.port, self.entries, self.heard, self.losses, self.now = Port(), [], b"", [], 100.0
        self.tap = Tap(self.port, self.entries.append, lambda: self.now - 100)
        self.tap.on_data = self._heard
        self.tap.on_lost = self.losses.append

    def _heard(self, data):
        self.heard += data

    @property
    def told(self):
        return [(entry.direction, entry.text) for entry in self.entries]


@pytest.fixture
def tapped():
    return Tapped()


def test_a_dialogue(tapped):
    tapped.tap.write(b"AT\r")
    tapped.now = 100.25
    tapped.port.on_data(b"AT\r\r\nOK\r\n")
    assert tapped.entries == [Entry(0.0, ">", "AT\r"), Entry(0.25, "<", "AT\r\r\nOK\r\n")]
    assert (tapped.port.written, tapped.heard) == (b"AT\r", b"AT\r\r\nOK\r\n")


@given(st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_no_number_gets_through_a_cut(cuts, outgoing):
    tapped = Tapped()
    data = f'\r\n+CLIP: "+{NUMBER}",145\r\nATD{NUMBER};\r'.encode()
    give = tapped.tap.write if outgoing else tapped.port.on_data
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        give(data[begin:end])
    text = "".join(text for _, text in tapped.told)
    assert (tapped.port.written if outgoing else tapped.heard) == data
    assert not any(NUMBER[at : at + 4] in text for at in range(len(NUMBER) - 3))
    assert text == '\r\n+CLIP: "+99900000001",145\r\nATD99900000001;\r'


def test_prompt_body_and_escape(tapped):
    tapped.tap.write(b"AT+CMGS=21\r")
    tapped.port.on_data(b"\r\n> ")
    tapped.tap.write(b"0001\x1a")
    tapped.tap.write(b"\x1b")
    tapped.tap.write(b"AT\r")
    assert tapped.told == [
        (">", "AT+CMGS=21\r"), ("<", "\r\n> "), (">", "0003\x1a"), (">", "\x1b"), (">", "AT\r"),
    ]  # fmt: skip


def test_what_the_port_does_not_take_was_not_said(tapped):
    tapped.port.takes = False
    assert not tapped.tap.write(b"AT\r")
    assert tapped.told == []


def test_the_end(tapped):
    error = DeviceLost("gone")
    tapped.port.on_data(f'+CLIP: "{NUMBER}'.encode())
    assert tapped.told == []
    tapped.port.on_lost(error)
    assert tapped.losses == [error]
    [(_, text)] = tapped.told
    assert NUMBER[2:6] not in text


def test_endless_lines_are_not_kept(tapped):
    for _ in range(100):
        tapped.port.on_data(b"1234567890" * 100)
    tapped.port.on_data(b"\r\nOK\r\n")
    assert "".join(text for _, text in tapped.told) == "\r\nOK\r\n"
    assert len(tapped.heard) == 100_006


@given(
    st.lists(
        st.builds(Entry, st.integers(0, 10**6).map(lambda ms: ms / 1000), st.sampled_from("<>"),
                  st.text(st.characters(max_codepoint=255), min_size=1)),
        max_size=5,
    )
)  # fmt: skip
def test_written_and_read(entries):
    transcript = Transcript({"source": "a test", "model": "M1"}, tuple(entries))
    assert parse_transcript(transcript.text().split("\n")) == transcript


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends within"),
        ("hello\n", "line 1: not a transcript"),
        ("simferry-transcript: 2\n", "line 1: not a transcript"),
        ("simferry-transcript: 1\nmodel\n", "line 2: no colon"),
        ("simferry-transcript: 1\n\n0.0 AT\n", "line 3: no entry"),
    ],
)
def test_what_is_none(text, problem):
    with pytest.raises(InvalidRequest, match=problem):
        parse_transcript(text.splitlines())
