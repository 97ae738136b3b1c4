"""<Refer>: the caller's own system is asked to call somebody else in our place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from telecore.causes import cause_of_sip, status_of
from telecore.errors import InvalidTwiml
from telecore.model import CallStatus
from telecore.sip_target import parse_sip_target
from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl, ReferOutcome
from telecore.twiml.nodes import SCHEMA, Node, Reading
from telecore.twiml.page import Goto, Verb


@dataclass(frozen=True, slots=True)
class Refer(Verb):
    """Without an ``action`` the page goes on, also when the transfer was refused."""

    kind: ClassVar[str] = "refer"
    uri: str
    action: str = ""
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto | None:
        outcome = await call.refer(self.uri)
        return Goto(self.action, self.method, action_params(outcome)) if self.action else None


def action_params(outcome: ReferOutcome) -> dict[str, str]:
    """What the action URL is told; what nobody said is left out, as Twilio does."""
    params: dict[str, str] = {}
    if outcome.response is not None:
        params["ReferSipResponseCode"] = str(outcome.response)
    if outcome.notified is not None:
        params["NotifySipResponseCode"] = str(outcome.notified)
        params["ReferCallStatus"] = str(_status(outcome.notified))
    return params


def _status(notified: int) -> CallStatus:
    """Of the call that the transfer led to, as a SIP response tells it."""
    if notified < 200:
        return CallStatus.RINGING
    if notified < 300:
        return CallStatus.IN_PROGRESS
    return status_of(cause_of_sip(notified), answered=False)


def read(node: Node, reading: Reading) -> Refer:
    """Raises InvalidTwiml without one <Sip>, or with a URI that is none."""
    attributes = Attributes(node, reading)
    verb = Refer("", attributes.url("action"), attributes.method())
    attributes.close()
    targets = [child for child in node.children if child.name == "Sip"]
    if len(targets) != 1 or len(node.children) != 1:
        raise InvalidTwiml("<Refer> holds one <Sip>", code=SCHEMA, line=node.line)
    Attributes(targets[0], reading).close()
    refuse_children(targets[0], reading)
    try:
        target = parse_sip_target(targets[0].text.strip())
    except InvalidTwiml as error:
        raise InvalidTwiml(f"<Refer>: {error.message}", code=error.code, line=node.line) from error
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in target.headers)
    return Refer(f"{target.uri}?{query}" if query else target.uri, verb.action, verb.method)
