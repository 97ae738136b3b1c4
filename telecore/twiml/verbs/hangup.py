"""<Hangup>: end the call. One that still rings is answered first: to refuse it is <Reject>'s part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Ended, Verb


@dataclass(frozen=True, slots=True)
class Hangup(Verb):
    kind: ClassVar[str] = "hangup"

    async def execute(self, call: CallControl) -> Ended:
        await call.ensure_answered()
        await call.hang_up()
        return Ended("hangup")


def read(node: Node, reading: Reading) -> Hangup:
    Attributes(node, reading).close()
    refuse_children(node, reading)
    return Hangup()
