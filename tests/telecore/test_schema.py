"""Mappings ↔ dataclasses, and what an error says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, NewType

import pytest

from telecore.schema import SchemaError, Tagged, dump, read

Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shape(Tagged, family=True):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Circle(Shape):
    kind: ClassVar[str] = "circle"
    radius: float


@dataclass(frozen=True, slots=True)
class Square(Shape):
    kind: ClassVar[str] = "square"
    side: int = 1


@dataclass(frozen=True, slots=True)
class Port:
    port: Name
    baud: int = 115200


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    ports: tuple[Port, ...] = ()
    colours: frozenset[Colour] = frozenset()
    shapes: tuple[Shape, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    since: datetime | None = None
    raw: bytes = b""
    open: bool = False


FULL = Site(
    "a",
    (Port(Name("/dev/x")), Port(Name("/dev/y"), 9600)),
    frozenset({Colour.RED, Colour.BLUE}),
    (Circle(1.5), Square(3)),
    {"day": 3},
    datetime(2026, 1, 2, tzinfo=UTC),
    b"\x00\xff",
    True,
)


def test_there_and_back() -> None:
    assert read(Site, dump(FULL)) == FULL
    assert read(Site, {"name": "a"}) == Site("a")


def test_defaults_are_not_written() -> None:
    assert dump(Site("a")) == {"name": "a", "limits": {}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "name: is missing"),
        ({"name": 3}, "name: must be text, not a whole number"),
        ({"name": "a", "ports": {"port": "x"}}, "ports: must be a list, not a mapping"),
        ({"name": "a", "ports": [{"port": "x"}, {"prot": "y"}]}, "ports[1].prot: unknown key (known: baud, port)"),
        ({"name": "a", "ports": [{"port": "x", "baud": True}]}, "ports[0].baud: must be a whole number, not true or"),
        ({"name": "a", "ports": [{"port": "x", "baud": "9"}]}, "ports[0].baud: must be a whole number, not text"),
        ({"name": "a", "colours": ["green"]}, "colours[0]: must be one of red, blue"),
        ({"name": "a", "shapes": [{"kind": "blob"}]}, "shapes[0].kind: unknown kind 'blob'"),
        ({"name": "a", "shapes": [{"radius": 1}]}, "shapes[0].kind: unknown kind 'None'"),
        ({"name": "a", "shapes": [{"kind": "circle"}]}, "shapes[0].radius: is missing"),
        ({"name": "a", "limits": {"day": "x"}}, "limits.day: must be a whole number, not text"),
        ({"name": "a", "since": "yesterday"}, "since: must be a date and time in ISO 8601"),
        ({"name": "a", "raw": "*"}, "raw: must be base64"),
        ({"name": "a", "open": "yes"}, "open: must be true or false, not text"),
        ([], "(top): must be a mapping, not a list"),
        (None, "(top): must be a mapping, not nothing"),
    ],
)
def test_errors_name_the_path(data: object, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        read(Site, data)
    assert str(caught.value).startswith(message)


def test_a_lenient_reader_passes_over_unknown_keys() -> None:
    assert read(Site, {"name": "a", "later": 1}, strict=False) == Site("a")


def test_a_member_of_another_family_is_unknown() -> None:
    with pytest.raises(SchemaError, match="unknown kind"):
        read(Shape, {"kind": "goto", "url": "x"})
