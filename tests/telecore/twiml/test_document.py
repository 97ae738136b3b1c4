"""Reading TwiML: what is refused, what is warned of, and the defaults of Twilio's attribute tables."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.codec import decode_command, encode
from telecore.commands import RunPage
from telecore.errors import InvalidTwiml
from telecore.ids import CallSid
from telecore.model import MachineSpec
from telecore.twiml.control import CollectSpec, DialSpec, DialTarget, RecordSpec
from telecore.twiml.document import read_voice
from telecore.twiml.nodes import MAX_DEPTH
from telecore.twiml.page import Verb
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.record import Record
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.refer import Refer
from telecore.twiml.verbs.reject import Reject
from telecore.twiml.verbs.say import Say

URL = "https://app.example/ivr/start.xml?a=1"


def one(xml: str) -> Verb:
    document = read_voice(f"<Response>{xml}</Response>", URL)
    assert document.warnings == ()
    (verb,) = document.verbs
    return verb


def warned(xml: str) -> tuple[int, ...]:
    return tuple(w.code for w in read_voice(f"<Response>{xml}</Response>", URL).warnings)


@pytest.mark.parametrize(
    ("xml", "verb"),
    [
        ("<Say>Hello  there\n friend</Say>", Say("Hello there friend")),
        ('<Say voice="woman" language="km-KH" loop="0">hi</Say>', Say("hi", "woman", "km-KH", 0)),
        ("<Play>a.wav</Play>", Play("https://app.example/ivr/a.wav")),
        ('<Play digits="1w#" loop="3"/>', Play(digits="1w#", loop=3)),
        ("<Pause/>", Pause(1)),
        ('<Pause length="7"/>', Pause(7)),
        ("<Gather/>", Gather(URL)),
        (
            '<Gather action="/menu" method="get" timeout="9" finishOnKey="" numDigits="4" bargeIn="false"'
            ' actionOnEmptyResult="true"><Say>code</Say><Pause/></Gather>',
            Gather(
                "https://app.example/menu",
                "GET",
                CollectSpec(9.0, 4, "", False),
                True,
                (Say("code"), Pause(1)),
            ),
        ),
        ("<Record/>", Record(URL)),
        (
            '<Record action="done" timeout="3" maxLength="20" finishOnKey="5" playBeep="false" trim="do-not-trim"'
            ' recordingStatusCallback="/rec" recordingStatusCallbackEvent="in-progress completed"/>',
            Record(
                "https://app.example/ivr/done",
                "POST",
                RecordSpec(
                    3.0, "5", 20.0, False, False, "https://app.example/rec", "POST", ("in-progress", "completed")
                ),
            ),
        ),
        (
            '<Dial><Number machineDetection="DetectMessageEnd" machineDetectionTimeout="20" '
            'machineDetectionSpeechThreshold="2000" machineDetectionSpeechEndThreshold="900" '
            'machineDetectionSilenceTimeout="3000" amdStatusCallback="amd">+85512000001</Number>'
            '<Sip machineDetection="enable" amdStatusCallbackMethod="GET">sip:bob@pbx.example</Sip></Dial>',
            Dial(
                DialSpec(
                    (
                        DialTarget(
                            "+85512000001",
                            machine=MachineSpec(True, 20000, 2000, 900, 3000),
                            machine_callback="https://app.example/ivr/amd",
                        ),
                        DialTarget(
                            "sip:bob@pbx.example", kind="sip", machine=MachineSpec(), machine_callback_method="GET"
                        ),
                    )
                )
            ),
        ),
        ("<Redirect>next</Redirect>", Redirect("https://app.example/ivr/next")),
        ('<Redirect method="GET"/>', Redirect(URL, "GET")),
        ("<Reject/>", Reject(False)),
        ('<Reject reason="busy"/>', Reject(True)),
        ("<Hangup/>", Hangup()),
        (
            '<Refer action="a" method="GET"><Sip>sip:ann@pbx.example?x-a=1%202</Sip></Refer>',
            Refer("sip:ann@pbx.example?x-a=1%202", "https://app.example/ivr/a", "GET"),
        ),
        ("<Dial>+855 12 345-678</Dial>", Dial(DialSpec((DialTarget("+85512345678"),)))),
        (
            '<Dial action="after" timeout="10" timeLimit="60" callerId="+85510000001" answerOnBridge="true"'
            ' hangupOnStar="true" record="record-from-answer-dual" sequential="true">'
            '<Number url="whisper" sendDigits="wW1" statusCallback="/s" statusCallbackEvent="ringing answered">'
            "+85512000001</Number><Number>+85512000002</Number></Dial>",
            Dial(
                DialSpec(
                    (
                        DialTarget(
                            "+85512000001",
                            "https://app.example/ivr/whisper",
                            "POST",
                            "wW1",
                            "https://app.example/s",
                            "POST",
                            ("ringing", "answered"),
                        ),
                        DialTarget("+85512000002"),
                    ),
                    caller_id="+85510000001",
                    timeout_s=10.0,
                    time_limit_s=60.0,
                    answer_on_bridge=True,
                    hangup_on_star=True,
                    sequential=True,
                    record="record-from-answer-dual",
                ),
                "https://app.example/ivr/after",
            ),
        ),
        (
            '<Dial><Sip username="u" password="p" url="w" sendDigits="1"> sip:bob@pbx.example?x-a=1 </Sip></Dial>',
            Dial(
                DialSpec(
                    (
                        DialTarget(
                            "sip:bob@pbx.example?x-a=1",
                            "https://app.example/ivr/w",
                            send_digits="1",
                            kind="sip",
                            username="u",
                            password="p",
                        ),
                    )
                )
            ),
        ),
    ],
)
def test_verbs_with_their_defaults(xml: str, verb: Verb) -> None:
    assert one(xml) == verb


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("this is no XML", 12100),
        ("", 12100),
        ("<Response>", 12100),
        ("<!DOCTYPE Response [<!ENTITY a 'b'>]><Response>&a;</Response>", 12100),
        ("<!DOCTYPE Response SYSTEM 'http://evil/x.dtd'><Response/>", 12100),
        ("<Response>&undefined;</Response>", 12100),
        ("<html><body>hi</body></html>", 12102),
        ("<response/>", 12102),
        ("<Response><Conquer/></Response>", 12200),
        ("<Response><say>lower case</say></Response>", 12200),
        ("<Response><Gather><Gather/></Gather></Response>", 13320),
        ("<Response><Gather><Dial>1</Dial></Gather></Response>", 13320),
        ("<Response><Dial/></Response>", 13224),
        ("<Response><Refer/></Response>", 12200),
        ("<Response><Refer><Sip>sip:a@b</Sip><Sip>sip:a@b</Sip></Refer></Response>", 12200),
        ("<Response><Refer><Sip>ann</Sip></Refer></Response>", 13243),
        ("<Response><Dial><Sim>DE1</Sim></Dial></Response>", 13215),
        ("<Response><Dial>" + "<Number>1</Number>" * 11 + "</Dial></Response>", 12200),
        ("<Response><Dial>" + "<Sip>sip:a@b</Sip>" * 11 + "</Dial></Response>", 13250),
        ("<Response><Say>" + "a" * 4097 + "</Say></Response>", 13520),
        ("<Response><Say>" + "a" * 70000 + "</Say></Response>", 11750),
        ("<Response>" + "<Say>" * (MAX_DEPTH + 1), 12100),
        ("<Response><Say>\ud800</Say></Response>", 12100),
    ],
)
def test_refused(text: str, code: int) -> None:
    with pytest.raises(InvalidTwiml) as caught:
        read_voice(text, URL)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("xml", "codes"),
    [
        ('<Say loop="-1">a</Say>', (13510,)),
        ("<Say/>", (13520,)),
        ("<Say><prosody rate='swift'>a</prosody></Say>", (13520,)),
        ('<Say colour="red">a</Say>', (12200,)),
        ('<Play loop="x">a</Play>', (13410,)),
        ('<Play digits="12z"/>', (13222, 13420)),
        ("<Play/>", (13420,)),
        ("<Play>ftp://a/b</Play>", (11100,)),
        ("<Play>http://[::1</Play>", (11100,)),
        ("<Redirect>http://[::1</Redirect>", (11100,)),
        ('<Record action="//[::1"/>', (11100,)),
        ('<Gather timeout="soon"/>', (13313,)),
        ('<Gather numDigits="0"/>', (13314,)),
        ('<Gather finishOnKey="x"/>', (13310,)),
        ('<Gather method="PUT"/>', (13312,)),
        ('<Pause length="1.5"/>', (13910,)),
        ('<Record maxLength="0"/>', (13611,)),
        ('<Record transcribe="perhaps"/>', (13617,)),
        ('<Dial timeout="601">1</Dial>', (13212,)),
        ('<Dial timeout="4">1</Dial>', (13212,)),
        ('<Dial record="maybe">1</Dial>', (13217,)),
        ('<Dial timeLimit="0">1</Dial>', (13216,)),
        ('<Dial hangupOnStar="perhaps">1</Dial>', (13213,)),
        ('<Dial method="PUT">1</Dial>', (13210,)),
        ('<Dial ringTone="mars">1</Dial>', (12200,)),
        ('<Dial><Number method="PUT">1</Number></Dial>', (13221,)),
        ('<Dial><Number sendDigits="1-2">1</Number></Dial>', (13222,)),
        ('<Dial><Number machineDetection="maybe">1</Number></Dial>', (21234,)),
        ('<Dial><Number machineDetection="Enable" machineDetectionTimeout="90">1</Number></Dial>', (21234,)),
        ("<Dial><Number>1<Say>a</Say></Number></Dial>", (13215,)),
        ('<Dial><Sip method="PUT" sendDigits="x">sip:a@b</Sip></Dial>', (13241, 13242)),
        ('<Dial referUrl="/x">1</Dial>', (12200,)),
        ("<Hangup><Say>a</Say></Hangup>", (12200,)),
    ],
)
def test_warned_and_run_with_the_default(xml: str, codes: tuple[int, ...]) -> None:
    assert warned(xml) == codes


@pytest.mark.parametrize(
    "xml",
    [
        "<Record {}/>", "<Dial {}>+85512000001</Dial>", "<Dial><Conference {}>R</Conference></Dial>",
        "<Start><Recording {}/></Start>",
    ],
)  # fmt: skip
def test_where_recordings_are_kept_is_nothing_a_document_can_say(xml: str) -> None:
    page = xml.format("recordingConfigurationId='x'")
    (warning,) = read_voice(f"<Response>{page}</Response>", URL).warnings
    assert (warning.code, "kept as this server keeps all" in warning.text) == (12200, True)


@pytest.mark.parametrize(("track", "codes"), [("inbound", ()), ("outbound", (12200,)), ("x", (12200,))])
def test_a_record_holds_what_the_caller_says(track: str, codes: tuple[int, ...]) -> None:
    assert warned(f"<Record recordingTrack='{track}'/>") == codes


def test_the_word_doctype_is_no_doctype() -> None:
    text = "<Response><!-- <!DOCTYPE a> --><Say><![CDATA[a <!DOCTYPE b>]]></Say></Response>"
    assert read_voice(text, URL).verbs == (Say("a <!DOCTYPE b>"),)


def test_depth_is_bounded() -> None:
    deep = "<b>" * MAX_DEPTH + "</b>" * MAX_DEPTH
    with pytest.raises(InvalidTwiml, match="nested more than"):
        read_voice(f"<Response><Say>{deep}</Say></Response>", URL)


def test_a_warning_names_its_line() -> None:
    (warning,) = read_voice("<Response>\n<Say>a<!-- b -->c</Say>\n<Pause\n length='x'/></Response>", URL).warnings
    assert warning.line == 3


def test_an_error_names_its_line() -> None:
    with pytest.raises(InvalidTwiml, match=r"<Bad>.*\(line 3\)"):
        read_voice("<Response>\n<Say>a</Say>\n<Bad/>\n</Response>", URL)


def test_a_declaration_with_another_encoding_is_not_believed_twice() -> None:
    text = '\ufeff<?xml version="1.0" encoding="UTF-16"?>\n<Response><Say>សួស្តី</Say></Response>'
    assert read_voice(text, URL).verbs == (Say("សួស្តី"),)


def test_a_page_survives_the_tunnel() -> None:
    xml = "<Response><Gather><Say>a</Say></Gather><Dial><Number>+85512</Number></Dial><Record/></Response>"
    command = RunPage(call=CallSid("CA" + "0" * 32), page=1, verbs=read_voice(xml, URL).verbs)
    assert decode_command(json.loads(json.dumps(encode(command)))) == command


@given(st.text(max_size=300))
def test_any_text_is_a_page_or_a_refusal(text: str) -> None:
    try:
        read_voice(text, URL)
    except InvalidTwiml:
        return
