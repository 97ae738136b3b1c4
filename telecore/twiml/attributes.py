"""Reading the attributes of one element. A value that does not fit is replaced by the default, with a warning."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

from telecore.twiml.nodes import SCHEMA, Node, Reading

KEYS = "0123456789*#"
NO_CONFIGURATIONS = "has no effect: recordings are kept as this server keeps all"
METHODS = ("POST", "GET")


class Attributes:
    """One method per type; ``close`` warns of attributes nobody asked for."""

    def __init__(self, node: Node, reading: Reading) -> None:
        self._node = node
        self._reading = reading
        self._asked: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        """Those that are there."""
        return frozenset(self._node.attributes)

    def text(self, name: str, default: str = "") -> str:
        self._asked.add(name)
        return self._node.attributes.get(name, default)

    def given(self, name: str) -> bool:
        self._asked.add(name)
        return name in self._node.attributes

    def integer(self, name: str, default: int, low: int, high: int, code: int = SCHEMA) -> int:
        value = self.text(name).strip()
        if not self.given(name):
            return default
        if value.isascii() and value.isdigit() and low <= int(value) <= high:
            return int(value)
        self._warn(code, name, f"must be a whole number from {low} to {high}")
        return default

    def boolean(self, name: str, default: bool, code: int = SCHEMA) -> bool:
        value = self.text(name).strip().lower()
        if not self.given(name):
            return default
        if value in ("true", "false"):
            return value == "true"
        self._warn(code, name, "must be true or false")
        return default

    def choice(self, name: str, default: str, options: Iterable[str], code: int = SCHEMA) -> str:
        value = self.text(name).strip()
        options = tuple(options)
        if not self.given(name):
            return default
        for option in options:
            if value.lower() == option.lower():
                return option
        self._warn(code, name, f"must be one of {', '.join(options)}")
        return default

    def words(self, name: str, default: tuple[str, ...], options: Iterable[str], code: int = SCHEMA) -> tuple[str, ...]:
        """A list separated by spaces."""
        options = tuple(options)
        if not self.given(name):
            return default
        words = tuple(self.text(name).split())
        unknown = [word for word in words if word not in options]
        if unknown:
            self._warn(code, name, f"must be a list of {', '.join(options)}")
        return tuple(word for word in words if word in options) or default

    def method(self, name: str = "method", code: int = SCHEMA) -> str:
        return self.choice(name, "POST", METHODS, code)

    def url(self, name: str, default: str = "", code: int = 11100) -> str:
        """An absolute URL, relative ones made so from the document's own."""
        value = self.text(name).strip()
        return absolute(self._reading, value, self._node, code) if value else default

    def keys(self, name: str, default: str, code: int = 13310) -> str:
        """A set of keys; the empty string is a value of its own: no key."""
        value = self.text(name, default)
        if all(key in KEYS for key in value):
            return value
        self._warn(code, name, f"must be made of {KEYS}")
        return default

    def without_effect(self, name: str, problem: str) -> None:
        """Warn of it where it is there: it is an attribute of the verb, and nothing here does what it asks."""
        if self.given(name):
            self._warn(SCHEMA, name, problem)

    def close(self, *, ignored: Iterable[str] = ()) -> None:
        """``ignored``: attributes that mean nothing on a SIM and may be there without a warning."""
        for name in self._node.attributes:
            if name not in self._asked and name not in ignored:
                self._warn(SCHEMA, name, "is not an attribute of this verb")

    def _warn(self, code: int, name: str, problem: str) -> None:
        self._reading.warn(code, f"<{self._node.name}> {name} {problem}", self._node)


def absolute(reading: Reading, url: str, node: Node, code: int = 11100) -> str:
    """``url`` seen from the document. What is no http or https URL is warned of here and fails when fetched."""
    try:
        whole, is_one = urljoin(reading.url, url), True
    except ValueError:  # http://[::1
        whole, is_one = url, False
    if not is_one or not whole.lower().startswith(("http://", "https://")):
        reading.warn(code, f"<{node.name}> {url[:100]!r} is not an http or https URL", node)
    return whole


def refuse_children(node: Node, reading: Reading, code: int = SCHEMA) -> None:
    """Warn of each element within a verb that holds none."""
    for child in node.children:
        reading.warn(code, f"<{child.name}> is not allowed within <{node.name}> and was left out", child)
