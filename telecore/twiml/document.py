"""TwiML text → a tree of nodes with their lines → verbs.

No DTD and no entities (12100): the text comes from strangers. Comments and processing instructions are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from telecore.errors import InvalidTwiml
from telecore.twiml.page import Page, Verb

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32

PARSE_FAILED = 12100
WRONG_ROOT = 12102
SCHEMA = 12200


@dataclass(slots=True)
class Node:
    """One element. ``text`` is all character data directly within it."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TwimlWarning:
    """Something of a document that was not done as its author wrote it."""

    code: int
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    verbs: Page
    warnings: tuple[TwimlWarning, ...] = ()


@dataclass(slots=True)
class Reading:
    """The state of one reading: where the document came from, and what was odd in it."""

    url: str
    warnings: list[TwimlWarning] = field(default_factory=list)

    def warn(self, code: int, text: str, node: Node) -> None:
        self.warnings.append(TwimlWarning(code, text, node.line))


def read_voice(text: str, url: str) -> Document:
    """The page that a voice document asks for. ``url`` is where it came from: relative URLs start there.

    Raises InvalidTwiml with Twilio's code.
    """
    from telecore.twiml.verbs import READERS

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


def parse(text: str) -> Node:
    """The ``<Response>`` element. Raises InvalidTwiml (12100 not XML or not allowed, 12102 another root)."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidTwiml(f"The document is larger than {MAX_BYTES // 1024} kB", code=11750)
    root = _Builder().build(text)
    if root.name != "Response":
        raise InvalidTwiml(f"The root element must be <Response>, not <{root.name[:40]}>", code=WRONG_ROOT)
    return root


class _Builder:
    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[Node] = []
        self._root: Node | None = None

    def build(self, text: str) -> Node:
        try:
            self._parser.Parse(_without_declaration(text), True)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            raise InvalidTwiml(f"The document is not well-formed XML: {problem}", line=error.lineno) from None
        except UnicodeEncodeError:
            raise InvalidTwiml("The document has characters that are not Unicode text") from None
        if self._root is None:
            raise InvalidTwiml("The document is empty")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name, attributes, self._parser.CurrentLineNumber)
        if len(self._open) >= MAX_DEPTH:
            raise InvalidTwiml(f"Elements are nested more than {MAX_DEPTH} deep", line=node.line)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, data: str) -> None:
        self._open[-1].text += data

    def _doctype(self, *_: Any) -> None:
        raise InvalidTwiml("A DOCTYPE is not allowed in TwiML", line=self._parser.CurrentLineNumber)


def _without_declaration(text: str) -> str:
    """The text is decoded already; an ``encoding`` in its declaration would be believed a second time."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<?xml"):
        end = text.find("?>")
        declaration, rest = text[: end + 2], text[end + 2 :]
        return "\n" * declaration.count("\n") + rest
    return text
