"""XML text → a tree of elements with their lines, and what was odd in it.

No DTD and no entities (12100): the text comes from strangers. Comments and processing instructions are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from telecore.errors import InvalidTwiml

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32

PARSE_FAILED = 12100
WRONG_ROOT = 12102
SCHEMA = 12200
TOO_LARGE = 11750


class Node:
    """One element. ``text`` is all character data directly within it."""

    __slots__ = ("attributes", "children", "line", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.text = ""
        self.children: list[Node] = []


@dataclass(frozen=True, slots=True)
class TwimlWarning:
    """Something of a document that was not done as its author wrote it."""

    code: int
    text: str
    line: int


@dataclass(slots=True)
class Reading:
    """The state of one reading: where the document came from, and what was odd in it."""

    url: str
    warnings: list[TwimlWarning] = field(default_factory=list)

    def warn(self, code: int, text: str, node: Node) -> None:
        self.warnings.append(TwimlWarning(code, text, node.line))


def parse(text: str) -> Node:
    """The ``<Response>`` element. Raises InvalidTwiml (12100 not XML or not allowed, 12102 another root)."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidTwiml(f"The document is larger than {MAX_BYTES // 1024} kB", code=TOO_LARGE)
    root = _tree(text)
    if root.name != "Response":
        raise InvalidTwiml(f"The root element must be <Response>, not <{root.name[:40]}>", code=WRONG_ROOT)
    return root


def _tree(text: str) -> Node:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = Node("", {}, 0)
    open_ = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        node = Node(name, attributes, parser.CurrentLineNumber)
        if len(open_) > MAX_DEPTH:
            raise InvalidTwiml(f"Elements are nested more than {MAX_DEPTH} deep", line=node.line)
        open_[-1].children.append(node)
        open_.append(node)

    def end(_name: str) -> None:
        open_.pop()

    def characters(data: str) -> None:
        open_[-1].text += data

    def doctype(*_: object) -> None:
        raise InvalidTwiml("A DOCTYPE is not allowed in TwiML", line=parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(_without_declaration(text), True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise InvalidTwiml(f"The document is not well-formed XML: {problem}", line=error.lineno) from None
    except UnicodeEncodeError:
        raise InvalidTwiml("The document has characters that are not Unicode text") from None
    return top.children[0]


def _without_declaration(text: str) -> str:
    """The text is decoded already; an ``encoding`` in its declaration would be believed a second time."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<?xml"):
        end = text.find("?>")
        declaration, rest = text[: end + 2], text[end + 2 :]
        return "\n" * declaration.count("\n") + rest
    return text
