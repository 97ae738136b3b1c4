"""Mappings ↔ frozen dataclasses, with errors that name the path: ``devices[2].port: is missing``.

Understood field types: str, int, float, bool, None in a union, StrEnum, datetime (ISO 8601, UTC), bytes (base64),
``tuple[X, ...]``, ``frozenset[X]``, ``dict[str, X]``, nested dataclasses, NewTypes of these, and ``Tagged`` bases,
whose ``kind`` says which subclass is meant.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar, TypeVar, Union

from telecore.errors import InvalidRequest

T = TypeVar("T")


class SchemaError(InvalidRequest):
    """A mapping does not fit; ``path`` says where."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or '(top)'}: {problem}", field=path)
        self.path = path
        self.problem = problem


class Tagged:
    """Base of a family of dataclasses told apart by ``kind`` on the wire.

    A class that names ``family = True`` begins a family; every subclass with a ``kind`` of its own joins it.
    """

    kind: ClassVar[str]
    members: ClassVar[dict[str, type[Any]]]
    __slots__ = ()

    def __init_subclass__(cls, family: bool = False) -> None:
        super().__init_subclass__()
        if family:
            cls.members = {}
        elif "kind" in cls.__dict__:
            cls.members[cls.kind] = cls


def read(cls: type[T], data: object, path: str = "", *, strict: bool = True) -> T:
    """Make a ``cls`` of a mapping.

    ``strict`` refuses unknown keys (configuration); otherwise they are ignored (a newer peer may send them).
    Raises SchemaError.
    """
    return typing.cast(T, _value(cls, data, path, strict))


def dump(value: object) -> Any:
    """The JSON-ready form of a value made of the types above."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dump_dataclass(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(dump(item) for item in value)
    if isinstance(value, (tuple, list)):
        return [dump(item) for item in value]
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")


def _dump_dataclass(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": value.kind} if isinstance(value, Tagged) else {}
    for name, default in _plain_fields(type(value)):
        item = getattr(value, name)
        if item is not default and item != default:
            out[name] = dump(item)
    return out


_FIELDS: dict[type[Any], tuple[tuple[str, Any], ...]] = {}
_HINTS: dict[type[Any], dict[str, Any]] = {}


def _plain_fields(cls: type[Any]) -> tuple[tuple[str, Any], ...]:
    if cls not in _FIELDS:
        _FIELDS[cls] = tuple((f.name, f.default) for f in dataclasses.fields(cls))
    return _FIELDS[cls]


def _hints(cls: type[Any]) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]


def _value(hint: Any, data: object, path: str, strict: bool) -> Any:
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(typing.get_args(hint), data, path, strict)
    if origin in (tuple, frozenset, list):
        return _sequence(hint, origin, data, path, strict)
    if origin is dict:
        return _mapping(hint, data, path, strict)
    if isinstance(hint, type):
        return _plain(hint, data, path, strict)
    raise TypeError(f"{path}: {hint!r} is not a type the schema knows")


def _union(options: tuple[Any, ...], data: object, path: str, strict: bool) -> Any:
    if data is None and type(None) in options:
        return None
    problem = SchemaError(path, "is empty")
    for option in options:
        if option is type(None):
            continue
        try:
            return _value(option, data, path, strict)
        except SchemaError as error:
            problem = error
    raise problem


def _sequence(hint: Any, origin: Any, data: object, path: str, strict: bool) -> Any:
    if not isinstance(data, (list, tuple)):
        raise SchemaError(path, f"must be a list, not {_name_of(data)}")
    item = typing.get_args(hint)[0]
    return origin(_value(item, entry, f"{path}[{n}]", strict) for n, entry in enumerate(data))


def _mapping(hint: Any, data: object, path: str, strict: bool) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise SchemaError(path, f"must be a mapping, not {_name_of(data)}")
    item = typing.get_args(hint)[1]
    return {str(key): _value(item, entry, _join(path, str(key)), strict) for key, entry in data.items()}


def _plain(hint: type[Any], data: object, path: str, strict: bool) -> Any:
    if dataclasses.is_dataclass(hint) or issubclass(hint, Tagged):
        return _dataclass(hint, data, path, strict)
    if issubclass(hint, Enum):
        return _enum(hint, data, path)
    if hint is datetime:
        return _moment(data, path)
    if hint is bytes:
        return _bytes(data, path)
    return _scalar(hint, data, path)


def _scalar(hint: type[Any], data: object, path: str) -> Any:
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if hint is object or (isinstance(data, hint) and (hint is bool or not isinstance(data, bool))):
        return data
    raise SchemaError(path, f"must be {_WORDS.get(hint, hint.__name__)}, not {_name_of(data)}")


def _enum(hint: type[Enum], data: object, path: str) -> Enum:
    try:
        return hint(data)
    except ValueError:
        options = ", ".join(str(option.value) for option in hint)
        raise SchemaError(path, f"must be one of {options}") from None


def _moment(data: object, path: str) -> datetime:
    if isinstance(data, datetime):
        return data
    try:
        return datetime.fromisoformat(str(data)).astimezone(UTC)
    except ValueError:
        raise SchemaError(path, "must be a date and time in ISO 8601") from None


def _bytes(data: object, path: str) -> bytes:
    try:
        return base64.b64decode(str(data), validate=True)
    except binascii.Error:
        raise SchemaError(path, "must be base64") from None


def _dataclass(hint: type[Any], data: object, path: str, strict: bool) -> Any:
    if not isinstance(data, Mapping):
        raise SchemaError(path, f"must be a mapping, not {_name_of(data)}")
    cls = _member(hint, data, path) if issubclass(hint, Tagged) else hint
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    if strict:
        _refuse_unknown(fields, cls, data, path)
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], _join(path, name), strict)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SchemaError(_join(path, name), "is missing")
    try:
        return cls(**values)
    except ValueError as error:  # of its __post_init__
        raise SchemaError(path, str(error)) from error


def _member(hint: Any, data: Mapping[Any, Any], path: str) -> type[Any]:
    kind = data.get("kind")
    members: dict[str, type[Any]] = hint.members
    member = members.get(kind) if isinstance(kind, str) else None
    if member is None or not issubclass(member, hint):
        raise SchemaError(_join(path, "kind"), f"unknown kind {str(kind)[:40]!r}")
    return member


def _refuse_unknown(fields: Mapping[str, Any], cls: type[Any], data: Mapping[Any, Any], path: str) -> None:
    allowed = set(fields) | ({"kind"} if issubclass(cls, Tagged) else set())
    for key in data:
        if key not in allowed:
            raise SchemaError(_join(path, str(key)), f"unknown key (known: {', '.join(sorted(allowed))})")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _name_of(data: object) -> str:
    if data is None:
        return "nothing"
    return {**_WORDS, list: "a list", dict: "a mapping"}.get(type(data), type(data).__name__)
