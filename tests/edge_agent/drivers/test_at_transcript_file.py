"""transcript_file.py: bounded, and every file of it can be read."""

from __future__ import annotations

import stat

from edge_agent.drivers.at_modem.transcript import Entry, parse_transcript
from edge_agent.drivers.at_modem.transcript_file import TranscriptFile


def test_a_long_day_stays_bounded(tmp_path):
    path = tmp_path / "day.txt"
    file = TranscriptFile(path, {"source": "a test"}, limit_bytes=1000, kept=2)
    for number in range(200):
        file.append([Entry(float(number), ">", "AT+CSQ\r"), Entry(number + 0.5, "<", "\r\nOK\r\n")])
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["day.txt", "day.txt.1", "day.txt.2"]
    assert file.entries == 400
    for one in files:
        assert one.stat().st_size <= 1000
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        transcript = parse_transcript(one.read_text().splitlines())
        assert transcript.header == {"source": "a test"}
        assert transcript.entries
    assert parse_transcript(path.read_text().splitlines()).entries[-1].at_s == 199.5
