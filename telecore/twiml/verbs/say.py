"""<Say>: text that is rendered to a clip in the cloud before the page is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.model import Clip
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, Prompt
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb

MAX_TEXT = 4096
MAX_LOOP = 1000


@dataclass(frozen=True, slots=True)
class Say(Verb):
    """``loop`` 0 is for ever. ``voice`` and ``language`` empty: the account's own."""

    kind: ClassVar[str] = "say"
    text: str
    voice: str = ""
    language: str = ""
    loop: int = 1
    clip: Clip | None = None

    def prompt(self) -> Prompt:
        return Prompt(self.clip, self.loop)

    async def execute(self, call: CallControl) -> None:
        await call.ensure_answered()
        if self.clip is not None:
            await call.play(self.prompt())


def read(node: Node, reading: Reading) -> Say | None:
    attributes = Attributes(node, reading)
    text = " ".join(spoken_text(node, reading).split())
    if len(text) > MAX_TEXT:
        raise InvalidTwiml(f"<Say> holds more than {MAX_TEXT} characters", code=13520, line=node.line)
    verb = Say(
        text=text,
        voice=attributes.text("voice"),
        language=attributes.text("language"),
        loop=attributes.integer("loop", 1, 0, MAX_LOOP, 13510),
    )
    attributes.close()
    if not text:
        reading.warn(13520, "<Say> is empty and was left out", node)
        return None
    return verb


def spoken_text(node: Node, reading: Reading) -> str:
    """The words of a <Say>. Speech markup is read through: its words are spoken, its intent is not."""
    words = [node.text]
    for child in node.children:
        reading.warn(13520, f"<{child.name}> within <Say> is spoken as plain text", child)
        words.append(spoken_text(child, reading))
    return " ".join(words)
