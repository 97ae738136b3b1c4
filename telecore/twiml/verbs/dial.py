"""<Dial>: connect the caller with somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, DialOutcome, DialSpec, DialTarget
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb

MAX_TARGETS = 10
CALL_EVENTS = ("initiated", "ringing", "answered", "completed")
RECORD = (
    "do-not-record", "record-from-answer", "record-from-ringing",
    "record-from-answer-dual", "record-from-ringing-dual", "true", "false",
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
        targets=_targets(node, reading),
        caller_id=attributes.text("callerId").strip() or None,
        timeout_s=float(attributes.integer("timeout", 30, 1, 600, 13212)),
        time_limit_s=float(attributes.integer("timeLimit", 14400, 1, 86400, 13216)),
        answer_on_bridge=attributes.boolean("answerOnBridge", False),
        hangup_on_star=attributes.boolean("hangupOnStar", False, 13213),
        sequential=attributes.boolean("sequential", False),
        ring_tone=attributes.text("ringTone", "auto"),
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


def _targets(node: Node, reading: Reading) -> tuple[DialTarget, ...]:
    targets = [_number(child, reading) for child in node.children]
    text = node.text.strip()
    if text and not targets:
        targets = [DialTarget(_digits(text))]
    if not targets:
        raise InvalidTwiml("<Dial> names nobody to call", code=13224, line=node.line)
    if len(targets) > MAX_TARGETS:
        raise InvalidTwiml(f"<Dial> names more than {MAX_TARGETS} numbers", code=12200, line=node.line)
    return tuple(targets)


def _number(node: Node, reading: Reading) -> DialTarget:
    if node.name != "Number":
        raise InvalidTwiml(f"<{node.name}> within <Dial> cannot be reached from here", code=13215, line=node.line)
    attributes = Attributes(node, reading)
    target = DialTarget(
        number=_digits(node.text.strip()),
        url=attributes.url("url") or None,
        method=attributes.method(code=13221),
        send_digits=_send_digits(attributes.text("sendDigits"), node, reading),
        status_callback=attributes.url("statusCallback"),
        status_callback_method=attributes.method("statusCallbackMethod"),
        status_callback_events=attributes.words("statusCallbackEvent", ("completed",), CALL_EVENTS),
    )
    if attributes.given("machineDetection"):
        reading.warn(21234, "<Number> machineDetection is not done here", node)
    attributes.close(ignored=("byoc",))
    return target


def _send_digits(digits: str, node: Node, reading: Reading) -> str:
    if set(digits) <= set("0123456789*#ABCDwW"):
        return digits
    reading.warn(13222, "<Number> sendDigits may hold 0-9, *, #, A-D, w and W only; left out", node)
    return ""


def _digits(text: str) -> str:
    """A number as people write it, without what they put between the digits."""
    return "".join(c for c in text if c not in " -().\t\r\n")
