"""<Stop>: the end of what <Start> began, by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl
from telecore.twiml.nodes import SCHEMA, Node, Reading
from telecore.twiml.page import Verb
from telecore.twiml.verbs import stream
from telecore.twiml.verbs.start import NOT_OFFERED


@dataclass(frozen=True, slots=True)
class Stop(Verb):
    kind: ClassVar[str] = "stop"
    name: str

    async def execute(self, call: CallControl) -> None:
        call.stop_stream(self.name)


def read(node: Node, reading: Reading) -> Stop | None:
    Attributes(node, reading).close()
    found = stream.the_noun(node, reading, ("Stream",), NOT_OFFERED)
    if found is None:
        return None
    attributes = Attributes(found, reading)
    name = attributes.text("name")
    attributes.close(ignored=("url", "track"))
    if not name:
        reading.warn(SCHEMA, "<Stop> needs the name of a <Stream>", found)
        return None
    return Stop(name)
