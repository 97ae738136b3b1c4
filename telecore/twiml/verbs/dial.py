"""<Dial>: connect the caller with somebody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import NO_CONFIGURATIONS, Attributes
from telecore.twiml.control import RING_TONES, CallControl, DialOutcome, DialSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs import conference, queue
from telecore.twiml.verbs.dial_nouns import read_targets

RECORD = (
    "do-not-record", "record-from-answer", "record-from-ringing",
    "record-from-answer-dual", "record-from-ringing-dual", "true", "false",
)  # fmt: skip
RECORD_WORDS = {"true": "record-from-answer", "false": "do-not-record"}

ROOMS: Mapping[str, Callable[[Attributes, Node, Reading], Verb]] = {"Conference": conference.read, "Queue": queue.read}
OF_LEGS = (
    "timeout", "callerId", "answerOnBridge", "sequential", "ringTone", "record", "trim", "recordingTrack",
    "recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent", "referUrl",
    "referMethod", "recordingConfigurationId", "events", "passports",
)  # fmt: skip
"""Attributes that mean something only where somebody is called."""


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


def read(node: Node, reading: Reading) -> Verb:
    attributes = Attributes(node, reading)
    room = next((child for child in node.children if child.name in ROOMS), None)
    if room is not None:
        return _room(attributes, node, room, reading)
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
    attributes.without_effect("recordingConfigurationId", NO_CONFIGURATIONS)
    attributes.close(ignored=("events", "passports"))
    return verb


def _room(dial: Attributes, node: Node, room: Node, reading: Reading) -> Verb:
    """A conference or a queue, which is dialled alone."""
    if len(node.children) > 1:
        raise InvalidTwiml(f"<{room.name}> must be alone within its <Dial>", code=13215, line=room.line)
    verb = ROOMS[room.name](dial, room, reading)
    dial.close(ignored=OF_LEGS)
    return verb
