"""<Record>: what the caller says, kept as a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from telecore.twiml.attributes import NO_CONFIGURATIONS, Attributes, refuse_children
from telecore.twiml.control import CallControl, RecordSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb

EVENTS = ("in-progress", "completed", "absent")


@dataclass(frozen=True, slots=True)
class Record(Verb):
    """An empty recording leads to the next verb. The cloud adds RecordingUrl to the request."""

    kind: ClassVar[str] = "record"
    action: str
    method: str = "POST"
    spec: RecordSpec = field(default_factory=RecordSpec)

    async def execute(self, call: CallControl) -> Goto | None:
        await call.ensure_answered()
        recorded = await call.record(self.spec)
        if recorded is None:
            return None
        params = {
            "RecordingSid": recorded.sid,
            "RecordingDuration": str(round(recorded.duration_s)),
            "Digits": recorded.digits,
        }
        return Goto(self.action, self.method, params)


def read(node: Node, reading: Reading) -> Record:
    attributes = Attributes(node, reading)
    told = attributes.url("transcribeCallback")
    spec = RecordSpec(
        timeout_s=float(attributes.integer("timeout", 5, 0, 3600, 13612)),
        finish_on_key=attributes.keys("finishOnKey", "1234567890*#", 13613),
        max_length_s=float(attributes.integer("maxLength", 3600, 1, 14400, 13611)),
        play_beep=attributes.boolean("playBeep", True, 13614),
        trim_silence=attributes.choice("trim", "trim-silence", ("trim-silence", "do-not-trim")) == "trim-silence",
        status_callback=attributes.url("recordingStatusCallback"),
        status_callback_method=attributes.method("recordingStatusCallbackMethod"),
        status_callback_events=attributes.words("recordingStatusCallbackEvent", ("completed",), EVENTS),
        transcribe=attributes.boolean("transcribe", bool(told), 13617),
        transcribe_callback=told,
    )
    verb = Record(attributes.url("action", reading.url), attributes.method(code=13610), spec)
    if attributes.choice("recordingTrack", "inbound", ("inbound", "outbound", "both")) != "inbound":
        attributes.without_effect("recordingTrack", "has no effect: what the caller says is recorded, and nothing else")
    attributes.without_effect("recordingConfigurationId", NO_CONFIGURATIONS)
    attributes.close()
    refuse_children(node, reading)
    return verb
