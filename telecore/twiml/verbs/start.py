"""<Start>: what runs beside the page from now on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import NO_CONFIGURATIONS, Attributes, refuse_children
from telecore.twiml.control import CallControl, CallRecordingSpec, StreamSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb
from telecore.twiml.verbs import stream

NOT_OFFERED = ("Siprec", "Transcription")
EVENTS = ("in-progress", "completed", "absent")


@dataclass(frozen=True, slots=True)
class Start(Verb):
    kind: ClassVar[str] = "start"
    stream: StreamSpec

    async def execute(self, call: CallControl) -> None:
        call.start_stream(self.stream)


@dataclass(frozen=True, slots=True)
class StartRecording(Verb):
    kind: ClassVar[str] = "start.recording"
    spec: CallRecordingSpec

    async def execute(self, call: CallControl) -> None:
        call.start_recording(self.spec)


def read(node: Node, reading: Reading) -> Verb | None:
    Attributes(node, reading).close(ignored=("action", "method"))
    found = stream.the_noun(node, reading, ("Stream", "Recording"), NOT_OFFERED)
    if found is None:
        return None
    if found.name == "Recording":
        return _recording(found, reading)
    spec = stream.read(found, reading, both_ways=False)
    return Start(spec) if spec is not None else None


def _recording(node: Node, reading: Reading) -> StartRecording:
    attributes = Attributes(node, reading)
    spec = CallRecordingSpec(
        channels=2 if attributes.choice("channels", "mono", ("mono", "dual")) == "dual" else 1,
        track=attributes.choice("track", "both", ("inbound", "outbound", "both")),
        trim_silence=attributes.choice("trim", "do-not-trim", ("trim-silence", "do-not-trim")) == "trim-silence",
        status_callback=attributes.url("recordingStatusCallback"),
        status_callback_method=attributes.method("recordingStatusCallbackMethod"),
        status_callback_events=attributes.words("recordingStatusCallbackEvent", ("completed",), EVENTS),
    )
    attributes.without_effect("recordingConfigurationId", NO_CONFIGURATIONS)
    attributes.close()
    refuse_children(node, reading)
    return StartRecording(spec)
