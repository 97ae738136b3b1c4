"""<Dial><Conference>: be one of many in a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.ids import is_sid
from telecore.stays import MAX_PARTICIPANTS, ConferenceSpec, conference_params
from telecore.twiml.attributes import NO_CONFIGURATIONS, Attributes, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb

EVENTS = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
MAX_NAME = 128
RECORD = ("do-not-record", "record-from-start", "true", "false")
TRIM, LABEL = 13239, 16023
LABEL_RULE = f"up to {MAX_NAME} characters, no '/', and not a CallSid"
MUTED, END_ON_EXIT, START_ON_ENTER, WAIT_URL, WAIT_METHOD, BEEP, NAME = 13230, 13231, 13232, 13233, 13234, 13235, 13237


@dataclass(frozen=True, slots=True)
class Conference(Verb):
    """Without an ``action`` the page goes on when the call has left the conference."""

    kind: ClassVar[str] = "conference"
    spec: ConferenceSpec
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        outcome = await call.stay(self.spec)
        return Goto(self.action, self.method, conference_params(outcome)) if self.action else None


def read(dial: Attributes, node: Node, reading: Reading) -> Conference:
    """``dial``: the attributes of the <Dial> around it."""
    name = node.text.strip()
    if not name or len(name) > MAX_NAME:
        raise InvalidTwiml(f"<Conference> needs a name of up to {MAX_NAME} characters", code=NAME, line=node.line)
    if "record" in dial.names:
        reading.warn(13217, "<Dial record> does not record a conference: <Conference record> does", node)
    own = Attributes(node, reading)
    spec = ConferenceSpec(
        name=name,
        muted=own.boolean("muted", False, MUTED),
        beep=own.choice("beep", "true", ("true", "false", "onEnter", "onExit"), BEEP),
        start_on_enter=own.boolean("startConferenceOnEnter", True, START_ON_ENTER),
        end_on_exit=own.boolean("endConferenceOnExit", False, END_ON_EXIT),
        wait_url=own.url("waitUrl", code=WAIT_URL) if own.given("waitUrl") else None,
        wait_method=own.method("waitMethod", code=WAIT_METHOD),
        max_participants=own.integer("maxParticipants", MAX_PARTICIPANTS, 2, MAX_PARTICIPANTS),
        record=own.choice("record", "do-not-record", RECORD) in ("record-from-start", "true"),
        trim_silence=own.choice("trim", "trim-silence", ("trim-silence", "do-not-trim"), TRIM) == "trim-silence",
        coach=own.text("coach").strip(),
        label=_label(own, node, reading),
        status_callback=own.url("statusCallback"),
        status_callback_method=own.method("statusCallbackMethod"),
        status_callback_events=own.words("statusCallbackEvent", (), EVENTS),
        recording_status_callback=own.url("recordingStatusCallback"),
        recording_status_callback_method=own.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=own.words(
            "recordingStatusCallbackEvent", ("completed",), ("in-progress", "completed", "absent")
        ),
        event_callback=own.url("eventCallbackUrl"),
        hangup_on_star=dial.boolean("hangupOnStar", False, 13213),
        time_limit_s=float(dial.integer("timeLimit", 14400, 1, 86400, 13216)),
    )
    own.without_effect("recordingConfigurationId", NO_CONFIGURATIONS)
    own.close(ignored=("region", "jitterBufferSize"))
    refuse_children(node, reading)
    return Conference(spec, dial.url("action"), dial.method(code=13210))


def _label(own: Attributes, node: Node, reading: Reading) -> str:
    label = own.text("participantLabel").strip()
    if is_label(label):
        return label
    reading.warn(LABEL, f"<Conference> participantLabel: {LABEL_RULE}", node)
    return ""


def is_label(label: str) -> bool:
    """Whether somebody may be named so; nothing is no name, and allowed."""
    return len(label) <= MAX_NAME and "/" not in label and label.isprintable() and not is_sid(label, "CA")
