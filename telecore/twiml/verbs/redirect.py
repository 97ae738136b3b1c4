"""<Redirect>: go on with another document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes, absolute, refuse_children
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb


@dataclass(frozen=True, slots=True)
class Redirect(Verb):
    kind: ClassVar[str] = "redirect"
    url: str
    method: str = "POST"

    async def execute(self, call: CallControl) -> Goto:
        return Goto(self.url, self.method)


def read(node: Node, reading: Reading) -> Redirect:
    """Without a URL it leads to the document itself."""
    attributes = Attributes(node, reading)
    method = attributes.method(code=13710)
    attributes.close()
    refuse_children(node, reading)
    url = node.text.strip()
    return Redirect(absolute(reading, url, node) if url else reading.url, method)
