"""<Conference>, <Queue>, <Enqueue> and <Leave>: every attribute read, every fault told with its code."""

from __future__ import annotations

import pytest

from telecore.errors import InvalidTwiml
from telecore.stays import (
    ConferenceSpec,
    DequeueSpec,
    EnqueueSpec,
    StayOutcome,
    conference_params,
    dequeue_params,
    queue_params,
)
from telecore.twiml.document import read_voice
from telecore.twiml.verbs.conference import Conference
from telecore.twiml.verbs.enqueue import Enqueue
from telecore.twiml.verbs.leave import Leave
from telecore.twiml.verbs.queue import DialQueue

HERE = "http://app.example/a/voice"


def read(text):
    document = read_voice(f"<Response>{text}</Response>", HERE)
    return document.verbs, [warning.code for warning in document.warnings]


def test_a_bare_conference_has_twilios_defaults():
    verbs, warnings = read("<Dial><Conference> Room 1 </Conference></Dial>")
    assert (verbs, warnings) == ((Conference(ConferenceSpec("Room 1")),), [])


def test_every_attribute_of_a_conference():
    verbs, warnings = read(
        '<Dial action="/done" method="GET" hangupOnStar="true" timeLimit="60" timeout="20"><Conference muted="true"'
        ' beep="onExit" startConferenceOnEnter="false" endConferenceOnExit="true" waitUrl="wait" waitMethod="GET"'
        ' maxParticipants="5" record="record-from-start" trim="do-not-trim" region="us1" jitterBufferSize="small"'
        ' coach="CA1" participantLabel="doctor" statusCallback="/s" statusCallbackMethod="GET"'
        ' statusCallbackEvent="start end join leave mute hold modify speaker announcement"'
        ' recordingStatusCallback="/r" recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="absent"'
        ' eventCallbackUrl="/e">R</Conference></Dial>'
    )
    spec = ConferenceSpec(
        "R",
        muted=True,
        beep="onExit",
        start_on_enter=False,
        end_on_exit=True,
        wait_url="http://app.example/a/wait",
        wait_method="GET",
        max_participants=5,
        record=True,
        trim_silence=False,
        coach="CA1",
        label="doctor",
        status_callback="http://app.example/s",
        status_callback_method="GET",
        status_callback_events=("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"),
        recording_status_callback="http://app.example/r",
        recording_status_callback_method="GET",
        recording_status_callback_events=("absent",),
        event_callback="http://app.example/e",
        hangup_on_star=True,
        time_limit_s=60.0,
    )
    assert (verbs, warnings) == ((Conference(spec, "http://app.example/done", "GET"),), [])


def test_an_empty_wait_url_is_silence():
    (verb,), _ = read('<Dial><Conference waitUrl="">R</Conference></Dial>')
    assert verb.spec.wait_url == ""


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ('muted="maybe"', 13230),
        ('endConferenceOnExit="x"', 13231),
        ('startConferenceOnEnter="x"', 13232),
        ('waitUrl="mailto:x"', 13233),
        ('waitMethod="PUT"', 13234),
        ('beep="loud"', 13235),
        ('maxParticipants="1"', 12200),
        ('maxParticipants="251"', 12200),
        ('statusCallbackEvent="start nap"', 12200),
        ('record="always"', 12200),
        ('foo="1"', 12200),
        ('trim="x"', 13239),
        ('participantLabel="a/b"', 16023),
        (f'participantLabel="CA{"0" * 32}"', 16023),
        (f'participantLabel="{"x" * 129}"', 16023),
    ],
)
def test_what_is_odd_in_a_conference_is_warned_of(attribute, code):
    (verb,), warnings = read(f"<Dial><Conference {attribute}>R</Conference></Dial>")
    assert warnings == [code]
    assert verb.kind == "conference"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<Dial><Conference/></Dial>", 13237),
        (f"<Dial><Conference>{'x' * 129}</Conference></Dial>", 13237),
        ("<Dial><Conference>R</Conference><Number>+85512000001</Number></Dial>", 13215),
        ("<Dial><Queue/></Dial>", 14212),
        ("<Enqueue/>", 14204),
        (f"<Enqueue>{'x' * 65}</Enqueue>", 14205),
        ('<Enqueue workflowSid="WW1"/>', 14220),
        ("<Enqueue><Task>{}</Task></Enqueue>", 14220),
    ],
)
def test_what_names_nothing_is_refused(text, code):
    with pytest.raises(InvalidTwiml) as refused:
        read(text)
    assert refused.value.code == code


def test_a_recording_of_the_dial_is_not_one_of_the_room():
    assert read('<Dial record="record-from-answer"><Conference>R</Conference></Dial>')[1] == [13217]


def test_a_queue_and_who_takes_from_it():
    verbs, warnings = read(
        '<Enqueue action="/q" method="GET" maxQueueSize="7" waitUrl="/w" waitUrlMethod="GET">support</Enqueue>'
        '<Leave/><Dial timeout="9" action="/d" ringTone="us"><Queue url="/u" method="GET">support</Queue></Dial>'
    )
    enqueue = EnqueueSpec("support", 7, "http://app.example/w", "GET", "http://app.example/q", "GET")
    dequeue = DequeueSpec("support", "http://app.example/u", "GET", timeout_s=9.0, ring_tone="us")
    assert verbs == (Enqueue(enqueue), Leave(), DialQueue(dequeue, "http://app.example/d"))
    assert warnings == []


def test_a_ring_tone_that_there_is_not_is_told():
    (verb,), warnings = read('<Dial ringTone="mars"><Queue>q</Queue></Dial>')
    assert (verb.spec.ring_tone, warnings) == ("auto", [12200])


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (StayOutcome("hangup", "QU1"), "hangup"),
        (StayOutcome("hangup", "QU1", "CA1"), "bridging-in-process"),
        (StayOutcome("hangup", "QU1", "CA1", 3, 4), "bridged"),
        (StayOutcome("ended", "QU1", "CA1", 3, 4), "bridged"),
        (StayOutcome("redirected", "QU1"), "redirected"),
        (StayOutcome("redirected", "QU1", "CA1", 3, 4), "redirected-from-bridged"),
        (StayOutcome("leave", "QU1"), "leave"),
        (StayOutcome("full"), "queue-full"),
        (StayOutcome("error"), "error"),
        (StayOutcome("odd"), "system-error"),
    ],
)
def test_queue_results(outcome, result):
    params = queue_params(outcome)
    assert params["QueueResult"] == result
    assert ("QueueSid" in params) == (outcome.sid != "")


def test_what_the_actions_of_a_dial_are_told():
    assert conference_params(StayOutcome("hangup", "CF1", live_s=2)) == {
        "DialCallStatus": "answered",
        "DialBridged": "true",
    }
    assert conference_params(StayOutcome("full"))["DialCallStatus"] == "failed"
    assert dequeue_params(StayOutcome("ended", "QU1", "CA1", 3, 4)) == {
        "DialCallStatus": "completed",
        "DialBridged": "true",
        "DialCallDuration": "4",
        "DialCallSid": "CA1",
    }
    for because, status in (("timeout", "no-answer"), ("hangup", "canceled"), ("error", "failed")):
        assert dequeue_params(StayOutcome(because))["DialCallStatus"] == status
