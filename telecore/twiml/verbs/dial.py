"""<Dial>: connect the caller with somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, DialOutcome, DialSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs.dial_nouns import read_targets

RECORD = (
    "do-not-record", "record-from-answer", "record-from-ringing",
    "record-from-answer-dual", "record-from-ringing-dual", "true", "false",
)  # fmt: skip
RING_TONES = (
    "auto", "at", "au", "bg", "br", "be", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hu", "il",
    "in", "it", "lt", "jp", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "se", "sg", "th", "uk", "us",
    "us-old", "tw", "ve", "za",
)  # fmt: skip
RECORD_WORDS = {"true": "record-from-answer", "false": "do-not-record"}


@dataclass(frozen=True, slots=True)
class Dial(Verb):
    """Without an ``action`` the page goes on after the dial."""

    kind: ClassVar[str] = "dial"
    spec: DialSpec
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        outcome = await call.dial(self.spec)
        return Goto(self.action, self.method, action_params(outcome)) if self.action else None


def action_params(outcome: DialOutcome) -> dict[str, str]:
    """What the action URL is told; the cloud adds RecordingUrl to a RecordingSid."""
    params = {"DialCallStatus": str(outcome.status), "DialBridged": str(outcome.bridged).lower()}
    if outcome.call is not None:
        params["DialCallSid"] = outcome.call
    if outcome.bridged:
        params["DialCallDuration"] = str(outcome.duration_s)
    if outcome.recording is not None:
        params["RecordingSid"] = outcome.recording
        params["RecordingDuration"] = str(round(outcome.recording_duration_s))
    return params


def read(node: Node, reading: Reading) -> Dial:
    attributes = Attributes(node, reading)
    record = attributes.choice("record", "do-not-record", RECORD, 13217)
    spec = DialSpec(
        targets=read_targets(node, reading),
        caller_id=attributes.text("callerId").strip() or None,
        timeout_s=float(attributes.integer("timeout", 30, 5, 600, 13212)),
        time_limit_s=float(attributes.integer("timeLimit", 14400, 1, 86400, 13216)),
        answer_on_bridge=attributes.boolean("answerOnBridge", False),
        hangup_on_star=attributes.boolean("hangupOnStar", False, 13213),
        sequential=attributes.boolean("sequential", False),
        ring_tone=attributes.choice("ringTone", "auto", RING_TONES),
        record=RECORD_WORDS.get(record, record),
        trim_silence=attributes.choice("trim", "do-not-trim", ("trim-silence", "do-not-trim")) == "trim-silence",
        recording_track=attributes.choice("recordingTrack", "both", ("both", "inbound", "outbound")),
        recording_status_callback=attributes.url("recordingStatusCallback"),
        recording_status_callback_method=attributes.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=attributes.words(
            "recordingStatusCallbackEvent", ("completed",), ("in-progress", "completed", "absent")
        ),
    )
    if attributes.given("referUrl") or attributes.given("referMethod"):
        reading.warn(12200, "<Dial> referUrl: a SIM's call cannot be referred", node)
    verb = Dial(spec, attributes.url("action"), attributes.method(code=13210))
    attributes.close(ignored=("recordingConfigurationId", "events", "passports"))
    return verb
