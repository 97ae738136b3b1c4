"""<Leave>: end the waiting in a queue; the call goes on after its <Enqueue>."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Ended, Verb

LEFT = Ended("leave")


@dataclass(frozen=True, slots=True)
class Leave(Verb):
    """Means something only in what a queue's ``waitUrl`` answers; elsewhere the cloud leaves it out."""

    kind: ClassVar[str] = "leave"

    async def execute(self, call: CallControl) -> Ended:
        return LEFT


def read(node: Node, reading: Reading) -> Leave:
    Attributes(node, reading).close()
    refuse_children(node, reading)
    return Leave()
