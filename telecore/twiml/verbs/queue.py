"""<Dial><Queue>: talk with who waits longest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.stays import DequeueSpec, dequeue_params
from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import RING_TONES, CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs.enqueue import MAX_NAME

METHOD, URL, NO_NAME, LONG_NAME = 14210, 14211, 14212, 14213


@dataclass(frozen=True, slots=True)
class DialQueue(Verb):
    """Without an ``action`` the page goes on after the conversation, or when nobody came."""

    kind: ClassVar[str] = "dial_queue"
    spec: DequeueSpec
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        outcome = await call.stay(self.spec)
        return Goto(self.action, self.method, dequeue_params(outcome)) if self.action else None


def read(dial: Attributes, node: Node, reading: Reading) -> DialQueue:
    """``dial``: the attributes of the <Dial> around it."""
    name = node.text.strip()
    if not name or len(name) > MAX_NAME:
        code = LONG_NAME if name else NO_NAME
        raise InvalidTwiml(f"<Queue> needs a name of up to {MAX_NAME} characters", code=code, line=node.line)
    if "record" in dial.names:
        reading.warn(13217, "<Dial record> does not record a <Queue>'s conversation here", node)
    own = Attributes(node, reading)
    spec = DequeueSpec(
        name=name,
        url=own.url("url", code=URL),
        method=own.method(code=METHOD),
        timeout_s=float(dial.integer("timeout", 30, 5, 600, 13212)),
        time_limit_s=float(dial.integer("timeLimit", 14400, 1, 86400, 13216)),
        hangup_on_star=dial.boolean("hangupOnStar", False, 13213),
        ring_tone=dial.choice("ringTone", "auto", RING_TONES),
    )
    for name_ in ("reservationSid", "postWorkActivitySid"):
        if own.given(name_):
            reading.warn(12200, f"<Queue> {name_}: there is no TaskRouter here", node)
    own.close()
    refuse_children(node, reading)
    return DialQueue(spec, dial.url("action"), dial.method(code=13210))
