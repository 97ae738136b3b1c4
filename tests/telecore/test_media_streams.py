"""Messages of media streams, to the letter."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.media_streams import CONNECTED, Cleared, Fault, Marked, Said, StreamIdentity, Teller, read
from telecore.model import Track

WHO = StreamIdentity("AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32)
BOTH = (Track.INBOUND, Track.OUTBOUND)


def test_what_is_told_counts_from_start():
    teller = Teller(WHO, (Track.INBOUND,), {"näme": 'a "word"'})
    assert json.loads(CONNECTED) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(teller.start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": WHO.account,
            "streamSid": WHO.stream,
            "callSid": WHO.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"näme": 'a "word"'},
        },
        "customParameters": {"näme": 'a "word"'},
        "streamSid": WHO.stream,
    }
    frame = bytes(range(160))
    assert json.loads(teller.media(Track.INBOUND, frame)) == {
        "event": "media",
        "sequenceNumber": "2",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": b64encode(frame).decode()},
        "streamSid": WHO.stream,
    }
    assert json.loads(teller.dtmf("#")) == {
        "event": "dtmf",
        "sequenceNumber": "3",
        "dtmf": {"track": "inbound_track", "digit": "#"},
        "streamSid": WHO.stream,
    }
    assert json.loads(teller.mark("m")) == {
        "event": "mark",
        "sequenceNumber": "4",
        "mark": {"name": "m"},
        "streamSid": WHO.stream,
    }
    assert json.loads(teller.stop()) == {
        "event": "stop",
        "sequenceNumber": "5",
        "stop": {"accountSid": WHO.account, "callSid": WHO.call},
        "streamSid": WHO.stream,
    }


def test_each_track_counts_its_own_chunks_and_all_messages_have_one_sequence():
    teller = Teller(WHO, BOTH, {})
    told = [json.loads(teller.media(track, b"\xff" * 160)) for track in (*BOTH, *BOTH)]
    assert [message["sequenceNumber"] for message in told] == ["1", "2", "3", "4"]
    assert [(m["media"]["track"], m["media"]["chunk"], m["media"]["timestamp"]) for m in told] == [
        ("inbound", "1", "20"), ("outbound", "1", "20"), ("inbound", "2", "40"), ("outbound", "2", "40"),
    ]  # fmt: skip
    assert teller.sent(Track.INBOUND) == 2


def of(event, **rest):
    return json.dumps({"event": event, "streamSid": WHO.stream, **rest})


def test_what_an_application_may_send():
    said = of("media", media={"payload": b64encode(b"abc").decode(), "track": "outbound"})
    assert read(said, WHO.stream) == Said(b"abc")
    assert read(of("mark", mark={"name": ""}), WHO.stream) == Marked("")
    assert read(of("clear"), WHO.stream) == Cleared()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 31950),
        ("{", 31950),
        ("[" * 100_000, 31950),
        ("[]", 31950),
        ("null", 31950),
        (b"\x00", 31950),
        ("{}", 31951),
        (of("start"), 31951),
        (json.dumps({"event": ["media"]}), 31951),
        (json.dumps({"event": "clear"}), 31951),
        (json.dumps({"event": "clear", "streamSid": "MZother"}), 31951),
        (of("media"), 31951),
        (of("media", media=[]), 31951),
        (of("media", media={}), 31951),
        (of("media", media={"payload": 3}), 31951),
        (of("media", media={"payload": "§"}), 31951),
        (of("media", media={"payload": "abc"}), 31951),
        (of("mark", mark={"name": 3}), 31951),
        (of("mark", mark="x"), 31951),
    ],
)
def test_what_is_not_understood_is_a_fault_with_twilios_code(text, code):
    fault = read(text, WHO.stream)
    assert isinstance(fault, Fault)
    assert fault.code == code
    assert fault.why


@given(st.text() | st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_nothing_an_application_sends_raises(text):
    read(text, WHO.stream)
