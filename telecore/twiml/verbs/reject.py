"""<Reject>: end an inbound call without answering it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Ended, Verb


@dataclass(frozen=True, slots=True)
class Reject(Verb):
    """A call that is answered already is hung up."""

    kind: ClassVar[str] = "reject"
    busy: bool = False

    async def execute(self, call: CallControl) -> Ended:
        await call.reject(self.busy)
        return Ended("reject")


def read(node: Node, reading: Reading) -> Reject:
    attributes = Attributes(node, reading)
    verb = Reject(attributes.choice("reason", "rejected", ("rejected", "busy")) == "busy")
    attributes.close()
    refuse_children(node, reading)
    return verb
