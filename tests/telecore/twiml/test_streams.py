"""<Connect>, <Start>, <Stop> and their <Stream>, read to the letter."""

import pytest

from telecore.errors import InvalidTwiml
from telecore.model import Track
from telecore.twiml.control import CallRecordingSpec, StreamSpec
from telecore.twiml.document import read_voice
from telecore.twiml.verbs.connect import Connect
from telecore.twiml.verbs.start import Start, StartRecording
from telecore.twiml.verbs.stop import Stop

PAGE = "https://app.example/voice/page"


def read(inner):
    document = read_voice(f"<Response>{inner}</Response>", PAGE)
    return document.verbs, [warning.code for warning in document.warnings]


def test_everything_that_can_be_said():
    verbs, warnings = read(
        '<Connect action="next" method="GET"><Stream url="wss://app.example/media" name="talk" track="inbound_track" '
        'statusCallback="/told" statusCallbackMethod="GET"><Parameter name="a" value="1"/><Parameter name="b" '
        'value=""/></Stream></Connect>'
        '<Start><Stream url="wss://app.example/ears" name="ears" track="both_tracks"/></Start>'
        '<Stop><Stream name="ears"/></Stop>'
    )
    assert warnings == []
    assert verbs == (
        Connect(
            StreamSpec(
                "wss://app.example/media",
                "talk",
                both_ways=True,
                parameters={"a": "1", "b": ""},
                status_callback="https://app.example/told",
                status_callback_method="GET",
            ),
            "https://app.example/voice/next",
            "GET",
        ),
        Start(StreamSpec("wss://app.example/ears", "ears", (Track.INBOUND, Track.OUTBOUND))),
        Stop("ears"),
    )


def test_a_relative_url_is_the_documents_own_host():
    (verb,), warnings = read('<Start><Stream url="/media"/></Start>')
    assert (verb.stream.url, warnings) == ("wss://app.example/media", [])


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        ('<Stream url="https://app.example/"/>', 31922),
        ('<Stream url="ftp://app.example/"/>', 31922),
        ("<Stream/>", 31923),
        ('<Stream url="wss://app.example/?a=b"/>', 31923),
        ('<Stream url="wss://[half"/>', 31923),
        ('<Stream url="wss://app.example:port/"/>', 31923),
        ('<Stream url="wss://"/>', 31923),
    ],
)
def test_a_url_that_cannot_be_asked_leaves_the_verb_out(stream, code):
    assert read(f"<Connect>{stream}</Connect><Hangup/>")[1] == [code]
    verbs, warnings = read(f"<Start>{stream}</Start>")
    assert (verbs, warnings) == ((), [code])


@pytest.mark.parametrize(
    ("inner", "codes"),
    [
        ('<Connect><Stream url="wss://a.example/" track="both_tracks"/></Connect>', [31941]),
        ('<Start><Stream url="wss://a.example/" track="all"/></Start>', [31941]),
        ('<Start><Stream url="wss://a.example/" audioFormat="audio/l16"/></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/" sampleRate="16000"/></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/" connectorName="x"/></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/" strange="x"/></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/"><Parameter value="x"/></Stream></Start>', [12200]),
        (f'<Start><Stream url="wss://a.example/"><Parameter name="x" value="{"y" * 500}"/></Stream></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/"><Say>x</Say></Stream></Start>', [12200]),
        ('<Start><Stream url="wss://a.example/"/><Stream url="wss://b.example/"/></Start>', [12200]),
    ],
)
def test_what_is_not_done_as_written_is_warned_of(inner, codes):
    verbs, warnings = read(inner)
    assert warnings == codes
    (verb,) = verbs
    assert verb.stream.url == "wss://a.example/"
    assert verb.stream.tracks == (Track.INBOUND,)
    assert verb.stream.parameters == {}


@pytest.mark.parametrize("noun", ["VirtualAgent", "ConversationRelay", "Room", "Say"])
def test_nobody_else_can_be_connected(noun):
    with pytest.raises(InvalidTwiml, match=noun) as refused:
        read(f"<Connect><{noun}/></Connect>")
    assert refused.value.code == 12200


def test_what_else_can_be_started_is_left_out_with_a_warning_and_what_cannot_is_refused():
    assert read("<Start><Siprec/></Start><Start><Transcription/></Start>") == ((), [12200, 12200])
    assert read("<Start/><Stop/><Connect/>") == ((), [12200, 12200, 12200])
    with pytest.raises(InvalidTwiml):
        read("<Start><Say>x</Say></Start>")


def test_a_recording_may_be_started_beside_the_page():
    verbs, warnings = read(
        '<Start><Recording channels="dual" track="inbound" trim="trim-silence" recordingStatusCallback="/told" '
        'recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="in-progress completed"/></Start>'
        "<Start><Recording/></Start>"
    )
    told = CallRecordingSpec(2, "inbound", True, "https://app.example/told", "GET", ("in-progress", "completed"))
    assert (verbs, warnings) == ((StartRecording(told), StartRecording(CallRecordingSpec())), [])
    verbs, warnings = read('<Start><Recording channels="3" track="all"/></Start>')
    assert (verbs, warnings) == ((StartRecording(CallRecordingSpec()),), [12200, 12200])


def test_stop_needs_a_name():
    assert read("<Stop><Stream/></Stop>") == ((), [12200])
