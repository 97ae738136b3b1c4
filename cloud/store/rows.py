"""Rows ↔ records: a field is the column of its name; a Hook is two columns, an enum its value, a tuple a list."""

from __future__ import annotations

import dataclasses
import time
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from cloud.store.records import Hook
from telecore.steady import SteadyClock

R = TypeVar("R")

_READERS: dict[type[Any], tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...]] = {}


_CLOCK = SteadyClock(time.time, time.monotonic, hold_s=900.0)
"""A step of the system's clock by years expires nothing, unless it lasts a quarter of an hour."""


def now() -> datetime:
    """This moment; every part of the cloud goes by this clock."""
    return _CLOCK.date()


def columns(values: Mapping[str, object]) -> dict[str, Any]:
    """Field values by name → column values by name."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Hook):
            out[f"{name}_url"], out[f"{name}_method"] = value.url, value.method
        elif isinstance(value, Enum):
            out[name] = value.value
        else:
            out[name] = list(value) if isinstance(value, tuple) else value
    return out


def to_row(record: Any) -> dict[str, Any]:
    """All columns of a record but its ``id``, which the database gives."""
    fields = (field.name for field in dataclasses.fields(record))
    return columns({name: getattr(record, name) for name in fields if name != "id"})


def with_id(record: R, id_: int) -> R:
    """The same record with the ``id`` it was given; accounts and numbers do not show theirs."""
    fields: Any = record
    return dataclasses.replace(fields, id=id_) if hasattr(record, "id") else record


def from_row(cls: type[R], row: Mapping[Any, Any], secrets: Mapping[str, str] | None = None) -> R:
    """The record that a row holds; columns it has no field for are left aside. ``secrets``: fields in their place."""
    values = {name: read(row) for name, read in _readers(cls)}
    if secrets:
        values.update(secrets)
    return cls(**values)


def _readers(cls: type[Any]) -> tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...]:
    if cls not in _READERS:
        hints = typing.get_type_hints(cls)
        names = (field.name for field in dataclasses.fields(cls))
        _READERS[cls] = tuple((name, _reader(name, hints[name])) for name in names)
    return _READERS[cls]


def _reader(name: str, hint: Any) -> Callable[[Mapping[str, Any]], Any]:
    if hint is Hook:
        url, method = f"{name}_url", f"{name}_method"
        return lambda row: Hook(row[url], row[method])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda row: hint(row[name])
    if typing.get_origin(hint) is tuple:
        return lambda row: tuple(row[name])
    return lambda row: row[name]
