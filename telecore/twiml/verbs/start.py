"""<Start>: what runs beside the page from now on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, StreamSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb
from telecore.twiml.verbs import stream

NOT_OFFERED = ("Recording", "Siprec", "Transcription")


@dataclass(frozen=True, slots=True)
class Start(Verb):
    kind: ClassVar[str] = "start"
    stream: StreamSpec

    async def execute(self, call: CallControl) -> None:
        call.start_stream(self.stream)


def read(node: Node, reading: Reading) -> Start | None:
    Attributes(node, reading).close(ignored=("action", "method"))
    found = stream.the_stream(node, reading, NOT_OFFERED)
    spec = stream.read(found, reading, both_ways=False) if found is not None else None
    return Start(spec) if spec is not None else None
