"""<Play>: a sound file, or DTMF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from telecore.model import Clip
from telecore.twiml.attributes import Attributes, absolute, refuse_children
from telecore.twiml.control import CallControl, Prompt
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb
from telecore.twiml.verbs.say import MAX_LOOP

DIGITS = frozenset("0123456789*#ABCDwW")


@dataclass(frozen=True, slots=True)
class Play(Verb):
    """``digits`` are pressed on the line (w: half a second's pause, W: a second's); else ``clip`` is played."""

    kind: ClassVar[str] = "play"
    url: str = ""
    digits: str = ""
    loop: int = 1
    clip: Clip | None = None

    def prompt(self) -> Prompt:
        return Prompt(self.clip, self.loop)

    async def execute(self, call: CallControl) -> None:
        await call.ensure_answered()
        if self.digits:
            await call.send_digits(self.digits)
        if self.clip is not None:
            await call.play(self.prompt())


def read(node: Node, reading: Reading) -> Play | None:
    attributes = Attributes(node, reading)
    loop = attributes.integer("loop", 1, 0, MAX_LOOP, 13410)
    digits = attributes.text("digits")
    attributes.close()
    refuse_children(node, reading)
    if not set(digits) <= DIGITS:
        reading.warn(SEND_DIGITS_INVALID, "<Play> digits may hold 0-9, *, #, A-D, w and W only; left out", node)
        digits = ""
    url = node.text.strip()
    if not url and not digits:
        reading.warn(13420, "<Play> names no URL and no digits and was left out", node)
        return None
    return Play(absolute(reading, url, node) if url else "", digits, loop)


SEND_DIGITS_INVALID = 13222
