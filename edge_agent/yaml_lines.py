"""YAML → plain values and the line of each key. Safe, bounded, and without YAML 1.1's surprises.

``no`` and ``on`` stay words, ``0123`` and ``+855…`` stay text (a PIN and a number are no integers), and a key given
twice is an error.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

Lines = dict[str, int]
"""Path of a key (``devices[0].port``) → its line, from 1."""

_MAX_BYTES = 1_000_000
_MAX_NODES = 20_000

_SCALARS = (
    ("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")),
    ("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")),
    ("tag:yaml.org,2002:float", re.compile(r"^-?[0-9]+\.[0-9]+$"), list("-0123456789")),
)


class YamlProblem(Exception):
    """The text is no usable YAML; ``line`` is where."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.where = f" line {line}" if line else ""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)


def load(path: Path) -> tuple[object, Lines]:
    """Values and lines of a file. Raises YamlProblem, OSError."""
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise YamlProblem("is larger than 1 MB")
    return parse(data)


def parse(data: bytes) -> tuple[object, Lines]:
    """Values and lines of a text. Raises YamlProblem."""
    loader = None
    try:
        loader = _Loader(data)
        node = loader.get_single_node()
        builder = _Builder(loader)
        value = builder.value(node, "") if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(f"is not YAML: {error.problem}", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise YamlProblem("is not YAML text in UTF-8") from error
    finally:
        if loader is not None:
            loader.dispose()
    return value, builder.lines


class _Builder:
    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._nodes = 0
        self.lines: Lines = {}

    def value(self, node: yaml.Node, path: str) -> object:
        """The value of a node; aliases are followed, and counted, so that they cannot explode."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise YamlProblem("has too many values", _line(node))
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}[{n}]") for n, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, object]:
        out: dict[str, object] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlProblem("a key must be a word", _line(key))
            name = str(key.value)
            if name in out:
                raise YamlProblem(f"the key {name!r} is given twice", _line(key))
            where = f"{path}.{name}" if path else name
            self.lines[where] = _line(key)
            out[name] = self.value(item, where)
        return out


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
