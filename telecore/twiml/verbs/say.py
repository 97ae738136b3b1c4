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
from telecore.twiml.ssml import Speech, plain
from telecore.twiml.ssml_reader import read_speech

MAX_TEXT = 4096
MAX_LOOP = 1000


@dataclass(frozen=True, slots=True)
class Say(Verb):
    """``loop`` 0 is for ever. ``voice`` and ``language`` empty: the account's own.

    ``text`` are the words alone; ``speech`` is them with their markup, and empty when there is none.
    """

    kind: ClassVar[str] = "say"
    text: str
    voice: str = ""
    language: str = ""
    loop: int = 1
    clip: Clip | None = None
    speech: Speech = ()

    def prompt(self) -> Prompt:
        return Prompt(self.clip, self.loop)

    async def execute(self, call: CallControl) -> None:
        await call.ensure_answered()
        if self.clip is not None:
            await call.play(self.prompt())


def read(node: Node, reading: Reading) -> Say | None:
    attributes = Attributes(node, reading)
    speech = read_speech(node, reading)
    text = plain(speech)
    if len(text) > MAX_TEXT:
        raise InvalidTwiml(f"<Say> holds more than {MAX_TEXT} characters", code=13520, line=node.line)
    verb = Say(
        text=text,
        voice=attributes.text("voice"),
        language=attributes.text("language"),
        loop=attributes.integer("loop", 1, 0, MAX_LOOP, 13510),
        speech=speech if node.children else (),
    )
    attributes.close()
    if not text:
        reading.warn(13520, "<Say> is empty and was left out", node)
        return None
    return verb
