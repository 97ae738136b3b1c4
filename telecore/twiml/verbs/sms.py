"""<Sms>: a message sent from within a call, which goes on meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.numbers import is_e164, is_short_code
from telecore.sms import utf16_units
from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl, SmsSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb

MAX_BODY = 1600
INVALID_TO, INVALID_FROM, INVALID_BODY, INVALID_METHOD, INVALID_CALLBACK = 14101, 14102, 14103, 14104, 14105


@dataclass(frozen=True, slots=True)
class Sms(Verb):
    """Without an ``action`` the page goes on."""

    kind: ClassVar[str] = "sms"
    spec: SmsSpec
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        sid = call.send_message(self.spec)
        told = {"SmsSid": sid, "MessageSid": sid, "SmsStatus": "queued", "MessageStatus": "queued"}
        return Goto(self.action, self.method, told) if self.action else None


def read(node: Node, reading: Reading) -> Sms | None:
    attributes = Attributes(node, reading)
    to, sender = attributes.text("to").strip(), attributes.text("from").strip()
    method = attributes.method(code=INVALID_METHOD)
    callback = attributes.url("statusCallback", code=INVALID_CALLBACK)
    verb = Sms(SmsSpec(node.text.strip(), to, sender, callback), attributes.url("action"), method)
    attributes.close()
    refuse_children(node, reading)
    fault = _fault(verb.spec)
    if fault is None:
        return verb
    reading.warn(fault[0], f"<Sms> {fault[1]} and was left out", node)
    return None


def _fault(spec: SmsSpec) -> tuple[int, str] | None:
    if not spec.body:
        return INVALID_BODY, "has no body"
    if utf16_units(spec.body) > MAX_BODY:
        return INVALID_BODY, f"holds more than {MAX_BODY} characters"
    if spec.to and not (is_e164(spec.to) or is_short_code(spec.to)):
        return INVALID_TO, f"goes to {spec.to[:40]!r}, which is no number,"
    if spec.sender and not is_e164(spec.sender):
        return INVALID_FROM, f"is from {spec.sender[:40]!r}, which is no number,"
    return None
