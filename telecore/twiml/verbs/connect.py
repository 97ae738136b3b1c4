"""<Connect>: an application talks with the party over a WebSocket, until either is through with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, StreamSpec
from telecore.twiml.nodes import SCHEMA, Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs import stream


@dataclass(frozen=True, slots=True)
class Connect(Verb):
    """Without an ``action`` the page goes on after the stream."""

    kind: ClassVar[str] = "connect"
    stream: StreamSpec
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        await call.ensure_answered()
        sid = await call.connect(self.stream)
        return Goto(self.action, self.method, {"StreamSid": sid}) if self.action else None


def read(node: Node, reading: Reading) -> Connect | None:
    """Raises InvalidTwiml for whatever else Twilio connects to: the call would have nobody to talk to."""
    attributes = Attributes(node, reading)
    action, method = attributes.url("action"), attributes.method()
    attributes.close()
    others = [child for child in node.children if child.name != "Stream"]
    if others:
        what = f"<{others[0].name}> within <Connect> is not offered here, only <Stream>"
        raise InvalidTwiml(what, code=SCHEMA, line=others[0].line)
    found = stream.the_noun(node, reading, ("Stream",))
    spec = stream.read(found, reading, both_ways=True) if found is not None else None
    return Connect(spec, action, method) if spec is not None else None
