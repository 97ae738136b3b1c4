"""What version 1 of the tunnel carries, as written down in ``wire_1.json``.

``python -m tests.telecore.wire`` writes down what is new since; what stands there it never changes.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import telecore.codec  # noqa: F401  (registers all kinds)
from telecore.commands import Command
from telecore.events import Event
from telecore.notices import Notice
from telecore.schema import Tagged, dump
from telecore.stays import StaySpec
from telecore.twiml.page import Outcome, Verb
from tests.telecore.test_codec import sample

FILE = Path(__file__).with_name("wire_1.json")
FAMILIES: dict[str, Any] = {one.__name__: one for one in (Event, Command, Notice, StaySpec, Outcome, Verb)}
NEEDED = "needed"
"""In the place of a default: whoever sends it must name it."""

Kind = dict[str, Any]


def described(member: type[Any]) -> Kind:
    """``fields``: each with its default; ``example``: all of them, none of which is the default."""
    return {
        "fields": {field.name: _default(field) for field in dataclasses.fields(member)},
        "example": _example(member),
    }


def _example(member: type[Any]) -> Any:
    return json.loads(json.dumps(dump(sample(member))))


def _default(field: Any) -> Any:
    if field.default is not dataclasses.MISSING:
        return {"is": dump(field.default)}
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return {"is": dump(made)} if field.name not in ("id", "at") else {"is": "made anew"}
    return NEEDED


def now() -> dict[str, dict[str, Kind]]:
    return {
        name: {kind: described(member) for kind, member in sorted(family.members.items())}
        for name, family in FAMILIES.items()
    }


def words() -> dict[str, list[str]]:
    """The values of every enumeration that may stand in one of them."""
    found: dict[str, list[str]] = {}
    seen: set[Any] = set()

    def look(hint: Any) -> None:
        while isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        if hint in seen:
            return
        seen.add(hint)
        for inner in typing.get_args(hint):
            look(inner)
        if not isinstance(hint, type):
            return
        if issubclass(hint, Enum):
            found[hint.__name__] = sorted(str(one.value) for one in hint)
        elif dataclasses.is_dataclass(hint):
            for inner in typing.get_type_hints(hint).values():
                look(inner)
        elif issubclass(hint, Tagged):
            for member in hint.members.values():
                look(member)

    for family in FAMILIES.values():
        for member in family.members.values():
            look(member)
    return dict(sorted(found.items()))


def written() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {"kinds": {}, "words": {}}


def added(known: Kind | None, found: Kind) -> Kind:
    """What is new beside what is known. Raises ValueError for a field that those out there do not send."""
    if known is None:
        return found
    missed = [name for name, default in found["fields"].items() if default == NEEDED and name not in known["fields"]]
    if missed:
        raise ValueError(
            f"{found['example']['kind']} has got {missed[0]}, and those out there do not send it: give it a default"
        )
    return {part: {**found[part], **known[part]} for part in ("fields", "example")}


def main() -> None:
    kept = written()
    for name, kinds in now().items():
        family = kept["kinds"].setdefault(name, {})
        for kind, found in kinds.items():
            family[kind] = added(family.get(kind), found)
    for name, values in words().items():
        kept["words"][name] = sorted({*values, *kept["words"].get(name, ())})
    FILE.write_text(json.dumps(kept, sort_keys=True, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
