"""What a customer's server may answer: documents for calls and for messages."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from telecore.codec import decode_command, encode
from telecore.commands import RunPage
from telecore.errors import InvalidTwiml
from telecore.ids import CallSid
from telecore.twiml.document import read_voice
from telecore.twiml.messaging import read_messaging
from telecore.twiml.verbs import READERS
from tests.faults.conftest import Progress, Report
from tests.faults.fuzzing import NUMBERS, WORDS, fuzz, spoiled_lines, spoiled_text

URL = "https://app.example/ivr/start.xml?a=1"
ATTRIBUTES = (
    "action", "method", "timeout", "finishOnKey", "numDigits", "loop", "length", "voice", "language", "url", "name",
    "maxLength", "playBeep", "trim", "callerId", "timeLimit", "record", "reason", "statusCallback", "input", "hints",
    "startConferenceOnEnter", "beep", "waitUrl", "maxParticipants", "coach", "track", "digits", "sendDigits", "to",
    "from", "transcribe", "machineDetection", "statusCallbackEvent", "answerOnBridge", "ringTone", "bargeIn",
    "speechTimeout", "interpret-as", "rate", "pitch", "volume", "level", "time", "strength", "alphabet", "xml:lang",
)  # fmt: skip
NAMES = (
    *READERS, "Response", "Number", "Client", "Sip", "Conference", "Queue", "Stream", "Parameter", "Message", "Body",
    "Media", "break", "emphasis", "lang", "p", "s", "prosody", "phoneme", "say-as", "sub", "w", "amazon:effect", "Foo",
)  # fmt: skip
VALUES = (
    *NUMBERS, *WORDS, "true", "false", "yes", "GET", "POST", "delete", "/next", "//h/x", "http://[::1", "javascript:x",
    "dmy", "+85512000001", "sip:a@b;x=y?h=v", "client:alice", "1w2#*", "auto", "dtmf speech", "x-slow", "+6dB", "5s",
)  # fmt: skip
DOCUMENTS = (
    '<Response>\n<Gather action="/menu" numDigits="1" timeout="5">\n<Say voice="alice" language="km-KH">Press 1</Say>\n'
    "<Play>a.wav</Play>\n<Pause/>\n</Gather>\n<Redirect>/again</Redirect>\n</Response>",
    '<Response>\n<Dial callerId="+1" timeout="20" record="record-from-answer">\n<Number url="/w">+85512000001</Number>'
    '\n<Sip username="u" password="p">sip:a@b</Sip>\n<Client>alice</Client>\n</Dial>\n<Hangup/>\n</Response>',
    '<Response>\n<Dial>\n<Conference startConferenceOnEnter="false" waitUrl="" beep="onExit" maxParticipants="3">R'
    "</Conference>\n</Dial>\n</Response>",
    '<Response>\n<Start>\n<Stream url="wss://a/b" track="both_tracks">\n<Parameter name="a" value="b"/>\n</Stream>\n'
    '</Start>\n<Connect>\n<Stream url="wss://a/b"/>\n</Connect>\n</Response>',
    '<Response>\n<Say>\n<prosody rate="slow"><say-as interpret-as="date" format="dmy">1.2.2026</say-as></prosody>\n'
    '<break time="500ms"/>\n<sub alias="x">y</sub>\n<phoneme alphabet="ipa" ph="p">q</phoneme>\n</Say>\n</Response>',
    '<Response>\n<Enqueue waitUrl="/w" action="/a">support</Enqueue>\n<Record maxLength="30" finishOnKey="#"/>\n'
    '<Reject reason="busy"/>\n<Leave/>\n</Response>',
    '<Response>\n<Message to="+1" from="+2" action="/a">\n<Body>Hi</Body>\n<Media>http://x</Media>\n</Message>\n'
    "<Redirect>/r</Redirect>\n</Response>",
)  # fmt: skip
MARKUP = (
    "<!DOCTYPE x [<!ENTITY a 'b'>]>", "&a;", "&#0;", "&#x10FFFF;", "<![CDATA[", "]]>", "<!--", "-->", "<?xml version=",
    " encoding='utf-7'?>", "<?pi x?>", "<a:b xmlns:a='u'/>", "<xi:include href='file:///etc/passwd'/>", "</Response>",
    *(f"<{name}>" for name in NAMES), *(f"</{name}>" for name in NAMES), *(f"<{name}/>" for name in NAMES),
)  # fmt: skip


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> str:
    """Well-formed elements in places where they do not belong, with attributes that are not theirs."""
    name = draw(st.sampled_from(NAMES))
    given = draw(st.dictionaries(st.sampled_from(ATTRIBUTES), st.sampled_from(VALUES), max_size=4))
    attributes = "".join(f' {key}="{_escaped(value)}"' for key, value in given.items())
    children = draw(st.lists(trees(depth + 1), max_size=3)) if depth < 4 else []
    inner = _escaped(draw(st.sampled_from(VALUES))) + "".join(children)
    return f"<{name}{attributes}>{inner}</{name}>"


def _escaped(text: str) -> str:
    plain = "".join(char for char in text if char >= " " and not "\ud800" <= char <= "\udfff")
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


DOCUMENT = st.one_of(
    trees().map(lambda tree: f"<Response>{tree}</Response>"),
    spoiled_lines([text.split("\n") for text in DOCUMENTS], MARKUP, "\n"),
    spoiled_text(DOCUMENTS, MARKUP),
)


def read_for_a_call(text: str) -> None:
    """A page that is read can be sent to an edge, and is the same there."""
    document = read_voice(text, URL)
    command = RunPage(call=CallSid("CA" + "0" * 32), page=1, verbs=document.verbs)
    assert decode_command(json.loads(json.dumps(encode(command)))) == command
    assert all(warning.line >= 0 for warning in document.warnings)


def test_voice(report: Report, progress: Progress) -> None:
    report("fuzz: TwiML of calls", **fuzz(DOCUMENT, read_for_a_call, (InvalidTwiml,), progress, share=0.6).figures())


def test_messaging(report: Report, progress: Progress) -> None:
    def take(text: str) -> None:
        assert len(read_messaging(text, URL).replies) <= 11

    report("fuzz: TwiML of messages", **fuzz(DOCUMENT, take, (InvalidTwiml,), progress, share=0.4).figures())


def test_a_deep_or_broad_document_costs_little(report: Report) -> None:
    """The largest that is taken: 64 kB."""
    worst = [
        "<Response>" + "<Say>" * 9_000, "<Response>" + "<Hangup/>" * 7_000 + "</Response>",
        "<Response><Say " + " ".join(f'a{n}="x"' for n in range(7000)) + "/></Response>",
        "<Response><Say>" + "&amp;" * 12_000 + "</Say></Response>", "<" * 60_000, "<Response>" + "<!---->" * 9_000,
        "<Response><Say>" + "<prosody>" * 3000 + "x" + "</prosody>" * 3000 + "</Say></Response>",
    ]  # fmt: skip
    found = fuzz(
        st.integers(0, len(worst) - 1), lambda which: read_for_a_call(worst[which]), (InvalidTwiml,), seconds=0.2
    )
    report("fuzz: the largest TwiML", **found.figures())
