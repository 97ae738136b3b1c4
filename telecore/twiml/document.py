"""TwiML text → the page it asks for: elements read to verbs, and warnings of what is not done as written."""

from __future__ import annotations

from dataclasses import dataclass

from telecore.errors import InvalidTwiml
from telecore.twiml.nodes import SCHEMA, Reading, TwimlWarning
from telecore.twiml.page import Page, Verb
from telecore.twiml.verbs import READERS
from telecore.twiml.xml_text import parse


@dataclass(frozen=True, slots=True)
class Document:
    verbs: Page
    warnings: tuple[TwimlWarning, ...] = ()


def read_voice(text: str, url: str) -> Document:
    """The page that a voice document asks for. ``url`` is where it came from: relative URLs start there.

    Raises InvalidTwiml with Twilio's code.
    """
    reading = Reading(url)
    verbs: list[Verb] = []
    for node in parse(text).children:
        reader = READERS.get(node.name)
        if reader is None:
            raise InvalidTwiml(f"<{node.name}> is not a verb that can be run here", code=SCHEMA, line=node.line)
        verb = reader(node, reading)
        if verb is not None:
            verbs.append(verb)
    return Document(tuple(verbs), tuple(reading.warnings))
