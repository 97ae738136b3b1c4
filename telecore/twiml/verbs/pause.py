"""<Pause>: silence. As the first verb of an inbound call it delays the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import CallControl, Prompt
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb


@dataclass(frozen=True, slots=True)
class Pause(Verb):
    kind: ClassVar[str] = "pause"
    length_s: int = 1

    def prompt(self) -> Prompt:
        return Prompt(pause_s=float(self.length_s))

    async def execute(self, call: CallControl) -> None:
        await call.play(self.prompt())


def read(node: Node, reading: Reading) -> Pause:
    attributes = Attributes(node, reading)
    verb = Pause(attributes.integer("length", 1, 0, 14400, 13910))
    attributes.close()
    refuse_children(node, reading)
    return verb
