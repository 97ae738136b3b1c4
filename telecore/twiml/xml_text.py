"""XML text → a tree of elements.

No DTD and no entities (12100): the text comes from strangers. Comments and processing instructions are skipped.
Apart from ``nodes``, because an edge runs pages and never reads XML.
"""

from __future__ import annotations

from contextlib import suppress
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from telecore.errors import InvalidTwiml
from telecore.twiml.nodes import Node

MAX_BYTES = 64 * 1024

WRONG_ROOT = 12102
TOO_LARGE = 11750


class _Lines:
    """On which line each element begins. Found by a second reading, for only a warning asks."""

    def __init__(self, text: str, root: Element) -> None:
        self._text = text
        self._root = root
        self._known: dict[Element, int] = {}

    def of(self, element: Element) -> int:
        if not self._known:
            self._known = dict(zip(self._root.iter(), self._read(), strict=True))
        return self._known[element]

    def _read(self) -> list[int]:
        lines: list[int] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda _name, _attributes: lines.append(parser.CurrentLineNumber)
        parser.Parse(self._text, True)
        return lines


def parse(text: str) -> Node:
    """The ``<Response>`` element. Raises InvalidTwiml (12100 not XML or not allowed, 12102 another root)."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidTwiml(f"The document is larger than {MAX_BYTES // 1024} kB", code=TOO_LARGE)
    root = _tree(text)
    if root.name != "Response":
        raise InvalidTwiml(f"The root element must be <Response>, not <{root.name[:40]}>", code=WRONG_ROOT)
    return root


def _tree(text: str) -> Node:
    text = _without_declaration(text)
    if "<!DOCTYPE" in text:
        _refuse_doctype(text)
    # No namespaces: a prefix is part of the name, as in <amazon:effect>, which nobody declares.
    parser, builder = expat.ParserCreate(), TreeBuilder()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise InvalidTwiml(f"The document is not well-formed XML: {problem}", line=error.lineno) from None
    except UnicodeEncodeError:
        raise InvalidTwiml("The document has characters that are not Unicode text") from None
    root = builder.close()
    return Node(root, _Lines(text, root))


def _refuse_doctype(text: str) -> None:
    """Raise InvalidTwiml at a real one; the word may also stand in a comment or in CDATA."""

    def found(*_: object) -> None:
        raise InvalidTwiml("A DOCTYPE is not allowed in TwiML", line=parser.CurrentLineNumber)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = found
    with suppress(expat.ExpatError, UnicodeEncodeError):
        parser.Parse(text, True)


def _without_declaration(text: str) -> str:
    """The text is decoded already; an ``encoding`` in its declaration would be believed a second time."""
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith("<?xml"):
        end = text.find("?>")
        declaration, rest = text[: end + 2], text[end + 2 :]
        return "\n" * declaration.count("\n") + rest
    return text
