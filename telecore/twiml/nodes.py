"""A document as a tree of elements with their lines, and what was odd in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from telecore.errors import InvalidTwiml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_DEPTH = 32
SCHEMA = 12200


class Lines(Protocol):
    """On which line each element begins."""

    def of(self, element: Element) -> int: ...


class Node:
    """One element. ``text`` is all character data directly within it."""

    __slots__ = ("_depth", "_element", "_lines", "attributes", "name")

    def __init__(self, element: Element, lines: Lines, depth: int = 0) -> None:
        self._element = element
        self._lines = lines
        self._depth = depth
        self.name: str = element.tag
        self.attributes: dict[str, str] = element.attrib

    @property
    def text(self) -> str:
        element = self._element
        return (element.text or "") + "".join(child.tail or "" for child in element)

    @property
    def content(self) -> list[str | Node]:
        """Text and elements in their order; no text is empty."""
        element, found = self._element, list[str | Node]()
        texts = [element.text, *(child.tail for child in element)]
        for text, child in zip(texts, [*self.children, None], strict=True):
            found += [part for part in (text, child) if part]
        return found

    @property
    def children(self) -> list[Node]:
        if self._depth >= MAX_DEPTH:
            raise InvalidTwiml(f"Elements are nested more than {MAX_DEPTH} deep", line=self.line)
        return [Node(child, self._lines, self._depth + 1) for child in self._element]

    @property
    def line(self) -> int:
        return self._lines.of(self._element)


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
