"""<Enqueue>: wait in a queue until somebody takes the call out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.stays import MAX_QUEUE, EnqueueSpec, queue_params
from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb

MAX_NAME = 64
METHOD, WAIT_URL, ACTION, NO_NAME, LONG_NAME, WAIT_METHOD, WORKFLOW = 14201, 14202, 14203, 14204, 14205, 14206, 14220


@dataclass(frozen=True, slots=True)
class Enqueue(Verb):
    """Without an ``action`` the page goes on when the call has left the queue."""

    kind: ClassVar[str] = "enqueue"
    spec: EnqueueSpec

    async def execute(self, call: CallControl) -> Goto | None:
        outcome = await call.stay(self.spec)
        spec = self.spec
        return Goto(spec.action, spec.method, queue_params(outcome)) if spec.action else None


def read(node: Node, reading: Reading) -> Enqueue:
    attributes = Attributes(node, reading)
    if attributes.given("workflowSid") or any(child.name == "Task" for child in node.children):
        raise InvalidTwiml("<Enqueue> to a workflow: there is no TaskRouter here", code=WORKFLOW, line=node.line)
    name = node.text.strip()
    if not name or len(name) > MAX_NAME:
        code = LONG_NAME if name else NO_NAME
        raise InvalidTwiml(f"<Enqueue> needs a queue's name of up to {MAX_NAME} characters", code=code, line=node.line)
    spec = EnqueueSpec(
        name=name,
        max_size=attributes.integer("maxQueueSize", 100, 1, MAX_QUEUE),
        wait_url=attributes.url("waitUrl", code=WAIT_URL) if attributes.given("waitUrl") else None,
        wait_method=attributes.method("waitUrlMethod", code=WAIT_METHOD),
        action=attributes.url("action", code=ACTION),
        method=attributes.method(code=METHOD),
    )
    attributes.close()
    refuse_children(node, reading)
    return Enqueue(spec)
