"""Collects the problems of one YAML file, with their lines, so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from edge_agent.yaml_lines import Lines, YamlProblem, load
from telecore.errors import InvalidRequest
from telecore.schema import SchemaError, read

T = TypeVar("T")

_LAST = 1_000_000


class ConfigError(InvalidRequest):
    """The configuration cannot be used. ``problems`` are whole sentences, one for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Reading:
    """``name`` is the file's, as its problems call it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: Lines = {}
        self._found: list[tuple[int, str]] = []

    def yaml(self, path: Path) -> object:
        """What is in it. Raises ConfigError when that cannot be read at all."""
        try:
            data, self.lines = load(path)
        except YamlProblem as problem:
            raise ConfigError([f"{self.name}{problem.where}: {problem}"]) from problem
        except OSError as error:
            raise ConfigError([f"{path}: {error.strerror or error}"]) from error
        return data

    def say(self, path: str, problem: str) -> None:
        """Note a problem with what is at this path."""
        line = self.lines.get(path) or self.lines.get(_parent(path))
        where = f"{self.name} line {line}" if line else self.name
        self._found.append((line or 0, f"{where}: {path}: {problem}" if path else f"{where}: {problem}"))

    def add(self, problems: Iterable[str]) -> None:
        """Problems of another file; told after those of this one."""
        self._found += [(_LAST, problem) for problem in problems]

    @property
    def problems(self) -> list[str]:
        """In the order of the file."""
        return [text for _, text in sorted(self._found, key=lambda found: found[0])]

    def read(self, cls: type[T], data: object, path: str) -> T | None:
        """Read a mapping; a faulty key is told and left out, so that one run tells every fault."""
        rest, left_out = dict(data) if isinstance(data, dict) else data, set[str]()
        while True:
            try:
                return read(cls, rest, path)
            except SchemaError as error:
                key = error.path.removeprefix(path).lstrip(".").split(".")[0].split("[")[0]
                if key not in left_out:
                    self.say(error.path, error.problem)
                if not isinstance(rest, dict) or key not in rest:
                    return None
                left_out.add(key)
                del rest[key]


def _parent(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["), 0)]
